"""The work queue: images in the order in which they need a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from segstudio.evaluation.corrected_images import CorrectedImages
from segstudio.evaluation.queue_places import QueuePlaces
from segstudio.folder.files import OpenFolder
from segstudio.jobs import JobRunner
from segstudio.notices import Notices
from segstudio.session.session import Change, ImageState, Layer, Session, What
from segstudio.session.work_queue import NEEDS_REFERENCE, QueueKind
from segstudio.storage.image_ref import image_of

_Values = npt.NDArray[np.float64]
_ASCENDING: Final = frozenset({QueueKind.LOWEST_IOU})
_FALLBACKS: Final = (QueueKind.LOWEST_IOU, QueueKind.DISAGREEMENT, QueueKind.UNCERTAINTY)


class Figures(Protocol):
    """What the queue reads of the evaluation's table."""

    @property
    def names(self) -> Sequence[str]:
        """Of the images and pages, by position."""

    @property
    def runs(self) -> tuple[str, ...]:
        """The models."""

    @property
    def lead(self) -> str:
        """The figure by which images are judged: mean IoU, of the foreground if there is one."""

    def indices(self, run: str) -> npt.NDArray[np.intp]:
        """Their images."""

    def column(self, run: str, metric: str) -> _Values:
        """One figure of each of these images."""


class Evaluated(Protocol):
    """What the queue needs of the evaluation."""

    @property
    def table(self) -> Figures:
        """The figures."""

    def prediction_key(self, run: str) -> str:
        """Key of a model's predictions."""


class Opens(Protocol):
    """What goes from image to image."""

    @property
    def place(self) -> int:
        """The image or page asked for last."""

    def select(self, index: int) -> None:
        """Show an image."""

    def toggle_reviewed(self) -> None:
        """Mark the open image."""


class Shows(Protocol):
    """What chooses the shown prediction."""

    def show(self, run: str) -> None:
        """Show a prediction."""


class WorkQueue:
    """Keeps `session.queue` true, and goes along it.

    An image leaves when it is annotated after its figures were computed, or marked as reviewed.
    It keeps its place then, so that the next one is the one that came after it, however its
    figures change by the correction. Undoing everything brings it back, or `put_back`. It stays
    away when the folder is opened again.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        notices: Notices,
        folder: OpenFolder,
        evaluating: Evaluated,
        browsing: Opens,
        segmenting: Shows,
    ) -> None:
        """Follow the session's figures and marks."""
        self._session, self._notices = session, notices
        self._places = QueuePlaces(session, jobs)
        self._evaluating, self._browsing, self._segmenting = evaluating, browsing, segmenting
        self._ranks: dict[int, int] = {}
        self._corrected = CorrectedImages(session, jobs, folder, found=self._rebuild)
        self._finished: set[int] = set()
        self._values: dict[int, float] = {}
        self._asked = False
        self._project = session.project
        session.changed.connect(self._on_change)

    def title(self, index: int) -> str:
        """Name of an image of the queue, of a stack's page with the page; "" if it is gone."""
        names = self._evaluating.table.names
        return names[index] if image_of(index) < len(names) else ""

    # -- verbs -------------------------------------------------------------------------------

    def choose(self, kind: QueueKind) -> None:
        """Order by something else."""
        if kind is not self._session.queue.kind:
            self._values.clear()
            self._build(kind, self._session.queue.run)
        self._asked = True

    def choose_run(self, run: str) -> None:
        """Let it be about another model, by its id; "" for the mean of all."""
        if run != self._session.queue.run:
            self._values.clear()
            self._build(self._session.queue.kind, run)

    def open(self, index: int) -> None:
        """Show an image of the queue, with the prediction of the queue's model.

        What is suspected of the annotation is shown as the difference, at its largest place.
        """
        queue = self._session.queue
        key = self._evaluating.prediction_key(queue.run) if queue.run else ""
        if key:
            self._segmenting.show(key)
        self._places.forget()
        self._browsing.select(index)
        if queue.kind is QueueKind.SUSPICION:
            self._session.set_view(layer=Layer.DIFFERENCE)
            self._places.find(index, key)

    def step(self, by: int) -> None:
        """Go to the next (+1) or previous (-1) image that waits, seen from the open one.

        From an image that is not in the queue the next one is the first.
        """
        queue = self._session.queue
        if not queue.images:
            self._notices.info(
                "There is nothing in the queue.",
                "Every image is done." if queue.finished else "Evaluate a model to fill it.",
            )
            return
        ranks = self._ranks
        here = ranks.get(self._browsing.place, -1 if by > 0 else len(ranks))
        waiting = queue.images if by > 0 else reversed(queue.images)
        index = next((i for i in waiting if (ranks[i] - here) * by > 0), None)
        if index is not None:
            self.open(index)
        elif by > 0 and self._browsing.place not in queue.images[:1]:
            self._notices.info(
                f"This is the end of the queue; {len(queue.images)} before it still wait.",
                action=("Start over", self._start_over),
            )
        else:
            self._notices.info("There is no other image in the queue in this direction.")

    def _start_over(self) -> None:
        if self._session.queue.images:
            self.open(self._session.queue.images[0])

    def done(self) -> None:
        """Mark the open image as reviewed and go to the next one that waits."""
        session = self._session
        if session.document is None:
            return
        if not session.state(session.index).reviewed:
            self._browsing.toggle_reviewed()
        self.step(1)

    def put_back(self) -> None:
        """Let corrected images wait again, with the figures that they have by now."""
        self._corrected.clear()
        self._values.clear()
        self._build(self._session.queue.kind, self._session.queue.run)

    # -- following the session ---------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        what = change.what
        if What.PROJECT in what:
            self._on_project()
        if What.HISTORY in what and What.DOCUMENT not in what:
            self._on_history()
        marked = What.STATES in what and self._marks_matter(change.images)
        if marked or what & (What.PROJECT | What.EVALUATION):
            self._rebuild()

    def _on_project(self) -> None:
        """Another folder has another queue; in the same one, read again, images have moved."""
        before, self._project = self._project, self._session.project
        if before is None or self._project is None or before.root != self._project.root:
            self._values.clear()
            self._asked = False
            return
        refs = {i: before.images[i] for i in self._values}
        moved = {i: self._project.index_of(ref.path, ref.page) for i, ref in refs.items()}
        self._values = {j: v for i, v in self._values.items() if (j := moved[i]) is not None}

    def _on_history(self) -> None:
        """The open image was annotated, or all of that was undone."""
        document, index = self._session.document, self._session.index
        if document is None or index not in self._ranks:
            return
        edited = document.history.can_undo
        if edited == (index in self._corrected):
            return
        if edited:
            self._corrected.add(index)
        elif not self._corrected.undo(index):
            return
        self._rebuild()

    def _marks_matter(self, images: tuple[int, ...]) -> bool:
        """Whether images of the queue came or went by their marks (all, if none is named)."""
        kind = self._session.queue.kind
        asked = (i for i in images or self._ranks if i in self._ranks)
        return any(self._is_done(i, kind) != (i in self._finished) for i in asked)

    def _is_done(self, index: int, kind: QueueKind) -> bool:
        """Whether an image is corrected, reviewed, or annotated where that was all to do."""
        state = self._session.state(index)
        return index in self._corrected or state.reviewed or _by_hand(state, kind)

    def _done(self, kind: QueueKind) -> set[int]:
        states = self._session.states
        done = {*self._corrected} | {i for i, state in states.items() if state.reviewed}
        if kind not in NEEDS_REFERENCE:
            done |= {i for i, state in states.items() if _by_hand(state, kind)}
        return done

    # -- the order ---------------------------------------------------------------------------

    def _rebuild(self) -> None:
        queue, runs = self._session.queue, self._evaluating.table.runs
        run = queue.run if queue.run in runs else ""
        kind, possible = queue.kind, self._possible()
        if not self._asked and kind not in possible:
            kind = next((k for k in _FALLBACKS if k in possible), kind)
        self._build(kind, run)

    def _build(self, kind: QueueKind, run: str) -> None:
        session = self._session
        images, values = self._figures(kind, run)
        done = self._done(kind)
        # what is done keeps its place: the value that it was there for
        kept = np.array([i for i in self._values if i in done], np.intp)
        kept = kept[np.isin(kept, images)]
        values[np.searchsorted(images, kept)] = [self._values[int(i)] for i in kept]
        order = np.lexsort((images, values if kind in _ASCENDING else -values))
        images, values = images[order], values[order]
        self._ranks = dict(zip(images.tolist(), range(len(images)), strict=True))
        gone = np.isin(images, np.array(list(done), np.intp))
        finished = images[gone].tolist()
        self._finished = set(finished)
        kept_values = {i: v for i, v in self._values.items() if i in done}
        self._values = kept_values | dict(zip(finished, values[gone].tolist(), strict=True))
        state = replace(
            session.queue,
            kind=kind,
            run=run,
            images=tuple(images[~gone].tolist()),
            values=tuple(values[~gone].tolist()),
            finished=tuple(finished),
            possible=self._possible(),
        )
        if state != session.queue:
            session.queue = state
            session.notify(What.QUEUE)

    def _metric(self, kind: QueueKind) -> str:
        """The figure of an image that a kind of queue goes by."""
        return self._evaluating.table.lead if kind is QueueKind.LOWEST_IOU else kind.value

    def _figures(self, kind: QueueKind, run: str) -> tuple[npt.NDArray[np.intp], _Values]:
        """(n,) images that have a value, and (n,) the values."""
        table = self._evaluating.table
        runs = (run,) if run else table.runs
        found = [(table.indices(r), table.column(r, self._metric(kind))) for r in runs]
        found = [(i[~np.isnan(column)], column[~np.isnan(column)]) for i, column in found]
        images = np.unique(np.concatenate([np.zeros(0, np.intp), *(i for i, _ in found)]))
        total, number = np.zeros(len(images)), np.zeros(len(images))
        for indices, column in found:
            at = np.searchsorted(images, indices)
            total[at] += column
            number[at] += 1
        return images, total / number

    def _possible(self) -> frozenset[QueueKind]:
        table = self._evaluating.table
        return frozenset(
            kind
            for kind in QueueKind
            if any((~np.isnan(table.column(run, self._metric(kind)))).any() for run in table.runs)
        )


def _by_hand(state: ImageState, kind: QueueKind) -> bool:
    """Whether an image was annotated where nothing but an annotation was missing."""
    return kind not in NEEDS_REFERENCE and state.annotated and not state.has_truth
