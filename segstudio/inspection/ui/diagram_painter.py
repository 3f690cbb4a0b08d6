"""Paints the drawing of a network's diagram in a widget."""

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
    QPalette,
    QPen,
    QPixmap,
    QPolygonF,
)
from PySide6.QtWidgets import QApplication

from segstudio.report.diagram_drawing import Tones
from segstudio.report.diagram_parts import Box, Point
from segstudio.report.primitives import (
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


def tones_of(palette: QPalette) -> Tones:
    """The colours of a theme."""
    role = QPalette.ColorRole
    roles = (
        role.Base, role.AlternateBase, role.Window, role.Button, role.Midlight, role.WindowText,
        role.PlaceholderText, role.Highlight,
    )  # fmt: skip
    return Tones(*(palette.color(one).name(QColor.NameFormat.HexArgb) for one in roles))


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
            painter.fillRect(rect_of(box), QColor(fill))
        case Rectangle(box, fill, stroke, radius=radius):
            painter.setBrush(QColor(fill) if fill else Qt.BrushStyle.NoBrush)
            painter.setPen(_pen(shape) if stroke else Qt.PenStyle.NoPen)
            painter.drawRoundedRect(rect_of(box), radius, radius)
        case Line(points, radius=radius):
            painter.setPen(_pen(shape))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(_path(points, radius))
        case Polygon(points, fill):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(fill))
            painter.drawPolygon(QPolygonF([QPointF(*point) for point in points]))
        case Text((x, y), text, colour, size, bold, anchor):
            if anchor != "start":
                width = _metrics(family, size, bold).horizontalAdvance(text)
                x -= width if anchor == "end" else width / 2
            painter.setFont(_font(family, size, bold))
            painter.setPen(QColor(colour))
            painter.drawText(QPointF(x, y), text)
        case Raster(box, name):
            pixmap = pictures[name]
            place = fitted_box(box, pixmap.width() / max(1, pixmap.height()))
            painter.drawPixmap(rect_of(place), pixmap, QRectF(pixmap.rect()))


def rect_of(box: Box) -> QRectF:
    return QRectF(box.left, box.top, box.width, box.height)


def _pen(shape: Rectangle | Line) -> QPen:
    colour = QColor(shape.stroke)
    if shape.opacity != 1:
        colour.setAlphaF(shape.opacity)
    pen = QPen(colour, shape.width)
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


def paint_mark(painter: QPainter, area: QRectF, picture: QRectF) -> None:
    """Mark a position in a picture: its outline, or a cross where it is too small to be seen."""
    reach = min(6.0, max(3.0, 0.09 * picture.height()))
    for colour, width in ((QColor(0, 0, 0, 200), 3.0), (QColor(255, 255, 255), 1.2)):
        painter.setPen(QPen(colour, width))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if min(area.width(), area.height()) >= 5:
            painter.drawRect(area.intersected(picture))
            continue
        middle = area.center()
        for dx, dy in ((reach, 0.0), (0.0, reach)):
            far, near = QPointF(dx, dy), QPointF(dx, dy) * 0.35
            painter.drawLine(middle - far, middle - near)
            painter.drawLine(middle + near, middle + far)
