"""Menus of images, classes, views and rows: by right click and by key, about what is selected."""

from __future__ import annotations

import csv

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog

from segstudio.session.session import Layer

KEY, SHIFT = Qt.Key, Qt.KeyboardModifier.ShiftModifier


def _menu(bench):
    bench.until(lambda: QApplication.activePopupWidget() is not None)
    return QApplication.activePopupWidget()


def _texts(menu) -> list[str]:
    return [action.text().split("\t")[0] for action in menu.actions() if action.text()]


def _right_click(widget, at: QPoint) -> None:
    QTest.mousePress(widget, Qt.MouseButton.RightButton, pos=at)
    QTest.mouseRelease(widget, Qt.MouseButton.RightButton, pos=at)
    mouse = QContextMenuEvent.Reason.Mouse
    QApplication.sendEvent(widget, QContextMenuEvent(mouse, at, widget.mapToGlobal(at)))


def _choose(menu, start: str) -> None:
    action = next(a for a in menu.actions() if a.text().startswith(start))
    assert action.isEnabled()
    action.trigger()
    menu.close()


def test_shift_f10_opens_the_menu_of_the_image_that_is_selected(bench):
    view = bench.window.images.view
    view.setFocus()
    QTest.keyClick(view, KEY.Key_Down)
    bench.until(lambda: bench.session.index == 1 and not bench.session.loading)
    bench.until(lambda: bench.session.document.ref.title == "field_1.png")
    QTest.keyClick(view, KEY.Key_F10, SHIFT)
    menu = _menu(bench)
    row = view.visualRect(view.currentIndex())
    assert row.contains(view.viewport().mapFromGlobal(menu.pos()))
    assert {"Run", "Done", "Revert to original", "Show in file manager"} <= {*_texts(menu)}
    _choose(menu, "Copy name")
    assert QApplication.clipboard().text() == "field_1.png"


def test_shift_f10_opens_the_menu_of_the_class_that_is_current(bench):
    view = bench.window.classes.view
    view.setFocus()
    bench.session.set_view(active_class=1)
    bench.settle()
    QTest.keyClick(view, KEY.Key_F10, SHIFT)
    menu = _menu(bench)
    assert _texts(menu)[0] == "Rename “class 1”"
    row = view.visualRect(view.currentIndex())
    assert view.viewport().mapFromGlobal(menu.pos()).y() == row.bottom()
    menu.close()


@pytest.fixture
def predicted(bench):
    """The open image with the answer of the model: red above 100 (from column 21 on) is class 1."""
    bench.studio.segmenting.run_current()
    bench.until(lambda: bool(bench.session.document.predictions))
    bench.settle()
    return bench


def _at(bench, x: int, y: int) -> QPoint:
    place = bench.window.canvas.viewport.to_screen((x + 0.5, y + 0.5))
    return QPoint(*map(round, place))


def test_a_view_takes_the_models_answer_at_the_pixel_that_was_clicked_on(predicted):
    viewport, document = predicted.window.canvas.viewport, predicted.session.document
    assert document.annotation.labels[2, 40] == 0
    _right_click(viewport, _at(predicted, 40, 2))
    _choose(_menu(predicted), "Take Fake U-Net's answer here")
    predicted.settle()
    assert document.annotation.labels[2, 40] == 1


def test_a_view_tells_and_chooses_what_lies_under_the_pointer(predicted):
    viewport = predicted.window.canvas.viewport
    predicted.session.set_view(active_class=1)
    _right_click(viewport, _at(predicted, 30, 20))  # in the disc of class 2
    menu = _menu(predicted)
    _choose(menu, "Copy the values")
    # red is 5 x 30, green 7 x 20, blue 0; the model says class 1 as red is above 100
    assert QApplication.clipboard().text() == "30, 20\t150 140 0\tclass 2\tclass 1"
    _right_click(viewport, _at(predicted, 30, 20))
    _choose(_menu(predicted), "Paint with “class 2”")
    assert predicted.session.view.active_class == 2


def test_the_copied_values_of_a_pixel_are_no_formula_in_a_spreadsheet(predicted):
    predicted.studio.schema_keeper.rename_class(2, "=1+1")
    _right_click(predicted.window.canvas.viewport, _at(predicted, 30, 20))
    _choose(_menu(predicted), "Copy the values")
    assert QApplication.clipboard().text().split("\t")[2] == "'=1+1"


def test_a_views_menu_by_key_is_about_the_pixel_in_its_middle(predicted):
    viewport = predicted.window.canvas.viewport
    viewport.setFocus()
    middle = viewport.rect().center()
    x, y = viewport.image_pixel((middle.x(), middle.y()))
    QTest.keyClick(viewport, KEY.Key_F10, SHIFT)
    _choose(_menu(predicted), "Copy the values")
    told = QApplication.clipboard().text().split("\t")
    assert told[:2] == [f"{x}, {y}", f"{5 * x} {7 * y} 0"]


def test_beside_the_image_a_views_menu_is_about_the_view_alone(predicted):
    _right_click(predicted.window.canvas.viewport, QPoint(2, 60))
    menu = _menu(predicted)
    texts = _texts(menu)
    assert "Save picture of this view…" in texts
    assert not any("here" in text or "pixel" in text for text in texts)
    menu.close()


def test_a_picture_of_the_view_is_saved(predicted, tmp_path, monkeypatch):
    from PIL import Image

    path = tmp_path / "view"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    predicted.session.set_view(layer=Layer.NONE)
    predicted.settle()
    viewport = predicted.window.canvas.viewport
    size, place = (viewport.width(), viewport.height()), _at(predicted, 10, 10)
    _right_click(viewport, place)
    _choose(_menu(predicted), "Save picture")
    predicted.settle()
    with Image.open(tmp_path / "view.png") as picture:
        assert picture.size == size
        assert picture.convert("RGB").getpixel((place.x(), place.y())) == (50, 70, 0)


def test_a_row_of_a_table_opens_its_image_and_is_copied_and_saved(predicted, tmp_path, monkeypatch):
    bench = predicted
    bench.studio.evaluating.start(["fake-semantic"])
    bench.until(lambda: bench.session.evaluation.done == {"fake-semantic": 3})
    bench.until(lambda: not bench.session.evaluation.running)
    bench.window.docks.open("Evaluation")
    bench.until(lambda: bench.window.evaluation.panel is not None)
    pages = bench.window.evaluation.panel.pages
    pages.bring("Images")
    page = pages.page("Images")
    bench.until(lambda: len(page.model.rows) == 3)
    table = page.table
    third = next(r for r in range(3) if table.model().index(r, 0).data() == "field_2.png")
    box = table.visualRect(table.model().index(third, 0))
    _right_click(table.viewport(), box.center())
    menu = _menu(bench)
    assert _texts(menu) == [
        "Show the image", "Copy the row", "Copy the table", "Save the table as CSV…",
    ]  # fmt: skip
    _choose(menu, "Copy the row")
    lines = QApplication.clipboard().text().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("field_2.png")
    table.setFocus()
    QTest.keyClick(table, KEY.Key_F10, SHIFT)
    _choose(_menu(bench), "Show the image")
    bench.until(lambda: bench.session.index == 2 and not bench.session.loading)
    bench.settle()
    bench.window.activateWindow()  # this platform takes the focus away as a menu closes
    table.setFocus()
    path = tmp_path / "table.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    bench.until(bench.window.isActiveWindow)
    bench.until(table.hasFocus)
    QTest.keyClick(table, KEY.Key_F10, SHIFT)
    _choose(_menu(bench), "Save the table")
    bench.settle()
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    assert [row[0] for row in rows] == ["Image", *(r.data() for r in _firsts(table))]
    assert rows[0] == lines[0].split("\t")


def _firsts(table):
    return [table.model().index(row, 0) for row in range(table.model().rowCount())]


def test_where_the_pointer_is_on_no_row_there_is_no_menu(bench):
    table = bench.window.classes.view
    _right_click(table.viewport(), QPoint(5, table.viewport().height() + 50))
    assert QApplication.activePopupWidget() is None
