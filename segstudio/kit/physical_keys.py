"""Keys by their place on the keyboard, where the layout has no letter or digit of ours there.

On a Cyrillic or Greek layout no key gives a Latin letter; on a French or Czech one the digits need
Shift. Shortcuts are then found by the place of the key, as on a US keyboard. What a layout can type
itself always goes first: on a French keyboard A is where it says A.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QEvent, QKeyCombination, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

_ROWS = {2: "1234567890-=", 16: "QWERTYUIOP[]", 30: "ASDFGHJKL;'`", 43: "\\ZXCVBNM,./"}
"""What a US keyboard has, by the first scan code of each row (the codes of Linux and Windows)."""
_BY_SCAN = {first + i: ord(key) for first, row in _ROWS.items() for i, key in enumerate(row)}
_MAC = {
    "A": 0, "S": 1, "D": 2, "F": 3, "H": 4, "G": 5, "Z": 6, "X": 7, "C": 8, "V": 9, "B": 11,
    "Q": 12, "W": 13, "E": 14, "R": 15, "Y": 16, "T": 17, "1": 18, "2": 19, "3": 20, "4": 21,
    "6": 22, "5": 23, "=": 24, "9": 25, "7": 26, "-": 27, "8": 28, "0": 29, "]": 30, "O": 31,
    "U": 32, "[": 33, "I": 34, "P": 35, "L": 37, "J": 38, "'": 39, "K": 40, ";": 41, "\\": 42,
    ",": 43, "/": 44, "N": 45, "M": 46, ".": 47, "`": 50,
}  # fmt: skip
_BY_MAC_CODE = {code: ord(key) for key, code in _MAC.items()}
_X_OFFSET = 8
"""X11 and Wayland count from 8."""
_LAST_LATIN = 0x24F
_FIRST_NAMED = 0x01000000
"""Qt's keys from here on are no characters."""
_DIGITS = range(ord("0"), ord("9") + 1)
_IGNORED = Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.GroupSwitchModifier


def us_key(event: QKeyEvent, system: str = sys.platform) -> Qt.Key | None:
    """The key that a US keyboard has in the place of the one that was pressed.

    Args:
        event: A press or a release.
        system: As `sys.platform` names it.

    Returns:
        None if the layout's own meaning counts: it types a Latin letter or a digit itself, or the
        place is not known.
    """
    if event.modifiers() & Qt.KeyboardModifier.KeypadModifier:
        return None
    if system == "darwin":
        code = _BY_MAC_CODE.get(event.nativeVirtualKey())
    else:
        offset = 0 if system == "win32" else _X_OFFSET
        code = _BY_SCAN.get((event.nativeScanCode() & 0xFFFF) - offset)
    if code is None or code == event.key():
        return None
    foreign = _LAST_LATIN < event.key() < _FIRST_NAMED
    is_digit_key = code in _DIGITS and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier
    types_digit = event.key() in _DIGITS
    return Qt.Key(code) if foreign or (is_digit_key and not types_digit) else None


def as_us(event: QKeyEvent, kind: QEvent.Type | None = None) -> QKeyEvent | None:
    """The same event as a US keyboard would have sent it; None if that makes no difference."""
    key = us_key(event)
    if key is None:
        return None
    return QKeyEvent(
        kind or event.type(),
        key,
        event.modifiers() & ~_IGNORED,
        event.nativeScanCode(),
        event.nativeVirtualKey(),
        event.nativeModifiers(),
        chr(key).lower(),
        event.isAutoRepeat(),
    )


class PhysicalKeys(QObject):
    """Finds the shortcut by the place of a key that the layout gives another meaning.

    It watches the widget that has the focus (`watch`). A key comes here only after Qt found no
    shortcut for what the layout types.
    """

    def __init__(
        self, parent: QWidget, action_of: Callable[[QKeySequence], QAction | None]
    ) -> None:
        """Args:
        parent: The window.
        action_of: What a shortcut does where the focus is; None if nothing.
        """
        super().__init__(parent)
        self._action_of = action_of
        self._watched: QWidget | None = None

    def watch(self, widget: QWidget | None) -> None:
        """Follow the focus; None to watch nothing."""
        if self._watched is not None and isValid(self._watched):
            self._watched.removeEventFilter(self)
        self._watched = widget
        if widget is not None:
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Look at the keys of the widget that has the focus."""
        kind = event.type()
        if kind not in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            return False
        if not isinstance(event, QKeyEvent):
            return False
        meant = as_us(event)
        if meant is None:
            return False
        if kind == QEvent.Type.KeyRelease:
            QCoreApplication.sendEvent(watched, meant)
            return False
        return self._press(watched, event, meant)

    def _press(self, watched: QObject, event: QKeyEvent, meant: QKeyEvent) -> bool:
        """As Qt does: the widget may want the key itself, else it is a shortcut."""
        wish = as_us(event, QEvent.Type.ShortcutOverride)
        assert wish is not None
        wish.ignore()
        QCoreApplication.sendEvent(watched, wish)
        if wish.isAccepted():
            return QCoreApplication.sendEvent(watched, meant)
        combination = QKeyCombination(meant.modifiers(), Qt.Key(meant.key()))
        action = self._action_of(QKeySequence(combination))
        if action is None:
            return False
        if action.autoRepeat() or not event.isAutoRepeat():
            action.trigger()
        return True
