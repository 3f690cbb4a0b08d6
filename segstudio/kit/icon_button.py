"""Small flat buttons as panels have them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton

from segstudio.kit.icons import icon
from segstudio.kit.plain import plain

_TARGET = 28
"""Side of what can be clicked on, around an icon of 16."""


def icon_button(picture: str, tip: str, *, name: str = "", px: int = 16) -> QToolButton:
    """A button with an icon only.

    Args:
        picture: Name of the icon.
        tip: Its tool tip; a key may follow in parentheses.
        name: What screen readers say; the tip without its key if not given.
        px: Side of the icon.
    """
    button = QToolButton()
    button.setIcon(icon(picture))
    button.setIconSize(QSize(px, px))
    button.setAutoRaise(True)
    button.setToolTip(plain(tip))
    button.setAccessibleName(name or tip.partition(" (")[0].rstrip("…"))
    return button


def action_icon(action: QAction) -> QToolButton:
    """A button with the icon of a command only."""
    button = QToolButton()
    button.setDefaultAction(action)
    button.setIconSize(QSize(16, 16))
    button.setAutoRaise(True)
    return button


def text_switch(text: str, tip: str) -> QToolButton:
    """A button with a word that stays pressed."""
    button = QToolButton()
    button.setText(text)
    button.setToolTip(plain(tip))
    button.setCheckable(True)
    button.setAutoRaise(True)
    return button


class ChoiceButton(QToolButton):
    """An icon with a menu of which one entry is chosen; lit up unless that is the first.

    Signals:
        chosen: The user chose an entry; not told of `choose`.
    """

    chosen = Signal(str)

    def __init__(self, picture: str, name: str, choices: Sequence[str]) -> None:
        """Take the icon, what is chosen (the tip tells the choice too), and the entries."""
        super().__init__()
        self._name, self._choices = name, tuple(choices)
        self.choice = self._choices[0]
        self.setIcon(icon(picture))
        self.setIconSize(QSize(16, 16))
        self.setFixedSize(_TARGET, _TARGET)
        self.setAutoRaise(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCheckable(True)
        self.setAccessibleName(name)
        self.clicked.connect(self.open_menu)
        self.choose(self.choice)

    def choose(self, choice: str) -> None:
        """Choose another entry."""
        self.choice = choice
        self.setChecked(choice != self._choices[0])
        self.setToolTip(f"{self._name}: {choice}")
        self.setAccessibleDescription(choice)

    def nextCheckState(self) -> None:
        """A click opens the menu; only a choice lights the button up."""

    def open_menu(self) -> None:
        """Open the menu below the button, on the entry that is chosen."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        group = QActionGroup(menu)
        for choice in self._choices:
            action = menu.addAction(choice)
            action.setCheckable(True)
            action.setChecked(choice == self.choice)
            group.addAction(action)
        group.triggered.connect(lambda action: self._take(action.text()))
        menu.popup(self.mapToGlobal(QPoint(0, self.height())))
        menu.setActiveAction(group.checkedAction())

    def _take(self, choice: str) -> None:
        self.choose(choice)
        self.chosen.emit(choice)
