"""A sign that there is something to know of a prediction: how it was run, what is missing in it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QToolButton, QToolTip, QWidget

from segstudio.core.text import as_html
from segstudio.kit.icons import icon

_SIDE, _ICON = 22, 15


class NotesMark(QToolButton):
    """Its tool tip tells the notes, and so does a click; hidden where there are none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setIcon(icon("info"))
        self.setIconSize(QSize(_ICON, _ICON))
        self.setAutoRaise(True)
        self.setFixedSize(_SIDE, _SIDE)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName("Notes on this prediction")
        self.clicked.connect(self._tell)
        self.hide()

    def show_notes(self, notes: Sequence[str]) -> None:
        """Show other notes, each a plain sentence."""
        self.setVisible(bool(notes))
        self.setAccessibleDescription(" ".join(notes))
        self.setToolTip("".join(f"<p>{as_html(note)}</p>" for note in notes))

    def _tell(self) -> None:
        QToolTip.showText(self.mapToGlobal(self.rect().bottomLeft()), self.toolTip(), self)
