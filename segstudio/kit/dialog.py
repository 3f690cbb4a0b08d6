"""What all dialogs share: a closed one hears of nothing any more; Enter does what was meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psygnal import SignalInstance
from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QAbstractButton, QDialog, QMessageBox, QPushButton, QWidget


class Dialog(QDialog):
    """A dialog that is deleted when it closes, however that happens."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def showEvent(self, event: QShowEvent) -> None:
        """Let Enter press the default button, also one that was made that before it was in here.

        Qt forgets that, and takes the first button that is reached by Tab.
        """
        for button in self.findChildren(QPushButton):
            if button.isDefault():
                button.setDefault(False)
                button.setDefault(True)
                break
        super().showEvent(event)

    def listen(self, signal: SignalInstance, slot: Callable[..., Any]) -> None:
        """Call `slot` at each signal until the dialog is closed."""
        signal.connect(slot)
        self.finished.connect(lambda: signal.disconnect(slot, missing_ok=True))


def clicked_button(box: QMessageBox) -> QAbstractButton | None:
    """Ask; the button that was clicked, to be compared only, for the box is deleted."""
    box.exec()
    clicked = box.clickedButton()
    box.deleteLater()
    return clicked
