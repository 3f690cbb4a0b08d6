"""Brushes: which pixels a stamp or a stroke covers.

A round brush of size d is a disc of diameter d, a square one has sides of d; a pixel is covered when
its centre lies inside. The stamp's centre snaps to a pixel's centre for odd sizes and to a pixel's corner for even ones, so
that every stamp is symmetric and exactly d pixels wide, and size 1 is the pixel under the pointer.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect
from segstudio.core.labels import Mask

Spans = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""For each of h rows the least and the greatest x covered, (h,) float64; +inf, -inf if none."""

# Centres that lie on the rim belong to the brush, whatever the rounding of the square roots.
_RIM = 1e-9


def segment_mask(
    p0_xy: tuple[float, float],
    p1_xy: tuple[float, float],
    size: int,
    shape_hw: tuple[int, int],
    *,
    square: bool = False,
) -> tuple[Rect, Mask]:
    """The pixels that the brush covers on its straight way between two points.

    This is the union of the stamps at every place between, so that strokes have no gaps at any
    speed. Size 1 draws a line one pixel thin. Both directions give the same pixels.

    Args:
        p0_xy: Start; pixel (x, y) covers [x, x + 1) x [y, y + 1).
        p1_xy: End; the same as the start for a single stamp.
        size: Diameter or side in pixels, at least 1.
        shape_hw: (H, W) of the image; what lies outside is cut off.
        square: Whether the brush is a square, else a disc.

    Returns:
        A rectangle inside the image around the pixels, perhaps empty, and the mask (h, w) bool.

    Raises:
        ValueError: if the size is below 1.
    """
    _require_size(size)
    start, end = sorted((stamp_centre(p0_xy, size), stamp_centre(p1_xy, size)))
    rect = _bounds(start, end, size).clip(shape_hw)
    if rect.is_empty:
        return Rect(0, 0, 0, 0), np.zeros((0, 0), np.bool_)
    if size == 1:
        return rect, _thin_line(start, end, rect)
    centres_y = np.arange(rect.top, rect.bottom, dtype=np.float64) + np.float64(0.5)
    if square:
        return rect, _fill(*_square_spans(start, end, size / 2, centres_y), rect)
    discs = [_disc_spans(p, size / 2, centres_y) for p in {start, end}]
    spans = discs if start == end else [*discs, _band_spans(start, end, size / 2, centres_y)]
    lowest = np.minimum.reduce([low for low, _ in spans])
    highest = np.maximum.reduce([high for _, high in spans])
    return rect, _fill(lowest, highest, rect)


def _require_size(size: int) -> None:
    if size < 1:
        raise ValueError(f"a brush is at least 1 pixel wide, not {size}")


def stamp_centre(point_xy: tuple[float, float], size: int) -> tuple[float, float]:
    """Where a stamp really lies for a pointer at a point.

    Stamps of odd size are centred on a pixel's centre, of even size on a corner, so that each is
    `size` pixels wide.
    """
    x, y = point_xy
    if size % 2:
        return (math.floor(x) + 0.5, math.floor(y) + 0.5)
    return (float(math.floor(x + 0.5)), float(math.floor(y + 0.5)))


def _bounds(start: tuple[float, float], end: tuple[float, float], size: int) -> Rect:
    xs, ys = (start[0], end[0]), (start[1], end[1])
    half = size / 2
    return Rect(int(min(ys) - half), int(min(xs) - half), int(max(ys) + half), int(max(xs) + half))


def _thin_line(start: tuple[float, float], end: tuple[float, float], rect: Rect) -> Mask:
    """One pixel for each step along the longer axis, 8-connected."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    steps = int(max(abs(dx), abs(dy)))
    along = np.arange(steps + 1) / max(steps, 1)
    columns = np.floor(start[0] + along * dx).astype(np.intp) - rect.left
    rows = np.floor(start[1] + along * dy).astype(np.intp) - rect.top
    inside = (rows >= 0) & (rows < rect.height) & (columns >= 0) & (columns < rect.width)
    mask = np.zeros(rect.shape_hw, np.bool_)
    mask[rows[inside], columns[inside]] = True
    return mask


def _disc_spans(
    centre: tuple[float, float], radius: float, centres_y: npt.NDArray[np.float64]
) -> Spans:
    square = radius**2 - (centres_y - centre[1]) ** 2
    half = np.sqrt(np.maximum(square, 0.0))
    hit = square >= 0
    return np.where(hit, centre[0] - half, np.inf), np.where(hit, centre[0] + half, -np.inf)


def _square_spans(
    start: tuple[float, float],
    end: tuple[float, float],
    half: float,
    centres_y: npt.NDArray[np.float64],
) -> Spans:
    """All squares on the way: those whose rows reach a row lie next to each other on the line."""
    (x0, y0), (x1, y1) = start, end
    first, last = np.zeros_like(centres_y), np.ones_like(centres_y)
    if y0 != y1:
        reach = [(centres_y + side * half - y0) / (y1 - y0) for side in (-1, 1)]
        first, last = np.maximum(np.minimum(*reach), 0.0), np.minimum(np.maximum(*reach), 1.0)
    hit = first <= last
    if y0 == y1:
        hit &= np.abs(centres_y - y0) <= half
    low, high = x0 + first * (x1 - x0) - half, x0 + last * (x1 - x0) + half  # x0 <= x1: sorted
    return np.where(hit, low, np.inf), np.where(hit, high, -np.inf)


def _band_spans(
    start: tuple[float, float],
    end: tuple[float, float],
    radius: float,
    centres_y: npt.NDArray[np.float64],
) -> Spans:
    """The rectangle between the two discs: within `radius` of the line, between its ends."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy)
    y = centres_y - start[1]
    along = _between(dx, y * dy, 0.0, length**2)
    across = _between(dy, -y * dx, -radius * length, radius * length)
    low, high = np.maximum(along[0], across[0]), np.minimum(along[1], across[1])
    hit = low <= high
    return np.where(hit, low + start[0], np.inf), np.where(hit, high + start[0], -np.inf)


def _between(slope: float, offset: npt.NDArray[np.float64], low: float, high: float) -> Spans:
    """For each row the x with low <= slope * x + offset <= high."""
    if slope == 0:
        hit = (offset >= low) & (offset <= high)
        return np.where(hit, -np.inf, np.inf), np.where(hit, np.inf, -np.inf)
    first, last = (low - offset) / slope, (high - offset) / slope
    return np.minimum(first, last), np.maximum(first, last)


def _fill(lowest: npt.NDArray[np.float64], highest: npt.NDArray[np.float64], rect: Rect) -> Mask:
    """True where a pixel's centre lies in its row's span."""
    width = rect.width
    first = np.clip(np.ceil(lowest - rect.left - 0.5 - _RIM), 0, width)
    last = np.clip(np.floor(highest - rect.left - 0.5 + _RIM), -1, width - 1)
    # Narrow integers: the two comparisons are what takes the time.
    dtype = np.dtype(np.int16 if width < 32767 else np.int32)
    columns = np.arange(width).astype(dtype)
    mask: Mask = np.greater_equal(columns, first.astype(dtype)[:, None])
    mask &= np.less_equal(columns, last.astype(dtype)[:, None])
    return mask
