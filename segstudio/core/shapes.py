"""Polygons, rectangles and ellipses as pixels."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect
from segstudio.core.labels import Mask

Points = npt.NDArray[np.float64]
"""(N, 2) float64, x and y."""
_RIM = 1e-9
"""Centres on the rim of an ellipse belong to it, whatever the rounding."""


def polygon_mask(points_xy: npt.ArrayLike, shape_hw: tuple[int, int]) -> tuple[Rect, Mask]:
    """The pixels whose centres lie inside a polygon, by the even-odd rule.

    A centre exactly on an edge belongs to the polygon on its right (below it, for a level edge):
    polygons that share an edge neither overlap nor leave a gap. The polygon may cross itself;
    what is enclosed twice is outside.

    Args:
        points_xy: (N, 2) corners in order; the last is joined to the first. Fewer than three
            enclose nothing.
        shape_hw: (H, W) of the image; what lies outside is cut off.

    Returns:
        A rectangle inside the image around the polygon, perhaps empty, and the mask (h, w) bool.

    Raises:
        ValueError: if the points are not (N, 2) finite numbers.
    """
    points = np.asarray(points_xy, np.float64)
    if points.size and (points.ndim != 2 or points.shape[1] != 2):
        raise ValueError(f"a polygon is (N, 2) points, not {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError("a polygon's points must be finite")
    rect = Rect(0, 0, 0, 0) if len(points) < 3 else _bounds(points).clip(shape_hw)
    if rect.is_empty:
        return Rect(0, 0, 0, 0), np.zeros((0, 0), np.bool_)
    rows, columns = _crossings(points, rect)
    # Each crossing of a row flips everything to its right, so a running XOR fills the row.
    flips = np.zeros((rect.height, rect.width + 1), np.uint8)
    np.bitwise_xor.at(flips, (rows, columns), 1)
    np.bitwise_xor.accumulate(flips, axis=1, out=flips)
    return rect, flips[:, :-1].astype(np.bool_)


def rectangle_pixels(
    first_xy: tuple[float, float], last_xy: tuple[float, float], shape_hw: tuple[int, int]
) -> Rect:
    """The pixels whose centres lie in the upright rectangle between two corners, as of a polygon."""
    (x0, x1), (y0, y1) = (sorted(pair) for pair in zip(first_xy, last_xy, strict=True))
    top, bottom = math.ceil(y0 - 0.5), math.ceil(y1 - 0.5)
    rect = Rect(top, math.ceil(x0 - 0.5), bottom, math.ceil(x1 - 0.5)).clip(shape_hw)
    return Rect(0, 0, 0, 0) if rect.is_empty else rect


def ellipse_mask(
    first_xy: tuple[float, float], last_xy: tuple[float, float], shape_hw: tuple[int, int]
) -> tuple[Rect, Mask]:
    """The pixels whose centres lie in the ellipse that fills an upright rectangle, or on its rim.

    Args:
        first_xy: One corner of the rectangle.
        last_xy: The opposite one.
        shape_hw: (H, W) of the image; what lies outside is cut off.

    Returns:
        A rectangle inside the image around the ellipse, perhaps empty, and the mask (h, w) bool.
    """
    (x0, y0), (x1, y1) = first_xy, last_xy
    a, b = abs(x1 - x0) / 2, abs(y1 - y0) / 2
    rect = ellipse_bounds(first_xy, last_xy, shape_hw)
    if rect.is_empty:
        return rect, np.zeros((0, 0), np.bool_)
    x = (np.arange(rect.left, rect.right) + 0.5 - (x0 + x1) / 2) / a
    y = (np.arange(rect.top, rect.bottom) + 0.5 - (y0 + y1) / 2) / b
    return rect, (x * x)[None, :] + (y * y)[:, None] <= 1 + _RIM


def ellipse_bounds(
    first_xy: tuple[float, float], last_xy: tuple[float, float], shape_hw: tuple[int, int]
) -> Rect:
    """The rectangle of `ellipse_mask`; empty where the ellipse has no area in the image."""
    ends = np.sort(np.asarray((first_xy, last_xy), np.float64), axis=0)
    rect = _bounds(ends).clip(shape_hw) if (ends[0] < ends[1]).all() else Rect(0, 0, 0, 0)
    return Rect(0, 0, 0, 0) if rect.is_empty else rect


def _bounds(points: Points) -> Rect:
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return Rect(math.floor(top), math.floor(left), math.ceil(bottom), math.ceil(right))


def _crossings(points: Points, rect: Rect) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Where the edges cross the centre lines of the rectangle's rows.

    Returns:
        For each crossing its row, and the first column whose centre lies on it or to its right
        (0..width), both counted from the rectangle.
    """
    following = np.roll(points, -1, axis=0)
    # From the upper end to the lower one, so that an edge shared by two polygons, which run along
    # it in opposite directions, is rounded alike in both.
    down = (points[:, 1] <= following[:, 1])[:, None]
    upper, lower = np.where(down, points, following), np.where(down, following, points)
    first = _first_centre(upper[:, 1], rect.top, rect.height)
    stop = _first_centre(lower[:, 1], rect.top, rect.height)
    counts = stop - first
    edges = np.repeat(np.arange(len(points)), counts)
    starts = np.cumsum(counts) - counts
    rows = np.arange(len(edges)) - starts[edges] + first[edges]
    (x0, y0), (x1, y1) = upper[edges].T, lower[edges].T
    x = x0 + (rows + (rect.top + 0.5) - y0) * ((x1 - x0) / (y1 - y0))
    return rows, _first_centre(x, rect.left, rect.width)


def _first_centre(values: npt.NDArray[np.float64], origin: int, count: int) -> npt.NDArray[np.intp]:
    """Index of the first pixel, 0..count, whose centre is not below each value."""
    return np.clip(np.ceil(values - origin - 0.5), 0, count).astype(np.intp)
