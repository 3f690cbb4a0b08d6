"""A painted region as a polygon, and the pixels that change when its corners are moved."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap, Mask, Patch
from segstudio.core.regions import region_at
from segstudio.core.shapes import Points, rings_mask, rings_of, simplified

TOLERANCES: Final = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0)
"""How far a corner that is left out may lie from the line, in pixels."""
USUAL: Final = 2
"""Which of them is taken at first."""


@dataclass(frozen=True, eq=False)
class RegionOutline:
    """A region of an annotation, and its outlines with few corners.

    Attributes:
        class_id: Its class.
        instance_id: Its object, 0 where ids are not kept.
        rect: Where it is.
        mask: (h, w) bool of the rectangle's shape.
        exact: All outlines of it, of parts and of holes, with every corner; x and y in the image.
        rings: The same with fewer corners.
        tolerance: How far those left out may lie from the lines.
    """

    class_id: int
    instance_id: int
    rect: Rect
    mask: Mask
    exact: tuple[Points, ...]
    rings: tuple[Points, ...]
    tolerance: float

    def with_tolerance(self, tolerance: float) -> RegionOutline:
        """The same region with more or fewer corners."""
        return replace(self, rings=tuple(simplified(self.exact, tolerance)), tolerance=tolerance)


def outline_at(
    annotation: LabelMap, point_xy: tuple[int, int], tolerance: float = TOLERANCES[USUAL]
) -> RegionOutline | None:
    """The region at a pixel (x, y): the object where ids are kept, else what is connected by edges.

    None on background and outside of the image.
    """
    x, y = point_xy
    if not Rect.of_shape(annotation.shape_hw).contains(x, y) or not annotation.labels[y, x]:
        return None
    class_id, ids = int(annotation.labels[y, x]), annotation.instances
    instance = 0 if ids is None else int(ids[y, x])
    if ids is not None and instance:
        whole = (ids == instance) & (annotation.labels == class_id)
        left, top, width, height = cv2.boundingRect(whole.view(np.uint8))
        rect = Rect(top, left, top + height, left + width)
        mask = whole[rect.slices].copy()
    else:
        rect, mask = region_at(annotation.labels, point_xy, contiguous=True)
    corner = np.array((rect.left, rect.top), np.float64)
    exact = tuple(ring + corner for ring in rings_of(mask))
    found = RegionOutline(class_id, instance, rect, mask, exact, (), 0.0)
    return found.with_tolerance(tolerance)


def reshaped(
    annotation: LabelMap,
    outline: RegionOutline,
    rings: Sequence[npt.ArrayLike],
) -> Patch | None:
    """The patch that gives a region other outlines; nothing is changed yet.

    Only what lies between the old lines and the new ones changes, with the pixels at the old line
    that its few corners did not follow. Everything else of the region stays to the pixel.

    Args:
        annotation: What is there now.
        outline: The region as it was opened.
        rings: Its outlines now.

    Returns:
        The patch, or None if no pixel would change.
    """
    shape = annotation.shape_hw
    before, now = rings_mask(outline.rings, shape), rings_mask(rings, shape)
    margin = math.ceil(outline.tolerance) + 1
    rect = outline.rect.union(before[0]).union(now[0]).expand(margin).clip(shape)
    was = _within(rect, outline.rect, outline.mask)
    old, new = _within(rect, *before), _within(rect, *now)
    moved = old ^ new
    if not moved.any():
        return None
    reach = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
    near = cv2.dilate(moved.view(np.uint8), reach).view(np.bool_)
    changing = moved | ((was ^ old) & near)
    labels = annotation.labels[rect.slices]
    ids = None if annotation.instances is None else annotation.instances[rect.slices]
    mine = labels == outline.class_id
    if ids is not None and outline.instance_id:
        mine &= ids == outline.instance_id
    added = changing & new & ~mine
    gone = changing & ~new & was & mine
    after = np.where(added, np.uint8(outline.class_id), np.where(gone, np.uint8(0), labels))
    if ids is None:
        patch = Patch(rect, labels.copy(), after)
    else:
        ids_after = np.where(
            added, np.uint16(outline.instance_id), np.where(gone, np.uint16(0), ids)
        )
        patch = Patch(rect, labels.copy(), after, ids.copy(), ids_after)
    return patch if added.any() or gone.any() else None


def _within(rect: Rect, part: Rect, mask: Mask) -> Mask:
    """A mask in the frame of a rectangle around it."""
    whole = np.zeros(rect.shape_hw, np.bool_)
    whole[part.shifted(-rect.top, -rect.left).slices] = mask
    return whole
