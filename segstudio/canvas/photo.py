"""The photo at screen resolution: unsmoothed when enlarged, averaged when made smaller."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.canvas.sampling import Sampler
from segstudio.canvas.view import SMOOTH_BELOW, Size
from segstudio.core.geometry import Rect
from segstudio.core.labels import Image

Pixels = npt.NDArray[np.uint32]
"""(h, w) uint32, 0xAARRGGBB as in Qt's 32-bit formats."""
_FRACTION_BITS = 5
"""Sub-pixel steps of cv2.remap: 1/32 of a pixel."""
_AT_ONCE_PIXELS = 1 << 20
"""Reduced copies take 11 ms per megapixel: those of larger images are left to the background."""
Background = Callable[["Photo"], None]


class Photo:
    """An image and its reduced copies, made when first needed.

    Large images are shown unsmoothed until `reduced` has made their copies in the background.

    The copy of level n has 1/2^n of the size, each pixel the mean of 2 x 2 of the level before, so
    that a small view of a large image costs what is seen and does not flicker or alias.
    """

    def __init__(self, pixels: Image, background: Background | None = None) -> None:
        """Args:
        pixels: (H, W, 3) uint8 RGB.
        background: Asked once, when a copy of a large image is needed, to have `reduced` called on
            another thread and its result given to `take_levels`; None to make copies at once.
        """
        self._levels: list[Image] = [pixels]
        large = pixels.shape[0] * pixels.shape[1] > _AT_ONCE_PIXELS
        self._background = background if large else None

    @property
    def shape_hw(self) -> tuple[int, int]:
        """(height, width) of the image."""
        return (self._levels[0].shape[0], self._levels[0].shape[1])

    def reduced(self, check: Callable[[], None]) -> list[Image]:
        """The image and all its reduced copies; may be called on any thread.

        Args:
            check: Called between the copies; raises to give up.
        """
        levels = self._levels[:1]
        while max(levels[-1].shape[:2]) > 1:
            check()
            levels.append(_halved(levels[-1]))
        return levels

    def take_levels(self, levels: list[Image]) -> None:
        """Use what `reduced` gave from now on."""
        self._levels, self._background = levels, None

    @property
    def is_reduced(self) -> bool:
        """Whether it has its reduced copies, or makes them at once."""
        return self._background is None

    def small(self, size_wh: Size) -> Pixels:
        """The whole image in a size (width, height), which is not larger than it in both ways."""
        (height, width), (across, down) = self.shape_hw, size_wh
        level = max(0, math.floor(math.log2(max(1.0, min(height / down, width / across)))))
        if self._is_missing(level):
            rows = (np.arange(down) * 2 + 1) * height // (2 * down)
            columns = (np.arange(across) * 2 + 1) * width // (2 * across)
            return _as_pixels(self._levels[0].take(rows, axis=0).take(columns, axis=1))
        return _as_pixels(cv2.resize(self._level(level), size_wh, interpolation=cv2.INTER_AREA))

    def take(self, sampler: Sampler, rect: Rect) -> Pixels:
        """The colours at the device pixels of `rect`, which lies inside `sampler.visible`."""
        zoom = sampler.view.zoom
        if zoom >= SMOOTH_BELOW or zoom == 1.0:
            return self._unsmoothed(sampler, rect)
        level = max(0, math.floor(math.log2(1 / zoom)))
        if self._is_missing(level):
            return self._nearest(sampler, rect)
        return self._smooth(level, sampler, rect)

    def _is_missing(self, level: int) -> bool:
        """Whether a copy is left to the background, which is asked for it the first time."""
        if level < len(self._levels) or self._background is None:
            return False
        background, self._background = self._background, _already_asked
        if background is not _already_asked:
            background(self)
        return level >= len(self._levels)

    def _nearest(self, sampler: Sampler, rect: Rect) -> Pixels:
        rows, columns = sampler.rows(rect), sampler.columns(rect)
        return _as_pixels(self._levels[0].take(rows, axis=0).take(columns, axis=1))

    def _unsmoothed(self, sampler: Sampler, rect: Rect) -> Pixels:
        rows, columns = sampler.rows(rect), sampler.columns(rect)
        window = self._levels[0][rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        colours = _as_pixels(np.ascontiguousarray(window))
        if colours.shape == (len(rows), len(columns)):
            return colours
        enlarged = colours.take(columns - columns[0], axis=1).take(rows - rows[0], axis=0)
        return cast("Pixels", enlarged)

    def _smooth(self, level: int, sampler: Sampler, rect: Rect) -> Pixels:
        source = self._level(level)
        u, v = sampler.points(rect)
        x, x_fraction = _fixed(u / 2**level - 0.5)
        y, y_fraction = _fixed(v / 2**level - 0.5)
        left, top = max(0, int(x[0])), max(0, int(y[0]))
        window = source[top : int(y[-1]) + 2, left : int(x[-1]) + 2]
        whole = np.empty((len(y), len(x), 2), np.int16)
        whole[..., 0] = x - left
        whole[..., 1] = (y - top)[:, None]
        part = (y_fraction << _FRACTION_BITS)[:, None] + x_fraction
        found = cv2.remap(
            window, whole, part.astype(np.uint16), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return _as_pixels(found)

    def _level(self, level: int) -> Image:
        while len(self._levels) <= level:
            self._levels.append(_halved(self._levels[-1]))
        return self._levels[level]


def _already_asked(_photo: Photo) -> None:
    """The background that has been asked and is at work."""


def _halved(pixels: Image) -> Image:
    """Means of 2 x 2 pixels; an odd last row or column is repeated."""
    size_wh = (max(1, (pixels.shape[1] + 1) // 2), max(1, (pixels.shape[0] + 1) // 2))
    odd_rows, odd_columns = pixels.shape[0] % 2, pixels.shape[1] % 2
    if odd_rows or odd_columns:
        pixels = np.pad(pixels, ((0, odd_rows), (0, odd_columns), (0, 0)), "edge")
    return cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _fixed(values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Whole part and 1/32 fractions."""
    scaled = np.floor(values * (1 << _FRACTION_BITS) + 0.5).astype(np.int64)
    return scaled >> _FRACTION_BITS, scaled & ((1 << _FRACTION_BITS) - 1)


def _as_pixels(rgb: cv2.typing.MatLike) -> Pixels:
    """(h, w, 3) RGB as (h, w) opaque 32-bit pixels."""
    bgra = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGRA)
    packed: Pixels = bgra.view(np.uint32)[..., 0]
    return packed
