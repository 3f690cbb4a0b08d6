"""A choice of few, as buttons in a row."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QWidget

from segstudio.kit.plain import plain


class Segments(QWidget):
    """Buttons in a row of which one is on; the arrow keys go from one to the next.

    Signals:
        chosen: Another one was chosen.
    """

    chosen = Signal()

    def __init__(self, name: str, tips: dict[str, str]) -> None:
        super().__init__()
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QToolButton] = {}
        self.setAccessibleName(name)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for text, tip in tips.items():
            button = QToolButton()
            button.setText(text)
            button.setToolTip(plain(tip))
            button.setAccessibleName(f"{name}: {text}")
            button.setCheckable(True)
            button.setFixedHeight(24)
            button.setProperty("segment", "true")
            button.setChecked(not self._buttons)
            button.toggled.connect(self._on_toggled)
            self._group.addButton(button)
            self._buttons[text] = button
            row.addWidget(button)
        self._let_tab_reach_it()

    @property
    def text(self) -> str:
        """The word on the button that is on."""
        return next(text for text, button in self._buttons.items() if button.isChecked())

    def button(self, text: str) -> QToolButton:
        """The button with this word."""
        return self._buttons[text]

    def choose(self, text: str) -> None:
        """Switch the button with this word on."""
        self._buttons[text].setChecked(True)

    def _on_toggled(self, on: bool) -> None:
        if on:
            self._let_tab_reach_it()
            self.chosen.emit()

    def _let_tab_reach_it(self) -> None:
        """Tab reaches the one that is on; Qt leaves it with the one that had the keys last."""
        for button in self._buttons.values():
            is_on = button.isChecked()
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus if is_on else Qt.FocusPolicy.NoFocus)
