"""The work queue: images in the order in which they need a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.class_mapping import ClassMapping
from segstudio.core.geometry import Rect
from segstudio.core.labels import Labels
from segstudio.evaluation.evaluating import Evaluating
from segstudio.folder.browsing import Browsing
from segstudio.folder.files import FolderFiles, OpenFolder
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notices
from segstudio.runs.segmenting import Segmenting
from segstudio.session.queue_state import NEEDS_REFERENCE, QueueKind
from segstudio.session.session import Change, ImageState, Layer, Session, What
from segstudio.storage.image_ref import image_of
from segstudio.storage.project import Project
from segstudio.storage.states import Mark, load_marked, save_marked

_Values = npt.NDArray[np.float64]
_ASCENDING: Final = frozenset({QueueKind.LOWEST_IOU})
_FALLBACKS: Final = (QueueKind.LOWEST_IOU, QueueKind.DISAGREEMENT, QueueKind.UNCERTAINTY)
_ALL_BUT_CERTAIN: Final = 239
"""Confidence, of 255, from which on a contradiction is suspect: `metrics.calibration`'s last bin."""


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
        evaluating: Evaluating,
        browsing: Browsing,
        segmenting: Segmenting,
    ) -> None:
        """Follow the session's figures and marks."""
        self._session, self._jobs, self._notices = session, jobs, notices
        self._evaluating, self._browsing, self._segmenting = evaluating, browsing, segmenting
        self._ranks: dict[int, int] = {}
        self._corrected = _CorrectedImages(session, jobs, folder, found=self._rebuild)
        self._finished: set[int] = set()
        self._values: dict[int, float] = {}
        self._asked = False
        self._suspected: tuple[int, str] | None = None
        """An image that is being opened, and the prediction that contradicts its annotation."""
        self._project = session.project
        session.follow(What.PROJECT, self._on_project)
        session.follow(What.HISTORY, self._on_history)
        session.follow(What.STATES, self._on_marks)
        session.follow(What.EVALUATION, self._on_figures)
        session.follow(What.DOCUMENT | What.PREDICTIONS, self._on_image)

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
        self._suspected = None
        self._browsing.select(index)
        if queue.kind is QueueKind.SUSPICION:
            self._session.set_view(layer=Layer.DIFFERENCE)
            self._suspected = (index, key)
            self._look_for_suspect()

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
            self._browsing.toggle_reviewed(by=self)
            self._rebuild()
        self.step(1)

    def put_back(self) -> None:
        """Let corrected images wait again, with the figures that they have by now."""
        self._corrected.clear()
        self._values.clear()
        self._build(self._session.queue.kind, self._session.queue.run)

    # -- following the session ---------------------------------------------------------------

    def _on_project(self, _change: Change) -> None:
        """Another folder has another queue; in the same one, read again, images have moved."""
        before, now = self._project, self._session.project
        self._project = now
        if before is None or now is None or before.root != now.root:
            self._corrected.read_anew()
            self._values.clear()
            self._asked = False
        else:
            self._corrected.move(before, now)
            moved = {j: v for i, v in self._values.items() if (j := _moved(i, before, now)) >= 0}
            self._values = moved
        self._rebuild()

    def _on_history(self, change: Change) -> None:
        """The open image was annotated, or all of that was undone."""
        document, index = self._session.document, self._session.index
        if document is None or index not in self._ranks or What.DOCUMENT in change.what:
            return
        edited = document.history.can_undo
        if edited == (index in self._corrected):
            return
        if edited:
            self._corrected.add(index)
        elif not self._corrected.undo(index):
            return
        self._rebuild()

    def _on_marks(self, change: Change) -> None:
        if self._marks_matter(change.images):
            self._rebuild()

    def _on_figures(self, _change: Change) -> None:
        self._rebuild()

    def _on_image(self, _change: Change) -> None:
        self._look_for_suspect()

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

    # -- the place in an image ---------------------------------------------------------------

    def _look_for_suspect(self) -> None:
        """Find the place in a job once the image and its prediction are there.

        `session.queue.place` tells it then.
        """
        session, document = self._session, self._session.document
        if self._suspected is None or document is None or session.loading:
            return
        index, run = self._suspected
        prediction = document.predictions.get(run or session.view.run)
        if session.index != index or prediction is None:
            return
        self._suspected = None
        # a copy, because the user may paint while the job looks at it
        annotation = np.array(document.annotation.labels)
        left_out = ClassMapping.between(prediction.schema, session.schema).left_out
        ignored = (session.schema.ignore_index, left_out)

        def done(place: Rect | None) -> None:
            if document is session.document and place is not None:
                session.queue = replace(session.queue, place=(index, place))
                session.notify(What.QUEUE)

        self._jobs.submit(
            "Looking for the suspected error",
            "scores",
            lambda _job: thickest_suspect(
                annotation, prediction.labels, prediction.confidence, ignored
            ),
            done,
            key="suspect",
            front=True,
            visible=False,
        )


class _CorrectedImages:
    """Which images of the open folder were corrected; kept for the next time it is opened."""

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        folder: OpenFolder,
        *,
        found: Callable[[], None],
    ) -> None:
        self._session, self._jobs, self._folder, self._found = session, jobs, folder, found
        self._indices: set[int] = set()
        self._new: set[int] = set()

    def __contains__(self, index: object) -> bool:
        """Whether an image was corrected."""
        return index in self._indices

    def __iter__(self) -> Iterator[int]:
        """The corrected images."""
        return iter(self._indices)

    def add(self, index: int) -> None:
        """An image was annotated."""
        self._indices.add(index)
        self._new.add(index)
        self._save({index}, marked=True)

    def undo(self, index: int) -> bool:
        """What was annotated was undone; False if it was annotated at an earlier time."""
        if index not in self._new:
            return False
        self._new.discard(index)
        self._indices.discard(index)
        self._save({index}, marked=False)
        return True

    def clear(self) -> None:
        """No image counts as corrected any more."""
        self._save(self._indices, marked=False)
        self._indices, self._new = set(), set()

    def move(self, before: Project, now: Project) -> None:
        """The same folder was read again, and images may have other places."""
        for indices in (self._indices, self._new):
            moved = {_moved(i, before, now) for i in indices}
            indices.clear()
            indices.update(moved - {-1})

    def read_anew(self) -> None:
        """Another folder is open: `found` is called once its marks were read."""
        self._indices, self._new = set(), set()
        if self._folder.files is not None:
            self._read(self._folder.files)

    def _read(self, files: FolderFiles) -> None:
        def work(_job: Job) -> set[int]:
            keys = load_marked(files.project.data_folder, Mark.CORRECTED)
            places = (files.project.place_of_key(key) for key in keys)
            return {place for place in places if place is not None}

        def done(indices: set[int]) -> None:
            project = self._session.project
            if indices and project is not None and project.images is files.project.images:
                self._indices |= indices
                self._found()

        self._jobs.submit(
            "Looking for corrected images", "files", work, done, key="corrected", visible=False
        )

    def _save(self, indices: set[int], *, marked: bool) -> None:
        files, project = self._folder.files, self._session.project
        if files is None or project is None or not indices:
            return
        changed = {project.images[i].key for i in indices}

        def work(_job: Job) -> None:
            # Read again, since another window may have marked other images.
            folder = files.project.data_folder
            names = load_marked(folder, Mark.CORRECTED)
            names = names | changed if marked else names - changed
            save_marked(folder, files.project.root, Mark.CORRECTED, names)

        self._jobs.submit("Saving the marks", "save", work, visible=False)


def _moved(index: int, before: Project, now: Project) -> int:
    """Where an image is after its folder was read again; -1 if it is gone."""
    ref = before.images[index]
    place = now.index_of(ref.path, ref.page)
    return -1 if place is None else place


def _by_hand(state: ImageState, kind: QueueKind) -> bool:
    """Whether an image was annotated where nothing but an annotation was missing."""
    return kind not in NEEDS_REFERENCE and state.annotated and not state.has_truth


def thickest_suspect(
    annotation: Labels,
    prediction: Labels,
    confidence: npt.NDArray[np.uint8],
    ignored: tuple[int | None, int | None] = (None, None),
) -> Rect | None:
    """The rectangle around the thickest connected contradiction, the largest of several.

    Outlines that are drawn a pixel wider or narrower contradict along all of their length; what is
    missing or too much altogether is thick.

    Args:
        annotation: (H, W) uint8 class ids.
        prediction: (H, W) uint8 class ids.
        confidence: (H, W) uint8: probability of the predicted class, 0..255 for 0..1.
        ignored: Class ids of the annotation and of the prediction that count nowhere, or None.

    Returns:
        None where there is no such pixel.
    """
    suspect = annotation != prediction
    suspect &= confidence >= _ALL_BUT_CERTAIN
    for labels, class_id in zip((annotation, prediction), ignored, strict=True):
        if class_id is not None:
            suspect &= labels != class_id
    padded = np.pad(suspect.view(np.uint8), 1)  # what is cut off by the border is no thicker
    depth = cv2.distanceTransform(padded, cv2.DIST_C, 3)[1:-1, 1:-1]
    numbers, stats = cv2.connectedComponentsWithStats(suspect.view(np.uint8), connectivity=8)[1:3]
    if len(stats) < 2:
        return None
    deepest = np.unique(numbers[depth == depth.max()])
    best = stats[deepest[int(np.argmax(stats[deepest, cv2.CC_STAT_AREA]))]]
    left, top, width, height = (int(value) for value in best[:4])
    return Rect(top, left, top + height, left + width)
