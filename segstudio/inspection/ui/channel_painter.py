"""How a cell of the channel grid is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetrics, QPainter, QPalette, QPen, QPixmap

from segstudio.inspection.ui.channel_layout import CAPTION

_ARM, _OPEN = 7, 3
"""Pixels from the middle of the mark to the outer and the inner end of its arms."""
_CUT = ("#b3420b", "#ff9457")


@dataclass(slots=True)
class ChannelCell:
    """What is drawn of one channel.

    Attributes:
        channel: Its index.
        picture: None while it is being made.
        value: What is said of it, "" if nothing.
        dead: Whether it is the same everywhere.
        cut: Whether it is cut.
        focused: Whether it is the channel in focus.
        selected: Whether it is selected.
        hovered: Whether the pointer is over it.
    """

    channel: int
    picture: QPixmap | None
    value: str = ""
    dead: bool = False
    cut: bool = False
    focused: bool = False
    selected: bool = False
    hovered: bool = False


class ChannelPainter:
    """Draws cells with one painter's palette; made anew for every repaint."""

    def __init__(self, painter: QPainter, palette: QPalette, font: QFont, *, dark: bool) -> None:
        self._painter, self._palette = painter, palette
        small = QFont(font)
        small.setPixelSize(10)
        painter.setFont(small)
        self._metrics = QFontMetrics(small)
        self._text = palette.color(QPalette.ColorRole.Text)
        self._faint = palette.color(QPalette.ColorRole.PlaceholderText)
        self._accent = palette.color(QPalette.ColorRole.Accent)
        self._blank = palette.color(QPalette.ColorRole.Midlight)
        self._line = palette.color(QPalette.ColorRole.Mid)
        self._cut = QColor(_CUT[dark])

    def draw(self, cell: ChannelCell, rect: QRect, picture: QRect) -> None:
        """Draw a cell whose picture and caption fill `rect`."""
        painter = self._painter
        if cell.selected:
            wash = QColor(self._accent)
            wash.setAlpha(90)
            painter.fillRect(rect.adjusted(-2, -2, 2, 1), wash)
        if cell.dead:
            self._draw_dead(picture)
        elif cell.picture is None:
            painter.fillRect(picture, self._blank)
        else:
            painter.drawPixmap(picture, cell.picture)
        if cell.cut:
            painter.setPen(QPen(self._cut, 2))
            painter.drawLine(picture.topLeft(), picture.bottomRight())
            painter.drawLine(picture.topRight(), picture.bottomLeft())
        if cell.focused or cell.hovered:
            painter.setPen(QPen(self._accent if cell.focused else self._faint, 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(picture.adjusted(-1, -1, 1, 1))
        self._draw_caption(cell, QRect(rect.left(), picture.bottom() + 1, rect.width(), CAPTION))

    def _draw_dead(self, picture: QRect) -> None:
        self._painter.fillRect(picture, self._blank)
        self._painter.fillRect(picture, QBrush(self._line, Qt.BrushStyle.BDiagPattern))

    def _draw_caption(self, cell: ChannelCell, box: QRect) -> None:
        painter = self._painter
        base = box.bottom() - 3
        painter.setPen(self._text)
        name = str(cell.channel)
        painter.drawText(box.left(), base, name)
        said = "cut" if cell.cut else "dead" if cell.dead else cell.value
        if not said:
            return
        wide = self._width_of(said)
        if wide + self._width_of(name) + 3 <= box.width():
            painter.setPen(self._cut if cell.cut else self._faint)
            painter.drawText(box.right() - wide + 1, base, said)

    def _width_of(self, text: str) -> int:
        return self._metrics.horizontalAdvance(text)

    def mark(self, centre: QPointF, position: QRectF | None) -> None:
        """Mark a place, and the position of the map that it lies in where that can be seen."""
        painter = self._painter
        if position is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(0, 0, 0, 150), 3))
            painter.drawRect(position)
            painter.setPen(QPen(QColor(Qt.GlobalColor.white), 1))
            painter.drawRect(position)
        cross = _cross()
        half = cross.width() / 2
        painter.drawPixmap(QPointF(centre.x() - half, centre.y() - half), cross)


@cache
def _cross() -> QPixmap:
    """A white cross, open in its middle, with a dark rim: it is seen on every colour."""
    side = 2 * _ARM + 3
    cross = QPixmap(side, side)
    cross.fill(Qt.GlobalColor.transparent)
    painter = QPainter(cross)
    middle = side // 2
    for color, width in ((QColor(0, 0, 0, 190), 3), (QColor(255, 255, 255), 1)):
        painter.setPen(QPen(color, width))
        for near, far in ((-_ARM, -_OPEN), (_OPEN, _ARM)):
            painter.drawLine(middle + near, middle, middle + far, middle)
            painter.drawLine(middle, middle + near, middle, middle + far)
    painter.end()
    return cross
