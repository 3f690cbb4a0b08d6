"""Where the image lies on the screen: plain geometry without Qt."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass, replace

Point = tuple[float, float]
"""(x, y)."""
Size = tuple[int, int]
"""(width, height)."""

MIN_ZOOM, MAX_ZOOM = 1 / 64, 128.0
SMOOTH_BELOW = 2.0
"""Zoom from which on pixels are shown unsmoothed."""
GRID_FROM = 8.0
"""Zoom from which on the pixel grid is shown."""
FRAMED_UP_TO = 12.0
"""The largest zoom with which a part of the image is brought into sight."""
_STEPS = (
    *(1 / 64, 1 / 48, 1 / 32, 1 / 24, 1 / 16, 1 / 12, 1 / 8, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 2 / 3),
    *(1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0, 96.0, 128.0),
)
_MARGIN = 8
_KEEP_VISIBLE = 48
_NEAR = 1e-6


@dataclass(frozen=True)
class View:
    """Zoom and place of an image.

    Attributes:
        zoom: Device pixels per image pixel.
        origin_xy: Device point of the image's top left corner.
    """

    zoom: float = 1.0
    origin_xy: Point = (0.0, 0.0)

    def to_image(self, device_xy: Point) -> Point:
        """The image point under a device point."""
        x, y = self.origin_xy
        return ((device_xy[0] - x) / self.zoom, (device_xy[1] - y) / self.zoom)

    def to_device(self, image_xy: Point) -> Point:
        """The device point of an image point."""
        x, y = self.origin_xy
        return (x + image_xy[0] * self.zoom, y + image_xy[1] * self.zoom)

    def zoomed(self, zoom: float, at_xy: Point) -> View:
        """Another zoom, with the same image point under the device point `at_xy`.

        At 100 % the origin lies on a whole device pixel, so that the photo is shown as it is; the
        image pixel under the pointer is still the same.
        """
        zoom = min(MAX_ZOOM, max(MIN_ZOOM, zoom))
        u, v = self.to_image(at_xy)
        if abs(zoom - 1.0) < _NEAR:
            x = math.floor(at_xy[0]) - math.floor(u)
            y = math.floor(at_xy[1]) - math.floor(v)
            return View(1.0, (float(x), float(y)))
        return View(zoom, (_exact(at_xy[0] - u * zoom), _exact(at_xy[1] - v * zoom)))

    def moved(self, dx: float, dy: float) -> View:
        """Moved by device pixels."""
        return replace(self, origin_xy=(self.origin_xy[0] + dx, self.origin_xy[1] + dy))

    def resized(self, before_wh: Size, after_wh: Size) -> View:
        """The view after the viewport changed its size: what was in the middle stays there."""
        return self.moved(
            (after_wh[0] - before_wh[0]) // 2,
            (after_wh[1] - before_wh[1]) // 2,
        )

    def clamped(self, image_wh: Size, viewport_wh: Size) -> View:
        """Moved back as far as needed to keep a part of the image in the viewport."""
        x, y = (_clamp(self.origin_xy[i], image_wh[i] * self.zoom, viewport_wh[i]) for i in (0, 1))
        return self if (x, y) == self.origin_xy else replace(self, origin_xy=(x, y))


def _exact(origin: float) -> float:
    """On a grid of 1/1024, so that moving by whole pixels and back adds no rounding error."""
    return round(origin * 1024) / 1024


def _clamp(origin: float, length: float, room: int) -> float:
    keep = min(_KEEP_VISIBLE, length, room / 2)
    if origin + length < keep:
        return math.ceil(keep - length)
    return math.floor(room - keep) if origin > room - keep else origin


def fitted(image_wh: Size, viewport_wh: Size) -> View:
    """The whole image in the middle of the viewport; small ones are enlarged by whole numbers."""
    room = tuple(max(1, side - 2 * _MARGIN) for side in viewport_wh)
    zoom = min(room[0] / max(1, image_wh[0]), room[1] / max(1, image_wh[1]))
    if zoom >= SMOOTH_BELOW:
        zoom = math.floor(zoom)
    zoom = min(MAX_ZOOM, max(MIN_ZOOM, zoom))
    return centered(zoom, image_wh, viewport_wh)


def centered(zoom: float, image_wh: Size, viewport_wh: Size) -> View:
    """The image's middle in the viewport's middle."""
    x, y = (math.floor((viewport_wh[i] - image_wh[i] * zoom) / 2) for i in (0, 1))
    return View(zoom, (float(x), float(y)))


def framed(box_xywh: tuple[int, int, int, int], image_wh: Size, viewport_wh: Size) -> View:
    """A part of the image in the middle of the viewport, with as much again around it.

    What is larger than half of the image is shown with the whole image, and what is small is not
    enlarged beyond `FRAMED_UP_TO`, so that one can see where it lies.

    Args:
        box_xywh: Left, top, width and height in image pixels.
        image_wh: Size of the image.
        viewport_wh: Size of the viewport in device pixels.
    """
    left, top, width, height = box_xywh
    whole = fitted(image_wh, viewport_wh)
    room = (viewport_wh[0] / 2, viewport_wh[1] / 2)
    zoom = min(room[0] / max(1, width), room[1] / max(1, height), FRAMED_UP_TO)
    if zoom <= whole.zoom:
        return whole
    if zoom >= SMOOTH_BELOW:
        zoom = max(math.floor(zoom), whole.zoom)
    middle = (left + width / 2, top + height / 2)
    x, y = (math.floor(viewport_wh[i] / 2 - middle[i] * zoom) for i in (0, 1))
    return View(zoom, (float(x), float(y)))


def next_step(zoom: float, direction: int) -> float:
    """The next larger (+1) or smaller (-1) of the usual zooms."""
    if direction > 0:
        return _STEPS[min(bisect.bisect_right(_STEPS, zoom * (1 + _NEAR)), len(_STEPS) - 1)]
    return _STEPS[max(bisect.bisect_left(_STEPS, zoom * (1 - _NEAR)) - 1, 0)]


def wheel_zoom(zoom: float, notches: float) -> float:
    """The zoom after the wheel turned; three notches double it, and 100 % is not jumped over."""
    after = zoom * 2 ** (notches / 3)
    whole_notch = abs(notches) >= 1
    if whole_notch and min(zoom, after) < 1.0 - _NEAR and max(zoom, after) > 1.0 + _NEAR:
        return 1.0
    return after
