"""The confusion matrix as a heat map that can be pointed at."""

from __future__ import annotations

from typing import Final

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from segstudio.ui.charts.look import Look
from segstudio.ui.panels.evaluation.confusion_painter import LEAST_CELL, Grid, paint_matrix
from segstudio.ui.panels.evaluation.confusion_values import Cell, ConfusionValues

_NOTHING: Final = ConfusionValues((), (), np.zeros((0, 0), np.int64), np.zeros((0, 0)))
_STEPS: Final = {
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
}


class ConfusionMap(QWidget):
    """Rows are the annotation, columns the prediction; the arrow keys go from cell to cell.

    Signals:
        chosen: (row, column) that was clicked, or reached with the arrow keys.
    """

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._values = _NOTHING
        self._chosen: Cell | None = None
        self._under: Cell | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Confusion matrix")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def values(self) -> ConfusionValues:
        """What the cells say."""
        return self._values

    def show_values(self, values: ConfusionValues) -> None:
        """Show another matrix."""
        self._values = values
        self._under = None
        if self._chosen is not None and max(self._chosen) >= values.size:
            self._chosen = None
        self.setMinimumSize(self._least())
        self.setAccessibleDescription(values.table)
        self.update()

    def choose(self, cell: Cell | None) -> None:
        """Mark the cell that is looked at."""
        self._chosen = cell
        self.update()

    def rect_of(self, cell: Cell) -> QRect:
        """Where a cell is drawn."""
        return self._grid().rect_of(cell)

    def cell_at(self, point: QPoint) -> Cell | None:
        """The cell at a place of the widget, or None."""
        return self._grid().cell_at(point.x(), point.y())

    def sizeHint(self) -> QSize:
        """Comfortable cells."""
        return self._least() + QSize(30, 14) * self._values.size

    def _grid(self) -> Grid:
        return Grid.of(self._values, self.fontMetrics(), self.size())

    def _least(self) -> QSize:
        return Grid.of(self._values, self.fontMetrics(), LEAST_CELL).whole

    # -- drawing -------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the matrix and the marks."""
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

    # -- pointer and keys ----------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say what is under the pointer."""
        self._point(self.cell_at(event.position().toPoint()))

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the pointer any more."""
        super().leaveEvent(event)
        self._point(None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the cell."""
        cell = self.cell_at(event.position().toPoint())
        if cell is not None and event.button() == Qt.MouseButton.LeftButton:
            self.choose(cell)
            self.chosen.emit(cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to a neighbouring cell."""
        step, size = _STEPS.get(Qt.Key(event.key())), self._values.size
        if step is None or not size:
            super().keyPressEvent(event)
            return
        row, column = self._chosen or (0, 0)
        if self._chosen is not None:
            row, column = (
                min(max(at + by, 0), size - 1) for at, by in zip((row, column), step, strict=True)
            )
        self.choose((row, column))
        self.chosen.emit((row, column))

    def _point(self, cell: Cell | None) -> None:
        if cell != self._under:
            self._under = cell
            self.setToolTip("" if cell is None else self._values.tip(cell))
            self.update()
