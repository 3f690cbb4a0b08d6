"""The pointer of brush and eraser: a circle of the brush's true size."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QRegion

from segstudio.canvas.view import Point

_DARK, _LIGHT = QColor(0, 0, 0, 200), QColor(255, 255, 255, 235)
_SMALL_PX = 7.0
"""Below this diameter the circle has arms, so that it can be found."""
_ARM_PX = 6.0
_PEN_PX = 3


def stamp_centre(image_xy: Point, size: int) -> Point:
    """Where the brush's stamp really lies for a pointer at an image point.

    Stamps of odd size are centred on a pixel's centre, of even size on a corner, so that each is
    `size` pixels wide. The ring is drawn there, or it would disagree with what is painted by up to
    half a pixel, which is much when zoomed in.
    """
    x, y = image_xy
    if size % 2:
        return (math.floor(x) + 0.5, math.floor(y) + 0.5)
    return (float(math.floor(x + 0.5)), float(math.floor(y + 0.5)))


def ring_region(centre: QPointF, diameter: float) -> QRegion:
    """What has to be painted again when the ring comes or goes: a band, not the whole disc."""
    half = diameter / 2 + _PEN_PX + (_ARM_PX if diameter < _SMALL_PX else 0)
    region = QRegion(_square(centre, half).toAlignedRect())
    hole = (diameter / 2 - _PEN_PX) / math.sqrt(2)
    if hole > 2 * _PEN_PX:
        inner = _square(centre, hole).toAlignedRect().adjusted(1, 1, -1, -1)
        return region.subtracted(QRegion(inner))
    return region


def paint_ring(painter: QPainter, centre: QPointF, diameter: float, *, erases: bool) -> None:
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


def _square(centre: QPointF, half: float) -> QRectF:
    return QRectF(centre.x() - half, centre.y() - half, 2 * half, 2 * half)
