"""The line between the two layers of one view, and what a drag of it does."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

_DARK, _LIGHT = QColor(0, 0, 0, 170), QColor(255, 255, 255)
_NEAR_PX = 6.0
_GRIP_WIDTH, _GRIP_HEIGHT = 14.0, 26.0
_AT_EDGE_PX = 1.0


def near_line(x: float, at: float, width: int) -> bool:
    """Whether a logical column of a view is that of its line.

    Args:
        x: The column.
        at: Where the line stands, as a share of the width.
        width: Of the view, in logical pixels.
    """
    return abs(x - at * width) <= _NEAR_PX


def line_at(x: float, width: int) -> float:
    """The line's place, as a share of the width, when it is dragged to a column; never lost."""
    room = max(1, width)
    return min(max(x, _AT_EDGE_PX), room - _AT_EDGE_PX) / room


def paint_line(painter: QPainter, at: float, width: int, height: int) -> None:
    """Draw the line in two tones with a grip in its middle."""
    x = round(at * width) + 0.5
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
    for color, pen_width in ((_DARK, 3.0), (_LIGHT, 1.0)):
        painter.setPen(QPen(color, pen_width))
        painter.drawLine(QPointF(x, 0), QPointF(x, height))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    middle = height / 2
    painter.setPen(QPen(_DARK, 1.0))
    painter.setBrush(_LIGHT)
    painter.drawRoundedRect(
        QRectF(x - _GRIP_WIDTH / 2, middle - _GRIP_HEIGHT / 2, _GRIP_WIDTH, _GRIP_HEIGHT), 4, 4
    )
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_DARK)
    for way in (-1, 1):
        tip, base = x + way * 5, x + way * 1.5
        painter.drawPolygon(
            QPolygonF([QPointF(tip, middle), QPointF(base, middle - 4), QPointF(base, middle + 4)])
        )
    painter.restore()
