"""The matrix of similarities as a heat map: a row for each stage of one network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPen

from segstudio.core.formatting import DASH
from segstudio.kit.elided import fitting
from segstudio.kit.heat_map import Cell, HeatMap, heat_colors

_LEAST_CELL: Final = QSize(16, 16)
_LARGEST_CELL: Final = QSize(64, 34)
_ROW_LETTERS, _COLUMN_LETTERS = 18, 12
_PADDING: Final = 6
_ONE: Final = 0.995
"""What is 1.00 in two decimals."""


class SimilarityMap(HeatMap):
    """Draws values 0..1 in viridis with their numbers; a ring marks the best of each row."""

    def __init__(self) -> None:
        super().__init__("Similarity of stages")
        self._values: NDArray[np.float64] = np.empty((0, 0))
        self._rows: tuple[str, ...] = ()
        self._columns: tuple[str, ...] = ()
        self._best: tuple[int, ...] = ()
        self._room: tuple[int, int] | None = None

    def show_values(
        self, values: NDArray[np.float64], rows: Sequence[str], columns: Sequence[str]
    ) -> None:
        """Show another matrix (rows, columns) with the names of its rows and columns."""
        self._values, self._rows, self._columns = values, tuple(rows), tuple(columns)
        self._best = tuple(-1 if np.isnan(row).all() else int(np.nanargmax(row)) for row in values)
        self._under, self._room = None, None
        self.updateGeometry()
        self.setMinimumSize(self.minimumSizeHint())
        self.update()

    @property
    def shape(self) -> tuple[int, int]:
        """Stages of the one network, and of the other."""
        return len(self._rows), len(self._columns)

    def text_of(self, cell: Cell) -> str:
        """What a cell says, for tool tips and screen readers."""
        value = float(self._values[cell])
        number = DASH if math.isnan(value) else f"{value:.3f}"
        best = ", the most similar" if self._best[cell[0]] == cell[1] else ""
        return f"{self._rows[cell[0]]} and {self._columns[cell[1]]}: {number}{best}"

    def cell_at(self, point: QPoint) -> Cell | None:
        """The (row, column) at a place in the widget, or None."""
        left, top = self._margins()
        width, height = self._cell()
        row, column = (point.y() - top) // height, (point.x() - left) // width
        inside = 0 <= row < len(self._rows) and 0 <= column < len(self._columns)
        return (row, column) if inside else None

    def rect_of(self, cell: Cell) -> QRect:
        left, top = self._margins()
        width, height = self._cell()
        return QRect(left + cell[1] * width, top + cell[0] * height, width, height)

    def minimumSizeHint(self) -> QSize:
        """The names, and the smallest cells that can be pointed at."""
        left, top = self._margins()
        return QSize(
            left + len(self._columns) * _LEAST_CELL.width() + _PADDING,
            top + len(self._rows) * _LEAST_CELL.height() + _PADDING,
        )

    def sizeHint(self) -> QSize:
        """The names and comfortable cells."""
        left, top = self._margins()
        return QSize(left + len(self._columns) * 40, top + len(self._rows) * 26)

    # -- drawing -----------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._paint_names(painter)
        for row in range(len(self._rows)):
            for column in range(len(self._columns)):
                self._paint_cell(painter, (row, column))
        self._paint_mark(painter, self._chosen, 2)
        if self._under != self._chosen:
            self._paint_mark(painter, self._under, 1)
        painter.end()

    def _paint_names(self, painter: QPainter) -> None:
        left, top = self._margins()
        width, height = self._cell()
        metrics = self.fontMetrics()
        marked = self._under or self._chosen or (-1, -1)
        for row, name in enumerate(self._rows):
            self._set_name_pen(painter, row == marked[0])
            box = QRect(0, top + row * height, left - _PADDING, height)
            text = fitting(metrics, name, box.width())
            painter.drawText(box, _RIGHT, text)
        for column, name in enumerate(self._columns):
            self._set_name_pen(painter, column == marked[1])
            text = fitting(metrics, name, top - 2 * _PADDING)
            painter.save()
            painter.translate(left + column * width, top - _PADDING)
            painter.rotate(-90)
            painter.drawText(QRect(0, 0, top - 2 * _PADDING, width), _LEFT, text)
            painter.restore()

    def _set_name_pen(self, painter: QPainter, marked: bool) -> None:
        role = QPalette.ColorRole.WindowText if marked else QPalette.ColorRole.PlaceholderText
        painter.setPen(self.palette().color(role))

    def _paint_cell(self, painter: QPainter, cell: Cell) -> None:
        box, value = self.rect_of(cell).adjusted(0, 0, -1, -1), float(self._values[cell])
        if math.isnan(value):
            painter.fillRect(box, self.palette().color(QPalette.ColorRole.Midlight))
            return
        fill, ink = heat_colors(value)
        painter.fillRect(box, fill)
        painter.setPen(ink)
        metrics = self.fontMetrics()
        text = f"{value:.2f}"
        if metrics.horizontalAdvance(text) + 4 > box.width():
            text = f"{value:.1f}" if value >= _ONE else text.replace("0.", ".", 1)
        fits = metrics.horizontalAdvance(text) + 4 <= box.width()
        if fits and metrics.height() - 2 <= box.height():
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        if self._best[cell[0]] == cell[1]:
            painter.drawRect(QRectF(box).adjusted(1.5, 1.5, -1.5, -1.5))

    def _paint_mark(self, painter: QPainter, cell: Cell | None, width: int) -> None:
        if cell is None or cell[0] >= len(self._rows) or cell[1] >= len(self._columns):
            return
        role = QPalette.ColorRole.Accent if width > 1 else QPalette.ColorRole.WindowText
        painter.setPen(QPen(self.palette().color(role), width))
        painter.drawRect(self.rect_of(cell).adjusted(-1, -1, 0, 0))

    def _margins(self) -> tuple[int, int]:
        """Room for the names at the left and on top; measured once for names and font."""
        if self._room is None:
            self._room = self._measured()
        return self._room

    def changeEvent(self, event: QEvent) -> None:
        """Measure the names in another font."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._room = None
            self.setMinimumSize(self.minimumSizeHint())

    def _measured(self) -> tuple[int, int]:
        metrics = self.fontMetrics()

        def room(names: tuple[str, ...], letters: int) -> int:
            longest = max((metrics.horizontalAdvance(name) for name in names), default=0)
            return min(longest + 4, metrics.averageCharWidth() * letters)

        return (
            room(self._rows, _ROW_LETTERS) + _PADDING,
            room(self._columns, _COLUMN_LETTERS) + 2 * _PADDING,
        )

    def _cell(self) -> tuple[int, int]:
        """Width and height of a cell."""
        left, top = self._margins()
        width = (self.width() - left - 2) // max(1, len(self._columns))
        height = (self.height() - top - 2) // max(1, len(self._rows))
        return (
            min(max(width, _LEAST_CELL.width()), _LARGEST_CELL.width()),
            min(max(height, _LEAST_CELL.height()), _LARGEST_CELL.height()),
        )


_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
