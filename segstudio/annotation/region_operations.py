"""What can be done to the regions of an annotation: a function and one row of a table each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect
from segstudio.core.labels import InstanceIds, LabelMap, Labels, Mask
from segstudio.core.regions import region_at
from segstudio.core.shapes import polygon_mask

_NEAR: Final = 1e-4
"""Distances are told to so much: a pixel exactly so far away counts."""


@dataclass(frozen=True)
class Target:
    """Which regions are meant.

    Attributes:
        classes: Their classes; None for all but background.
        objects: Only objects of these ids, if any is named.
        places: Only the connected region at each of these pixels (x, y), if any is named.
    """

    classes: frozenset[int] | None = None
    objects: frozenset[int] = frozenset()
    places: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, eq=False)
class RegionUnit:
    """What is worked on as one: an object, or the pixels of a class that belong to none.

    Attributes:
        class_id: Its class.
        object_id: Its object; 0 for the pixels of a class.
        rect: Around it.
        mask: (h, w) bool of the rectangle's shape.
    """

    class_id: int
    object_id: int
    rect: Rect
    mask: Mask


@dataclass(frozen=True)
class Amount:
    """The number that an operation asks for.

    Attributes:
        text: What it is called.
        usual: Its value at first.
        least: The smallest.
        most: The largest.
        unit: What stands after it.
    """

    text: str
    usual: int
    least: int
    most: int
    unit: str = " px"


@dataclass(eq=False)
class Work:
    """The maps while an operation changes them; pixels of others stay.

    Attributes:
        labels: (H, W) uint8, as they become.
        ids: (H, W) uint16, or None.
        units: What is meant.
        ignored: Classes that nothing is done to, besides background.
    """

    labels: Labels
    ids: InstanceIds | None
    units: tuple[RegionUnit, ...]
    ignored: frozenset[int]

    def remove(self, rect: Rect, mask: Mask) -> None:
        """Make pixels background."""
        self.labels[rect.slices][mask] = 0
        if self.ids is not None:
            self.ids[rect.slices][mask] = 0

    def add(self, unit: RegionUnit, rect: Rect, mask: Mask) -> None:
        """Give background pixels to a unit; what has a class stays."""
        free = mask & (self.labels[rect.slices] == 0)
        self.labels[rect.slices][free] = unit.class_id
        if self.ids is not None:
            self.ids[rect.slices][free] = unit.object_id


Function = Callable[[Work, int, int], None]


@dataclass(frozen=True)
class Operation:
    """One operation.

    Attributes:
        name: Stable name.
        title: What menus and edits call it.
        tip: What it does, in a sentence.
        apply: Changes the maps: (work, amount, class that is chosen).
        amount: What it asks for; None for nothing.
        asks_class: Whether it asks for a class.
    """

    name: str
    title: str
    tip: str
    apply: Function
    amount: Amount | None = None
    asks_class: bool = False


def operated(
    label_map: LabelMap,
    operation: Operation,
    target: Target,
    amount: int = 0,
    into: int = 0,
    ignored: Iterable[int] = (),
) -> LabelMap:
    """What a label map becomes; the same one if nothing changes.

    Objects are worked on one by one where ids are kept. Whatever grows takes background only: a
    neighbour keeps its pixels.

    Args:
        label_map: What is there; it is left as it is.
        operation: A row of `OPERATIONS`.
        target: Which regions.
        amount: Its number.
        into: Its class.
        ignored: Classes that are no regions: what counts nowhere.
    """
    ids = label_map.instances
    left_out = frozenset(ignored)
    units = tuple(_units(label_map, target, left_out))
    work = Work(label_map.labels.copy(), None if ids is None else ids.copy(), units, left_out)
    operation.apply(work, amount, into)
    same = np.array_equal(work.labels, label_map.labels)
    if same and (ids is None or work.ids is None or np.array_equal(work.ids, ids)):
        return label_map
    return LabelMap(work.labels, work.ids)


def changed_pixels(before: LabelMap, after: LabelMap) -> Mask:
    """Which pixels have another class or object now: (H, W) bool."""
    changed: Mask = before.labels != after.labels
    if before.instances is not None and after.instances is not None:
        changed |= before.instances != after.instances
    return changed


# -- what is meant ---------------------------------------------------------------------------------


def _units(label_map: LabelMap, target: Target, ignored: frozenset[int]) -> Iterator[RegionUnit]:
    labels, ids = label_map.labels, label_map.instances
    if target.objects or target.places:
        yield from _selected(label_map, target)
        return
    meant = np.zeros(256, np.bool_)
    meant[list(target.classes) if target.classes is not None else slice(None)] = True
    meant[[0, *ignored]] = False
    wanted = meant[labels]
    if ids is not None:
        wanted_ids = np.where(wanted, ids, np.uint16(0))
        yield from _objects(labels, wanted_ids)
        wanted &= ids == 0
    for class_id in np.flatnonzero(np.bincount(labels[wanted].reshape(-1), minlength=1)):
        mask = wanted & (labels == class_id)
        yield _cropped(int(class_id), 0, mask)


def _selected(label_map: LabelMap, target: Target) -> Iterator[RegionUnit]:
    labels, ids = label_map.labels, label_map.instances
    if target.objects and ids is not None:
        chosen = np.isin(ids, [*target.objects])
        yield from _objects(labels, np.where(chosen, ids, np.uint16(0)))
    for place in target.places:
        rect, mask = region_at(labels, place, contiguous=True)
        x, y = place
        if not rect.is_empty and labels[y, x]:
            yield RegionUnit(int(labels[y, x]), 0, rect, mask)


def _objects(labels: Labels, ids: InstanceIds) -> Iterator[RegionUnit]:
    from scipy.ndimage import find_objects

    for number, box in enumerate(find_objects(ids.astype(np.int32)), 1):
        if box is None:
            continue
        rect = Rect(box[0].start, box[1].start, box[0].stop, box[1].stop)
        mask = ids[box] == number
        yield RegionUnit(int(labels[box][mask][0]), number, rect, mask)


def _cropped(class_id: int, object_id: int, mask: Mask) -> RegionUnit:
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    rect = Rect(top, left, top + height, left + width)
    return RegionUnit(class_id, object_id, rect, mask[rect.slices].copy())


def _widened(unit: RegionUnit, pixels: int, shape_hw: tuple[int, int]) -> tuple[Rect, Mask]:
    """A unit with so many pixels around it, as far as the image goes."""
    rect = unit.rect.expand(pixels).clip(shape_hw)
    mask = np.zeros(rect.shape_hw, np.bool_)
    mask[unit.rect.shifted(-rect.top, -rect.left).slices] = unit.mask
    return rect, mask


# -- the operations --------------------------------------------------------------------------------


def _fill_holes(work: Work, amount: int, _into: int) -> None:
    for unit in work.units:
        outside = np.pad(~unit.mask, 1, constant_values=True).view(np.uint8)
        count, numbers, stats = cv2.connectedComponentsWithStats(outside, connectivity=4)[:3]
        small = np.ones(count, np.bool_)
        if amount:
            small = stats[:, cv2.CC_STAT_AREA] <= amount
        small[[0, int(numbers[0, 0])]] = False
        work.add(unit, unit.rect, small[numbers[1:-1, 1:-1]])


def _keep_largest(work: Work, _amount: int, _into: int) -> None:
    for unit in work.units:
        count, numbers, stats = _parts(unit.mask)
        if count > 2:
            largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
            work.remove(unit.rect, unit.mask & (numbers != largest))


def _remove_specks(work: Work, amount: int, _into: int) -> None:
    """Specks of a class become what most pixels around them are; those of objects background."""
    for unit in work.units:
        _, numbers, stats = _parts(unit.mask)
        for number in 1 + np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] < amount):
            left, top, width, height = (int(v) for v in stats[number, :4])
            inner = Rect(top, left, top + height, left + width)
            rect = inner.shifted(unit.rect.top, unit.rect.left)
            speck = numbers[inner.slices] == number
            if unit.object_id:
                work.remove(rect, speck)
            else:
                _melt(work, rect, speck)


def _melt(work: Work, rect: Rect, speck: Mask) -> None:
    around = rect.expand(1).clip((work.labels.shape[0], work.labels.shape[1]))
    inside = np.zeros(around.shape_hw, np.uint8)
    inside[rect.shifted(-around.top, -around.left).slices] = speck
    ring = (cv2.dilate(inside, _CROSS) > 0) & (inside == 0)
    labels = work.labels[around.slices]
    neighbours = labels[ring]
    neighbours = neighbours[~np.isin(neighbours, [*work.ignored])]
    label = int(np.bincount(neighbours).argmax()) if neighbours.size else 0
    labels[inside > 0] = label
    if work.ids is not None:
        ids = work.ids[around.slices]
        near = ids[ring & (labels == label)]
        ids[inside > 0] = int(np.bincount(near).argmax()) if near.size and label else 0


def _grow(work: Work, amount: int, _into: int) -> None:
    """All units at once: where two meet, a pixel goes to the nearer one."""
    shape = (work.labels.shape[0], work.labels.shape[1])
    best = np.full(shape, amount + _NEAR, np.float32)
    winner = np.zeros(shape, np.int32)
    for number, unit in enumerate(work.units, 1):
        rect, mask = _widened(unit, amount, shape)
        distance = _distance(~mask)
        nearest = distance <= best[rect.slices]
        nearest &= (distance < best[rect.slices]) | (winner[rect.slices] == 0)
        best[rect.slices][nearest] = distance[nearest]
        winner[rect.slices][nearest] = number
    free = work.labels == 0
    for number, unit in enumerate(work.units, 1):
        rect = unit.rect.expand(amount).clip(shape)
        work.add(unit, rect, (winner[rect.slices] == number) & free[rect.slices])


def _shrink(work: Work, amount: int, _into: int) -> None:
    """From every side but the image's own edge."""
    shape = (work.labels.shape[0], work.labels.shape[1])
    for unit in work.units:
        rect, mask = _widened(unit, 1, shape)
        work.remove(rect, mask & ~_eroded(mask, amount))


def _open(work: Work, amount: int, _into: int) -> None:
    shape = (work.labels.shape[0], work.labels.shape[1])
    for unit in work.units:
        rect, mask = _widened(unit, 1, shape)
        kept = _eroded(mask, amount)
        opened = mask & (_distance(~kept) <= amount + _NEAR) if kept.any() else kept
        work.remove(rect, mask & ~opened)


def _close(work: Work, amount: int, _into: int) -> None:
    for unit in work.units:
        # beyond the image's edge there is room, too, or everything would stick to the edge
        margin = amount + 1
        mask = np.pad(unit.mask, margin)
        grown = _distance(~mask) <= amount + _NEAR
        closed = _eroded(grown, amount)[margin:-margin, margin:-margin]
        work.add(unit, unit.rect, closed)


def _hull(work: Work, _amount: int, _into: int) -> None:
    """Of every connected part for itself; of an object around all of its parts."""
    for unit in work.units:
        parts: Iterable[tuple[Rect, Mask]] = ((unit.rect, unit.mask),)
        if not unit.object_id:
            parts = _each_part(unit)
        for rect, mask in parts:
            rows, columns = np.nonzero(mask)
            corners = [(columns + right, rows + down) for down in (0, 1) for right in (0, 1)]
            points = np.concatenate([np.stack(pair, 1) for pair in corners]).astype(np.int32)
            hull = cv2.convexHull(points).reshape(-1, 2)
            inner, inside = polygon_mask(hull, rect.shape_hw)
            work.add(unit, inner.shifted(rect.top, rect.left), inside)


def _each_part(unit: RegionUnit) -> Iterator[tuple[Rect, Mask]]:
    count, numbers, stats = _parts(unit.mask)
    for number in range(1, count):
        left, top, width, height = (int(v) for v in stats[number, :4])
        inner = Rect(top, left, top + height, left + width)
        yield inner.shifted(unit.rect.top, unit.rect.left), numbers[inner.slices] == number


def _smooth(work: Work, amount: int, _into: int) -> None:
    """Each pixel goes to what weighs most around it, among all units and the ground at once.

    So neighbours stay neighbours: no gap opens between them and none covers the other. Pixels of
    what is not meant stay.
    """
    shape = (work.labels.shape[0], work.labels.shape[1])
    reach = 3 * amount
    best = _blurred(work.labels == 0, amount)
    winner = np.zeros(shape, np.int32)
    mine = work.labels == 0
    for number, unit in enumerate(work.units, 1):
        rect, mask = _widened(unit, reach, shape)
        weight = _blurred(mask, amount)
        more = weight > best[rect.slices]
        best[rect.slices][more] = weight[more]
        winner[rect.slices][more] = number
        mine[unit.rect.slices] |= unit.mask
    labels = np.array([0, *(unit.class_id for unit in work.units)], np.uint8)
    work.labels[mine] = labels[winner[mine]]
    if work.ids is not None:
        ids = np.array([0, *(unit.object_id for unit in work.units)], np.uint16)
        work.ids[mine] = ids[winner[mine]]


def _change_class(work: Work, _amount: int, into: int) -> None:
    for unit in work.units:
        if into:
            work.labels[unit.rect.slices][unit.mask] = into
        else:
            work.remove(unit.rect, unit.mask)


_CROSS: Final = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


def _parts(mask: Mask) -> tuple[int, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    count, numbers, stats = cv2.connectedComponentsWithStats(
        np.ascontiguousarray(mask).view(np.uint8), connectivity=8
    )[:3]
    return count, np.asarray(numbers, np.int32), np.asarray(stats, np.int32)


def _distance(outside: Mask) -> npt.NDArray[np.float32]:
    """How far each pixel is from the nearest one that is not marked; 0 there, far if there is none."""
    if outside.all():
        return np.full(outside.shape, np.inf, np.float32)
    marked = np.ascontiguousarray(outside).view(np.uint8)
    found = cv2.distanceTransform(marked, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(found, np.float32)


def _eroded(mask: Mask, amount: int) -> Mask:
    """The pixels of a mask that are farther than so much from all that are not of it."""
    return mask & (_distance(mask) > amount + _NEAR)


def _blurred(mask: Mask, sigma: int) -> npt.NDArray[np.float32]:
    weights = mask.astype(np.float32)
    size = 2 * 3 * sigma + 1
    blurred = cv2.GaussianBlur(weights, (size, size), sigma, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.float32)


OPERATIONS: Final = (
    Operation("fill_holes", "Fill holes", "Background that a region encloses becomes its own.",
              _fill_holes, Amount("Holes up to", 0, 0, 1_000_000)),
    Operation("keep_largest", "Keep the largest part",
              "Of every class, or every object, the largest connected part stays.", _keep_largest),
    Operation("remove_specks", "Remove specks",
              "Connected parts with fewer pixels become what is around them.", _remove_specks,
              Amount("Smaller than", 30, 2, 1_000_000)),
    Operation("grow", "Grow", "Regions take the ground around them, but nothing of a neighbour.",
              _grow, Amount("By", 2, 1, 200)),
    Operation("shrink", "Shrink", "Regions lose their outermost pixels.", _shrink,
              Amount("By", 2, 1, 200)),
    Operation("open", "Open", "Thin bridges and spikes go; what is thicker stays as it is.", _open,
              Amount("Thinner than twice", 2, 1, 200)),
    Operation("close", "Close", "Thin gaps and bays of the ground are filled.", _close,
              Amount("Narrower than twice", 2, 1, 200)),
    Operation("smooth", "Smooth", "Outlines lose their wiggles; neighbours stay side by side.",
              _smooth, Amount("By", 2, 1, 50)),
    Operation("hull", "Convex hull", "Bays of the ground in every region are filled.", _hull),
    Operation("change_class", "Change class", "The regions get another class.", _change_class,
              asks_class=True),
)  # fmt: skip
