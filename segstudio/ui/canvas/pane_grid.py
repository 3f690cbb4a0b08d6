"""Where the views of the canvas lie: rows of equal height, without gaps but for a thin line."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QWidget

_LINE_PX = 1
_BEST_ASPECT = 1.25
"""Width to height of a view in which most photos are seen well."""


class PaneGrid(QWidget):
    """Lays views out; all get their new places at once."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: list[QWidget] = []

    def show_panes(self, shown: Sequence[QWidget]) -> None:
        """Show these views and no others."""
        for pane in self._shown:
            if pane not in shown:
                pane.hide()
        self._shown = list(shown)
        self._arrange()
        for pane in self._shown:
            pane.show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give every view its share."""
        super().resizeEvent(event)
        self._arrange()

    def sizeHint(self) -> QSize:
        """The size it would like."""
        return QSize(800, 600)

    def minimumSizeHint(self) -> QSize:
        """The least useful size."""
        return QSize(160, 120)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the lines between the views."""
        painter = QPainter(self)
        painter.fillRect(event.rect(), self.palette().color(QPalette.ColorRole.Mid))
        painter.end()

    def _arrange(self) -> None:
        places = cells(len(self._shown), self.width(), self.height())
        for pane, place in zip(self._shown, places, strict=True):
            pane.setGeometry(place)


def cells(count: int, width: int, height: int) -> list[QRect]:
    """Places of some views in a rectangle, row by row; those of a last, shorter row are wider.

    Args:
        count: How many views.
        width: Of the rectangle, in pixels.
        height: Likewise.
    """
    columns = _columns(count, width, height)
    rows = math.ceil(count / columns) if count else 0
    places = []
    for row in range(rows):
        in_row = min(columns, count - row * columns)
        top, bottom = _span(row, rows, height)
        for column in range(in_row):
            left, right = _span(column, in_row, width)
            places.append(QRect(left, top, right - left, bottom - top))
    return places


def _columns(count: int, width: int, height: int) -> int:
    """The number of columns that gives the views the best shape; even rows come first."""

    def badness(columns: int) -> float:
        rows = math.ceil(count / columns)
        aspect = (width / columns) / max(1.0, height / rows)
        return abs(math.log(max(aspect, 1e-6) / _BEST_ASPECT)) + 0.35 * (rows * columns - count)

    return min(range(1, count + 1), key=badness, default=1)


def _span(number: int, count: int, length: int) -> tuple[int, int]:
    """Begin and end of one of some equal parts of a length, with a line between them."""
    part = (length - _LINE_PX * (count - 1)) / count
    begin = round(number * (part + _LINE_PX))
    return begin, round(number * (part + _LINE_PX) + part)
