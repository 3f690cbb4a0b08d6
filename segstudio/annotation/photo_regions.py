"""Regions of a photo that tools find: what looks alike, superpixels, a foreground, edges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import cv2
import numpy as np

from segstudio.core.geometry import Rect
from segstudio.core.labels import Image, Mask
from segstudio.core.mask_preview import MaskPreview

_NEAR_PX: Final = 512
"""So far around a point a region is looked for first: a small one is found at once there."""
_SMALL_PX: Final = 1 << 20
"""An image of more pixels is first looked at with fewer."""
_FILLED: Final = 1


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo as it is shown, and what is worked out of it once.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
    """

    pixels: Image

    @property
    def shape_hw(self) -> tuple[int, int]:
        """(H, W)."""
        return (self.pixels.shape[0], self.pixels.shape[1])

    @cached_property
    def step(self) -> int:
        """Of so many rows and columns one is looked at where an answer has to be quick."""
        height, width = self.shape_hw
        step = 1
        while (height // step) * (width // step) > _SMALL_PX:
            step += 1
        return step

    @cached_property
    def small(self) -> Image:
        """Every so manieth pixel."""
        return np.ascontiguousarray(self.pixels[:: self.step, :: self.step])


def like(
    photo: Photo, point_xy: tuple[int, int], tolerance: int, *, contiguous: bool
) -> MaskPreview:
    """The pixels that differ from one by so much at most, in each channel.

    Args:
        photo: The photo.
        point_xy: Pixel (x, y); must lie inside.
        tolerance: 0 to 255.
        contiguous: Whether only what is connected to the point by edges is meant.
    """
    if contiguous:
        near = _like_near(photo, point_xy, tolerance)
        if near is not None:
            return near
    return MaskPreview.of(*_alike(photo.pixels, point_xy, tolerance, contiguous=contiguous))


def roughly_like(
    photo: Photo, point_xy: tuple[int, int], tolerance: int, *, contiguous: bool
) -> MaskPreview:
    """As `like`, within a frame or two: of a large region with a part of the pixels alone."""
    if photo.step == 1:
        return like(photo, point_xy, tolerance, contiguous=contiguous)
    if contiguous:
        near = _like_near(photo, point_xy, tolerance)
        if near is not None:
            return near
    step = photo.step
    small = photo.small
    (x, y), (height, width) = point_xy, small.shape[:2]
    seed = min(x // step, width - 1), min(y // step, height - 1)
    color = photo.pixels[y, x]
    rect, mask = _alike(small, seed, tolerance, contiguous=contiguous, color=color)
    return MaskPreview.rough(rect, mask, step, photo.shape_hw)


def _like_near(photo: Photo, point_xy: tuple[int, int], tolerance: int) -> MaskPreview | None:
    """The whole region, if it ends within the surroundings of the point."""
    x, y = point_xy
    window = Rect(y, x, y + 1, x + 1).expand(_NEAR_PX).clip(photo.shape_hw)
    part = np.ascontiguousarray(photo.pixels[window.slices])
    seed = (x - window.left, y - window.top)
    rect, mask = _alike(part, seed, tolerance, contiguous=True)
    found = rect.shifted(window.top, window.left)
    height, width = photo.shape_hw
    goes_on = (
        found.top == window.top > 0
        or found.left == window.left > 0
        or found.bottom == window.bottom < height
        or found.right == window.right < width
    )
    return None if goes_on else MaskPreview.of(found, mask)


def _alike(
    pixels: Image,
    point_xy: tuple[int, int],
    tolerance: int,
    *,
    contiguous: bool,
    color: Image | None = None,
) -> tuple[Rect, Mask]:
    x, y = point_xy
    wanted = (pixels[y, x] if color is None else color).astype(np.int32)
    if contiguous and color is None:
        found = np.zeros((pixels.shape[0] + 2, pixels.shape[1] + 2), np.uint8)
        flags = 4 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY | (_FILLED << 8)
        box = cv2.floodFill(pixels, found, (x, y), 0, (tolerance,) * 3, (tolerance,) * 3, flags)[3]
        left, top, width, height = box
        rect = Rect(top, left, top + height, left + width)
        return rect, found[1:-1, 1:-1][rect.slices].astype(np.bool_)
    low = tuple(np.maximum(wanted - tolerance, 0).tolist())
    high = tuple(np.minimum(wanted + tolerance, 255).tolist())
    alike = cv2.inRange(pixels, low, high)
    if contiguous:
        alike[y, x] = 255
        cv2.floodFill(alike, None, (x, y), _FILLED, flags=4)
        alike = (alike == _FILLED).view(np.uint8)
    left, top, width, height = cv2.boundingRect(alike)
    rect = Rect(top, left, top + height, left + width)
    return rect, alike[rect.slices] != 0
