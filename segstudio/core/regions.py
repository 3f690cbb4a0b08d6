"""Regions of one class in a label map."""

from __future__ import annotations

import cv2
import numpy as np

from segstudio.core.geometry import Rect
from segstudio.core.labels import InstanceIds, LabelMap, Labels, Mask

_FILLED = 2
_LEAST_WINDOW = 256
_NEAR_WINDOW = 1024
_QUICK_PX = 1 << 20
"""A region of more pixels is looked for with fewer where the answer has to be quick."""


def region_at(
    labels: Labels,
    point_xy: tuple[int, int],
    *,
    contiguous: bool,
    ids: InstanceIds | None = None,
) -> tuple[Rect, Mask]:
    """The pixels of the class under a point, of an object there only those of the object.

    Args:
        labels: (H, W) uint8 class ids.
        point_xy: Pixel (x, y).
        contiguous: Whether only the part connected to the point (by edges, not corners) is meant,
            or the class everywhere.
        ids: (H, W) uint16 ids of objects, where objects of one class are to be told apart.

    Returns:
        The smallest rectangle around the pixels, and the mask (h, w) bool; both are empty if the
        point lies outside.
    """
    x, y = point_xy
    height, width = labels.shape
    if not (0 <= x < width and 0 <= y < height):
        return Rect(0, 0, 0, 0), np.zeros((0, 0), np.bool_)
    alike = labels == labels[y, x]
    if ids is not None:
        alike &= ids == ids[y, x]
    same = alike.view(np.uint8)
    if contiguous:
        cv2.floodFill(same, None, (x, y), (_FILLED,), flags=4)
        same = (same == _FILLED).view(np.uint8)
    left, top, w, h = cv2.boundingRect(same)
    rect = Rect(top, left, top + h, left + w)
    return rect, same[rect.slices].astype(np.bool_)


def filled_region(
    annotation: LabelMap, point_xy: tuple[int, int], *, contiguous: bool
) -> tuple[Rect, Mask]:
    """What a fill at a pixel (x, y) means: its class, connected or everywhere; of objects that one."""
    ids = annotation.instances if contiguous else None
    return region_at(annotation.labels, point_xy, contiguous=contiguous, ids=ids)


def roughly_filled(
    annotation: LabelMap, point_xy: tuple[int, int], *, contiguous: bool
) -> tuple[Rect, Mask, int]:
    """As `filled_region`, within a frame or two: of a large region with a part of the pixels alone.

    Returns:
        Rectangle and mask, in pixels of which only every so manieth was looked at, and that number.
    """
    labels, ids = annotation.labels, annotation.instances if contiguous else None
    step = 1
    while (labels.shape[0] // step) * (labels.shape[1] // step) > _QUICK_PX:
        step += 1
    if step > 1 and contiguous:
        near = region_around(labels, ids, point_xy, _NEAR_WINDOW, by_corners=False)
        if near is not None:
            return *near, 1
    x, y = point_xy
    seed = (x // step, y // step)
    small = labels[::step, ::step].copy()
    small[seed[1], seed[0]] = labels[y, x]
    small_ids = None if ids is None else ids[::step, ::step].copy()
    if ids is not None and small_ids is not None:
        small_ids[seed[1], seed[0]] = ids[y, x]
    rect, mask = region_at(small, seed, contiguous=contiguous, ids=small_ids)
    return rect, mask, step


def region_around(
    labels: Labels,
    ids: InstanceIds | None,
    point_xy: tuple[int, int],
    most: int = 1 << 62,
    *,
    by_corners: bool = True,
) -> tuple[Rect, Mask] | None:
    """The connected pixels of one class and number around a point.

    It is looked for in windows around the point that grow until it lies inside one, so that a
    small region of a large map is found at once.

    Args:
        labels: (H, W) uint8 class ids.
        ids: (H, W) uint16 ids of objects, or None.
        point_xy: Pixel (x, y); inside.
        most: The side of the largest window.
        by_corners: Whether pixels that touch by a corner are connected.

    Returns:
        The smallest rectangle around the pixels and the mask (h, w) bool; None if it is larger than
        that window.
    """
    x, y = point_xy
    whole, side = Rect.of_shape((labels.shape[0], labels.shape[1])), _LEAST_WINDOW
    while True:
        half = side // 2
        window = Rect(y - half, x - half, y + half, x + half).intersect(whole)
        same = labels[window.slices] == labels[y, x]
        if ids is not None:
            same &= ids[window.slices] == ids[y, x]
        found = same.view(np.uint8)
        cv2.floodFill(
            found, None, (x - window.left, y - window.top), (_FILLED,), flags=8 if by_corners else 4
        )
        mask = found == _FILLED
        sides = ((mask[0], window.top), (mask[:, 0], window.left))
        ends = ((mask[-1], window.bottom < whole.bottom), (mask[:, -1], window.right < whole.right))
        if not any(edge.any() for edge, more in (*sides, *ends) if more):
            left, top, w, h = cv2.boundingRect(mask.view(np.uint8))
            rect = Rect(
                window.top + top, window.left + left, window.top + top + h, window.left + left + w
            )
            return rect, mask[top : top + h, left : left + w]
        side *= 2
        if side > most:
            return None


def is_unnumbered(annotation: LabelMap, pixel: tuple[int, int]) -> bool:
    """Whether a pixel (x, y) has a class and belongs to no object."""
    x, y = pixel
    if not Rect.of_shape(annotation.shape_hw).contains(x, y) or annotation.labels[y, x] == 0:
        return False
    return annotation.instances is None or annotation.instances[y, x] == 0
