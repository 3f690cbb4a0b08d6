"""The table of objects in the window: shown, filtered, sorted, chosen, deleted, saved."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFont, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from segstudio.annotation.ui.objects_panel import AREA, ID
from segstudio.core.geometry import Rect
from segstudio.core.pixel_size import PixelSize, PixelSizes
from segstudio.session.session import Layer, StrokeMakes, What

LEFT = Qt.MouseButton.LeftButton
SMALL, LARGE, OTHER = Rect(1, 1, 3, 3), Rect(20, 2, 26, 12), Rect(14, 40, 18, 44)


def paint(bench, rect: Rect, class_id: int = 1) -> None:
    bench.session.set_view(active_class=class_id, stroke_makes=StrokeMakes.NEW)
    bench.studio.editing.paint_mask(rect, np.ones(rect.shape_hw, bool), "Test")


@pytest.fixture
def bench(bench):
    """The window that the tests of this module share, its table as at first."""
    panel(bench).filter.clear()
    panel(bench).table.sortByColumn(ID, Qt.SortOrder.AscendingOrder)
    bench.window.docks.folds.fold("Objects", folded=True)
    return bench


@pytest.fixture
def three(bench):
    """Objects 1 (4 pixels), 2 (60 pixels), both of class 1, and 3 (16 pixels) of class 2."""
    bench.studio.editing.clear()
    schema = bench.session.schema
    bench.studio.schema_keeper.set(schema.with_objects({1, 2}, keeps_ids=False))
    paint(bench, SMALL)
    paint(bench, LARGE)
    paint(bench, OTHER, 2)
    bench.studio.objects.clear_selection()
    bench.window.docks.open("Objects")
    bench.until(lambda: ids(bench) == [1, 2, 3])
    return bench


def panel(bench):
    return bench.window.object_list


def ids(bench) -> list[int]:
    """The numbers in the table from top to bottom."""
    return [row.id for row in panel(bench).model.rows]


def chosen(bench) -> list[int]:
    table = panel(bench).table
    return [panel(bench).model.rows[place].id for place in table.chosen_places()]


def click(bench, object_id: int, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    table = panel(bench).table
    index = panel(bench).model.index(ids(bench).index(object_id), AREA)
    table.scrollTo(index)
    place = table.visualRect(index).center()
    bench.qtbot.mouseClick(table.viewport(), LEFT, modifier, place)


def cell(bench, row: int, column: int) -> str:
    return panel(bench).model.index(row, column).data()


def titles(bench) -> list[str]:
    return [column.title for column in panel(bench).model.columns]


@pytest.fixture
def framed(three):
    """The rectangles that were framed on the picture, one after the other."""
    found: list[Rect] = []
    panel(three).object_opened.connect(found.append)
    yield found
    panel(three).object_opened.disconnect(found.append)


def test_the_folded_line_tells_how_many_there_are_and_a_click_opens_the_table(three):
    note = panel(three).header.note
    assert note.whole == "3"
    three.window.docks.folds.fold("Objects", folded=True)
    paint(three, Rect(1, 30, 3, 33))
    three.until(lambda: note.whole == "4")
    three.qtbot.mouseClick(panel(three).header.title, LEFT)
    three.until(lambda: ids(three) == [1, 2, 3, 4])


def test_rows_follow_the_order_of_a_heading_and_edits(three):
    names = [three.session.schema.name_of(c) for c in (1, 2)]
    assert [cell(three, 0, c) for c in range(3)] == ["1", names[0], "4"]
    # the mean of red, green and blue: 5 x column, 7 x row, 0
    assert cell(three, 2, 3) == f"{(5 * 41.5 + 7 * 15.5) / 3:.1f}"
    header = panel(three).table.horizontalHeader()
    x = header.sectionViewportPosition(AREA) + 8
    QTest.mouseClick(header.viewport(), LEFT, pos=header.rect().topLeft() + QPoint(x, 8))
    assert ids(three) in ([1, 3, 2], [2, 3, 1])
    order = [1, 3, 2] if ids(three)[0] == 1 else [2, 3, 1]
    three.studio.objects.delete((3,))
    order.remove(3)
    three.until(lambda: ids(three) == order)
    three.studio.editing.undo()
    three.until(lambda: len(ids(three)) == 3)


def test_the_filter_leaves_rows_out_and_says_so(three):
    field, note = panel(three).filter, panel(three).header.note
    field.setFocus()
    QTest.keyClicks(field, "area<50")
    three.until(lambda: ids(three) == [1, 3])
    assert note.whole == "2 of 3"
    field.setText(three.session.schema.name_of(2))
    three.until(lambda: ids(three) == [3])
    field.setText("area<x")
    three.until(panel(three).problem.isVisible)
    assert panel(three).problem.text() == "Write a number behind area<, as in area<50."
    assert ids(three) == [1, 2, 3]
    field.setText("area>1000")
    three.until(lambda: ids(three) == [])
    assert panel(three).problem.text() == "The filter leaves out all objects."
    QTest.keyClick(field, Qt.Key.Key_Escape)
    three.until(lambda: ids(three) == [1, 2, 3])
    assert not panel(three).problem.isVisible()
    QTest.keyClick(field, Qt.Key.Key_Down)
    assert panel(three).table.hasFocus()
    assert three.session.selection.objects == (1,)


def test_what_is_selected_in_the_table_is_selected_on_the_picture_and_back(three):
    click(three, 2)
    assert three.session.selection.objects == (2,)
    click(three, 1, Qt.KeyboardModifier.ControlModifier)
    assert three.session.selection.objects == (2, 1)  # in the order of the clicks: merging keeps 2
    three.session.set_view(tool="select")
    viewport = three.window.canvas.viewport
    three.window.canvas.fit()
    x, y = viewport.to_screen((42, 16))
    three.qtbot.mouseClick(viewport, LEFT, pos=QPoint(round(x), round(y)))
    assert three.session.selection.objects == (3,)
    three.until(lambda: chosen(three) == [3])
    three.studio.objects.select_all()
    three.until(lambda: chosen(three) == [1, 2, 3])
    three.studio.objects.clear_selection()
    three.until(lambda: chosen(three) == [])


def test_a_row_reached_by_a_key_frames_its_object_on_the_picture(three, framed):
    click(three, 1)
    QTest.keyClick(panel(three).table, Qt.Key.Key_Down)
    assert three.session.selection.objects == (2,)
    QTest.keyClick(panel(three).table, Qt.Key.Key_Down)
    assert three.session.selection.objects == (3,)
    assert framed == [SMALL, LARGE, OTHER]
    click(three, 1, Qt.KeyboardModifier.ControlModifier)  # of several none is brought into view
    assert framed == [SMALL, LARGE, OTHER]


def test_delete_deletes_and_goes_on_to_the_next_row(three, framed):
    click(three, 1)
    QTest.keyClick(panel(three).table, Qt.Key.Key_Delete)
    three.until(lambda: ids(three) == [2, 3] and chosen(three) == [2])
    assert three.session.selection.objects == (2,)
    assert framed[-1] == LARGE
    QTest.keyClick(panel(three).table, Qt.Key.Key_Down)
    QTest.keyClick(panel(three).table, Qt.Key.Key_Delete)
    three.until(lambda: ids(three) == [2] and chosen(three) == [2])
    three.studio.editing.undo()
    three.studio.editing.undo()
    three.until(lambda: ids(three) == [1, 2, 3])


def test_the_buttons_below_do_to_the_selected_what_the_commands_do(three):
    split, merge, delete = panel(three).verbs
    three.until(lambda: not merge.isEnabled() and not delete.isEnabled())
    click(three, 1)
    three.until(delete.isEnabled)
    three.until(lambda: panel(three).chosen.whole == "#1")
    assert not merge.isEnabled()
    click(three, 2, Qt.KeyboardModifier.ControlModifier)
    three.until(merge.isEnabled)
    three.until(lambda: panel(three).chosen.whole == "2 objects")
    three.qtbot.mouseClick(merge, LEFT)
    three.until(lambda: ids(three) == [1, 3])
    three.qtbot.mouseClick(split, LEFT)
    assert three.session.view.tool == "split"


def test_nothing_is_cut_off_in_a_column_of_300_pixels_in_the_widest_font(three, qapp):
    before, font = qapp.font(), QFont(qapp.font())
    font.setFamilies(["DejaVu Sans"])
    qapp.setFont(font)
    three.window.resize(1280, 772)
    dock = three.window.docks.by_name["Objects"]
    three.window.resizeDocks([dock], [300], Qt.Orientation.Horizontal)
    three.studio.objects.select_all()
    three.studio.object_table.show_errors({2: "badly shaped"})
    three.until(lambda: "Error" in titles(three) and len(chosen(three)) == 3)
    three.settle()
    frame = three.window.docks.frame("Objects")
    assert frame.width() <= 300
    for bar in (frame.horizontalScrollBar(), panel(three).table.horizontalScrollBar()):
        assert bar.maximum() == 0
    qapp.setFont(before)


def test_copied_rows_are_those_that_are_selected_in_the_order_shown(three):
    click(three, 3)
    QTest.keyClick(panel(three).table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    head, line = QGuiApplication.clipboard().text().splitlines()
    assert head.split("\t")[:3] == ["Id", "Class", "Area, px"]
    assert line.split("\t")[:3] == ["3", three.session.schema.name_of(2), "16"]


def test_a_models_objects_can_be_looked_at_with_their_scores(three, framed):
    three.studio.segmenting.choose("fake-instance")
    three.studio.segmenting.run_current()
    three.until(lambda: bool(three.session.document.predictions))
    three.session.set_view(layer=Layer.PREDICTION)
    three.until(lambda: ids(three) == [1, 2] and "Score" in titles(three))
    assert [cell(three, row, 4) for row in (0, 1)] == ["0.90", "0.60"]
    click(three, 2)
    assert three.session.selection.objects == ()  # the annotation's objects are others
    assert framed == [panel(three).model.rows[1].rect]
    before = three.session.document.annotation.revision
    QTest.keyClick(panel(three).table, Qt.Key.Key_Delete)
    assert three.session.document.annotation.revision == before
    three.session.set_view(layer=Layer.ANNOTATION)
    three.until(lambda: ids(three) == [1, 2, 3])


def test_kinds_of_errors_stand_in_a_column_of_their_own(three):
    three.session.document.predictions.clear()  # with which it is compared after other tests
    three.session.notify(What.PREDICTIONS)
    three.until(lambda: "Error" not in titles(three))
    three.studio.object_table.show_errors({2: "merged"})
    three.until(lambda: "Error" in titles(three))
    place = titles(three).index("Error")
    assert [cell(three, row, place) for row in range(3)] == ["", "merged", ""]
    panel(three).filter.setText("merged")
    three.until(lambda: ids(three) == [2])


def test_areas_are_told_in_units_where_the_size_of_a_pixel_is_known(three):
    three.session.set_view(pixel_sizes=PixelSizes(PixelSize(0.5, 0.5)))
    three.until(lambda: titles(three)[AREA] == "Area, \N{MICRO SIGN}m\N{SUPERSCRIPT TWO}")
    assert [cell(three, row, AREA) for row in range(3)] == ["1.0", "15.0", "4.0"]
    # 60 pixels are 15 square micrometres: a circle of 4.37 across
    assert cell(three, 1, titles(three).index("Diameter, \N{MICRO SIGN}m")) == "4.37"
    panel(three).filter.setText("area<4.5")
    three.until(lambda: ids(three) == [1, 3])
    click(three, 3)
    three.session.set_view(pixel_sizes=PixelSizes())
    three.until(lambda: titles(three)[AREA] == "Area, px" and ids(three) == [1])


def test_an_image_without_objects_says_so_and_offers_to_make_them(bench):
    bench.window.docks.open("Objects")
    said = "No objects are told apart in this image."
    bench.until(lambda: panel(bench).empty_text == said and panel(bench).make.isVisible())
    bench.qtbot.mouseClick(panel(bench).make, LEFT)
    bench.until(lambda: ids(bench) == [1, 2])


def test_the_table_is_saved_as_a_file(three, tmp_path, monkeypatch):
    path = tmp_path / "found.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(path), ""))
    three.until(three.window.commands["objects.csv"].isEnabled)
    three.window.commands.run("objects.csv")
    three.until(path.exists)
    with path.open(newline="") as file:
        assert [line[1] for line in csv.reader(file)] == ["id", "1", "2", "3"]
    path.unlink()
    three.window.commands.run("objects.csv_all")
    three.until(path.exists)


def test_ten_thousand_objects_are_chosen_and_put_in_order(make_window, tmp_path):
    import cv2

    root = tmp_path / "many"
    (root / "instances").mkdir(parents=True)
    (root / "masks").mkdir()
    ids_map = np.zeros((400, 400), np.uint16)
    ids_map[::4, ::4] = np.arange(1, 10_001).reshape(100, 100)
    ids_map[1::4, ::4] = ids_map[::4, ::4]
    cv2.imwrite(str(root / "a.png"), np.full((400, 400), 9, np.uint8))
    cv2.imwrite(str(root / "instances" / "a.png"), ids_map)
    cv2.imwrite(str(root / "masks" / "a.png"), (ids_map > 0).astype(np.uint8))
    bench = make_window()
    bench.open(root)
    bench.window.docks.open("Objects")
    bench.until(lambda: len(ids(bench)) == 10_000)
    bench.studio.objects.select_all()
    bench.until(lambda: len(chosen(bench)) == 10_000)
    bench.studio.objects.select(range(1, 10_001, 50))
    bench.until(lambda: chosen(bench) == list(range(1, 10_001, 50)))
    panel(bench).table.sortByColumn(ID, Qt.SortOrder.DescendingOrder)
    assert ids(bench)[:2] == [10_000, 9_999]
    assert len(chosen(bench)) == 200
    bench.studio.objects.delete((5,))
    bench.until(lambda: len(ids(bench)) == 9_999 and not chosen(bench))
