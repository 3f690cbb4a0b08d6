"""Paints drawings, which are plain values, with Qt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
    QPolygonF,
)
from PySide6.QtWidgets import QApplication

from segstudio.report.diagram_parts import Box, Point
from segstudio.report.primitives import (
    Disc,
    Line,
    Polygon,
    Raster,
    Rectangle,
    Shape,
    ShapeGroup,
    Text,
    fitted_box,
    rounded,
)


def text_width(text: str, size: float, bold: bool) -> float:
    """Width of a line of text in the application's font."""
    return _metrics(QApplication.font().toString(), size, bold).horizontalAdvance(text)


@lru_cache(maxsize=64)
def _metrics(family: str, size: float, bold: bool) -> QFontMetricsF:
    return QFontMetricsF(_font(family, size, bold))


@lru_cache(maxsize=64)
def _font(family: str, size: float, bold: bool) -> QFont:
    font = QFont()
    font.fromString(family)
    font.setPixelSize(round(size))
    font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return font


def paint(painter: QPainter, parts: Iterable[ShapeGroup], pictures: Mapping[str, QPixmap]) -> None:
    """Paint parts of a drawing; pictures are by the names of their shapes."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    family = QApplication.font().toString()
    for part in parts:
        for shape in part.shapes:
            _paint(painter, shape, pictures, family)


def _paint(painter: QPainter, shape: Shape, pictures: Mapping[str, QPixmap], family: str) -> None:
    match shape:
        case Rectangle(box, fill, "", radius=0):
            painter.fillRect(rect_of(box), _colour(fill, shape.opacity))
        case Rectangle(box, fill, stroke, radius=radius):
            painter.setBrush(QColor(fill) if fill else Qt.BrushStyle.NoBrush)
            painter.setPen(_pen(shape) if stroke else Qt.PenStyle.NoPen)
            painter.drawRoundedRect(rect_of(box), radius, radius)
        case Line(points, radius=radius):
            painter.setPen(_pen(shape))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(_path(points, radius))
        case Polygon(points, fill, opacity):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(_colour(fill, opacity))
            painter.drawPolygon(QPolygonF([QPointF(*point) for point in points]))
        case Disc(centre, radius, fill, opacity):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(_colour(fill, opacity))
            painter.drawEllipse(QPointF(*centre), radius, radius)
        case Text():
            _write(painter, shape, family)
        case Raster(box, name):
            pixmap = pictures[name]
            place = fitted_box(box, pixmap.width() / max(1, pixmap.height()))
            painter.drawPixmap(rect_of(place), pixmap, QRectF(pixmap.rect()))


def _write(painter: QPainter, text: Text, family: str) -> None:
    metrics = _metrics(family, text.size, text.bold)
    back = {"start": 0.0, "middle": 0.5, "end": 1.0}[text.anchor]
    shift = -back * metrics.horizontalAdvance(text.text) if back else 0.0
    painter.setFont(_font(family, text.size, text.bold))
    painter.setPen(QColor(text.colour))
    if not text.upward:
        painter.drawText(QPointF(text.at[0] + shift, text.at[1]), text.text)
        return
    painter.save()
    painter.translate(*text.at)
    painter.rotate(-90)
    painter.drawText(QPointF(shift, 0), text.text)
    painter.restore()


def rect_of(box: Box) -> QRectF:
    return QRectF(box.left, box.top, box.width, box.height)


def _colour(name: str, opacity: float) -> QColor:
    colour = QColor(name)
    if opacity != 1:
        colour.setAlphaF(opacity)
    return colour


def _pen(shape: Rectangle | Line) -> QPen:
    pen = QPen(_colour(shape.stroke, shape.opacity), shape.width)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    if shape.dashes:
        pen.setDashPattern([length / shape.width for length in shape.dashes])
    return pen


def _path(points: Sequence[Point], radius: float) -> QPainterPath:
    path = QPainterPath(QPointF(*points[0]))
    for start, corner, end in rounded(points, radius):
        path.lineTo(QPointF(*start))
        path.quadTo(QPointF(*corner), QPointF(*end))
    path.lineTo(QPointF(*points[-1]))
    return path
