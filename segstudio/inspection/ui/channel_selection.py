"""Which channels of the grid are in focus and selected."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

_MOVES = frozenset(
    {
        Qt.Key.Key_Left,
        Qt.Key.Key_Right,
        Qt.Key.Key_Up,
        Qt.Key.Key_Down,
        Qt.Key.Key_Home,
        Qt.Key.Key_End,
        Qt.Key.Key_PageUp,
        Qt.Key.Key_PageDown,
    }
)
_NOT_MOVING = Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier


def is_moving_key(event: QKeyEvent) -> bool:
    """Whether a key moves the focus in a grid."""
    return event.key() in _MOVES and not event.modifiers() & _NOT_MOVING


class ChannelSelection:
    """One channel in focus, a set of selected ones, as lists of files have them.

    Attributes:
        order: The channels in the order shown.
        focus: The channel in focus, or None.
        selected: The selected channels.
    """

    def __init__(self) -> None:
        self.order: NDArray[np.intp] = np.zeros(0, np.intp)
        self.focus: int | None = None
        self.selected: set[int] = set()
        self._anchor: int | None = None
        self._places: dict[int, int] = {}

    @property
    def channels(self) -> tuple[int, ...]:
        return tuple(sorted(self.selected))

    @property
    def place_of_focus(self) -> int | None:
        """Where the channel in focus stands in the order."""
        return None if self.focus is None else self._places.get(self.focus)

    def start(self, order: NDArray[np.intp]) -> None:
        """Begin with other channels; nothing is in focus."""
        self.focus, self._anchor = None, None
        self.selected = set()
        self.reorder(order)

    def reorder(self, order: NDArray[np.intp]) -> None:
        """Show the same channels in another order."""
        self.order = order
        self._places = {int(channel): place for place, channel in enumerate(order)}

    def focus_on(self, channel: int | None) -> None:
        """Put a channel in focus and select it alone."""
        self.focus = channel if channel in self._places else None
        self.selected = set() if self.focus is None else {self.focus}
        self._anchor = self.place_of_focus

    def select_all(self) -> None:
        self.selected = set(self._places)

    def click(self, place: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Click on a place of the order; whether the focus changed."""
        before, channel = self.focus, int(self.order[place])
        self.focus = channel
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            self._select_to(place)
        elif modifiers & Qt.KeyboardModifier.ControlModifier:
            self.selected ^= {channel}
            self._anchor = place
        else:
            self.selected, self._anchor = {channel}, place
        return self.focus != before

    def move(self, event: QKeyEvent, columns: int, page: int) -> bool:
        """Move the focus by a key; with Shift the selection follows. Whether it changed."""
        if not len(self.order):
            return False
        last = len(self.order) - 1
        there = self.place_of_focus
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -columns,
            Qt.Key.Key_Down: columns,
            Qt.Key.Key_PageUp: -columns * page,
            Qt.Key.Key_PageDown: columns * page,
            Qt.Key.Key_Home: -last,
            Qt.Key.Key_End: last,
        }
        step = steps[Qt.Key(event.key())]
        place = 0 if there is None else there + step
        # beyond the first or last row an arrow stays; pages and ends go as far as there is
        if not 0 <= place <= last and there is not None and abs(step) == columns:
            place = there
        place = min(max(place, 0), last)
        before, self.focus = self.focus, int(self.order[place])
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._select_to(place)
        else:
            self.selected, self._anchor = {self.focus}, place
        return self.focus != before

    def _select_to(self, place: int) -> None:
        start = place if self._anchor is None else self._anchor
        low, high = min(start, place), max(start, place)
        self.selected = {int(channel) for channel in self.order[low : high + 1]}
        self._anchor = start
