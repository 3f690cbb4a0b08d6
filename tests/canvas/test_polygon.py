"""The polygon tool with a real mouse and real keys."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from segstudio.core.labels import LabelMap
from segstudio.session.document import Document
from segstudio.session.session import Layer, What
from segstudio.storage.image_ref import ImageRef

CORNERS = [(8.0, 6.0), (50.0, 11.0), (44.0, 40.0), (26.0, 20.0), (5.0, 37.0)]


def even_odd(corners, height: int, width: int) -> np.ndarray:
    """Crossings of a ray from each pixel's centre, counted one edge at a time."""
    inside = np.zeros((height, width), np.uint8)
    for row in range(height):
        for column in range(width):
            x, y = column + 0.5, row + 0.5
            for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
                if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
                    inside[row, column] ^= 1
    return inside


def opened(desk, zoom=5.0):
    desk.open(desk.flat(50, 60))
    desk.place(zoom)
    desk.take("polygon", active_class=2)


def test_clicks_and_enter_paint_the_even_odd_area(desk):
    opened(desk)
    for corner in CORNERS:
        desk.click(*corner)
    assert not desk.labels.any()
    QTest.keyClick(desk.viewport, Qt.Key.Key_Return)
    assert np.array_equal(desk.labels, 2 * even_odd(CORNERS, 50, 60))


def test_a_click_on_the_first_corner_closes(desk):
    opened(desk)
    for corner in [*CORNERS, (8.6, 6.6)]:
        desk.click(*corner)
    assert np.array_equal(desk.labels, 2 * even_odd(CORNERS, 50, 60))


def test_a_double_click_closes_with_its_own_corner(desk):
    opened(desk)
    for corner in CORNERS:
        desk.click(*corner)
    QTest.mouseDClick(desk.viewport, Qt.MouseButton.LeftButton, pos=desk.at(*CORNERS[-1]))
    assert np.array_equal(desk.labels, 2 * even_odd(CORNERS, 50, 60))


def test_backspace_takes_the_last_corner_back(desk):
    opened(desk)
    for corner in [*CORNERS, (55.0, 48.0)]:
        desk.click(*corner)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Backspace)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Enter)
    assert np.array_equal(desk.labels, 2 * even_odd(CORNERS, 50, 60))


def test_escape_forgets_the_corners(desk):
    opened(desk)
    for corner in CORNERS:
        desk.click(*corner)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Escape)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Return)
    assert not desk.labels.any()
    assert not desk.canvas.abort()


def test_two_corners_are_no_area(desk):
    opened(desk)
    for corner in CORNERS[:2]:
        desk.click(*corner)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Return)
    assert not desk.labels.any()
    assert desk.canvas.abort()


def test_a_drag_draws_freehand_and_closes_where_it_began(desk):
    opened(desk)
    turn = np.linspace(0, 2 * np.pi, 60)
    circle = [(30 + 15 * np.cos(a), 25 + 15 * np.sin(a)) for a in turn]
    desk.stroke(*circle)
    area = np.count_nonzero(desk.labels == 2)
    assert abs(area - np.pi * 15**2) < 0.03 * np.pi * 15**2
    assert not desk.canvas.abort()


def test_a_line_follows_the_pointer(desk):
    opened(desk)
    desk.click(10, 10)
    before = desk.viewport.grab().toImage()
    desk.move(50, 10)
    desk.settle()
    after = desk.viewport.grab().toImage()
    middle = QPoint(150, 50)
    assert before.pixelColor(middle) != after.pixelColor(middle)
    assert after.pixelColor(middle).lightness() > 150


def test_pan_and_zoom_leave_the_corners_where_they_are(desk):
    opened(desk)
    for corner in CORNERS[:3]:
        desk.click(*corner)
    desk.press(30, 30, button=Qt.MouseButton.MiddleButton)
    QTest.mouseMove(desk.viewport, desk.at(30, 30) + QPoint(40, 25))
    QTest.mouseRelease(
        desk.viewport, Qt.MouseButton.MiddleButton, pos=desk.at(30, 30) + QPoint(40, 25)
    )
    desk.canvas.zoom_out()
    for corner in CORNERS[3:]:
        desk.click(*corner)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Return)
    # Clicks land on whole screen pixels, so at zoom 4 a corner may be a quarter pixel off.
    expected = 2 * even_odd(CORNERS, 50, 60)
    assert np.count_nonzero(desk.labels != expected) <= 20


def test_a_begun_polygon_waits_while_another_tool_or_layer_is_looked_at(desk):
    opened(desk)
    for corner in CORNERS[:3]:
        desk.click(*corner)
    with_corners = desk.picture()
    desk.take("pan")
    desk.session.set_view(layer=Layer.NONE)
    desk.session.set_view(layer=Layer.BOTH)
    assert (desk.picture() != desk.picture() * 0 + 100).any()  # its corners are still seen
    desk.take("polygon")
    assert np.array_equal(desk.picture(), with_corners)
    for corner in CORNERS[3:]:
        desk.click(*corner)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Return)
    assert np.array_equal(desk.labels, 2 * even_odd(CORNERS, 50, 60))


def test_a_begun_polygon_waits_with_its_image(desk):
    opened(desk)
    first = desk.session.document
    for corner in CORNERS[:3]:
        desk.click(*corner)
    desk.session.notify(What.DOCUMENT)  # the same image again: its truth was read anew
    second = Document(
        ImageRef("b.png", "/nowhere"), desk.flat(50, 60), LabelMap.empty((50, 60)), None
    )
    desk.session.document = second
    desk.session.notify(What.DOCUMENT)
    desk.place(5.0)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Return)
    assert not second.annotation.labels.any()
    for corner in [(1.0, 1.0), (9.0, 1.0), (9.0, 9.0)]:
        desk.click(*corner)
    desk.session.document, desk.session.loading = None, "made.png"
    desk.session.notify(What.DOCUMENT)
    desk.session.document, desk.session.loading = first, ""
    desk.session.notify(What.DOCUMENT)
    desk.place(5.0)
    for corner in CORNERS[3:]:
        desk.click(*corner)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Return)
    assert np.array_equal(first.annotation.labels, 2 * even_odd(CORNERS, 50, 60))
    assert not second.annotation.labels.any()
    desk.session.document = second
    desk.session.notify(What.DOCUMENT)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Return)
    assert second.annotation.labels.any()


# -- corners before they are committed -------------------------------------------------------------

SQUARE = [(10.0, 10.0), (30.0, 10.0), (30.0, 30.0), (10.0, 30.0)]


def begun(desk, corners=SQUARE, **keys):
    opened(desk)
    for number, corner in enumerate(corners):
        desk.click(*corner, **(keys if number == 0 else {}))


def commit(desk):
    QTest.keyClick(desk.viewport, Qt.Key.Key_Return)
    return desk.labels


def test_a_corner_is_dragged_elsewhere_before_it_closes(desk):
    begun(desk)
    desk.stroke((30, 30), (40, 36), (45, 40))
    assert not desk.labels.any()
    corners = [(10.0, 10.0), (30.0, 10.0), (45.0, 40.0), (10.0, 30.0)]
    assert np.array_equal(commit(desk), 2 * even_odd(corners, 50, 60))


def test_the_first_corner_is_dragged_and_a_click_on_it_closes(desk):
    begun(desk)
    desk.stroke((10, 10), (6, 8), (4, 6))
    assert not desk.labels.any()
    desk.click(4, 6)
    corners = [(4.0, 6.0), (30.0, 10.0), (30.0, 30.0), (10.0, 30.0)]
    assert np.array_equal(desk.labels, 2 * even_odd(corners, 50, 60))


def test_a_press_on_a_line_adds_a_corner_there(desk):
    begun(desk)
    desk.stroke((30, 20), (40, 20), (50, 20))
    corners = [(10.0, 10.0), (30.0, 10.0), (50.0, 20.0), (30.0, 30.0), (10.0, 30.0)]
    assert np.array_equal(commit(desk), 2 * even_odd(corners, 50, 60))


def test_delete_removes_the_corner_under_the_pointer(desk):
    begun(desk, [*SQUARE[:2], (50.0, 40.0), *SQUARE[2:]])
    desk.move(50, 40)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Delete)
    assert np.array_equal(commit(desk), 2 * even_odd(SQUARE, 50, 60))


def test_delete_beside_the_corners_says_what_to_do(desk):
    told = []
    desk.canvas.tool_said.connect(told.append)
    begun(desk)
    desk.move(20, 20)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Delete)
    assert told[-1] == "Point at a corner to remove it"
    assert np.array_equal(commit(desk), 2 * even_odd(SQUARE, 50, 60))


def test_backspace_takes_a_moved_corner_back_and_escape_lets_one_go(desk):
    begun(desk)
    desk.stroke((30, 30), (40, 36), (45, 40))
    QTest.keyClick(desk.viewport, Qt.Key.Key_Backspace)
    desk.press(30, 10)
    desk.move(50, 2)
    desk.settle()
    QTest.keyClick(desk.viewport, Qt.Key.Key_Escape)
    desk.release(50, 2)
    assert np.array_equal(commit(desk), 2 * even_odd(SQUARE, 50, 60))


def test_ctrl_with_the_first_corner_erases(desk):
    desk.open(desk.flat(50, 60), np.full((50, 60), 3, np.uint8))
    desk.place(5.0)
    desk.take("polygon", active_class=2)
    for number, corner in enumerate(SQUARE):
        keys = (
            Qt.KeyboardModifier.ControlModifier if number == 0 else Qt.KeyboardModifier.NoModifier
        )
        desk.click(*corner, keys=keys)
    assert np.array_equal(commit(desk), 3 - 3 * even_odd(SQUARE, 50, 60))


def test_how_to_close_is_told_while_drawing(desk):
    told = []
    desk.canvas.tool_said.connect(told.append)
    begun(desk)
    assert told[0].startswith("Click the next corner")
    assert told[-1].startswith("Enter, double click or the first corner paints; ")
    commit(desk)
    assert told[-1] == ""


# -- painted regions -------------------------------------------------------------------------------


def painted(desk, instances=None):
    labels = np.zeros((50, 60), np.uint8)
    labels[10:30, 10:30] = 3
    labels[16:20, 16:20] = 0  # a hole
    desk.open(desk.flat(50, 60), labels, instances=instances)
    desk.place(5.0)
    desk.take("polygon", active_class=2)
    return labels


def double_click(desk, x, y):
    desk.click(x, y)
    QTest.mouseDClick(desk.viewport, Qt.MouseButton.LeftButton, pos=desk.at(x, y))
    desk.release(x, y)


def test_a_double_click_opens_a_region_and_enter_paints_what_changed(desk):
    labels = painted(desk)
    double_click(desk, 25, 25)
    assert np.array_equal(desk.labels, labels)
    desk.stroke((30, 30), (35, 35), (40, 30))
    corners = [(10.0, 10.0), (30.0, 10.0), (40.0, 30.0), (10.0, 30.0)]
    expected = 3 * even_odd(corners, 50, 60)
    expected[16:20, 16:20] = 0
    assert np.array_equal(commit(desk), expected)
    desk.editing.undo()
    assert np.array_equal(desk.labels, labels)


def test_escape_leaves_the_region_as_it_was_and_nothing_moved_is_no_edit(desk):
    labels = painted(desk)
    for key in (Qt.Key.Key_Escape, Qt.Key.Key_Return):
        double_click(desk, 25, 25)
        if key == Qt.Key.Key_Escape:
            desk.stroke((30, 30), (35, 35), (40, 30))
        QTest.keyClick(desk.viewport, key)
        assert np.array_equal(desk.labels, labels)
        assert not desk.session.document.history.can_undo
        assert not desk.canvas.abort()


def test_the_hole_of_a_region_goes_with_its_last_corners(desk):
    labels = painted(desk)
    double_click(desk, 25, 25)
    desk.move(16, 16)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Delete)
    assert len(desk.canvas._tools._toolbox.chosen.points) == 4 + 3
    desk.move(20, 20)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Delete)
    labels[10:30, 10:30] = 3
    assert np.array_equal(commit(desk), labels)


def test_a_region_that_is_opened_keeps_its_object(desk):
    ids = np.zeros((50, 60), np.uint16)
    ids[10:30, 10:30] = 7
    ids[16:20, 16:20] = 0
    painted(desk, ids)
    double_click(desk, 25, 25)
    desk.stroke((30, 30), (35, 35), (40, 30))
    commit(desk)
    found = desk.session.document.annotation.instances
    assert set(np.unique(found)) == {0, 7}
    assert np.array_equal(found == 7, desk.labels == 3)


def test_the_command_opens_the_region_under_the_pointer_or_the_next_one_clicked(desk):
    painted(desk)
    desk.take("brush")
    desk.move(25, 25)
    desk.canvas.tell_tool("polygon", "open")
    tool = desk.canvas._tools._toolbox.chosen
    assert sorted(tool.points)[:2] == [(10.0, 10.0), (10.0, 30.0)]
    QTest.keyClick(desk.viewport, Qt.Key.Key_Escape)
    desk.move(50, 40)
    desk.canvas.tell_tool("polygon", "open")
    assert tool.says.startswith("Click the painted region")
    desk.click(50, 40)
    assert tool.says == "Nothing is painted there"
    desk.canvas.tell_tool("polygon", "open")
    desk.click(25, 25)
    assert len(tool.points) == 8


def test_minus_gives_fewer_corners_as_long_as_none_was_moved(desk):
    labels = (np.add.outer(np.arange(50), np.arange(60)) < 45).astype(np.uint8)
    desk.open(desk.flat(50, 60), labels)
    desk.place(5.0)
    desk.take("polygon")
    double_click(desk, 5, 5)
    tool = desk.canvas._tools._toolbox.chosen
    few = len(tool.points)
    for _ in range(2):
        QTest.keyClick(desk.viewport, Qt.Key.Key_Plus)
    assert len(tool.points) > 80  # every step of the stairs
    QTest.keyClick(desk.viewport, Qt.Key.Key_Minus)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Minus)
    assert len(tool.points) == few <= 5
    commit(desk)
    assert np.array_equal(desk.labels, labels)
