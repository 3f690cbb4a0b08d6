"""Select, split and merge, and what goes with them, with real events on a real canvas."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from segstudio.annotation.ui.object_actions import add_object_entries
from segstudio.canvas.view import View
from segstudio.core.geometry import Rect
from segstudio.session.session import Selection, StrokeMakes

LEFT = Qt.MouseButton.LeftButton
SHIFT, NONE = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.NoModifier
FIRST, SECOND, THIRD = Rect(4, 4, 12, 16), Rect(4, 16, 12, 24), Rect(20, 4, 28, 12)


@pytest.fixture
def folder(tmp_path):
    """Two grey photos of 48 x 32 pixels without masks."""
    root = tmp_path / "cells"
    root.mkdir()
    for number in range(2):
        photo = np.full((32, 48, 3), 60 + number, np.uint8)
        cv2.imwrite(str(root / f"cell_{number}.png"), photo)
    return root


@pytest.fixture
def cells(bench):
    """A window with objects 1 and 2, which touch, and 3, of class 1, four pixels of screen each."""
    session = bench.session
    if session.document.annotation.labels.any():
        bench.studio.editing.clear()
    bench.studio.objects.set_of_objects({1}, on=True)
    session.set_view(active_class=1, brush_size=3, stroke_makes=StrokeMakes.NEW)
    for rect in (FIRST, SECOND, THIRD):
        bench.studio.editing.paint_mask(rect, np.ones(rect.shape_hw, bool), "Test")
    session.set_view(stroke_makes=StrokeMakes.AUTOMATIC)
    bench.studio.objects.clear_selection()
    viewport = bench.window.canvas.viewport
    viewport._fits = False
    viewport._set_view(View(4.0, (0.0, 0.0)))
    bench.settle()
    viewport.setFocus()
    return bench


def ids(bench) -> np.ndarray:
    return np.array(bench.session.document.annotation.instances)


def drawn(*objects: tuple[int, Rect]) -> np.ndarray:
    found = np.zeros((32, 48), np.uint16)
    for number, rect in objects:
        found[rect.slices] = number
    return found


def at(bench, x: float, y: float) -> QPoint:
    screen = bench.window.canvas.viewport.to_screen((x, y))
    return QPoint(round(screen[0]), round(screen[1]))


def click(bench, x: float, y: float, held=NONE) -> None:
    QTest.mouseClick(bench.window.canvas.viewport, LEFT, held, at(bench, x, y))
    bench.settle()


def drag(bench, *points: tuple[float, float], held=NONE, release: bool = True) -> None:
    viewport = bench.window.canvas.viewport
    QTest.mousePress(viewport, LEFT, held, at(bench, *points[0]))
    for point in points[1:]:
        QTest.mouseMove(viewport, at(bench, *point))
    bench.settle()
    if release:
        QTest.mouseRelease(viewport, LEFT, held, at(bench, *points[-1]))
        bench.settle()


def take(bench, key, held=NONE) -> None:
    QTest.keyClick(bench.window.canvas.viewport, key, held)
    bench.settle()


def test_the_tools_have_keys(cells):
    for key, held, name in ((Qt.Key.Key_Z, NONE, "select"), (Qt.Key.Key_S, SHIFT, "split"), (Qt.Key.Key_G, SHIFT, "merge")):  # fmt: skip
        take(cells, key, held)
        assert cells.session.view.tool == name


def test_click_shift_click_box_and_delete(cells):
    take(cells, Qt.Key.Key_Z)
    click(cells, 6, 6)
    assert cells.session.selection == Selection((1,))
    click(cells, 6, 24, SHIFT)
    assert cells.session.selection == Selection((1, 3))
    click(cells, 40, 28)
    assert not cells.session.selection
    drag(cells, (14, 2), (20, 6))
    assert cells.session.selection == Selection((1, 2))
    take(cells, Qt.Key.Key_Delete)
    assert np.array_equal(ids(cells), drawn((3, THIRD)))
    cells.window.commands.run("edit.undo")
    cells.settle()
    assert np.array_equal(ids(cells), drawn((1, FIRST), (2, SECOND), (3, THIRD)))


def test_a_drag_straight_down_selects_what_it_comes_over(cells):
    """At this zoom it begins and ends on the edge between two columns."""
    take(cells, Qt.Key.Key_Z)
    drag(cells, (8, 2), (8, 22))
    assert cells.session.selection == Selection((1, 3))


def test_what_is_selected_is_outlined_and_named(cells):
    take(cells, Qt.Key.Key_Z)
    viewport = cells.window.canvas.viewport
    before = viewport.grab().toImage()
    click(cells, 6, 24)
    shown = viewport.grab().toImage()
    # on the left edge of the third object: white between black
    edge = at(cells, 4, 26)
    row = [shown.pixelColor(edge.x() + dx, edge.y()).lightness() for dx in range(-4, 5)]
    assert max(row) > 240
    assert min(row) < 30
    assert shown != before
    for key in (Qt.Key.Key_Backspace, Qt.Key.Key_Escape):
        click(cells, 6, 24)
        QTest.keyClick(viewport, key)
        cells.settle()
        assert not cells.session.selection


def light(bench, x: float, y: float) -> int:
    """How light the window is at a point of the image."""
    place = at(bench, x, y)
    return bench.window.canvas.viewport.grab().toImage().pixelColor(place).lightness()


def grid(bench, stride: int, shape: np.ndarray) -> list[tuple[int, int]]:
    """Paint an object of this shape at every place of a grid; returns (x, y) of their corners."""
    bench.studio.editing.clear()
    bench.session.set_view(stroke_makes=StrokeMakes.NEW)
    height, width = shape.shape
    places = [(x, y) for y in range(1, 32 - height, stride) for x in range(1, 48 - width, stride)]
    for x, y in places:
        bench.studio.editing.paint_mask(Rect(y, x, y + height, x + width), shape, "Test")
    bench.settle()
    bench.window.canvas.viewport._set_view(View(4.0, (0.0, 0.0)))  # a message has moved it
    return places


def test_all_of_very_many_selected_objects_are_framed(cells):
    places = grid(cells, 4, np.ones((2, 2), bool))
    assert len(places) == 96
    cells.studio.objects.select_all()
    cells.settle()
    shown = cells.window.canvas.viewport.grab().toImage()
    for x, y in places:
        left = at(cells, x, y + 1)
        row = [shown.pixelColor(left.x() + dx, left.y()).lightness() for dx in (-1, 0, 1)]
        assert row[1] > 240
        assert max(row[0], row[2]) < 30
        bottom = at(cells, x + 1, y + 2)
        assert shown.pixelColor(bottom.x(), bottom.y()).lightness() > 240


def test_outlines_of_several_selected_objects_follow_their_edges(cells):
    corner = np.array([[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0]], bool)
    places = grid(cells, 7, corner)
    assert len(places) == 28
    cells.studio.objects.select_all()
    # the inner edge, which a frame does not have; outlines come some at a time
    cells.until(lambda: all(light(cells, x + 2, y + 3) > 240 for x, y in places))
    assert all(light(cells, x + 4, y + 3) < 240 for x, y in places)


def test_a_line_is_shown_before_it_splits(cells):
    take(cells, Qt.Key.Key_S, SHIFT)
    tool = cells.window.canvas._tools._toolbox._tools["split"]
    before = ids(cells)
    drag(cells, (8.5, 2), (8.5, 8), (8.5, 14), release=False)
    assert [(cut.object_id, cut.is_cut) for cut in tool.cuts] == [(1, True)]
    assert np.array_equal(ids(cells), before)
    QTest.mouseRelease(cells.window.canvas.viewport, LEFT, NONE, at(cells, 8.5, 14))
    cells.settle()
    # columns 4 to 7 are 32 pixels, 8 to 15 with the line's 64
    expected = drawn((1, Rect(4, 8, 12, 16)), (4, Rect(4, 4, 12, 8)), (2, SECOND), (3, THIRD))
    assert np.array_equal(ids(cells), expected)
    assert tool.cuts == ()
    cells.window.commands.run("edit.undo")
    cells.settle()
    assert np.array_equal(ids(cells), before)


def test_escape_forgets_a_line(cells):
    take(cells, Qt.Key.Key_S, SHIFT)
    before = ids(cells)
    drag(cells, (8.5, 2), (8.5, 14), release=False)
    QTest.keyClick(cells.window.canvas.viewport, Qt.Key.Key_Escape)
    QTest.mouseRelease(cells.window.canvas.viewport, LEFT, NONE, at(cells, 8.5, 14))
    cells.settle()
    assert np.array_equal(ids(cells), before)


def test_two_clicks_split_and_the_pointer_shows_how(cells):
    take(cells, Qt.Key.Key_G, SHIFT)
    click(cells, 6, 6)
    click(cells, 20, 6)
    take(cells, Qt.Key.Key_S, SHIFT)
    tool = cells.window.canvas._tools._toolbox._tools["split"]
    click(cells, 5.5, 8)
    QTest.mouseMove(cells.window.canvas.viewport, at(cells, 22.5, 8))
    cells.until(lambda: tool.cuts != ())
    shown = tool.cuts[0]
    assert not (ids(cells) == 2).any()
    click(cells, 22.5, 8)
    found = ids(cells)
    numbers = sorted(set(found[4:12, 4:24].reshape(-1).tolist()))
    assert len(numbers) == 2
    assert found[8, 5] != found[8, 22]
    pieces = shown.pieces
    assert np.array_equal(found[shown.rect.slices] == found[8, 5], pieces == pieces[4, 1])


def test_two_clicks_merge(cells):
    take(cells, Qt.Key.Key_G, SHIFT)
    click(cells, 20, 6)
    assert cells.session.selection == Selection((2,))
    click(cells, 6, 6)
    assert np.array_equal(ids(cells), drawn((2, FIRST), (2, SECOND), (3, THIRD)))


def test_a_drag_merges_all_that_it_comes_over(cells):
    take(cells, Qt.Key.Key_G, SHIFT)
    drag(cells, (6, 24), (6, 15), (8, 8), (14, 8), (18, 8))
    assert np.array_equal(ids(cells), drawn((3, FIRST), (3, SECOND), (3, THIRD)))


def said(bench) -> str:
    return bench.window.status._tool.whole


def test_the_status_bar_says_how_splitting_and_merging_go_on(cells):
    take(cells, Qt.Key.Key_S, SHIFT)
    drag(cells, (8.5, 2), (8.5, 14), release=False)
    assert said(cells) == "Release parts it as tinted, Esc gives up"
    QTest.keyClick(cells.window.canvas.viewport, Qt.Key.Key_Escape)
    QTest.mouseRelease(cells.window.canvas.viewport, LEFT, NONE, at(cells, 8.5, 14))
    cells.settle()
    assert said(cells) == ""
    click(cells, 6, 6)
    assert said(cells).startswith("Click a second place of it")
    QTest.keyClick(cells.window.canvas.viewport, Qt.Key.Key_Escape)
    take(cells, Qt.Key.Key_G, SHIFT)
    click(cells, 6, 6)
    assert said(cells).startswith("Click the object that becomes a part of it")
    click(cells, 20, 6)
    assert said(cells) == ""
    drag(cells, (6, 24), (6, 8), release=False)
    assert said(cells) == "Release makes one of 2 objects, Esc gives up"
    QTest.mouseRelease(cells.window.canvas.viewport, LEFT, NONE, at(cells, 6, 8))


@pytest.mark.parametrize("how", ["line", "two clicks", "merge", "merge with an object"])
def test_a_region_among_objects_is_offered_to_become_one(cells, how):
    """The image has objects, but what was painted before its class was of objects has no number."""
    cells.studio.objects.set_of_objects({1}, on=False)
    region = Rect(20, 24, 28, 40)
    cells.studio.editing.paint_mask(region, np.ones(region.shape_hw, bool), "Test")
    assert not ids(cells)[region.slices].any()
    cells.studio.notices.close_shown()
    take(cells, *((Qt.Key.Key_G, SHIFT) if "merge" in how else (Qt.Key.Key_S, SHIFT)))
    if how == "line":
        drag(cells, (32.5, 18), (32.5, 30))
    else:
        if how == "merge with an object":
            click(cells, 6, 6)
        click(cells, 26, 24)
    (notice,) = [entry.notice for entry in cells.studio.notices.shown]
    assert "needs objects" in notice.message
    notice.actions[0][1]()
    cells.settle()
    assert (ids(cells)[region.slices] == 4).all()


def entries(menu: QMenu) -> dict[str, object]:
    return {action.text(): action for action in menu.actions() if action.text()}


def test_the_menu_of_an_object(cells):
    menu = QMenu()
    add_object_entries(menu, cells.session, cells.studio.objects, (6, 6))
    found = entries(menu)
    assert list(found) == [
        "Split object #1…",
        "Merge object #1 with…",
        "Delete object #1",
        "Change class of object #1",
        "Renumber objects",
    ]
    found["Merge object #1 with…"].trigger()
    assert cells.session.view.tool == "merge"
    click(cells, 20, 6)
    assert np.array_equal(ids(cells), drawn((1, FIRST), (1, SECOND), (3, THIRD)))
    menu = QMenu()
    cells.studio.objects.select((1, 3))
    add_object_entries(menu, cells.session, cells.studio.objects, (6, 6))
    entries(menu)["Delete what is selected"].trigger()
    assert not ids(cells).any()
    menu = QMenu()
    add_object_entries(menu, cells.session, cells.studio.objects, (6, 6))
    assert not menu.actions()


def test_the_rule_stands_in_the_bar_and_has_a_key(cells):
    take(cells, Qt.Key.Key_B)
    rule = cells.window.options.rule
    cells.until(lambda: not rule.isHidden())
    QTest.mouseClick(rule.segments.button("New"), LEFT)
    assert cells.session.view.stroke_makes is StrokeMakes.NEW
    take(cells, Qt.Key.Key_O, SHIFT)
    assert cells.session.view.stroke_makes is StrokeMakes.THIS
    assert rule.segments.text == "This"
    take(cells, Qt.Key.Key_O, SHIFT)
    assert rule.segments.text == "Automatic"
    cells.studio.objects.set_of_objects({1}, on=False)
    cells.settle()
    assert rule.isHidden()


def test_the_status_bar_says_what_a_stroke_would_make(cells):
    take(cells, Qt.Key.Key_B)
    viewport, status = cells.window.canvas.viewport, cells.window.status
    name = cells.session.schema.name_of(1)

    def said_at(x: float, y: float) -> str:
        QTest.mouseMove(viewport, at(cells, x, y))
        cells.settle()
        return status.texts["Annotation class"]

    assert said_at(6, 24) == f"{name} #3, stroke extends it"
    assert said_at(40, 28).endswith(", stroke makes a new one")
    cells.session.set_view(stroke_makes=StrokeMakes.THIS)
    cells.studio.objects.select((2,))
    assert said_at(41, 28).endswith(", stroke extends #2")
    take(cells, Qt.Key.Key_E)
    assert said_at(6, 24) == f"{name} #3"


def test_the_menu_of_a_class_says_whether_it_is_of_objects(cells):
    panel = cells.window.classes
    panel.class_menu.aboutToShow.emit()
    assert panel.single.isChecked()
    assert panel.single.text().endswith("is of single objects")
    panel.single.trigger()
    assert cells.studio.objects.classes_of_objects == frozenset()
    panel.class_menu.aboutToShow.emit()
    panel.all_single.trigger()
    assert cells.studio.objects.classes_of_objects == {1}


def test_where_no_numbers_are_kept_a_region_is_selected_and_deleted(bench):
    bench.studio.objects.set_of_objects({1}, on=False)
    if bench.session.document.annotation.labels.any():
        bench.studio.editing.clear()
    bench.session.set_view(active_class=1, brush_size=3)
    for rect in (FIRST, THIRD):
        bench.studio.editing.paint_mask(rect, np.ones(rect.shape_hw, bool), "Test")
    viewport = bench.window.canvas.viewport
    viewport._fits = False
    viewport._set_view(View(4.0, (0.0, 0.0)))
    take(bench, Qt.Key.Key_Z)
    viewport.setFocus()
    click(bench, 6, 6)
    assert bench.session.selection == Selection((), ((6, 6),))
    take(bench, Qt.Key.Key_Delete)
    labels = bench.session.document.annotation.labels
    assert not labels[FIRST.slices].any()
    assert labels[THIRD.slices].all()
    take(bench, Qt.Key.Key_S, SHIFT)
    drag(bench, (8.5, 18), (8.5, 30))
    notice = bench.studio.notices.recent[-1]
    assert notice.message.startswith("Splitting needs objects")
    assert notice.action[0] == "Make objects of the regions"


def test_the_outline_follows_a_stroke_in_all_views(cells):
    take(cells, Qt.Key.Key_B)
    drag(cells, (8, 24), (20, 24))
    assert cells.session.selection == Selection((3,))
    viewport = cells.window.canvas.viewport
    QTest.mouseMove(viewport, at(cells, 40, 6))  # the brush's own outline would lie over it
    cells.settle()
    shown = viewport.grab().toImage()
    right = 22  # a brush of 3 pixels ends there
    edge = at(cells, right, 24.5)
    row = [shown.pixelColor(edge.x() + dx, edge.y()).lightness() for dx in range(-4, 5)]
    assert max(row) > 240
    assert min(row) < 30
