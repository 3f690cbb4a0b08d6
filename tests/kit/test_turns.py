"""What takes long on the GUI thread, in parts."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from segstudio.kit.turns import Parts, Turns, at_once, polished


def three(done: list[int]) -> Parts[str]:
    for number in range(3):
        done.append(number)
        yield
    return "made"


def test_each_part_has_a_turn_of_its_own(qtbot: QtBot) -> None:
    done: list[int] = []
    told: list[str] = []
    turns = Turns(QObject(QApplication.instance()))
    seen: list[int] = []

    turns.begin(three(done), told.append)
    while turns.running:
        QApplication.processEvents()
        seen.append(len(done))

    assert told == ["made"]
    assert sorted(set(seen)) == [1, 2, 3] or sorted(set(seen)) == [0, 1, 2, 3]


def test_what_is_left_can_be_done_at_once(qtbot: QtBot) -> None:
    done: list[int] = []
    told: list[str] = []
    turns = Turns(QObject(QApplication.instance()))

    turns.begin(three(done), told.append)
    turns.finish()
    turns.finish()

    assert (done, told, turns.running) == ([0, 1, 2], ["made"], False)
    assert at_once(three(done)) == "made"


def test_nothing_is_done_once_the_parent_is_gone(qtbot: QtBot) -> None:
    done: list[int] = []
    parent = QObject()
    turns = Turns(parent)
    turns.begin(three(done), lambda _made: None)
    while not done:
        QApplication.processEvents()

    parent.deleteLater()
    QApplication.sendPostedEvents(parent, QEvent.Type.DeferredDelete)
    qtbot.wait(30)

    assert done == [0]


def test_all_in_a_hidden_widget_is_polished_before_it_is_shown(qtbot: QtBot) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)
    column = QVBoxLayout(widget)
    for number in range(5):
        column.addWidget(QLabel(str(number)))

    at_once(polished(widget))

    each = [widget, *widget.findChildren(QLabel)]
    assert len(each) == 6
    assert all(w.testAttribute(Qt.WidgetAttribute.WA_WState_Polished) for w in each)
    assert not widget.isVisible()
