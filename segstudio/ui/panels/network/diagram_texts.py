"""The diagram's texts: as large as they can be read, as many lines as there is room for."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPalette, QPolygonF

from segstudio.core.diagram import Box, Node
from segstudio.core.diagram_style import (
    ROLE_COLOURS,
    TIMES,
    detail_text,
    role_mark,
    shape_text,
    stride_text,
)
from segstudio.core.shape_table import pixels_text

_ROLES = QPalette.ColorRole
_LEAST_WIDTH = 20.0
_MARK_FROM = 46.0


def text_px(zoom: float) -> float:
    """Size of the font in pixels: never too small to read, growing slowly with the zoom."""
    return min(15.0, max(9.5, 8.0 + 3.4 * zoom))


def paint_texts(
    painter: QPainter, palette: QPalette, node: Node, area: QRectF, zoom: float
) -> None:
    """Name and mark of the role, shape, and below them what fits."""
    if area.width() < _LEAST_WIDTH:
        return
    font = QFont(painter.font())
    font.setPixelSize(round(text_px(zoom)))
    bold = QFont(font)
    bold.setWeight(QFont.Weight.DemiBold)
    metrics = QFontMetricsF(font)
    height = metrics.height() * 0.96
    lines = int((area.height() + 3) / height)
    painter.setFont(bold)
    painter.setPen(palette.color(_ROLES.WindowText))
    first = QRectF(area.left(), area.top(), area.width(), height)
    if lines < 1:
        return
    mark = metrics.ascent() * 0.8 + 3
    name_width = QFontMetricsF(bold).horizontalAdvance(node.label)
    # the name says more than the mark, whose colour the border has too
    if area.width() >= _MARK_FROM and name_width + mark <= area.width():
        _paint_mark(painter, node, first, metrics.ascent())
        first.setLeft(first.left() + mark)
        painter.setPen(palette.color(_ROLES.WindowText))
    _line(painter, first, _shortened(node.label, QFontMetricsF(bold), first.width()))
    painter.setFont(font)
    faint = palette.color(_ROLES.PlaceholderText)
    for index, (text, is_faint) in enumerate(_more(node, metrics, area.width()), 1):
        if index >= lines:
            return
        painter.setPen(faint if is_faint else palette.color(_ROLES.WindowText))
        place = QRectF(area.left(), area.top() + index * height, area.width(), height)
        _line(painter, place, text)


def _more(node: Node, metrics: QFontMetricsF, width: float) -> Iterator[tuple[str, bool]]:
    """The lines below the name, the most important first, and whether they are faint."""
    channels, height, across = node.layer.shape
    whole = shape_text(node.layer)
    lines = (
        [(whole, False)]
        if metrics.horizontalAdvance(whole) <= width
        else [(f"{channels} ch", False), (f"{height}{TIMES}{across}", False)]
    )
    for text, is_faint in (*lines, (detail_text(node), True), (str(node.role), True)):
        # a number that is cut off would say something else
        if metrics.horizontalAdvance(text) <= width + 1:
            yield text, is_faint


def _line(painter: QPainter, place: QRectF, text: str) -> None:
    # glyphs may reach a little over the width that the metrics say
    place = place.adjusted(0, 0, 3, 0)
    painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


def _shortened(name: str, metrics: QFontMetricsF, width: float) -> str:
    """A name that fits; the number at its end stays, for it tells the stages apart."""
    if metrics.horizontalAdvance(name) <= width:
        return name
    stem = name.rstrip("0123456789")
    number = name[len(stem) :]
    room = width - metrics.horizontalAdvance(number)
    return metrics.elidedText(stem, Qt.TextElideMode.ElideRight, room) + number


def _paint_mark(painter: QPainter, node: Node, line: QRectF, side: float) -> None:
    side *= 0.72
    box = Box(line.left(), line.center().y() - side / 2, side, side)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(ROLE_COLOURS[node.role]))
    for polygon in role_mark(node.role, box):
        painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in polygon]))


def paint_stride(
    painter: QPainter, palette: QPalette, photo_stride: float, band: QRectF, zoom: float
) -> None:
    """The stride left of the nodes of its row, in `band`; short where there is little room."""
    font = QFont(painter.font())
    font.setPixelSize(round(text_px(zoom)))
    font.setWeight(QFont.Weight.Normal)
    painter.setFont(font)
    metrics = QFontMetricsF(font)
    room = 56 * zoom
    text = stride_text(photo_stride)
    # all rows alike
    if metrics.horizontalAdvance(stride_text(64)) > room:
        text = f"/{pixels_text(photo_stride)}"
    if metrics.horizontalAdvance(text) + 6 > band.width():
        return
    painter.setPen(palette.color(_ROLES.PlaceholderText))
    place = QRectF(4, band.top() + 2, max(room, metrics.horizontalAdvance(text)), metrics.height())
    painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, text)
