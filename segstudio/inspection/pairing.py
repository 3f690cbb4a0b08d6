"""Two networks beside each other: the second one, and how alike their stages are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import Image
from segstudio.inspection.alignment import AlignedStages, align
from segstudio.inspection.inspecting import Inspecting
from segstudio.inspection.stage_similarity import Comparison, StageSimilarity, stage_ids
from segstudio.jobs import Job, JobRunner
from segstudio.runs.engine import Engine
from segstudio.session.document import Document
from segstudio.session.inspection import Traced
from segstudio.session.session import Change, Session, What
from segstudio.storage.image_ref import ImageRef

_KEY = "similarity"


@dataclass(frozen=True, eq=False)
class PairState:
    """What the comparison of two networks shows. Replaced as a whole, never changed.

    Attributes:
        model: Id of the second model, "" for none.
        similarity: The last result that fits the two models, or None.
        done: Images compared so far of a comparison under way.
        total: How many it has, as far as their pages are known; 0 if none is under way.
        problem: What went wrong, "" if nothing did.
        pair: The two stages (of the first, of the second) that are looked at, or None.
    """

    model: str = ""
    similarity: StageSimilarity | None = None
    done: int = 0
    total: int = 0
    problem: str = ""
    pair: tuple[str, str] | None = None

    @property
    def running(self) -> bool:
        """Whether a comparison is under way."""
        return self.total > 0


class Pairing:
    """Keeps a second network traced beside the first one, and compares their stages.

    The session says INSPECTION when `state` was replaced.

    Attributes:
        state: What is shown.
    """

    def __init__(
        self, session: Session, jobs: JobRunner, inspecting: Inspecting, engine: Engine
    ) -> None:
        self._session, self._jobs = session, jobs
        self._inspecting, self._engine = inspecting, engine
        self.state = PairState()
        self._watched = False
        self._asked: tuple[Traced, str] | None = None
        self._running: Comparison | None = None
        self._job: Job | None = None
        session.changed.connect(self._on_change)

    # -- the second network ------------------------------------------------------------------

    def choose_second(self, model_id: str) -> None:
        """Put another network beside the traced one; "" for none."""
        if model_id == self.state.model:
            return
        self.cancel()
        self._asked = None
        self._replace(model=model_id, similarity=None, problem="", pair=None)
        self._drop_second()
        self._follow()

    def rows(self) -> tuple[AlignedStages, ...]:
        """The two networks' stages, aligned by stride; empty without a second one."""
        inspection = self._session.inspection
        if inspection.traced is None or inspection.second is None:
            return ()
        return align(inspection.traced.trace, inspection.second.trace)

    def open_pair(self, first: str, second: str) -> None:
        """Look at two stages; the first network's is opened."""
        self._replace(pair=(first, second))
        self._inspecting.open_stage(first)

    # -- similarity --------------------------------------------------------------------------

    def watch(self, watched: bool) -> None:
        """Whether someone looks: then the open image is compared without being asked."""
        self._watched = watched
        self._compare_if_wanted()

    def compare(self, images: int = 1) -> None:
        """Compare the stages over the open image (1), or over so many images of the folder.

        The folder's images are taken at equal distances in the list, all their pages each. The
        result grows with every page; `cancel` keeps what there is.
        """
        inspection = self._session.inspection
        first, second = inspection.traced, inspection.second
        if first is None or second is None:
            return
        models = self._session.models
        if first.model not in models or second.model not in models:
            return
        self.cancel()
        self._running = Comparison(
            (models[first.model], models[second.model]),
            (stage_ids(first.trace), stage_ids(second.trace)),
            self._session.model.options,
            self._images(images, first.document),
            first.document if images <= 1 else None,
        )
        self._replace(done=0, total=len(self._running.images), problem="")
        running = self._running
        if images <= 1:
            self._submit(running, lambda job: running.add_traced(first, second, job))
        else:
            self._submit_next(running)

    def cancel(self) -> None:
        """Stop comparing; the images compared so far stay."""
        if self._running is not None:
            self._jobs.cancel_key(_KEY)
            self._running = None
            self._replace(done=0, total=0)

    def _images(self, count: int, opened: Document) -> list[tuple[ImageRef, Image | None]]:
        project = self._session.project
        if count <= 1 or project is None:
            return [(opened.ref, opened.pixels)]
        there = len(project.images)
        chosen = np.unique(np.linspace(0, there - 1, min(count, there)).round().astype(int))
        refs = [project.images[int(index)] for index in chosen]
        return [(ref, opened.pixels if ref == opened.ref else None) for ref in refs]

    def _submit_next(self, running: Comparison) -> None:
        self._submit(running, lambda job: running.add_next(self._engine, job))

    def _submit(self, running: Comparison, work: Callable[[Job], None]) -> None:
        def done(_result: None) -> None:
            if running is self._running:
                self._one_done(running)

        def failed(error: Exception) -> None:
            if running is self._running:
                self._running = None
                self._replace(done=0, total=0, problem=_text(error))

        def ended() -> None:
            # cancelled from outside, say in the status bar; not by the next image's job
            if running is self._running and self._job is job and job.cancelled:
                self._running = None
                self._replace(done=0, total=0)

        job = self._job = self._jobs.submit(
            running.title, "inspection", work, done, failed=failed, ended=ended, key=_KEY
        )

    def _one_done(self, running: Comparison) -> None:
        running.done += 1
        left = len(running.images) - running.done
        found = running.result()
        values: dict[str, Any] = {"done": running.done, "total": len(running.images)}
        if found is not None:
            values["similarity"] = found
        if left:
            self._replace(**values)
            self._submit_next(running)
            return
        self._running = None
        if found is None:
            values["problem"] = running.skipped[-1]
        self._replace(**values | {"done": 0, "total": 0})

    # -- following the session ---------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        if What.TRACE in change.what:
            self._follow()

    def _follow(self) -> None:
        """Trace the second network where the first one is new, and compare where it is wanted."""
        inspection = self._session.inspection
        traced, model = inspection.traced, self.state.model
        if not inspection.active or traced is None:
            self.cancel()
            self._asked = None
            return
        self._drop_what_does_not_fit(traced)
        if inspection.second is None and model and self._asked != (traced, model):
            self._asked = (traced, model)
            self._trace_second(model)
        self._compare_if_wanted()

    def _trace_second(self, model: str) -> None:
        session = self._session
        spec = session.models.get(model)
        if spec is None or model not in session.model.available:
            name = model if spec is None else spec.title
            self._replace(problem=f"The weights of {name} are not on disk: download or load them.")
            return

        def arrived(second: Traced) -> None:
            if model == self.state.model:
                session.set_inspection(second=second)
            else:
                self._inspecting.release(second)

        def failed(error: Exception) -> None:
            if model == self.state.model:
                self._replace(problem=_text(error))

        self._replace(problem="")
        self._inspecting.trace_model(model, arrived, failed)

    def _drop_second(self) -> None:
        second = self._session.inspection.second
        if second is not None:
            self._session.set_inspection(second=None)
            self._inspecting.release(second)

    def _drop_what_does_not_fit(self, traced: Traced) -> None:
        """A result of other models, or of another image alone, is not shown any more."""
        found, running = self.state.similarity, self._running
        if running is not None and (
            running.specs[0].id != traced.model or running.document not in (None, traced.document)
        ):
            self.cancel()
        if found is not None and (
            found.first != traced.model or found.document not in (None, traced.document)
        ):
            self._replace(similarity=None)

    def _compare_if_wanted(self) -> None:
        second = self._session.inspection.second
        missing = self.state.similarity is None and self._running is None
        if self._watched and second is not None and missing and not self.state.problem:
            self.compare()

    def _replace(self, **values: Any) -> None:
        before = self.state
        if any(getattr(before, name) != value for name, value in values.items()):
            self.state = replace(before, **values)
            self._session.notify(What.INSPECTION)


def _text(error: Exception) -> str:
    if isinstance(error, SegstudioError):
        return str(error)
    return f"{type(error).__name__}: {error}"
