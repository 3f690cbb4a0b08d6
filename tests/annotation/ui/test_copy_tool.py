"""Copy, paste, duplicate and a copy lifted off by a drag, with real events on a real canvas."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from segstudio.canvas.view import View
from segstudio.core.geometry import Rect
from segstudio.session.session import StrokeMakes

LEFT = Qt.MouseButton.LeftButton
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
NONE = Qt.KeyboardModifier.NoModifier
FIRST, SECOND = Rect(4, 4, 12, 16), Rect(20, 4, 28, 12)


@pytest.fixture
def folder(tmp_path):
    """Two grey photos of 48 x 32 pixels and one of 24 x 16, without masks."""
    root = tmp_path / "cells"
    root.mkdir()
    for number, shape in enumerate(((32, 48), (32, 48), (16, 24))):
        photo = np.full((*shape, 3), 60 + number, np.uint8)
        cv2.imwrite(str(root / f"cell_{number}.png"), photo)
    return root


@pytest.fixture
def cells(bench):
    """A window with the objects 1 and 2 of class 1, and the brush in hand."""
    session = bench.session
    bench.studio.objects.set_of_objects({1}, on=True)
    session.set_view(active_class=1, stroke_makes=StrokeMakes.NEW, tool="brush", brush_size=3)
    for rect in (FIRST, SECOND):
        bench.studio.editing.paint_mask(rect, np.ones(rect.shape_hw, bool), "Test")
    session.set_view(stroke_makes=StrokeMakes.AUTOMATIC)
    bench.studio.objects.clear_selection()
    place(bench)
    return bench


def place(bench) -> None:
    viewport = bench.window.canvas.viewport
    viewport._fits = False
    viewport._set_view(View(4.0, (40.0, 80.0)))
    bench.settle()
    viewport.setFocus()


def go_to(bench, number: int) -> None:
    bench.studio.browsing.select(number)
    bench.until(lambda: bench.session.document is not None and bench.session.index == number)
    bench.settle()
    place(bench)


def ids(bench) -> np.ndarray:
    found = bench.session.document.annotation.instances
    return np.zeros(bench.session.document.shape_hw) if found is None else np.array(found)


def drawn(*objects: tuple[int, Rect], shape=(32, 48)) -> np.ndarray:
    found = np.zeros(shape, np.uint16)
    for number, rect in objects:
        found[rect.slices] = number
    return found


def at(bench, x: float, y: float) -> QPoint:
    screen = bench.window.canvas.viewport.to_screen((x, y))
    return QPoint(round(screen[0]), round(screen[1]))


def point(bench, x: float, y: float) -> None:
    viewport = bench.window.canvas.viewport
    QTest.mouseMove(viewport, at(bench, x, y) + QPoint(3, 0))
    QTest.mouseMove(viewport, at(bench, x, y))
    bench.settle()


def key(bench, pressed, held=NONE, times: int = 1) -> None:
    for _ in range(times):
        QTest.keyClick(bench.window.canvas.viewport, pressed, held)
    bench.settle()


def messages(bench) -> list[str]:
    return [notice.message for notice in bench.studio.notices.recent]


def moved(rect: Rect, down: int, right: int) -> Rect:
    return rect.shifted(down, right)


def test_what_is_under_the_pointer_is_copied_moved_by_arrows_and_pasted(cells):
    point(cells, 6, 6)
    key(cells, Qt.Key.Key_C, CTRL)
    key(cells, Qt.Key.Key_V, CTRL)
    before = ids(cells)
    key(cells, Qt.Key.Key_Right, SHIFT, times=2)
    key(cells, Qt.Key.Key_Left)
    key(cells, Qt.Key.Key_Down, times=3)
    key(cells, Qt.Key.Key_Up)
    assert np.array_equal(ids(cells), before)  # it floats
    assert cells.window.status.texts["Tool"].startswith("Enter pastes, Esc drops")
    key(cells, Qt.Key.Key_Return)
    copy = moved(FIRST, 2, 19)
    assert np.array_equal(ids(cells), drawn((1, FIRST), (2, SECOND), (3, copy)))
    assert cells.session.selection.objects == (3,)
    assert cells.session.view.tool == "brush"
    cells.window.commands.run("edit.undo")
    cells.settle()
    assert np.array_equal(ids(cells), before)  # one step


def test_a_drag_moves_it_and_escape_drops_it(cells):
    cells.studio.objects.select((1, 2))
    cells.settle()
    key(cells, Qt.Key.Key_C, CTRL)
    key(cells, Qt.Key.Key_V, CTRL)
    viewport = cells.window.canvas.viewport
    QTest.mousePress(viewport, LEFT, NONE, at(cells, 30, 20))
    QTest.mouseMove(viewport, at(cells, 40, 15))
    QTest.mouseMove(viewport, at(cells, 50, 20))
    cells.settle()
    QTest.mouseRelease(viewport, LEFT, NONE, at(cells, 50, 20))
    cells.settle()
    key(cells, Qt.Key.Key_Escape)
    assert np.array_equal(ids(cells), drawn((1, FIRST), (2, SECOND)))
    assert cells.session.view.tool == "brush"
    key(cells, Qt.Key.Key_V, CTRL)
    QTest.mousePress(viewport, LEFT, NONE, at(cells, 30, 20))
    QTest.mouseMove(viewport, at(cells, 40, 15))
    QTest.mouseMove(viewport, at(cells, 50, 20))
    cells.settle()
    QTest.mouseRelease(viewport, LEFT, NONE, at(cells, 50, 20))
    key(cells, Qt.Key.Key_Enter)
    copies = (3, moved(FIRST, 0, 20)), (4, moved(SECOND, 0, 20))
    assert np.array_equal(ids(cells), drawn((1, FIRST), (2, SECOND), *copies))


def test_a_duplicate_lies_beside_what_it_was_made_of(cells):
    point(cells, 6, 22)
    key(cells, Qt.Key.Key_D, CTRL)
    key(cells, Qt.Key.Key_Up, SHIFT)
    key(cells, Qt.Key.Key_Return)
    assert np.array_equal(ids(cells), drawn((1, FIRST), (2, SECOND), (3, moved(SECOND, 0, 10))))


def test_a_copy_is_pasted_into_the_next_image_at_the_same_place(cells):
    point(cells, 6, 6)
    key(cells, Qt.Key.Key_C, CTRL)
    go_to(cells, 1)
    key(cells, Qt.Key.Key_V, CTRL)
    key(cells, Qt.Key.Key_Return)
    assert np.array_equal(ids(cells), drawn((1, FIRST)))
    assert (cells.session.document.annotation.labels == (ids(cells) > 0)).all()


def test_in_a_smaller_image_it_lies_at_the_same_share_and_is_clipped(cells):
    point(cells, 6, 22)  # of the object with the middle (8, 24): (4, 12) in an image half as large
    key(cells, Qt.Key.Key_C, CTRL)
    go_to(cells, 2)
    key(cells, Qt.Key.Key_V, CTRL)
    key(cells, Qt.Key.Key_Down)
    key(cells, Qt.Key.Key_Return)
    assert np.array_equal(ids(cells), drawn((1, Rect(9, 0, 16, 8)), shape=(16, 24)))
    said = "8 pixels of the piece lay beside cell_2.png and were not pasted."
    assert said in messages(cells)


def test_beside_the_image_nothing_is_pasted(cells):
    point(cells, 6, 6)
    key(cells, Qt.Key.Key_C, CTRL)
    key(cells, Qt.Key.Key_V, CTRL)
    key(cells, Qt.Key.Key_Left, SHIFT, times=2)
    key(cells, Qt.Key.Key_Return)
    assert np.array_equal(ids(cells), drawn((1, FIRST), (2, SECOND)))
    assert "Nothing was pasted: the piece lies beside cell_0.png." in messages(cells)


def test_what_floats_goes_with_its_image_and_the_tool_comes_back(cells):
    point(cells, 6, 6)
    key(cells, Qt.Key.Key_C, CTRL)
    key(cells, Qt.Key.Key_V, CTRL)
    go_to(cells, 1)
    assert cells.session.view.tool == "brush"
    assert not ids(cells).any()


def test_regions_keep_their_class_and_get_no_number(cells):
    cells.session.set_view(active_class=0)
    cells.studio.editing.clear()
    cells.studio.objects.set_of_objects({1}, on=False)
    document = cells.session.document
    cells.session.set_view(active_class=1)
    cells.studio.editing.paint_mask(FIRST, np.ones(FIRST.shape_hw, bool), "Test")
    cells.settle()
    point(cells, 6, 6)
    key(cells, Qt.Key.Key_D, CTRL)
    key(cells, Qt.Key.Key_Return)
    expected = drawn((1, FIRST), (1, moved(FIRST, 10, 10)))
    assert np.array_equal(document.annotation.labels, expected)
    assert not ids(cells).any()


def test_the_limits_hold_for_what_is_pasted(cells):
    point(cells, 6, 6)
    key(cells, Qt.Key.Key_D, CTRL)
    cells.session.set_view(only_unlabelled=True)
    key(cells, Qt.Key.Key_Left, SHIFT)  # ten rows below the first: over the second, which stays
    key(cells, Qt.Key.Key_Return)
    expected = drawn((3, moved(FIRST, 10, 0)), (1, FIRST), (2, SECOND))
    assert np.array_equal(ids(cells), expected)


def test_a_press_with_the_tool_lifts_a_copy_off(cells):
    cells.session.set_view(tool="copy")
    cells.settle()
    viewport = cells.window.canvas.viewport
    QTest.mousePress(viewport, LEFT, NONE, at(cells, 6, 6))
    QTest.mouseMove(viewport, at(cells, 20, 8))
    QTest.mouseMove(viewport, at(cells, 26, 8))
    cells.settle()
    QTest.mouseRelease(viewport, LEFT, NONE, at(cells, 26, 8))
    key(cells, Qt.Key.Key_Return)
    assert np.array_equal(ids(cells), drawn((1, FIRST), (2, SECOND), (3, moved(FIRST, 2, 20))))
    assert cells.session.view.tool == "copy"


def test_where_nothing_is_nothing_is_copied_and_it_is_said(cells):
    point(cells, 40, 28)
    key(cells, Qt.Key.Key_C, CTRL)
    assert "Nothing was copied." in messages(cells)
    assert cells.studio.clipboard.piece is None
