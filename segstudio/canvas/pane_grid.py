"""Where the views of the canvas lie: rows of equal height, without gaps but for a thin line."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from segstudio.canvas.view_header import HEADER_PX
from segstudio.kit.theme import ON_PICTURE

_LINE_PX = 1
_CLEARLY_MORE = 1.1
"""From image to image views change their places only if each is shown larger by this factor."""


class PaneGrid(QWidget):
    """Lays views out; all get their new places at once."""

    def __init__(
        self,
        parent: QWidget | None = None,
        placing: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Args:
        parent: The widget around it.
        placing: Entered while several views get other places.
        """
        super().__init__(parent)
        self._placing = placing
        self._shown: list[QWidget] = []
        self._count, self._columns = 1, 1
        self._aspect = 1.0

    def show_aspect(self, aspect: float) -> None:
        """Another image is shown, of this width to its height."""
        if aspect == self._aspect:
            return
        self._aspect = aspect
        if self._best(self._columns) != self._columns:
            with self._placing():
                self._columns = self._best()
                self._arrange()

    def show_panes(self, shown: Sequence[QWidget], count: int) -> None:
        """Show these views and no others.

        Args:
            shown: The views, the first one first.
            count: For how many there shall be room; the last ones may be missing.
        """
        for pane in self._shown:
            if pane not in shown:
                pane.hide()
        if count != self._count:
            self._count = count
            self._columns = self._best()
        self._shown = list(shown)
        with self._placing():
            self._arrange()
            for pane in self._shown:
                pane.show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._columns = self._best()
        with self._placing():
            self._arrange()

    def sizeHint(self) -> QSize:
        return QSize(800, 600)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 120)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        # a light line between dark views would be the brightest thing on them
        painter.fillRect(event.rect(), QColor(ON_PICTURE.ground))
        painter.end()

    def _best(self, now: int = 0) -> int:
        return best_columns(self._count, self.width(), self.height(), self._aspect, now)

    def _arrange(self) -> None:
        places = cells(self._count, self.width(), self.height(), self._columns)
        for pane, place in zip(self._shown, places, strict=False):
            pane.setGeometry(place)


def cells(count: int, width: int, height: int, columns: int) -> list[QRect]:
    """Places of some views in a rectangle, row by row; those of a last, shorter row are wider.

    Args:
        count: How many views.
        width: Of the rectangle, in pixels.
        height: Likewise.
        columns: How many views stand beside each other.
    """
    rows = math.ceil(count / columns) if count else 0
    places = []
    for row in range(rows):
        in_row = min(columns, count - row * columns)
        top, bottom = _span(row, rows, height)
        for column in range(in_row):
            left, right = _span(column, in_row, width)
            places.append(QRect(left, top, right - left, bottom - top))
    return places


def best_columns(count: int, width: int, height: int, aspect: float, now: int = 0) -> int:
    """How many views stand beside each other so that the image is seen largest in each.

    Args:
        count: How many views.
        width: Of the rectangle they share, in pixels.
        height: Likewise.
        aspect: Width to height of the image.
        now: How many stand beside each other now; kept unless others show clearly more. 0 if any
            number will do.
    """

    def image_width(columns: int) -> float:
        cell = width / columns
        room = height / math.ceil(count / columns) - HEADER_PX
        return min(cell, max(1.0, room) * aspect)

    best = max(range(1, count + 1), key=image_width, default=1)
    if 0 < now <= count and image_width(best) < _CLEARLY_MORE * image_width(now):
        return now
    return best


def _span(number: int, count: int, length: int) -> tuple[int, int]:
    """Begin and end of one of some equal parts of a length, with a line between them."""
    part = (length - _LINE_PX * (count - 1)) / count
    begin = round(number * (part + _LINE_PX))
    return begin, round(number * (part + _LINE_PX) + part)
