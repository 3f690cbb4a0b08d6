"""Where a photo pixel lies in the pictures of a stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF

from segstudio.core.features import LayerInfo
from segstudio.core.geometry import Rect
from segstudio.session.inspection import Traced

PixelXY = tuple[int, int]
PlaceLTRB = tuple[float, float, float, float]
_SEEN = 5.0
"""Positions drawn smaller than this get no frame of their own."""


@dataclass(frozen=True)
class PhotoPlace:
    """How a stage's pictures lie on the photo.

    Attributes:
        window: The part of the photo that they show.
        position: The position of the map over a photo pixel, as (left, top, right, bottom) in
            pixels of the photo; None if there is none.
    """

    window: Rect
    position: Callable[[PixelXY], PlaceLTRB | None]

    def pixel(self, point: QPoint, box: QRect) -> PixelXY | None:
        """The photo's pixel at a point of a picture drawn in `box`; None beside it."""
        if not box.contains(point):
            return None
        x = (point.x() - box.left() + 0.5) / box.width()
        y = (point.y() - box.top() + 0.5) / box.height()
        window = self.window
        return window.left + int(x * window.width), window.top + int(y * window.height)

    def shows(self, pixel_xy: PixelXY) -> bool:
        """Whether a photo pixel lies in the pictures."""
        x, y = pixel_xy
        window = self.window
        return window.left <= x < window.right and window.top <= y < window.bottom

    def marks(
        self, pixel_xy: PixelXY, position: PlaceLTRB | None, box: QRect
    ) -> tuple[QPointF, QRectF | None]:
        """The middle of a pixel in a picture drawn in `box`, and its position if that is seen."""
        window = self.window
        x, y = pixel_xy
        across, down = box.width() / window.width, box.height() / window.height
        centre = QPointF(
            box.left() + (x + 0.5 - window.left) * across,
            box.top() + (y + 0.5 - window.top) * down,
        )
        if position is None or (position[2] - position[0]) * across < _SEEN:
            return centre, None
        left, top, right, bottom = position
        frame = QRectF(
            box.left() + (left - window.left) * across,
            box.top() + (top - window.top) * down,
            (right - left) * across,
            (bottom - top) * down,
        )
        return centre, frame.intersected(QRectF(box).adjusted(0, 0, -1, -1))


def photo_place(traced: Traced, layer: LayerInfo) -> PhotoPlace | None:
    """How a stage's pictures lie on the photo; None if the stage has no place there."""
    field = layer.receptive_field
    if field is None:
        return None

    def position(pixel_xy: PixelXY) -> PlaceLTRB | None:
        placement = traced.placement
        found = placement.position(traced.trace, layer.id, pixel_xy)
        if found is None:
            return None
        y, x = field.centre(*found)
        half_h, half_w = field.jump[0] / 2, field.jump[1] / 2
        top, left = placement.to_photo((y - half_h, x - half_w))
        bottom, right = placement.to_photo((y + half_h, x + half_w))
        return left, top, right, bottom

    return PhotoPlace(traced.placement.window, position)
