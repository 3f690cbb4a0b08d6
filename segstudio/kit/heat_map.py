"""What heat maps have in common: cells that are pointed at, chosen, and coloured by their value."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from segstudio.core.colour_maps import VIRIDIS, colour_table
from segstudio.kit.focus_ring import FocusRing

Cell = tuple[int, int]
"""(row, column)."""

HEAT: Final = colour_table(VIRIDIS)
"""(256, 3) uint8 RGB, from nothing to the highest value."""
_SWITCH: Final = 140
"""Luminance from which text on a colour is dark."""
_STEPS: Final = {
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
}


def heat_colors(share: float) -> tuple[QColor, QColor]:
    """The colour of a cell, and that of text on it, for a value 0..1; others are cut off there."""
    red, green, blue = (int(v) for v in HEAT[round(255 * min(max(share, 0.0), 1.0))])
    light = 0.299 * red + 0.587 * green + 0.114 * blue > _SWITCH
    return QColor(red, green, blue), QColor("#14181d" if light else "#ffffff")


class HeatMap(QWidget):
    """A grid of cells; the arrow keys go from cell to cell. Subclasses say where they are.

    Signals:
        hovered: (row, column) under the pointer, or None.
        chosen: (row, column) that was clicked, or reached with the arrow keys.
    """

    hovered = Signal(object)
    chosen = Signal(object)

    def __init__(self, name: str) -> None:
        """Args:
        name: What it shows, for screen readers.
        """
        super().__init__()
        self._chosen: Cell | None = None
        self._under: Cell | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        FocusRing(self)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns there are."""
        raise NotImplementedError

    def cell_at(self, point: QPoint) -> Cell | None:
        """The (row, column) at a place in the widget, or None."""
        raise NotImplementedError

    def rect_of(self, cell: Cell) -> QRect:
        raise NotImplementedError

    def text_of(self, cell: Cell) -> str:
        """What a cell says, for its tool tip."""
        raise NotImplementedError

    def choose(self, cell: Cell | None) -> None:
        """Mark the cell that is looked at."""
        if cell != self._chosen:
            self._chosen = cell
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say which cell is under the pointer."""
        self._point(self.cell_at(event.position().toPoint()))

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the pointer any more."""
        super().leaveEvent(event)
        self._point(None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        cell = self.cell_at(event.position().toPoint())
        if cell is not None and event.button() == Qt.MouseButton.LeftButton:
            self._go(cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to a neighbouring cell."""
        step, (rows, columns) = _STEPS.get(Qt.Key(event.key())), self.shape
        if step is None or not rows or not columns:
            super().keyPressEvent(event)
            return
        if self._chosen is None:
            self._go((0, 0))
            return
        row, column = self._chosen[0] + step[0], self._chosen[1] + step[1]
        self._go((min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)))

    def _go(self, cell: Cell) -> None:
        self.choose(cell)
        self.chosen.emit(cell)

    def _point(self, cell: Cell | None) -> None:
        if cell != self._under:
            self._under = cell
            self.setToolTip("" if cell is None else self.text_of(cell))
            self.hovered.emit(cell)
            self.update()
