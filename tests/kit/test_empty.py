"""Widgets of which one is shown: they stay where they are."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from segstudio.kit.empty import Stacked


class Moves(QObject):
    """Counts how often a widget gets another parent, which has Qt work out its style anew."""

    def __init__(self, watched: QWidget) -> None:
        super().__init__(watched)
        self.count = 0
        watched.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.ParentChange
        return False


def test_what_lies_in_the_panel_already_gets_no_other_parent(qtbot: QtBot) -> None:
    panel = QWidget()
    qtbot.addWidget(panel)
    inside, loose = QLabel("inside", panel), QLabel("loose")
    moves = Moves(inside)
    stack = Stacked(inside, loose)
    QVBoxLayout(panel).addLayout(stack)
    panel.show()
    assert moves.count == 0
    assert inside.parentWidget() is panel
    assert loose.parentWidget() is panel
    assert (inside.isVisible(), loose.isVisible()) == (True, False)
    stack.setCurrentIndex(1)
    assert (inside.isVisible(), loose.isVisible()) == (False, True)


def test_what_has_no_parent_is_no_window_meanwhile(qtbot: QtBot) -> None:
    first, second = QLabel("first"), QLabel("second")
    stack = Stacked(first, second)
    stack.setCurrentIndex(1)
    assert not first.isWindow()
    assert not second.isWindow()
    panel = QWidget()
    qtbot.addWidget(panel)
    QVBoxLayout(panel).addLayout(stack)
    assert second.parentWidget() is panel
