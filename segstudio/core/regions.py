"""Regions of one class in a label map."""

from __future__ import annotations

import cv2
import numpy as np

from segstudio.core.geometry import Rect
from segstudio.core.labels import InstanceIds, Labels, Mask

_FILLED = 2


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
