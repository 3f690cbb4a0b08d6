"""What is wrong with the objects of one map if those of another are right, kind by kind.

The kinds are those of Caicedo et al., "Evaluation of Deep Learning Strategies for Nucleus
Segmentation in Fluorescence Images", Cytometry A 95 (2019): missed, invented (false detection),
merged, split; beside them objects that are found but badly shaped or of another class. That an
object is covered follows the detection rule of the Cell Tracking Challenge (Matula et al., PLoS ONE
10 (2015); the measure SEG uses the same): another one has more than half of its pixels, so that it
is covered by one at most.

| kind | when |
| --- | --- |
| merged | one of mine covers two or more of theirs, and no other one of theirs covers it |
| split | one of theirs covers two or more of mine, and no other one of mine covers it |
| matched | one of each, IoU of `FOUND_AT` or more, or one covers the other and their IoU is at least `PAIRED_AT`; this IoU reaches what is asked for and the classes are the same |
| badly shaped | such a pair whose IoU does not reach it |
| wrong class | such a pair of two classes |
| missed, invented | one of theirs, one of mine that is none of these |

Each object has the first kind that fits; merged comes before split, and pairs with a higher IoU
before others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect
from segstudio.core.labels import InstanceIds, LabelMap, Labels, Mask, Patch
from segstudio.core.object_index import HIGHEST_ID, ObjectIndex, ObjectInfo
from segstudio.metrics.object_size import FOUND_AT
from segstudio.metrics.segments import connected_regions, overlaps

PAIRED_AT = 0.1
"""Objects of which one covers the other are no pair below this IoU."""
GOOD_SHAPE = 0.7
"""The IoU that a pair has to reach where nothing else is asked for."""
LEAST_PIXELS = 10
"""Smaller connected regions are no errors where a map does not tell objects apart."""

_STRIP_ROWS = 512


class ErrorKind(StrEnum):
    """What is wrong, in the order in which it is listed."""

    MERGED = "merged"
    SPLIT = "split"
    MISSED = "missed"
    INVENTED = "invented"
    WRONG_CLASS = "wrong class"
    BAD_SHAPE = "badly shaped"
    REGION = "other class"
    """A region of a class without objects, not an object."""


KINDS = tuple(ErrorKind)
ErrorKey = tuple[str, tuple[int, ...], tuple[int, ...], int]


@dataclass(frozen=True)
class ObjectError:
    """One error.

    Attributes:
        kind: What is wrong.
        mine: Numbers of my objects, the one with the most pixels first.
        theirs: Numbers of theirs, likewise.
        rect: Around all of them.
        iou: Of mine together with theirs together, 0..1.
        class_id: The class of mine; of theirs where I have none.
        their_class: The class of theirs; of mine where they have none.
        pixels: Of which mine and theirs consist, together.
        anchor: Of a region its first pixel, row by row; 0 for objects.
    """

    kind: ErrorKind
    mine: tuple[int, ...]
    theirs: tuple[int, ...]
    rect: Rect
    iou: float
    class_id: int
    their_class: int
    pixels: int
    anchor: int = 0

    @cached_property
    def key(self) -> ErrorKey:
        """What it is known by when the maps are compared again."""
        return (self.kind.value, self.mine, self.theirs, self.anchor)


@dataclass(frozen=True, eq=False)
class FoundErrors:
    """The errors of a map.

    Attributes:
        errors: By kind, the largest first.
        matched: How many objects are right.
        kinds: The kind of each of my objects that is not right, by its number.
    """

    errors: tuple[ObjectError, ...] = ()
    matched: int = 0
    kinds: Mapping[int, ErrorKind] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ObjectSide:
    """One of the two maps.

    Attributes:
        labels: (H, W) uint8 class ids.
        ids: (H, W) uint16 numbers of objects, 0 where there is none.
        from_regions: Whether connected regions stand for objects.
    """

    labels: Labels
    ids: InstanceIds
    from_regions: bool = False


def objects_of(
    labels: Labels, ids: InstanceIds | None, things: Collection[int], ignored: int | None
) -> ObjectSide:
    """The objects of a map.

    Args:
        labels: (H, W) uint8 class ids.
        ids: (H, W) uint16, or None: then connected regions stand for the objects of `things`.
        things: The classes that have objects.
        ignored: The class that counts nowhere, or None.
    """
    if ids is not None:
        table = np.ones(256, np.uint16)
        table[0] = 0
        if ignored is not None:
            table[ignored] = 0
        return ObjectSide(labels, ids * table[labels])
    numbers = np.zeros(labels.shape, np.int64)
    for class_id in sorted({*things} - {0, ignored}):
        found = connected_regions(labels, (class_id,))
        numbers[found > 0] = found[found > 0] + numbers.max(initial=0)
    sizes = np.bincount(numbers.reshape(-1))
    sizes[0] = 0
    kept = np.flatnonzero(sizes)
    if len(kept) > HIGHEST_ID:
        kept = np.sort(kept[np.argsort(-sizes[kept], kind="stable")[:HIGHEST_ID]])
    renamed = np.zeros(len(sizes), np.uint16)
    renamed[kept] = np.arange(1, len(kept) + 1)
    return ObjectSide(labels, renamed[numbers], from_regions=True)


class ObjectPairs:
    """How many pixels each of my objects shares with each of theirs, kept in step with my edits.

    Which kind an object has is decided again only for those that an edit touched and for what overlaps
    them, directly or by others.
    """

    def __init__(
        self, mine: ObjectSide, theirs: ObjectSide, ignored: int | None, void: Mask | None = None
    ) -> None:
        """Count all pixels once.

        Args:
            mine: The map that is judged.
            theirs: The one that counts as right.
            ignored: The class that counts nowhere, or None.
            void: (H, W): where theirs says nothing.

        Raises:
            ValueError: if the shapes differ.
        """
        if mine.ids.shape != theirs.ids.shape:
            raise ValueError(f"maps of {mine.ids.shape} and {theirs.ids.shape}")
        self._theirs, self._ignored, self._void = theirs, ignored, void
        self._from_regions = mine.from_regions, theirs.from_regions
        self._mine_index = ObjectIndex.of(LabelMap(mine.labels, mine.ids))
        self._their_index = ObjectIndex.of(LabelMap(theirs.labels, theirs.ids))
        self._mine_shares: _Shares = {}
        self._their_shares: _Shares = {}
        self._touched: tuple[set[int], set[int]] = (set(), set())
        self._known = _Known()
        self._good_shape = GOOD_SHAPE
        height, width = mine.ids.shape
        for top in range(0, height, _STRIP_ROWS):  # or large maps would take gigabytes
            strip = Rect(top, 0, min(top + _STRIP_ROWS, height), width)
            self._add(strip, mine.labels[strip.slices], mine.ids[strip.slices], 1)

    def follow(self, patch: Patch) -> None:
        """Know what the map holds after a patch of it; the patch has ids. Only its pixels are read."""
        before, after = patch.instances_before, patch.instances_after
        if before is None or after is None:
            raise ValueError("a patch without ids says nothing of objects")
        self._add(patch.rect, patch.before, before, -1)
        self._add(patch.rect, patch.after, after, 1)
        self._mine_index.follow(patch)

    def errors(self, good_shape: float = GOOD_SHAPE) -> FoundErrors:
        """What is wrong with mine now.

        Args:
            good_shape: The IoU that a pair has to reach.
        """
        if good_shape != self._good_shape:
            self._good_shape = good_shape
            self._touched = ({*self._mine_shares}, {*self._their_shares})
        mine, theirs = self._reached()
        self._touched = (set(), set())
        self._known.forget(mine, theirs)
        _Sorting(
            {i: self._mine_shares[i] for i in mine if i in self._mine_shares},
            {i: self._their_shares[i] for i in theirs if i in self._their_shares},
            self._mine_index,
            self._their_index,
            good_shape,
            self._known,
            self._from_regions,
        ).sort()
        return self._known.found()

    def _reached(self) -> tuple[set[int], set[int]]:
        """Objects that were touched, what overlaps them, what overlaps that, and so on."""
        reached = {*self._touched[0]}, {*self._touched[1]}
        waiting = [(0, i) for i in reached[0]] + [(1, i) for i in reached[1]]
        shares = self._mine_shares, self._their_shares
        while waiting:
            whose, object_id = waiting.pop()
            for other in shares[whose].get(object_id, {}):
                if other and other not in reached[1 - whose]:
                    reached[1 - whose].add(other)
                    waiting.append((1 - whose, other))
        return reached

    def _add(self, rect: Rect, labels: Labels, ids: InstanceIds, sign: int) -> None:
        mine = ids.astype(np.uint32)
        theirs = self._theirs.ids[rect.slices].astype(np.uint32)
        mine[labels == 0] = 0
        out = None if self._void is None else self._void[rect.slices]
        if self._ignored is not None:
            ignored = labels == self._ignored
            out = ignored if out is None else out | ignored
        if out is not None:
            mine[out] = 0
            theirs[out] = 0
        found = overlaps(mine, theirs)
        for one, other, pixels in zip(
            found.first.tolist(), found.second.tolist(), found.pixels.tolist(), strict=True
        ):
            if one:
                _share(self._mine_shares, one, other, sign * pixels)
                self._touched[0].add(one)
            if other:
                _share(self._their_shares, other, one, sign * pixels)
                self._touched[1].add(other)


_Shares = dict[int, dict[int, int]]
"""Of each object of one side, how many pixels it has in each of the other (0: in none)."""


def _share(shares: _Shares, object_id: int, other: int, pixels: int) -> None:
    row = shares.setdefault(object_id, {})
    left = row.get(other, 0) + pixels
    if left:
        row[other] = left
    else:
        row.pop(other, None)
        if not row:
            del shares[object_id]


class _Known:
    """The errors that were found, by the objects that they are of."""

    def __init__(self) -> None:
        self.mine: dict[int, ObjectError | None] = {}
        self.theirs: dict[int, ObjectError | None] = {}
        """What is wrong with an object; None if nothing is."""

    def forget(self, mine: Iterable[int], theirs: Iterable[int]) -> None:
        for object_id in mine:
            self.mine.pop(object_id, None)
        for object_id in theirs:
            self.theirs.pop(object_id, None)

    def note(self, mine: Iterable[int], theirs: Iterable[int], error: ObjectError | None) -> None:
        self.mine.update(dict.fromkeys(mine, error))
        self.theirs.update(dict.fromkeys(theirs, error))

    def found(self) -> FoundErrors:
        errors = {e.key: e for e in (*self.mine.values(), *self.theirs.values()) if e is not None}
        order = {kind: rank for rank, kind in enumerate(KINDS)}
        # not by place: a rectangle that follows edits may be larger than its object
        listed = sorted(errors.values(), key=lambda e: (order[e.kind], -e.pixels, e.key))
        kinds = {i: error.kind for i, error in self.mine.items() if error is not None}
        return FoundErrors(tuple(listed), len(self.mine) - len(kinds), kinds)


class _Sorting:
    """Gives each of some objects its kind; with an object all that overlap it are among them.

    A region of fewer than `LEAST_PIXELS` that stands for an object is only the pair of an object of
    the other side: neither missed nor invented, nor what makes another merged or split.
    """

    def __init__(
        self,
        mine: _Shares,
        theirs: _Shares,
        mine_index: ObjectIndex,
        their_index: ObjectIndex,
        good_shape: float,
        known: _Known,
        from_regions: tuple[bool, bool],
    ) -> None:
        self._mine, self._theirs, self._good_shape, self._known = mine, theirs, good_shape, known
        self._index, self._their_index = mine_index, their_index
        self._mine_areas = {i: sum(row.values()) for i, row in mine.items()}
        self._their_areas = {i: sum(row.values()) for i, row in theirs.items()}
        self._specks = (
            _specks(mine, mine_index) if from_regions[0] else set(),
            _specks(theirs, their_index) if from_regions[1] else set(),
        )
        self._mine_left, self._theirs_left = {*mine} - self._specks[0], {*theirs} - self._specks[1]

    def sort(self) -> None:
        self._merged()
        self._split()
        self._mine_left |= self._specks[0]
        self._theirs_left |= self._specks[1]
        self._pairs()
        self._mine_left -= self._specks[0]
        self._theirs_left -= self._specks[1]
        for object_id in self._theirs_left:
            self._note(ErrorKind.MISSED, (), (object_id,))
        for object_id in self._mine_left:
            self._note(ErrorKind.INVENTED, (object_id,), ())

    def _merged(self) -> None:
        theirs = {i: row for i, row in self._theirs.items() if i in self._theirs_left}
        covered = _covered(theirs, self._their_areas)
        for owner, members in covered.items():
            lies_in_another = _lies_in_another(self._mine[owner], self._mine_areas[owner], members)
            if owner not in self._mine_left or lies_in_another:
                continue
            self._mine_left.discard(owner)
            self._theirs_left.difference_update(members)
            self._note(ErrorKind.MERGED, (owner,), members)

    def _split(self) -> None:
        mine = {i: row for i, row in self._mine.items() if i in self._mine_left}
        for owner, members in _covered(mine, self._mine_areas).items():
            row, area = self._theirs[owner], self._their_areas[owner]
            if owner in self._theirs_left and not _lies_in_another(row, area, members):
                self._theirs_left.discard(owner)
                self._mine_left.difference_update(members)
                self._note(ErrorKind.SPLIT, members, (owner,))

    def _near(self) -> Iterable[tuple[float, int, int]]:
        """(minus the IoU, mine, theirs) of objects without a kind that may be the same one."""
        for one in self._mine_left:
            area = self._mine_areas[one]
            for other in self._mine[one].keys() & self._theirs_left:
                shared, other_area = self._mine[one][other], self._their_areas[other]
                iou = shared / (area + other_area - shared)
                covers = 2 * shared > min(area, other_area)
                if iou >= FOUND_AT or (covers and iou >= PAIRED_AT):
                    yield -iou, one, other

    def _pairs(self) -> None:
        """Pairs of one and one, those with a higher IoU first."""
        for negative, one, other in sorted(self._near()):
            if one not in self._mine_left or other not in self._theirs_left:
                continue
            self._mine_left.discard(one)
            self._theirs_left.discard(other)
            if _class(self._index, one) != _class(self._their_index, other):
                self._note(ErrorKind.WRONG_CLASS, (one,), (other,))
            elif -negative < self._good_shape:
                self._note(ErrorKind.BAD_SHAPE, (one,), (other,))
            else:
                self._known.note((one,), (other,), None)

    def _note(self, kind: ErrorKind, mine: Sequence[int], theirs: Sequence[int]) -> None:
        mine = sorted(mine, key=lambda i: (-self._mine_areas[i], i))
        theirs = sorted(theirs, key=lambda i: (-self._their_areas[i], i))
        rect = Rect(0, 0, 0, 0)
        for info in (*_infos(self._index, mine), *_infos(self._their_index, theirs)):
            rect = rect.union(info.rect)
        both = sum(self._mine[i].get(j, 0) for i in mine for j in theirs)
        pixels = sum(self._mine_areas[i] for i in mine) - both
        pixels += sum(self._their_areas[i] for i in theirs)
        mine_class = _class(self._index, mine[0]) if mine else -1
        their_class = _class(self._their_index, theirs[0]) if theirs else mine_class
        error = ObjectError(
            kind,
            tuple(mine),
            tuple(theirs),
            rect,
            both / max(1, pixels),
            mine_class if mine else their_class,
            their_class,
            pixels,
        )
        self._known.note(mine, theirs, error)


def _specks(shares: _Shares, index: ObjectIndex) -> set[int]:
    return {info.id for info in _infos(index, shares) if info.area < LEAST_PIXELS}


def _covered(shares: _Shares, areas: Mapping[int, int]) -> dict[int, list[int]]:
    """The objects of the other side that cover two or more of these, and which they cover."""
    members: dict[int, list[int]] = {}
    for object_id, row in shares.items():
        owner = max(row, key=row.__getitem__)
        if owner and 2 * row[owner] > areas[object_id]:
            members.setdefault(owner, []).append(object_id)
    return {owner: several for owner, several in members.items() if len(several) > 1}


def _class(index: ObjectIndex, object_id: int) -> int:
    info = index.info(object_id)
    return 0 if info is None else info.class_id


def _infos(index: ObjectIndex, ids: Iterable[int]) -> Iterable[ObjectInfo]:
    return (info for object_id in ids if (info := index.info(object_id)) is not None)


def _lies_in_another(row: Mapping[int, int], area: int, members: Collection[int]) -> bool:
    """Whether an object that covers others is itself covered, by one that is none of these."""
    other = max(row, key=row.__getitem__)
    return bool(other) and 2 * row[other] > area and other not in members


@dataclass(frozen=True, eq=False)
class ClassRegions:
    """Where two maps say different classes and neither has an object.

    Attributes:
        numbers: (H, W) int32: the number of the region at each pixel, 0 where they agree.
        errors: The regions that are large enough, the largest first.
    """

    numbers: npt.NDArray[np.int32]
    errors: tuple[ObjectError, ...]

    def mask(self, error: ObjectError) -> Mask:
        """(h, w) bool: a region's pixels in its rectangle."""
        number = self.numbers.ravel()[error.anchor - 1]
        found: Mask = self.numbers[error.rect.slices] == number
        return found


def differing_pixels(
    mine: ObjectSide,
    theirs: ObjectSide,
    rect: Rect,
    ignored: int | None = None,
    void: Mask | None = None,
) -> Mask:
    """Where two maps say different classes and neither has an object.

    Args:
        mine: The map that is judged.
        theirs: The one that counts as right.
        rect: The part that is looked at.
        ignored: The class that counts nowhere, or None.
        void: (H, W): where theirs says nothing.

    Returns:
        (h, w) bool of the rectangle's shape.
    """
    cut = rect.slices
    labels = mine.labels[cut]
    differs: Mask = labels != theirs.labels[cut]
    if differs.any():
        differs &= (mine.ids[cut] == 0) & (theirs.ids[cut] == 0)
        if ignored is not None:
            differs &= labels != ignored
        if void is not None:
            differs &= ~void[cut]
    return differs


def differing_regions(
    mine: ObjectSide, theirs: ObjectSide, differs: Mask, min_pixels: int = LEAST_PIXELS
) -> ClassRegions:
    """Connected pixels, touching corners included, that I give one class and they another one.

    Args:
        mine: The map that is judged.
        theirs: The one that counts as right.
        differs: (H, W): where they differ (`differing_pixels`).
        min_pixels: Smaller regions are left out.
    """
    errors: list[ObjectError] = []
    if not differs.any():
        return ClassRegions(np.zeros(differs.shape, np.int32), ())
    from scipy.ndimage import find_objects
    from skimage.measure import label  # takes seconds to import

    pairs = np.where(differs, mine.labels.astype(np.uint16) << 8 | theirs.labels, np.uint16(0))
    found = label(pairs, background=0, connectivity=2)  # type: ignore[no-untyped-call]
    numbers = np.asarray(found, np.int32)
    sizes = np.bincount(numbers.reshape(-1))
    sizes[0] = 0
    places, width = find_objects(numbers), numbers.shape[1]
    for number in np.flatnonzero(sizes >= min_pixels).tolist():
        rows, columns = places[number - 1]
        rect = Rect(rows.start, columns.start, rows.stop, columns.stop)
        first = columns.start + int((numbers[rows.start, columns] == number).argmax())
        pair = int(pairs[rows.start, first])
        errors.append(
            ObjectError(
                ErrorKind.REGION,
                (),
                (),
                rect,
                0.0,
                pair >> 8,
                pair & 255,
                int(sizes[number]),
                rows.start * width + first + 1,
            )
        )
    errors.sort(key=lambda e: (-e.pixels, e.anchor, e.key))
    return ClassRegions(numbers, tuple(errors))
