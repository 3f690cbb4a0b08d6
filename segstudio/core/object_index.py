"""Which objects a label map tells apart: number, class, area and place of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect
from segstudio.core.labels import InstanceIds, LabelMap, Labels, Mask, Patch

HIGHEST_ID = 65535
_STRIP_ROWS = 256
_Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object.

    Attributes:
        id: Its number in the map, from 1.
        class_id: The class of most of its pixels.
        area: How many pixels it has.
        rect: Where it lies: around all its pixels, and larger only after a part was taken away
            (`ObjectIndex.mask_of` gives the smallest one).
    """

    id: int
    class_id: int
    area: int
    rect: Rect


class ObjectColumns(NamedTuple):
    """The objects of a map in columns, by number.

    Attributes:
        ids: (N,) numbers, ascending.
        classes: (N,) uint8: the class of most pixels of each.
        areas: (N,) pixels.
        bounds: (N, 4) int32: top, left, bottom, right.
    """

    ids: _Numbers
    classes: npt.NDArray[np.uint8]
    areas: _Numbers
    bounds: npt.NDArray[np.int32]


class ObjectIndex:
    """The objects of one label map, kept in step by the patches that change it.

    It is made in one pass over the map, in which only the ends of runs are looked at, and follows
    a patch by looking at the patch's pixels alone.
    """

    def __init__(self) -> None:
        """No objects."""
        self._areas = np.zeros(HIGHEST_ID + 1, np.int64)
        self._classes = np.zeros(HIGHEST_ID + 1, np.uint8)
        self._bounds = np.zeros((HIGHEST_ID + 1, 4), np.int32)

    @classmethod
    def of(cls, label_map: LabelMap) -> ObjectIndex:
        """The objects of a map; none where it keeps no ids."""
        index, ids = cls(), label_map.instances
        if ids is None:
            return index
        tables = [
            _table(label_map.labels[top : top + _STRIP_ROWS], ids[top : top + _STRIP_ROWS], top, 0)
            for top in range(0, ids.shape[0], _STRIP_ROWS)
        ]
        index._add(_joined(tables))
        return index

    @property
    def ids(self) -> tuple[int, ...]:
        """The numbers of all objects, ascending."""
        return tuple(np.flatnonzero(self._areas).tolist())

    def __len__(self) -> int:
        return int(np.count_nonzero(self._areas))

    def __contains__(self, object_id: int) -> bool:
        return 0 < object_id <= HIGHEST_ID and bool(self._areas[object_id])

    def info(self, object_id: int) -> ObjectInfo | None:
        """What is known of an object; None if there is none of this number."""
        if object_id not in self:
            return None
        top, left, bottom, right = (int(v) for v in self._bounds[object_id])
        return ObjectInfo(
            object_id,
            int(self._classes[object_id]),
            int(self._areas[object_id]),
            Rect(top, left, bottom, right),
        )

    def all(self) -> tuple[ObjectInfo, ...]:
        """All objects, by number."""
        return tuple(info for i in self.ids if (info := self.info(i)) is not None)

    def touching(self, rect: Rect, ids: InstanceIds) -> tuple[int, ...]:
        """The numbers of the objects that have a pixel in a rectangle of the image, ascending.

        Args:
            rect: The rectangle; inside.
            ids: (H, W) uint16: the map that this index is of.
        """
        top, left, bottom, right = self._bounds.T
        shares = (top < rect.bottom) & (bottom > rect.top)
        shares &= (left < rect.right) & (right > rect.left) & (self._areas > 0)
        within = (top >= rect.top) & (bottom <= rect.bottom)
        within &= (left >= rect.left) & (right <= rect.right)
        for object_id in np.flatnonzero(shares & ~within).tolist():
            place = Rect(*(int(v) for v in self._bounds[object_id])).intersect(rect)
            shares[object_id] = (ids[place.slices] == object_id).any()
        return tuple(np.flatnonzero(shares).tolist())

    def classes(self) -> frozenset[int]:
        """The classes of all objects."""
        return frozenset(np.unique(self._classes[self._areas > 0]).tolist())

    def boxes(self) -> tuple[_Numbers, npt.NDArray[np.int32]]:
        """The numbers (N,) of all objects, ascending, and where they lie, (N, 4)."""
        numbers = np.flatnonzero(self._areas)
        return numbers, self._bounds[numbers]

    def bounds_of(self, numbers: Sequence[int]) -> npt.NDArray[np.int32]:
        """Where objects lie, (N, 4): top, left, bottom, right; all 0 of numbers that none has."""
        chosen = np.asarray(numbers, np.int64)
        known = (chosen > 0) & (chosen <= HIGHEST_ID)
        bounds = self._bounds[np.where(known, chosen, 0)]
        bounds[self._areas[np.where(known, chosen, 0)] == 0] = 0
        return bounds

    def table(self) -> ObjectColumns:
        """All objects in columns, by number."""
        numbers = np.flatnonzero(self._areas)
        found = (self._classes[numbers], self._areas[numbers], self._bounds[numbers])
        return ObjectColumns(numbers, *found)

    def boxes_touching(self, rect: Rect) -> _Numbers:
        """The numbers of the objects whose boxes have a pixel in a rectangle."""
        numbers, boxes = self.boxes()
        inside = (boxes[:, 0] < rect.bottom) & (boxes[:, 2] > rect.top)
        inside &= (boxes[:, 1] < rect.right) & (boxes[:, 3] > rect.left)
        found: _Numbers = numbers[inside]
        return found

    def mask_of(self, object_id: int, ids: InstanceIds) -> tuple[Rect, Mask]:
        """The smallest rectangle around an object and which of its pixels are the object's.

        Args:
            object_id: Its number.
            ids: (H, W) uint16: the map that this index is of.

        Returns:
            The rectangle and the mask (h, w) bool; both are empty if there is no such object.
        """
        info = self.info(object_id)
        if info is None:
            return Rect(0, 0, 0, 0), np.zeros((0, 0), np.bool_)
        mask = ids[info.rect.slices] == object_id
        rect, inner = tight(info.rect, mask)
        self._bounds[object_id] = (rect.top, rect.left, rect.bottom, rect.right)
        return rect, inner

    def free(self, count: int = 1, ignored: int | None = None) -> list[int]:
        """Numbers that no object has: those past the highest, then those left out between.

        Args:
            count: How many; fewer are given where there are no more.
            ignored: The class that counts nowhere. Its numbers are no objects, so what comes after
                them is not pushed up by them (borders are 255 in Pascal VOC), but they are taken.
        """
        used = self._areas > 0
        counted = used if ignored is None else used & (self._classes != ignored)
        highest = int(np.flatnonzero(counted)[-1]) if counted.any() else 0
        found: list[int] = []
        for first, last in ((highest + 1, HIGHEST_ID + 1), (1, highest + 1)):
            numbers = np.flatnonzero(~used[first:last])[: count - len(found)] + first
            found += numbers.tolist()
        return found

    def follow(self, patch: Patch) -> None:
        """Know what the map holds after a patch of it; the patch has ids."""
        ids_before, ids_after = patch.instances_before, patch.instances_after
        if ids_before is None or ids_after is None:
            raise ValueError("a patch without ids says nothing of objects")
        changed = (ids_before != ids_after) | (patch.before != patch.after)
        gone = np.bincount(ids_before[changed])
        self._areas[1 : gone.size] -= gone[1:]
        ids, classes = ids_after[changed], patch.after[changed]
        if ids.size and (ids == ids[0]).all() and (classes == classes[0]).all():
            if ids[0]:  # as a stroke paints it
                self._grow(int(ids[0]), int(classes[0]), patch.rect, changed)
            return
        new = np.where(changed, ids_after, np.uint16(0))
        self._add(_table(patch.after, new, patch.rect.top, patch.rect.left))

    def _grow(self, object_id: int, class_id: int, rect: Rect, mask: Mask) -> None:
        """Take in the pixels of a mask, which become one object's, of one class."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        place = Rect(
            rect.top + int(rows[0]),
            rect.left + int(columns[0]),
            rect.top + int(rows[-1]) + 1,
            rect.left + int(columns[-1]) + 1,
        )
        added, known = int(np.count_nonzero(mask)), self.info(object_id)
        self._areas[object_id] += added
        if known is None or 2 * added > self._areas[object_id]:
            self._classes[object_id] = class_id
        whole = place if known is None else place.union(known.rect)
        self._bounds[object_id] = (whole.top, whole.left, whole.bottom, whole.right)

    def _add(self, table: _Table) -> None:
        """Take in more pixels of objects."""
        if not table.keys.size:
            return
        ids = table.keys & HIGHEST_ID
        # of an object of several classes the one with the most pixels comes last
        order = np.lexsort((table.areas, ids))
        ids, areas, bounds = ids[order], table.areas[order], table.bounds[order]
        starts = np.flatnonzero(np.diff(ids, prepend=-1))
        last = np.append(starts[1:], ids.size) - 1
        each = ids[starts]
        known = self._areas[each] > 0
        self._areas[each] += np.add.reduceat(areas, starts)
        is_most = ~known | (2 * areas[last] > self._areas[each])
        self._classes[each[is_most]] = (table.keys[order][last] >> 16)[is_most]
        low = np.minimum.reduceat(bounds[:, :2], starts, axis=0)
        high = np.maximum.reduceat(bounds[:, 2:], starts, axis=0)
        before = self._bounds[each]
        self._bounds[each, :2] = np.where(known[:, None], np.minimum(before[:, :2], low), low)
        self._bounds[each, 2:] = np.where(known[:, None], np.maximum(before[:, 2:], high), high)


class _Table(NamedTuple):
    """Pixels by class and object: keys (class << 16 | id), areas, and (top, left, bottom, right)."""

    keys: _Numbers
    areas: _Numbers
    bounds: npt.NDArray[np.int32]


def _table(labels: Labels, ids: InstanceIds, top: int, left: int) -> _Table:
    """The objects of a part of a map that begins at a row and a column."""
    keys = labels.astype(np.uint32) << np.uint32(16) | ids
    ends = np.ones(keys.shape, np.bool_)
    np.not_equal(keys[:, 1:], keys[:, :-1], out=ends[:, 1:])
    flat = np.flatnonzero(ends)
    of_runs = keys.reshape(-1)[flat].astype(np.int64)
    lengths = np.diff(np.append(flat, keys.size))
    real = (of_runs & HIGHEST_ID) > 0
    of_runs, lengths, flat = of_runs[real], lengths[real], flat[real]
    rows, columns = np.divmod(flat, max(1, keys.shape[1]))
    rows, columns = rows + top, columns + left
    bounds = np.stack([rows, columns, rows + 1, columns + lengths], 1).astype(np.int32)
    return _summed(_Table(of_runs, lengths, bounds))


def _joined(tables: list[_Table]) -> _Table:
    parts = (np.concatenate(part) for part in zip(*tables, strict=True))
    return _summed(_Table(*parts))


def _summed(table: _Table) -> _Table:
    """One line for each key."""
    if not table.keys.size:
        return table
    order = np.argsort(table.keys, kind="stable")
    keys, areas, bounds = table.keys[order], table.areas[order], table.bounds[order]
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    low = np.minimum.reduceat(bounds[:, :2], starts, axis=0)
    high = np.maximum.reduceat(bounds[:, 2:], starts, axis=0)
    return _Table(keys[starts], np.add.reduceat(areas, starts), np.hstack([low, high]))


def boxes_of(ids: InstanceIds) -> tuple[_Numbers, npt.NDArray[np.int32]]:
    """The numbers (N,) in an image's ids, ascending, and where they lie, (N, 4)."""
    strips = [ids[top : top + _STRIP_ROWS] for top in range(0, ids.shape[0], _STRIP_ROWS)]
    tables = [
        _table(np.zeros(strip.shape, np.uint8), strip, number * _STRIP_ROWS, 0)
        for number, strip in enumerate(strips)
    ]
    table = _joined(tables)
    return table.keys, table.bounds


def places_of(ids: InstanceIds, rect: Rect) -> dict[int, Rect]:
    """The smallest rectangle around each number in ids that lie at a rectangle of the image."""
    table = _table(np.zeros(ids.shape, np.uint8), ids, rect.top, rect.left)
    bounds = (Rect(*each) for each in table.bounds.tolist())
    return dict(zip(table.keys.tolist(), bounds, strict=True))


def tight(rect: Rect, mask: Mask) -> tuple[Rect, Mask]:
    """The smallest rectangle around the True pixels of a mask that lies at a rectangle."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return Rect(0, 0, 0, 0), np.zeros((0, 0), np.bool_)
    inner = Rect(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    outer = Rect(
        rect.top + inner.top,
        rect.left + inner.left,
        rect.top + inner.bottom,
        rect.left + inner.right,
    )
    return outer, mask[inner.slices]
