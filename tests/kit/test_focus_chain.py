"""Walking the order of the Tab key: who is asked does not become the owner of who comes next."""

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QLineEdit, QMainWindow

from segstudio.kit.focus_chain import before_in_chain, next_in_chain
from segstudio.window.region_focus import go_to_next


def delete(widget) -> None:
    widget.deleteLater()
    QCoreApplication.sendPostedEvents(widget, QEvent.Type.DeferredDelete)


@pytest.fixture
def parts(qtbot):
    """A window, a field, a tool bar that Qt made, and a field after it."""
    window = QMainWindow()
    qtbot.addWidget(window)
    return window, QLineEdit(window), window.addToolBar("Bar"), QLineEdit(window)


def test_a_tool_bar_outlives_the_widgets_beside_it(parts):
    window, before, bar, after = parts
    assert next_in_chain(before) is bar
    assert before_in_chain(after) is not None
    delete(before)
    delete(after)
    assert shiboken6.isValid(bar)
    assert bar.parentWidget() is window
    assert bar.windowTitle() == "Bar"


def test_going_to_the_next_part_leaves_a_tool_bar_whole(parts):
    window, before, bar, after = parts
    window.show()
    go_to_next([[bar], [after]], 1)  # nothing in the bar takes keys, which is seen by walking round
    assert window.focusWidget() is after
    delete(before)
    assert shiboken6.isValid(bar)
