"""Taking a part of one label map into another, objects and all."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect
from segstudio.core.labels import InstanceIds, LabelMap, Labels, Mask, Patch

_Numbers = npt.NDArray[np.int32]
_HIGHEST = 65535


def differing_region(
    annotation: LabelMap, labels: Labels, ids: InstanceIds | None, point_xy: tuple[int, int]
) -> tuple[Rect, Mask]:
    """The connected pixels around a point on which a model says something else.

    They are those that the annotation calls the same there, and the model too; with instance ids
    also of the same object of the model's.

    Args:
        annotation: What is there.
        labels: (H, W) uint8: what the model says.
        ids: (H, W) uint16 instance ids of the model, or None.
        point_xy: Pixel (x, y).

    Returns:
        The smallest rectangle around the pixels and the mask (h, w) bool; both are empty if the
        two agree at the point, or it lies outside.
    """
    x, y = point_xy
    nothing = Rect(0, 0, 0, 0), np.zeros((0, 0), np.bool_)
    if not Rect.of_shape(annotation.shape_hw).contains(x, y):
        return nothing
    before = annotation.labels
    if before[y, x] == labels[y, x]:
        return nothing
    alike = (before == before[y, x]) & (labels == labels[y, x])
    if ids is not None:
        alike &= ids == ids[y, x]
    numbers, stats = cv2.connectedComponentsWithStats(alike.view(np.uint8), connectivity=8)[1:3]
    number = int(numbers[y, x])
    left, top, width, height = (int(v) for v in stats[number, :4])
    rect = Rect(top, left, top + height, left + width)
    return rect, np.asarray(numbers[rect.slices] == number)


def taken(
    annotation: LabelMap, rect: Rect, mask: Mask, labels: Labels, ids: InstanceIds | None
) -> Patch | None:
    """The patch that gives the masked pixels a model's classes; nothing is changed yet.

    Where the annotation keeps instance ids, a part of an object that goes on outside the mask gets
    that object's id; other objects get new ones.

    Args:
        annotation: What is there.
        rect: Where; must lie inside.
        mask: (h, w) bool of the rectangle's shape.
        labels: (H, W) uint8: what the model says.
        ids: (H, W) uint16 instance ids of the model, or None: then an object is what is connected.

    Returns:
        The patch, or None if no pixel would change.
    """
    if rect.is_empty:
        return None
    cut = rect.slices
    before = annotation.labels[cut]
    after = np.where(mask, labels[cut], before)
    if annotation.instances is None:
        if np.array_equal(before, after):
            return None
        return Patch(rect, before.copy(), after)
    ids_before = annotation.instances[cut]
    ids_after = _with_ids(annotation, rect, mask, labels, ids)
    if np.array_equal(before, after) and np.array_equal(ids_before, ids_after):
        return None
    return Patch(rect, before.copy(), after, ids_before.copy(), ids_after)


def matched_objects(
    labels: Labels,
    ids: InstanceIds | None,
    before: Labels,
    ids_before: InstanceIds,
    no_object: frozenset[int] = frozenset({0}),
    highest_kept: int = 0,
) -> InstanceIds:
    """Ids for the objects of a label map that replaces another one.

    An object that overlaps one of the same class that was there has its id; of several the one
    of the highest IoU, and an id is given once. All others have new ids.

    Args:
        labels: (H, W) uint8: the new classes.
        ids: (H, W) uint16: which pixels are one object, or None: what is connected is.
        before: (H, W) uint8: the classes that were there.
        ids_before: (H, W) uint16: the ids that were there.
        no_object: Classes without objects: background, what is ignored.
        highest_kept: The highest id of pixels that are not replaced: new ones are above it.

    Returns:
        (H, W) uint16, 0 outside of objects.
    """
    things = ~np.isin(labels, list(no_object))
    numbers = _objects(np.where(things, labels, np.uint8(0)), ids, things)
    numbers[~things] = 0
    table = np.zeros(int(numbers.max(initial=0)) + 1, np.uint16)
    taken_ids: set[int] = set()
    for number, instance in _overlapping(numbers, labels, before, ids_before):
        if not table[number] and instance not in taken_ids:
            table[number] = instance
            taken_ids.add(instance)
    present = np.flatnonzero(np.bincount(numbers.reshape(-1)))
    new = present[(present > 0) & (table[present] == 0)]
    first = max(taken_ids | {highest_kept}) + 1
    table[new] = np.minimum(first + np.arange(new.size), _HIGHEST).astype(np.uint16)
    return np.ascontiguousarray(table[numbers])


def _overlapping(
    numbers: _Numbers, labels: Labels, before: Labels, ids_before: InstanceIds
) -> list[tuple[int, int]]:
    """(number, id that was there) of objects that overlap, by falling IoU."""
    both = (numbers > 0) & (ids_before > 0) & (labels == before)
    pairs, shared = np.unique(
        numbers[both].astype(np.int64) << 16 | ids_before[both], return_counts=True
    )
    sizes = np.bincount(numbers.reshape(-1))
    sizes_before = np.bincount(ids_before.reshape(-1))
    one, other = pairs >> 16, pairs & _HIGHEST
    iou = shared / (sizes[one] + sizes_before[other] - shared)
    order = np.argsort(-iou, kind="stable")
    return [(int(one[i]), int(other[i])) for i in order]


def _with_ids(
    annotation: LabelMap, rect: Rect, mask: Mask, labels: Labels, ids: InstanceIds | None
) -> InstanceIds:
    """(h, w) uint16: the annotation's ids of a rectangle, with those of what is taken."""
    assert annotation.instances is not None
    wider = rect.expand(1).clip(annotation.shape_hw)
    inner = (
        slice(rect.top - wider.top, rect.bottom - wider.top),
        slice(rect.left - wider.left, rect.right - wider.left),
    )
    inside = np.zeros(wider.shape_hw, np.bool_)
    inside[inner] = mask
    said = labels[wider.slices]
    numbers = _objects(said, None if ids is None else ids[wider.slices], inside)
    kept = np.where(inside, np.uint16(0), annotation.instances[wider.slices])
    same = annotation.labels[wider.slices]
    table = np.zeros(int(numbers.max(initial=0)) + 1, np.uint16)
    for number, instance in _continued(numbers, inside, said, same, kept):
        table[number] = instance
    present = np.unique(numbers[inside])
    new = present[(present > 0) & (table[present] == 0)]
    first = int(annotation.instances.max(initial=0)) + 1
    table[new] = np.minimum(first + np.arange(new.size), _HIGHEST).astype(np.uint16)
    found: InstanceIds = np.where(inside, table[np.where(inside, numbers, 0)], kept)[inner]
    return np.ascontiguousarray(found)


def _objects(said: Labels, ids: InstanceIds | None, inside: Mask) -> _Numbers:
    """Number of the model's object at every pixel, 0 for background.

    With ids they are these, also outside; else what is connected inside, and 0 outside.
    """
    if ids is not None:
        return np.where(said != 0, ids, 0).astype(np.int32)
    numbers = np.zeros(said.shape, np.int32)
    for class_id in np.unique(said[inside]):
        if class_id:
            part = (inside & (said == class_id)).view(np.uint8)
            found = np.asarray(cv2.connectedComponents(part, connectivity=8)[1], np.int32)
            numbers = np.where(found > 0, found + numbers.max(initial=0), numbers)
    return numbers


def _continued(
    numbers: _Numbers, inside: Mask, said: Labels, same: Labels, kept: InstanceIds
) -> list[tuple[int, int]]:
    """(number, instance id) of the objects that go on outside, by the longest shared border."""
    keys = []
    for one, other in _neighbours():
        for a, b in ((one, other), (other, one)):
            goes_on = inside[a] & ~inside[b] & (numbers[a] > 0) & (kept[b] > 0)
            goes_on &= said[a] == same[b]
            # a model that tells objects apart must call the pixel outside the same object
            goes_on &= (numbers[b] == numbers[a]) | (numbers[b] == 0)
            keys.append(numbers[a][goes_on].astype(np.int64) << 16 | kept[b][goes_on])
    pairs, lengths = np.unique(np.concatenate(keys), return_counts=True)
    order = np.argsort(lengths, kind="stable")
    return [(int(pair >> 16), int(pair & _HIGHEST)) for pair in pairs[order]]


def _neighbours() -> tuple[tuple[tuple[slice, slice], tuple[slice, slice]], ...]:
    every, but_last, but_first = slice(None), slice(None, -1), slice(1, None)
    return (((but_last, every), (but_first, every)), ((every, but_last), (every, but_first)))
