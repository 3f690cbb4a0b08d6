"""Plain keys belong to a text field that has the focus."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QKeyCombination, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

from segstudio.kit.physical_keys import PhysicalKeys

_TEXT_FIELDS = ("QLineEdit", "QAbstractSpinBox", "QPlainTextEdit", "QTextEdit", "QKeySequenceEdit")
"""By name: importing the classes would cost time at start-up."""
_NUMBER_FIELD = "QAbstractSpinBox"
_DONE = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape)
_EXPORT = QKeyCombination(Qt.KeyboardModifier.ControlModifier, Qt.Key.Key_E)
"""On Linux text fields go to the end of the line with it, as End does; here it exports."""
_COMMANDING = (
    Qt.KeyboardModifier.ControlModifier
    | Qt.KeyboardModifier.AltModifier
    | Qt.KeyboardModifier.MetaModifier
)


class TextFocusGuard(QObject):
    """Keeps shortcuts without Ctrl, Alt or Meta from a text field that is being typed in.

    It watches only the widget that has the focus, so that no other event passes through Python.

    Signals:
        number_typed: Enter or Esc was pressed in a number field of the window.
    """

    number_typed = Signal()

    def __init__(self, parent: QWidget, physical: PhysicalKeys) -> None:
        """Args:
        parent: The window.
        physical: Is given the window's widgets that have the focus and take no text.
        """
        super().__init__(parent)
        self._window = parent
        self._physical = physical
        self._field: QWidget | None = None
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._on_focus)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            is_function_key = Qt.Key.Key_F1 <= event.key() <= Qt.Key.Key_F35
            if not event.modifiers() & _COMMANDING and not is_function_key:
                event.accept()
                return True
            if event.keyCombination() == _EXPORT:
                event.ignore()
                return True
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            self._on_key(event)
        return False

    def _on_key(self, event: QKeyEvent) -> None:
        """Else the next plain key would go into the number again."""
        field = self._field
        if field is None or field.window() is not self._window:
            return
        if field.inherits(_NUMBER_FIELD) and event.key() in _DONE:
            QTimer.singleShot(0, self, self.number_typed.emit)

    def _on_focus(self, _old: QWidget | None, now: QWidget | None) -> None:
        if self._field is not None:
            if isValid(self._field):  # a window that closed may have taken it along
                self._field.removeEventFilter(self)
            self._field = None
        takes_text = now is not None and any(now.inherits(name) for name in _TEXT_FIELDS)
        if now is not None and takes_text:
            self._field = now
            now.installEventFilter(self)
        mine = now is not None and not takes_text and now.window() is self._window
        self._physical.watch(now if mine else None)
