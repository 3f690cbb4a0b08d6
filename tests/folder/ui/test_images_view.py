"""The list of images draws the rows that changed, and no others."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QStringListModel
from PySide6.QtWidgets import QApplication, QStyledItemDelegate

from segstudio.folder.ui.image_delegate import ImagesView


class _Painted(QStyledItemDelegate):
    def __init__(self, parent: ImagesView) -> None:
        super().__init__(parent)
        self.rows: set[int] = set()

    def paint(self, painter, option, index) -> None:
        self.rows.add(index.row())
        super().paint(painter, option, index)


@pytest.mark.parametrize(("changed", "painted"), [((3, 3), {3}), ((2, 4), {2, 3, 4})])
def test_rows_that_changed_are_drawn_alone(qtbot, changed, painted):
    view = ImagesView()
    qtbot.addWidget(view)
    model = QStringListModel([f"{number:03}.png" for number in range(200)])
    view.setModel(model)
    view.setUniformItemSizes(True)
    delegate = _Painted(view)
    view.setItemDelegate(delegate)
    view.resize(200, 400)
    view.show()
    qtbot.waitUntil(lambda: len(delegate.rows) > 6)
    QApplication.processEvents()
    delegate.rows.clear()
    first, last = changed
    model.dataChanged.emit(model.index(first), model.index(last))
    qtbot.waitUntil(lambda: bool(delegate.rows))
    assert delegate.rows == painted


def test_rows_out_of_sight_that_changed_with_some_in_sight_are_no_hindrance(qtbot):
    view = ImagesView()
    qtbot.addWidget(view)
    model = QStringListModel([f"{number:03}.png" for number in range(200)])
    view.setModel(model)
    delegate = _Painted(view)
    view.setItemDelegate(delegate)
    view.resize(200, 200)
    view.show()
    qtbot.waitUntil(lambda: len(delegate.rows) > 3)
    QApplication.processEvents()
    seen = set(delegate.rows)
    delegate.rows.clear()
    model.dataChanged.emit(model.index(0), model.index(199))
    qtbot.waitUntil(lambda: delegate.rows == seen)
