"""Patches that change whole objects: their class, their number, or both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from segstudio.core.geometry import Rect
from segstudio.core.labels import InstanceIds, LabelMap, Mask, Patch
from segstudio.core.merging import side_by_side
from segstudio.core.object_index import HIGHEST_ID, ObjectInfo, tight


def changed_objects(
    annotation: LabelMap,
    objects: Iterable[ObjectInfo],
    *,
    class_id: int | None = None,
    new_id: int | None = None,
) -> tuple[Patch, ...]:
    """The patches that give objects another class or number; each covers one object.

    Args:
        annotation: The map.
        objects: Which, of its objects.
        class_id: The class that they get; None: they keep theirs.
        new_id: The number that they get, 0 for none; None: they keep theirs.
    """
    found = []
    for info in objects:
        patch = _changed(annotation, info, class_id, new_id)
        if patch is not None:
            found.append(patch)
    return side_by_side(annotation, found)


def changed_region(annotation: LabelMap, where: tuple[Rect, Mask], class_id: int) -> Patch | None:
    """The patch that gives a region without a number another class."""
    return None if where[0].is_empty else annotation.paint(*where, class_id)


def renumbered(ids: InstanceIds, numbers: Mapping[int, int]) -> InstanceIds:
    """Ids in which objects have other numbers; those that are not named keep theirs."""
    table = np.arange(HIGHEST_ID + 1, dtype=np.uint16)
    for old, new in numbers.items():
        table[old] = new
    return np.ascontiguousarray(table[ids])


def _changed(
    annotation: LabelMap, info: ObjectInfo, class_id: int | None, new_id: int | None
) -> Patch | None:
    ids = annotation.instances
    if ids is None:
        return None
    rect, mask = tight(info.rect, ids[info.rect.slices] == info.id)
    if rect.is_empty:
        return None
    labels_before, ids_before = annotation.labels[rect.slices], ids[rect.slices]
    labels, numbers = labels_before.copy(), ids_before.copy()
    if class_id is not None:
        labels[mask] = class_id
    if new_id is not None:
        numbers[mask] = new_id
    if np.array_equal(labels, labels_before) and np.array_equal(numbers, ids_before):
        return None
    return Patch(rect, labels_before.copy(), labels, ids_before.copy(), numbers)
