"""Widgets of a layout that are shown and hidden at once."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget

from segstudio.kit.layouts import laid_out_once


class _Counting(QVBoxLayout):
    """Counts how often it lays out."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.count = 0

    def setGeometry(self, rect: QRect) -> None:
        self.count += 1
        super().setGeometry(rect)


@pytest.fixture
def place(qtbot):
    outer = QWidget()
    qtbot.addWidget(outer)
    around = _Counting(outer)
    inner = QWidget()
    around.addWidget(inner)
    column = _Counting(inner)
    labels = [QLabel(str(number)) for number in range(10)]
    for label in labels:
        column.addWidget(label)
        label.hide()
    outer.show()
    QApplication.processEvents()
    around.count = column.count = 0
    return outer, around, column, labels


def test_ten_widgets_that_are_shown_are_laid_out_once(place):
    _outer, around, column, labels = place
    with laid_out_once(column):
        for label in labels:
            label.show()
        assert column.count == 0
    assert column.count == 1
    tops = [label.geometry().top() for label in labels]
    assert tops == sorted(set(tops))
    QApplication.processEvents()
    assert around.count <= 2


def test_a_layout_that_is_shut_off_stays_so(place):
    _outer, _around, column, labels = place
    column.setEnabled(False)
    with laid_out_once(column):
        labels[0].show()
    assert not column.isEnabled()
    assert column.count == 0


def test_a_layout_goes_on_after_an_error(place):
    _outer, _around, column, labels = place

    def fail() -> None:
        with laid_out_once(column):
            labels[0].show()
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert column.isEnabled()
    assert column.count == 1
