"""Boxes that the network inspector lays over the photo: proposals by their objectness."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from segstudio.canvas.view import Point
from segstudio.core.colour_maps import colour_table
from segstudio.core.formatting import ratio_text
from segstudio.session.inspection import BoxesOverPhoto

_DARK = QColor(0, 0, 0, 150)
_TEXT = QColor(255, 255, 255)
_LABELLED = 8
"""So many of the best say their objectness; more would hide the photo."""
_LETTERS_PX = 11


def paint_boxes(
    painter: QPainter, over: BoxesOverPhoto, to_screen: Callable[[Point], Point]
) -> None:
    """Draw boxes, the best on top; the marked one stands out and the others step back."""
    painter.save()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
    table = colour_table(over.colours.value)
    places = [_on_screen(box, to_screen) for box in over.boxes]
    painter.setOpacity(1.0 if over.marked is None else 0.35)
    for number in reversed(range(len(places))):
        colour = QColor(*map(int, table[round(255 * float(over.scores[number]))]))
        _outline(painter, places[number], colour, 1.0)
    painter.setOpacity(1.0)
    font = painter.font()
    font.setPixelSize(_LETTERS_PX)
    painter.setFont(font)
    if over.marked is not None and over.marked < len(places):
        _outline(painter, places[over.marked], QColor(255, 214, 0), 2.0)
        _label(painter, places[over.marked], over.scores[over.marked])
    elif over.marked is None:
        for number in reversed(range(min(_LABELLED, len(places)))):
            _label(painter, places[number], over.scores[number])
    painter.restore()


def _outline(painter: QPainter, box: QRectF, colour: QColor, width: float) -> None:
    for pen in (QPen(_DARK, width + 2), QPen(colour, width)):
        painter.setPen(pen)
        painter.drawRect(box)


def _label(painter: QPainter, box: QRectF, score: float) -> None:
    text = ratio_text(float(score))
    metrics = painter.fontMetrics()
    area = QRectF(box.left(), box.top(), metrics.horizontalAdvance(text) + 6, metrics.height())
    painter.fillRect(area, _DARK)
    painter.setPen(_TEXT)
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)


def _on_screen(box: object, to_screen: Callable[[Point], Point]) -> QRectF:
    left, top, right, bottom = (float(value) for value in box)  # type: ignore[attr-defined]
    corners = to_screen((left, top)), to_screen((right, bottom))
    return QRectF(QRectF(QPointF(*corners[0]), QPointF(*corners[1])).toAlignedRect())
