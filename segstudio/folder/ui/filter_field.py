"""The field for a part of an image's name."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit

_TO_LIST = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down)


class FilterField(QLineEdit):
    """Enter and the arrow down go to the list, Esc empties the field or, empty, leaves it too.

    Signals:
        list_wanted: The user is done with typing.
    """

    list_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setPlaceholderText("Filter by name")
        self.setToolTip("Words that the name must hold. Enter goes to the list, Esc empties it.")
        self.setClearButtonEnabled(True)
        self.setAccessibleName("Filter images by name")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_escape = event.key() == Qt.Key.Key_Escape
        if is_escape and self.text():
            self.clear()
        elif is_escape or event.key() in _TO_LIST:
            self.list_wanted.emit()
        else:
            super().keyPressEvent(event)
