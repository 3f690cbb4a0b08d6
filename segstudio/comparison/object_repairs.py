"""What makes an annotation agree with another side in one error: arrays in, a patch out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect
from segstudio.core.labels import InstanceIds, LabelMap, Labels, Mask, Patch
from segstudio.core.object_cuts import grown
from segstudio.core.object_index import HIGHEST_ID, tight
from segstudio.metrics.object_errors import ErrorKind, ObjectError
from segstudio.session.error_state import TRUTH, AnnotationErrors, ErrorSides

FreeNumbers = Callable[[int], Sequence[int]]
"""Gives so many numbers that no object has, or fewer."""


class NoNumberLeftError(Exception):
    """All numbers of objects are taken."""


def act_of(error: ObjectError, against: str) -> str:
    """What a repair of an error is called.

    Args:
        error: Which.
        against: What counts as right, as in `ErrorsState`.
    """
    return {
        ErrorKind.MERGED: f"Split in {len(error.theirs)}",
        ErrorKind.SPLIT: f"Merge {len(error.mine)}",
        ErrorKind.MISSED: "Take",
        ErrorKind.INVENTED: "Delete",
        ErrorKind.WRONG_CLASS: "Take its class",
        ErrorKind.BAD_SHAPE: "Take its shape",
        ErrorKind.REGION: "Truth is right" if against == TRUTH else "Model is right",
    }[error.kind]


def repaired(
    annotation: LabelMap, found: AnnotationErrors, error: ObjectError, free: FreeNumbers
) -> Patch | None:
    """The patch that repairs an error; None if nothing would change.

    What is taken leaves alone what belongs to other objects, unless they are invented or nothing
    would be taken. What is
    given up becomes what the other side says there, if that has no objects, else background.
    Where connected regions stood for my objects they all get numbers.

    Args:
        annotation: What is there.
        found: The errors of this annotation.
        error: One of them.
        free: Gives numbers for new objects.

    Raises:
        NoNumberLeftError: if there are not enough numbers.
    """
    numbers_all = found.mine.from_regions and error.kind is not ErrorKind.REGION
    numbers_all &= bool(found.mine.ids.any())
    rect = Rect.of_shape(annotation.shape_hw) if numbers_all else error.rect
    before = annotation.labels[rect.slices]
    kept = annotation.instances
    ids_before = np.zeros(rect.shape_hw, np.uint16) if kept is None else kept[rect.slices]
    ids = ids_before.copy()
    if numbers_all:
        # what was painted or erased since they were found is none of them
        same = before == found.mine.labels[rect.slices]
        ids = np.where(same, found.mine.ids[rect.slices], ids)
        highest = int(found.mine.ids.max())
        free = _above(highest)
    place = error.rect.within(rect)
    labels = before.copy()
    _Repair(found, error, free, labels[place], ids[place]).make()
    if np.array_equal(labels, before) and np.array_equal(ids, ids_before):
        return None
    if kept is None and not ids.any():
        return Patch(rect, before.copy(), labels)
    return Patch(rect, before.copy(), labels, ids_before.copy(), ids)


def _above(highest: int) -> FreeNumbers:
    return lambda count: range(highest + 1, min(highest + count, HIGHEST_ID) + 1)


class _Repair:
    """One repair, on views of the error's rectangle."""

    def __init__(
        self,
        found: AnnotationErrors,
        error: ObjectError,
        free: FreeNumbers,
        labels: Labels,
        ids: InstanceIds,
    ) -> None:
        self._found, self._error, self._free = found, error, free
        self._labels, self._ids = labels, ids
        cut = error.rect.slices
        self._their_labels, self._their_ids = found.theirs.labels[cut], found.theirs.ids[cut]
        self._mine: Mask = np.isin(ids, error.mine)
        self._theirs: Mask = np.isin(self._their_ids, error.theirs)

    def make(self) -> None:
        acts: dict[ErrorKind, Callable[[], None]] = {
            ErrorKind.MERGED: self._split,
            ErrorKind.SPLIT: lambda: self._paint(self._mine, self._error.class_id),
            ErrorKind.MISSED: lambda: self._paint(self._free_of_others(), self._error.their_class),
            ErrorKind.INVENTED: lambda: self._give_up(self._mine),
            ErrorKind.WRONG_CLASS: lambda: self._paint(self._mine, self._error.their_class),
            ErrorKind.BAD_SHAPE: self._reshape,
            ErrorKind.REGION: self._take_region,
        }
        acts[self._error.kind]()

    def _paint(self, mask: Mask, class_id: int) -> None:
        """Make pixels the first of mine, or a new object where there is none."""
        number = self._error.mine[0] if self._error.mine else self._numbers(1)[0]
        self._labels[mask] = class_id
        self._ids[mask] = number

    def _numbers(self, count: int) -> Sequence[int]:
        numbers = self._free(count)
        if len(numbers) < count:
            raise NoNumberLeftError
        return numbers

    def _split(self) -> None:
        """Each pixel goes to the piece that is nearest inside; the largest keeps the number."""
        mask = self._mine
        seeds = np.zeros(mask.shape, np.int32)
        for number, object_id in enumerate(self._error.theirs, start=1):
            seeds[mask & (self._their_ids == object_id)] = number
        pieces = grown(seeds, mask)
        sizes = np.bincount(pieces[mask], minlength=len(self._error.theirs) + 1)
        order = [n for n in np.argsort(-sizes, kind="stable").tolist() if n and sizes[n]]
        for piece, number in zip(order[1:], self._numbers(len(order) - 1), strict=True):
            self._ids[pieces == piece] = number

    def _reshape(self) -> None:
        free = self._free_of_others()
        if np.array_equal(free, self._mine):
            free = self._theirs  # only others are in the way
        self._give_up(self._mine & ~self._theirs)
        self._paint(free, self._error.class_id)

    def _free_of_others(self) -> Mask:
        """Theirs without what belongs to other objects of mine; all of it if nothing is left."""
        kinds, own = self._found.kinds, {0, *self._error.mine}
        others = [
            number
            for number in np.unique(self._ids[self._theirs]).tolist()
            if number not in own and kinds.get(number) is not ErrorKind.INVENTED
        ]
        free: Mask = self._theirs & ~np.isin(self._ids, others)
        return free if free.any() else self._theirs

    def _give_up(self, mask: Mask) -> None:
        said = self._their_labels
        is_object = (self._their_ids > 0) | np.isin(said, [*self._found.things])
        self._labels[mask] = np.where(is_object, np.uint8(0), said)[mask]
        self._ids[mask] = 0

    def _take_region(self) -> None:
        mask = self._found.regions.mask(self._error)
        self._labels[mask] = self._their_labels[mask]
        self._ids[mask] = 0


def marks_of(found: ErrorSides, error: ObjectError) -> tuple[str, ...]:
    """What an error is known by when the user says that the annotation is right there.

    That is said of each of my objects as it is, whatever else another side says of it; where I
    have none, of their pixels. What changes by a pixel is another one.
    """
    mine, theirs = error.mine, error.theirs
    if error.kind is ErrorKind.REGION:
        classes = f"region {error.class_id} {error.their_class}"
        return (_mark(classes, error.rect, found.regions.mask(error)),)
    side, numbers = (found.mine, mine) if mine else (found.theirs, theirs)
    what = f"object {error.class_id}" if mine else f"nothing {error.their_class}"
    ids = side.ids[error.rect.slices]
    return tuple(_mark(what, *tight(error.rect, ids == number)) for number in numbers)


def _mark(what: str, rect: Rect, mask: npt.NDArray[np.bool_]) -> str:
    place = f"{what} {rect.top} {rect.left} {rect.bottom} {rect.right} "
    return hashlib.blake2b(place.encode() + np.packbits(mask).tobytes(), digest_size=9).hexdigest()
