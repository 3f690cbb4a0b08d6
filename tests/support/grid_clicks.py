"""Clicks on the cells of a grid of channels."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt

LEFT = Qt.MouseButton.LeftButton


def middle(grid, place) -> QPoint:
    return grid.layout_of().picture_rect(place, grid.verticalScrollBar().value()).center()


def click(qtbot, grid, place, modifiers=Qt.KeyboardModifier.NoModifier):
    qtbot.mouseClick(grid.viewport(), LEFT, modifiers, middle(grid, place))
