"""The confusion matrix as a heat map that can be pointed at."""

from __future__ import annotations

from typing import Final

import numpy as np
from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen

from segstudio.evaluation.ui.confusion_painter import LEAST_CELL, Grid, paint_matrix
from segstudio.evaluation.ui.confusion_values import ConfusionValues
from segstudio.kit.cell_map import Cell, CellMap
from segstudio.kit.charts.look import Look

_NOTHING: Final = ConfusionValues((), (), np.zeros((0, 0), np.int64), np.zeros((0, 0)))


class ConfusionMap(CellMap):
    """Rows are the annotation, columns the prediction."""

    def __init__(self) -> None:
        super().__init__("Confusion matrix")
        self._values = _NOTHING

    @property
    def values(self) -> ConfusionValues:
        """What the cells say."""
        return self._values

    def show_values(self, values: ConfusionValues) -> None:
        self._values = values
        self._under = None
        if self._chosen is not None and max(self._chosen) >= values.size:
            self._chosen = None
        self.setMinimumSize(self._least())
        self.setAccessibleDescription(values.table)
        self.update()

    @property
    def shape(self) -> tuple[int, int]:
        """Classes, and classes."""
        return self._values.size, self._values.size

    def rect_of(self, cell: Cell) -> QRect:
        return self._grid().rect_of(cell)

    def cell_at(self, point: QPoint) -> Cell | None:
        """The cell at a place of the widget, or None."""
        return self._grid().cell_at(point.x(), point.y())

    def text_of(self, cell: Cell) -> str:
        return self._values.tip(cell)

    def sizeHint(self) -> QSize:
        return self._least() + QSize(30, 14) * self._values.size

    def _grid(self) -> Grid:
        return Grid.of(self._values, self.fontMetrics(), self.size())

    def _least(self) -> QSize:
        return Grid.of(self._values, self.fontMetrics(), LEAST_CELL).whole

    # -- drawing -------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        look, grid = Look.of(self.palette()), self._grid()
        painter.fillRect(self.rect(), look.paper)
        paint_matrix(painter, self._values, grid, look, self._under or self._chosen)
        light = QColor("#ffffff")  # seen on every colour of the cells but the brightest
        marks = ((self._under, light, 1), (self._chosen, look.accent, 4), (self._chosen, light, 1))
        for cell, color, width in marks:
            if cell is not None:
                painter.setPen(QPen(color, width))
                inside = 3 if color is light else 0
                painter.drawRect(
                    grid.rect_of(cell).adjusted(inside, inside, -1 - inside, -1 - inside)
                )
        painter.end()
