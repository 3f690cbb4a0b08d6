"""Cutting every skip alone, one after the other, over the open image or a set of images."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from segstudio.core.errors import CancelledError, SegstudioError
from segstudio.core.features import CutHow
from segstudio.core.labels import Labels
from segstudio.core.prediction import ModelSpec, RunOptions
from segstudio.core.schema import LabelSchema
from segstudio.core.text import utf8
from segstudio.folder.documents import Documents
from segstudio.folder.files import FolderFiles, OpenFolder
from segstudio.inspection.skip_runs import CutReference, RunCounts, cut_runs, skip_runs
from segstudio.jobs import Job, JobRunner, Latest
from segstudio.metrics.cut_costs import Ablation, NamedCuts
from segstudio.notices import Notices
from segstudio.runs.engine import Engine
from segstudio.session.document import Document
from segstudio.session.inspection import TracedNetwork
from segstudio.session.session import Session
from segstudio.storage.atomic import write_atomically
from segstudio.storage.decode import every_page, read_image
from segstudio.storage.image_ref import ImageRef

if TYPE_CHECKING:
    from segstudio.inspection.nets.traced_model import TracedModel

Scope = Literal["image", "folder"] | Sequence[int]
"""The open image, the whole folder, or positions of images in it."""

_SLICE_S = 0.3
"""So long a job works before other work on the network gets its turn."""
_KEY = "ablation"


@dataclass(frozen=True, eq=False)
class _Picture:
    """One image to count; what is not open is read from its files when its turn comes."""

    ref: ImageRef
    document: Document | None = None


@dataclass(eq=False)
class _Plan:
    """What is to be done, as it was when it was asked for; read by the job alone.

    Attributes:
        pictures: The images; the later pages of those that are read come behind their first.
        painted: What counts as the annotation, where that is not what lies in the files.
        job: The job that works on it now; each slice has its own.
        progress: What it says it has done: passes, of how many, on which image.
    """

    spec: ModelSpec
    options: RunOptions
    around_xy: tuple[int, int]
    schema: LabelSchema
    runs: tuple[NamedCuts, ...]
    pictures: list[_Picture]
    painted: dict[ImageRef, Labels]
    files: FolderFiles | None
    engine: Engine
    job: Job = field(init=False)
    progress: tuple[int, int, str] = (0, 0, "")

    def check(self) -> None:
        """Stop if the present job was cancelled."""
        self.job.check()

    @property
    def where(self) -> str:
        """What the numbers are of."""
        number = len(self.pictures)
        return self.pictures[0].ref.title if number == 1 else f"{number} images"

    def add_pages(self, number: int) -> None:
        """Put the later pages of an image behind its first."""
        picture = self.pictures[number]
        if picture.document is None:
            later = every_page([picture.ref])[1:]
            self.pictures[number + 1 : number + 1] = map(_Picture, later)


class Ablating:
    """Fills `session.inspection.ablation`, row by row or image by image.

    It works in short jobs of the "inspection" lane, so that what the user asks for meanwhile comes
    first, and holds one image at a time.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        notices: Notices,
        engine: Engine,
        documents: Documents,
        folder: OpenFolder,
    ) -> None:
        self._session, self._jobs, self._notices = session, jobs, notices
        self._engine, self._documents, self._folder = engine, documents, folder
        self._running = False
        self._model = ""
        self._document: Document | None = None
        self._of_image = False
        self._latest = Latest()
        self._slice_s = _SLICE_S

    @property
    def running(self) -> bool:
        """Whether there is more to come."""
        return self._running

    def ablate_all(self, scope: Scope = "image", how: CutHow = CutHow.ZERO) -> None:
        """Cut each skip of the traced network alone, then all, and count what it costs.

        What is under way is given up. Without a trace or skips nothing happens.
        """
        self.stop()
        traced = self._session.inspection.traced
        spec = None if traced is None else self._session.models.get(traced.model)
        if traced is None or spec is None or not traced.trace.skips:
            return
        window, files = traced.input_geometry.window, self._folder.files
        pictures, painted = self._pictures(scope, traced, files)
        plan = _Plan(
            spec,
            self._session.model.options,
            ((window.left + window.right) // 2, (window.top + window.bottom) // 2),
            self._session.schema,
            skip_runs(traced.trace, how),
            pictures,
            painted,
            files,
            self._engine,
        )
        self._model, self._document = traced.model, traced.document
        self._of_image = scope == "image"
        start = Ablation(
            traced.model,
            traced.title,
            plan.where,
            how,
            0,
            len(pictures),
            0,
            {c.id: c.name for c in plan.schema.classes},
            (),
            runs=len(plan.runs),
            running=True,
        )
        self._running = True
        self._go_on(plan, _ablated(plan, start))
        self._session.set_inspection(ablation=start)

    def stop(self) -> None:
        """Stop; what was counted stays."""
        if self._running:
            self._jobs.cancel_key(_KEY)
            self._finish()

    def clear(self) -> None:
        """Stop, and take the table away."""
        self.stop()
        self._session.set_inspection(ablation=None)

    def save_csv(self, path: Path) -> None:
        """Write the table to a file."""
        ablation = self._session.inspection.ablation
        if ablation is None:
            return
        text = ablation.csv()
        self._jobs.submit(
            f"Writing {path.name}",
            "save",
            lambda _job: write_atomically(path, utf8(text)),
            lambda _result: self._notices.info(f"The table is in {path}."),
            visible=False,
        )

    def follow(self, traced: TracedNetwork | None) -> None:
        """Another trace is shown: a table of another model, or of another image, goes."""
        if traced is None:
            if not self._session.inspection.active:
                self.stop()  # the panel was closed
            return
        other_image = self._of_image and traced.document is not self._document
        if traced.model != self._model or other_image:
            self.clear()

    def _pictures(
        self, scope: Scope, traced: TracedNetwork, files: FolderFiles | None
    ) -> tuple[list[_Picture], dict[ImageRef, Labels]]:
        """The images to count; what is painted and not saved counts as it is painted."""
        document = traced.document
        if scope == "image" or files is None:
            documents = [document] if document.has_reference else []
            pictures = [_Picture(document.ref, document)]
        else:
            images, documents = files.project.images, self._documents.dirty()
            chosen = range(len(images)) if scope == "folder" else [int(i) for i in scope]
            pictures = [_Picture(images[i]) for i in chosen]
        return pictures, {d.ref: np.array(d.annotation.labels) for d in documents}

    def _go_on(self, plan: _Plan, work: Iterator[Ablation]) -> None:
        """Work for a while in a job, show what came of it, and so on."""

        def done(found: tuple[Ablation | None, bool]) -> None:
            table, more = found
            if not more:
                self._finish(table)
                return
            # before it is told, since who hears of it may stop
            self._go_on(plan, work)
            if table is not None:
                self._session.set_inspection(ablation=table)

        def failed(error: Exception) -> None:
            self._finish()
            self._notices.failure("Cutting each skip", error, scope="image")

        def ended() -> None:
            if job.cancelled:  # from outside, say in the status bar
                self._finish()

        self._latest.begin()
        only = self._latest.only
        job = self._jobs.submit(
            "Cutting each skip", "inspection",
            lambda job: _for_a_while(plan, work, job, self._slice_s), only(done),
            failed=only(failed), ended=only(ended), key=_KEY,
        )  # fmt: skip

    def _finish(self, table: Ablation | None = None) -> None:
        """Nothing more comes: show the last table, by default the one that is shown, as it is."""
        self._latest.begin()
        self._running = False
        table = table or self._session.inspection.ablation
        if table is not None:
            self._session.set_inspection(ablation=replace(table, running=False))


def _for_a_while(
    plan: _Plan, work: Iterator[Ablation], job: Job, seconds: float
) -> tuple[Ablation | None, bool]:
    """The latest table after some time of work, and whether there is more to do."""
    plan.job, latest = job, None
    job.report(*plan.progress)
    end = time.monotonic() + seconds
    for latest in work:
        if time.monotonic() > end:
            return latest, True
    return latest, False


def _ablated(plan: _Plan, start: Ablation) -> Iterator[Ablation]:
    """The table after each run of a single image, and after each image of several."""
    sums: dict[str, RunCounts] = {}
    left_out: list[tuple[str, str]] = []
    images = scored = 0
    for number, picture in enumerate(plan.pictures):
        plan.add_pages(number)
        start = replace(start, where=plan.where, total=len(plan.pictures))
        counts: list[RunCounts] = []
        try:
            for found in _runs_of(plan, picture, number):
                counts.append(found)
                table = replace(
                    start, left_out=tuple(left_out), images=images, scored=scored,
                    done=plan.progress[0],
                )  # fmt: skip
                shown = counts if start.total == 1 else sums.values()
                yield replace(table, rows=tuple(c.row(plan.schema) for c in shown))
        except CancelledError:
            raise
        except SegstudioError as error:
            left_out.append((picture.ref.title, str(error)))
            continue
        images += 1
        scored += counts[0].before is not None
        for found in counts:
            name = found.run.name
            sums[name] = sums[name] + found if name in sums else found
    rows = tuple(c.row(plan.schema) for c in sums.values())
    yield replace(
        start, images=images, scored=scored, rows=rows, left_out=tuple(left_out),
        done=start.total * start.runs,
    )  # fmt: skip


def _runs_of(plan: _Plan, picture: _Picture, number: int) -> Iterator[RunCounts]:
    """Every run on one image.

    Raises:
        SegstudioError: if the image or its mask cannot be used, or the model fails on it.
    """
    traced_model, reference = _loaded(plan, picture)
    total = len(plan.pictures) * len(plan.runs)
    done = number * len(plan.runs)

    def check() -> Callable[[], None]:
        return plan.check

    for place, run in enumerate(cut_runs(traced_model, plan.runs, reference, check), 1):
        plan.progress = (done + place, total, picture.ref.title)
        plan.job.report(*plan.progress)
        yield run.counts


def _loaded(plan: _Plan, picture: _Picture) -> tuple[TracedModel, CutReference]:
    """The network with an image, and what it is measured against."""
    opened = picture.document
    image = read_image(picture.ref.path, picture.ref.page) if opened is None else opened
    pixels = image.given_to(plan.spec)
    around = plan.around_xy if opened is not None else None
    traced_model = plan.engine.traced_model(plan.spec, pixels, plan.options, around, plan.check)
    labels = plan.painted.get(picture.ref)
    if labels is None and opened is None and plan.files is not None:
        shape_hw = (pixels.shape[0], pixels.shape[1])
        plan.files.masks.wait(plan.check)
        found = plan.files.reference(picture.ref, plan.schema, shape_hw)
        labels = None if found is None else found.labels
    if labels is not None:
        labels = labels[traced_model.input_geometry.window.slices]
    return traced_model, CutReference.between(labels, plan.spec.schema, plan.schema)
