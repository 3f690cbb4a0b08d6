"""The brush's outline under the pointer: a circle or a square, zoomed in the pixels themselves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QRegion

from segstudio.canvas.marks import square
from segstudio.canvas.view import Point
from segstudio.core.geometry import Rect
from segstudio.core.labels import Mask
from segstudio.core.outline import outline_segments

SHARP_PX = 4.0
"""From so many logical pixels for an image pixel on, single pixels are seen in the outline."""
_MOST_SIDE = 400
"""A wider brush is drawn as a circle or a square: its pixels would cost a frame's time."""
_MOST_TINTED = 256
"""Of a wider brush a part of the pixels is tinted."""
_SMALL_PX = 7.0
"""Below this diameter the circle has arms, so that it can be found."""
_ARM_PX = 6.0
_PEN_PX = 3
_DARK, _LIGHT = QColor(0, 0, 0, 200), QColor(255, 255, 255, 235)


@dataclass(frozen=True)
class BrushMark:
    """What is drawn at the pointer; all in logical pixels of the view.

    Attributes:
        centre: Where the stamp lies.
        width: Its diameter or side.
        is_square: Whether it is a square.
        erases: Whether it erases, which is drawn dashed.
        pixels: The lines around the very pixels that a click would paint; None where these are not
            looked at.
        tint: What limits leave of them, to be drawn over the photo; None where nothing limits.
        tinted: Where.
    """

    centre: QPointF
    width: float
    is_square: bool = False
    erases: bool = False
    pixels: tuple[QLineF, ...] | None = None
    tint: QImage | None = None
    tinted: QRectF = field(default_factory=QRectF)

    def limited(
        self, rect: Rect, mask: Mask, color: QColor, to_screen: Callable[[Point], Point]
    ) -> BrushMark:
        """The same mark, in which the pixels are tinted that limits leave to be painted.

        Args:
            rect: Where they lie; may be empty, beside the image.
            mask: (h, w) bool: which pixels of it.
            color: What they are tinted with.
            to_screen: Gives logical pixels in the view of an image point.
        """
        if rect.is_empty:
            return self
        step = max(1, -(-max(mask.shape) // _MOST_TINTED))
        small = mask[::step, ::step]
        height, width = small.shape
        rows = np.zeros((height, -(-width // 4) * 4), np.uint8)  # as Qt wants them
        rows[:, :width] = small
        tint = QImage(rows.data, width, height, rows.shape[1], QImage.Format.Format_Indexed8).copy()
        tint.setColorTable([0, color.rgba()])
        right, bottom = rect.left + width * step, rect.top + height * step
        box = QRectF(
            QPointF(*to_screen((rect.left, rect.top))), QPointF(*to_screen((right, bottom)))
        )
        return replace(self, tint=tint, tinted=box)

    def around(self, rect: Rect, mask: Mask, to_screen: Callable[[Point], Point]) -> BrushMark:
        """The same mark with the outline of very pixels.

        Args:
            rect: Where they lie; may be empty, beside the image.
            mask: (h, w) bool: which pixels of it.
            to_screen: Gives logical pixels in the view of an image point.
        """
        lines = () if rect.is_empty else outline_segments(mask).tolist()
        pixels = tuple(
            QLineF(
                QPointF(*to_screen((rect.left + x0, rect.top + y0))),
                QPointF(*to_screen((rect.left + x1, rect.top + y1))),
            )
            for x0, y0, x1, y1 in lines
        )
        return replace(self, pixels=pixels)

    @property
    def region(self) -> QRegion:
        """What has to be painted again when it comes or goes."""
        if self.tint is not None:
            whole = square(self.centre, self.width / 2 + _PEN_PX + _ARM_PX).united(self.tinted)
            return QRegion(whole.toAlignedRect())
        if self.pixels is None and not self.is_square:
            return _ring_region(self.centre, self.width)
        if self.pixels is None and self.width > 8 * _PEN_PX:
            outer = square(self.centre, self.width / 2 + _PEN_PX).toAlignedRect()
            inner = square(self.centre, self.width / 2 - _PEN_PX).toAlignedRect()
            return QRegion(outer).subtracted(QRegion(inner.adjusted(1, 1, -1, -1)))
        return QRegion(square(self.centre, self.width / 2 + _PEN_PX).toAlignedRect())

    def paint(self, painter: QPainter) -> None:
        """Draw it in two tones, so that it shows on any photo."""
        painter.save()
        if self.tint is not None:
            painter.drawImage(self.tinted, self.tint)
        if self.pixels is None or self.tint is not None:
            self._paint_shape(painter)
        if self.pixels is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
            for pen in self._pens():
                painter.setPen(pen)
                painter.drawLines(list(self.pixels))
        painter.restore()

    def _paint_shape(self, painter: QPainter) -> None:
        if not self.is_square or self.width < _PEN_PX:
            _paint_ring(painter, self.centre, self.width, erases=self.erases)
            return
        painter.setBrush(Qt.BrushStyle.NoBrush)
        box = self._box()
        for pen in self._pens():
            painter.setPen(pen)
            painter.drawRect(box)

    def _box(self) -> QRectF:
        return square(self.centre, self.width / 2)

    def _pens(self) -> tuple[QPen, QPen]:
        light = QPen(_LIGHT, 1.0)
        if self.erases:
            light.setDashPattern([4.0, 3.0])
        return QPen(_DARK, 3.0), light


def shows_pixels(width_px: int, scale: float) -> bool:
    """Whether single pixels of a brush are worth drawing.

    Args:
        width_px: How wide it is, in pixels of the image.
        scale: Logical pixels for a pixel of the image.
    """
    return scale >= SHARP_PX and width_px <= _MOST_SIDE


def _ring_region(centre: QPointF, diameter: float) -> QRegion:
    """What has to be painted again when the ring comes or goes: a band, not the whole disc."""
    half = diameter / 2 + _PEN_PX + (_ARM_PX if diameter < _SMALL_PX else 0)
    region = QRegion(square(centre, half).toAlignedRect())
    hole = (diameter / 2 - _PEN_PX) / math.sqrt(2)
    if hole > 2 * _PEN_PX:
        inner = square(centre, hole).toAlignedRect().adjusted(1, 1, -1, -1)
        return region.subtracted(QRegion(inner))
    return region


def _paint_ring(painter: QPainter, centre: QPointF, diameter: float, *, erases: bool) -> None:
    """Draw the ring in two tones, so that it shows on any photo; dashed if it erases."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    radius = max(diameter / 2, 0.75)
    light = QPen(_LIGHT, 1.0)
    if erases and diameter >= _SMALL_PX:
        light.setDashPattern([4.0, 3.0])
    for pen, outwards in ((QPen(_DARK, 1.0), 1.0), (light, 0.0)):
        painter.setPen(pen)
        painter.drawEllipse(centre, radius + outwards, radius + outwards)
    if diameter < _SMALL_PX:
        _paint_arms(painter, centre, radius + 2)


def _paint_arms(painter: QPainter, centre: QPointF, start: float) -> None:
    for color, width in ((_DARK, 3.0), (_LIGHT, 1.0)):
        painter.setPen(QPen(color, width))
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            direction = QPointF(dx, dy)
            painter.drawLine(centre + direction * start, centre + direction * (start + _ARM_PX - 2))
