"""Plain keys belong to a text field that has the focus."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget

_TEXT_FIELDS = ("QLineEdit", "QAbstractSpinBox", "QPlainTextEdit", "QTextEdit", "QKeySequenceEdit")
"""By name: importing the classes would cost time at start-up."""
_COMMANDING = (
    Qt.KeyboardModifier.ControlModifier
    | Qt.KeyboardModifier.AltModifier
    | Qt.KeyboardModifier.MetaModifier
)


class TextFocusGuard(QObject):
    """Keeps shortcuts without Ctrl, Alt or Meta from a text field that is being typed in.

    It watches only the widget that has the focus, so that no other event passes through Python.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._field: QWidget | None = None
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._on_focus)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Look at an event of what is watched."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            is_function_key = Qt.Key.Key_F1 <= event.key() <= Qt.Key.Key_F35
            if not event.modifiers() & _COMMANDING and not is_function_key:
                event.accept()
                return True
        return False

    def _on_focus(self, _old: QWidget | None, now: QWidget | None) -> None:
        if self._field is not None:
            self._field.removeEventFilter(self)
            self._field = None
        if now is not None and any(now.inherits(name) for name in _TEXT_FIELDS):
            self._field = now
            now.installEventFilter(self)
