"""Keys that act while they are held: Space pans, V peeks."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

TAP_SECONDS = 0.3
"""A key that is up again within this time was pressed shortly, not held."""
_MODIFIERS = (
    Qt.KeyboardModifier.ControlModifier
    | Qt.KeyboardModifier.AltModifier
    | Qt.KeyboardModifier.MetaModifier
    | Qt.KeyboardModifier.ShiftModifier
)


class HeldKeys:
    """Follows Space and the peek key from press to release; repeats of a held key count once.

    Peeking flips the overlay at the press; a release soon after leaves it so (a switch), a later
    one flips it back (a peek).
    """

    def __init__(self, on_space: Callable[[], None], flip_overlay: Callable[[], None]) -> None:
        """Args:
        on_space: Told when Space goes down or up.
        flip_overlay: Shows the overlay if it is hidden, hides it if it is shown.
        """
        self.space = False
        self.peek_key = Qt.Key.Key_V
        self._peek_since: float | None = None
        self._on_space = on_space
        self._flip_overlay = flip_overlay

    def wants(self, event: QKeyEvent) -> bool:
        """Whether a key is one of these and no shortcut shall have it."""
        if event.modifiers() & _MODIFIERS & ~Qt.KeyboardModifier.ControlModifier:
            return False
        ctrl = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        return event.key() == Qt.Key.Key_Space or (event.key() == self.peek_key and not ctrl)

    def press(self, event: QKeyEvent) -> bool:
        """A key went down; returns whether it is one of these."""
        if not self.wants(event):
            return False
        if event.isAutoRepeat():
            return True
        if event.key() == Qt.Key.Key_Space:
            self._set_space(held=True)
        elif self._peek_since is None:
            self._peek_since = time.monotonic()
            self._flip_overlay()
        return True

    def release(self, event: QKeyEvent) -> bool:
        """A key went up; returns whether it is one of these."""
        if event.isAutoRepeat():
            return event.key() in (Qt.Key.Key_Space, self.peek_key)
        if event.key() == Qt.Key.Key_Space and self.space:
            self._set_space(held=False)
            return True
        if event.key() == self.peek_key and self._peek_since is not None:
            self._end_peek()
            return True
        return False

    def let_go(self) -> None:
        """The keyboard went elsewhere: nothing is held any more."""
        if self.space:
            self._set_space(held=False)
        if self._peek_since is not None:
            self._end_peek()

    def _end_peek(self) -> None:
        since, self._peek_since = self._peek_since, None
        if since is not None and time.monotonic() - since > TAP_SECONDS:
            self._flip_overlay()

    def _set_space(self, *, held: bool) -> None:
        self.space = held
        self._on_space()
