"""Objects and regions of a prediction: which lie in a box, how sure the model is of each, taking them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.annotation.editing import Editing
from segstudio.annotation.limits import Limits, limits_of
from segstudio.annotation.patching import foreign
from segstudio.core.formatting import counted
from segstudio.core.geometry import Rect
from segstudio.core.labels import Mask
from segstudio.core.mask_preview import MaskPreview
from segstudio.core.prediction import Prediction
from segstudio.core.schema import LabelSchema
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notices
from segstudio.session.session import Session

PixelXY = tuple[int, int]
_LEVELS: Final = 255
_INSIDE: Final = 0.5
"""More than this share of what lies in a box has to lie in it."""
_KEY: Final = "taking"
_COUNTED_PX: Final = 1 << 20
"""So many pixels are counted together."""


@dataclass(frozen=True, eq=False)
class Parts:
    """The objects of a prediction; where it tells none apart, the connected regions of its classes.

    Attributes:
        numbers: (H, W) int32: the part of each pixel, 0 for none.
        areas: (n,) of part i its pixels.
        scores: (n,) of part i how sure the model is of it, 0..1: the score of an object, the mean
            confidence of a region.
        boxes: Of part i at i - 1 the rows and columns between which it lies.
    """

    numbers: npt.NDArray[np.int32]
    areas: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    boxes: tuple[tuple[slice, slice] | None, ...]

    @classmethod
    def of(cls, said: Prediction, schema: LabelSchema) -> Parts:
        """Find them in a prediction that is in the folder's classes."""
        from scipy.ndimage import find_objects

        strange = foreign(said.labels, schema)
        wanted: Mask = said.labels != 0
        if strange is not None:
            wanted &= ~strange
        numbers = np.zeros(said.shape_hw, np.int32)
        if said.instance_ids is not None:
            numbers = np.where(wanted, said.instance_ids, 0).astype(np.int32)
        objects = int(numbers.max(initial=0))
        rest = wanted & (numbers == 0)
        present = np.zeros(_LEVELS + 1, np.int64)
        for rows in _strips(numbers.shape, present.size):
            present += np.bincount(said.labels[rows][rest[rows]], minlength=present.size)
        for class_id in np.flatnonzero(present):
            region = (rest & (said.labels == class_id)).view(np.uint8)
            found = cv2.connectedComponents(region, connectivity=8)[1]
            found += int(numbers.max(initial=0))
            np.copyto(numbers, found, where=region.view(np.bool_))
        size = int(numbers.max(initial=0)) + 1
        areas, sums = np.zeros(size, np.int64), np.zeros(size)
        for rows in _strips(numbers.shape, size):
            flat = numbers[rows].reshape(-1)
            areas += np.bincount(flat, minlength=size)
            sums += np.bincount(flat, weights=said.confidence[rows].reshape(-1), minlength=size)
        areas[0] = sums[0] = 0
        scores = sums / (_LEVELS * np.maximum(areas, 1))
        if said.instances is not None:
            own = np.asarray(said.instances.scores, np.float64)[:objects]
            scores[1 : own.size + 1] = own
        return cls(numbers, areas, scores, tuple(find_objects(numbers)))

    def at(self, pixel: PixelXY) -> frozenset[int]:
        """The part at a pixel (x, y), if there is one."""
        number = int(self.numbers[pixel[1], pixel[0]])
        return frozenset((number,)) if number else frozenset()

    def within(self, rect: Rect) -> frozenset[int]:
        """The parts of which more than half lies in a rectangle."""
        part, size = self.numbers[rect.slices], self.areas.size
        inside = np.zeros(size, np.int64)
        for rows in _strips(part.shape, size):
            inside += np.bincount(part[rows].reshape(-1), minlength=size)
        return frozenset(np.flatnonzero(inside > _INSIDE * self.areas).tolist()) - {0}

    def everything(self) -> frozenset[int]:
        """All parts."""
        return frozenset(np.flatnonzero(self.areas).tolist())

    def sure(self, chosen: frozenset[int], least: float) -> frozenset[int]:
        """Those of some parts that have a score, or more."""
        return frozenset(i for i in chosen if self.scores[i] >= least)

    def mask(self, chosen: frozenset[int]) -> tuple[Rect, Mask]:
        """Their pixels."""
        rect = Rect(0, 0, 0, 0)
        for number in chosen:
            if (box := self.boxes[number - 1]) is not None:
                rows, columns = box
                rect = rect.union(Rect(rows.start, columns.start, rows.stop, columns.stop))
        table = np.zeros(self.areas.size, np.bool_)
        table[list(chosen)] = True
        return rect, table[self.numbers[rect.slices]]


Which = Callable[[Parts], frozenset[int]]
"""Chooses parts of a prediction."""


@dataclass(frozen=True, eq=False)
class Meant:
    """What is meant of a prediction.

    Attributes:
        run: Its key.
        count: How many objects and regions.
        preview: Their pixels, of which those are drawn that the limits of painting leave.
    """

    run: str
    count: int
    preview: MaskPreview


class Taking:
    """Makes what a prediction says of some objects or regions the annotation there.

    The parts of a prediction are found in a job, once.
    """

    def __init__(
        self, session: Session, jobs: JobRunner | None, notices: Notices | None, editing: Editing
    ) -> None:
        self._session, self._jobs, self._notices = session, jobs, notices
        self._editing = editing
        self._known: tuple[Prediction, LabelSchema, Parts] | None = None

    def find(
        self, run: str, which: Which, then: Callable[[Meant], object], *, previews: bool = True
    ) -> None:
        """Find out what is meant; of several questions about previews the latest is answered.

        Args:
            run: Key of a prediction of the open image; nothing is done if it is not there.
            which: Chooses among its parts; called in a job.
            then: Told the answer, while the image is open.
            previews: Whether it is for a preview alone.
        """
        document, session = self._session.document, self._session
        said = None if document is None else document.predictions.get(run)
        if document is None or said is None:
            return
        schema, least = session.schema, session.view.take_score
        limits = limits_of(session, document)
        known = self._known
        if known is not None and (known[0] is not said or known[1] is not schema):
            known = None

        def work(_job: Job | None) -> tuple[Parts, Meant]:
            parts = Parts.of(said, schema) if known is None else known[2]
            return parts, _meant(parts, run, which, least, limits)

        def done(found: tuple[Parts, Meant]) -> None:
            if document is self._session.document and document.predictions.get(run) is said:
                self._known = (said, schema, found[0])
                then(found[1])

        if self._jobs is None:
            done(work(None))
            return
        title = f"Looking for the objects of {said.title}"
        key = _KEY if previews else ""
        self._jobs.submit(title, "assists", work, done, key=key, visible=False)

    def take(self, run: str, which: Which, *, tell: bool = False) -> None:
        """Take what is meant, as one edit; says so where nothing is.

        Args:
            run: Key of the prediction.
            which: Chooses among its parts.
            tell: Whether to say how many were taken.
        """
        document = self._session.document
        if document is None:
            return
        if run not in document.predictions:
            self._say("Run a model first, to take its objects.")
            return
        title = document.predictions[run].title

        def found(meant: Meant) -> None:
            if not meant.count:
                self._say(f"{title} has nothing to take there.")
                return
            self._editing.take_region(run, meant.preview.rect, meant.preview.mask)
            if tell:
                self._say(
                    f"{counted(meant.count, 'object or region', 'objects and regions')} of {title} taken."
                )

        self.find(run, which, found, previews=False)

    def take_all(self, run: str) -> None:
        """Take everything of which a model is as sure as is asked for."""
        self.take(run, Parts.everything, tell=True)

    def _say(self, message: str) -> None:
        if self._notices is not None:
            self._notices.info(message, scope="image")


def _strips(shape: tuple[int, ...], counts: int) -> Iterator[slice]:
    """Rows to count together: counting takes several times the memory of what is counted."""
    height, width = shape
    rows = max(1, max(_COUNTED_PX, counts) // max(1, width))
    return (slice(first, first + rows) for first in range(0, height, rows))


def _meant(parts: Parts, run: str, which: Which, least: float, limits: Limits) -> Meant:
    chosen = parts.sure(which(parts), least)
    preview = MaskPreview.of(*parts.mask(chosen))
    return Meant(run, len(chosen), limits.previewed(preview))
