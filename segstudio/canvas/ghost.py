"""What other parts of the window point at: the pointer of another view, a part to look at."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QRegion

_DARK, _LIGHT = QColor(0, 0, 0, 170), QColor(255, 255, 255, 225)
_GAP_PX, _ARM_PX = 4.0, 9.0
_FRAME_PX = 3.0
"""How far outside of the pixels their frame is drawn, so that it hides none."""


def ghost_region(centre: QPointF) -> QRegion:
    """What has to be painted again when the ghost pointer comes or goes."""
    half = _GAP_PX + _ARM_PX + 2
    box = QRectF(centre.x() - half, centre.y() - half, 2 * half, 2 * half)
    return QRegion(box.toAlignedRect())


def paint_ghost(painter: QPainter, centre: QPointF) -> None:
    """A cross that leaves the pixel free, in two tones."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for color, width in ((_DARK, 3.0), (_LIGHT, 1.2)):
        painter.setPen(QPen(color, width))
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            way = QPointF(dx, dy)
            painter.drawLine(centre + way * _GAP_PX, centre + way * (_GAP_PX + _ARM_PX))
    painter.restore()


def paint_frame(painter: QPainter, box: QRectF) -> None:
    """The frame around a part of the image, in two tones, dashed."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    around = QRectF(box.toAlignedRect()).adjusted(-_FRAME_PX, -_FRAME_PX, _FRAME_PX, _FRAME_PX)
    light = QPen(_LIGHT, 1.0)
    light.setDashPattern([6.0, 4.0])
    for pen in (QPen(_DARK, 1.0), light):
        painter.setPen(pen)
        painter.drawRect(around)
    painter.restore()
