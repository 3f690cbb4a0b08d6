"""Polygons, rectangles and ellipses as pixels, and pixels as polygons."""

from __future__ import annotations

import math
from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect
from segstudio.core.labels import Mask
from segstudio.core.outline import runs

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


def rings_mask(rings: Iterable[npt.ArrayLike], shape_hw: tuple[int, int]) -> tuple[Rect, Mask]:
    """The pixels of an area with several outlines, holes among them, by the even-odd rule.

    Args:
        rings: Polygons, as of `polygon_mask`.
        shape_hw: (H, W) of the image.

    Returns:
        A rectangle inside the image around all, perhaps empty, and the mask (h, w) bool.
    """
    parts = [polygon_mask(ring, shape_hw) for ring in rings]
    rect = Rect(0, 0, 0, 0)
    for part, _ in parts:
        rect = rect.union(part)
    mask = np.zeros(rect.shape_hw, np.bool_)
    for part, inside in parts:
        mask[part.shifted(-rect.top, -rect.left).slices] ^= inside
    return rect, mask


def rings_of(mask: Mask) -> list[Points]:
    """The outlines of a mask along the edges of its pixels: one of each part, one of each hole.

    `rings_mask` gives the mask again. Parts that touch at a corner have outlines of their own.

    Args:
        mask: (h, w) bool; what lies around it is outside.

    Returns:
        (N, 2) whole numbers each, x and y; the area lies at the right of the way along them.
    """
    starts, ends = _edges(mask)
    leaving: dict[tuple[int, int], list[int]] = {}
    for number, start in enumerate(starts):
        leaving.setdefault(start, []).append(number)
    rings, left = [], [True] * len(starts)
    for first in range(len(starts)):
        ring, number = list[tuple[int, int]](), first
        while left[number]:
            left[number] = False
            ring.append(starts[number])
            number = _next(number, starts, ends, leaving)
        if ring:
            rings.append(np.asarray(ring, np.float64))
    return rings


def simplified(rings: Iterable[Points], tolerance: float, most: int = 2000) -> list[Points]:
    """Outlines with fewer corners, none of which strays farther than a tolerance.

    Args:
        rings: As of `rings_of`.
        tolerance: In pixels; 0 leaves every corner. It is doubled until there are few enough.
        most: So many corners at most, unless a hundred pixels would not be enough for that.

    Returns:
        The outlines in the same order; one that would vanish stays as it is.
    """
    exact = [np.asarray(ring, np.float32) for ring in rings]
    while True:
        found = [_fewer(ring, tolerance) for ring in exact]
        if sum(map(len, found)) <= most or tolerance > 100:
            return found
        tolerance = max(0.5, 2 * tolerance)


def _fewer(ring: npt.NDArray[np.float32], tolerance: float) -> Points:
    if tolerance > 0:
        kept = cv2.approxPolyDP(ring, tolerance, closed=True).reshape(-1, 2)
        if len(kept) >= 3:
            return np.asarray(kept, np.float64)
    return np.asarray(ring, np.float64)


def _edges(mask: Mask) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Start and end (x, y) of every straight line along a mask, with the inside at its right."""
    padded = np.pad(mask, 1).astype(np.int8)
    down = padded[1:, 1:-1] - padded[:-1, 1:-1]
    right = (padded[1:-1, 1:] - padded[1:-1, :-1]).T
    top, bottom, left, far = (
        runs(edges).T.tolist() for edges in (down == 1, down == -1, right == 1, right == -1)
    )
    starts = [
        *zip(top[1], top[0], strict=True),
        *zip(bottom[2], bottom[0], strict=True),
        *zip(left[0], left[2], strict=True),
        *zip(far[0], far[1], strict=True),
    ]
    ends = [
        *zip(top[2], top[0], strict=True),
        *zip(bottom[1], bottom[0], strict=True),
        *zip(left[0], left[1], strict=True),
        *zip(far[0], far[2], strict=True),
    ]
    return starts, ends


def _next(
    number: int,
    starts: list[tuple[int, int]],
    ends: list[tuple[int, int]],
    leaving: dict[tuple[int, int], list[int]],
) -> int:
    """The line that goes on; where two pixels touch at a corner the one that turns right."""
    (x0, y0), (x1, y1) = starts[number], ends[number]
    choices = leaving[(x1, y1)]
    for choice in choices if len(choices) > 1 else ():
        x2, y2 = ends[choice]
        if (x1 - x0) * (y2 - y1) - (y1 - y0) * (x2 - x1) > 0:
            return choice
    return choices[0]


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
