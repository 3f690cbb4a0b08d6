"""Rectangle, ellipse and lasso with a real mouse and real keys."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def opened(desk, tool, labels=None, zoom=5.0, instances=None):
    document = desk.open(desk.flat(50, 60), labels, instances=instances)
    desk.place(zoom)
    desk.take(tool, active_class=2)
    return document


def test_a_drag_paints_the_pixels_whose_centres_lie_in_the_rectangle(desk):
    opened(desk, "rectangle")
    # 4.4 .. 9.6 holds the centres 4.5 .. 9.5, 6.6 .. 12.4 those of 7.5 .. 11.5
    desk.stroke((4.4, 6.6), (20, 20), (9.6, 12.4))
    expected = np.zeros((50, 60), np.uint8)
    expected[7:12, 4:10] = 2
    assert np.array_equal(desk.labels, expected)
    desk.editing.undo()
    assert not desk.labels.any()


@pytest.mark.parametrize("tool", ["rectangle", "ellipse", "lasso"])
def test_nothing_is_painted_before_the_release_and_escape_gives_up(desk, tool):
    document = opened(desk, tool)
    desk.press(10, 10)
    for point in ((40, 12), (38, 30)):
        desk.move(*point)
    desk.settle()
    assert not desk.labels.any()
    colour = desk.viewport.grab().toImage().pixelColor(desk.at(30, 20))
    assert colour.green() > colour.red() + 20  # class 2 is green, over a grey photo
    QTest.keyClick(desk.viewport, Qt.Key.Key_Escape)
    desk.move(50, 40)
    desk.release(50, 40)
    assert not desk.labels.any()
    assert not document.history.can_undo
    assert np.ptp(desk.picture()[:100, :100], axis=2).max() == 0  # grey again


@pytest.mark.parametrize("tool", ["rectangle", "ellipse", "lasso"])
def test_a_click_paints_nothing(desk, tool):
    document = opened(desk, tool)
    desk.click(20, 20)
    QTest.mouseDClick(desk.viewport, Qt.MouseButton.LeftButton, pos=desk.at(20, 20))
    desk.release(20, 20)
    assert not document.history.can_undo
    assert not desk.canvas.abort()


def test_shift_makes_a_square_wherever_it_is_pressed(desk):
    opened(desk, "rectangle")
    desk.press(30, 30)
    desk.move(22, 16)  # up and to the left: 8 columns, 14 rows
    desk.settle()
    QTest.keyPress(desk.viewport, Qt.Key.Key_Shift)
    plain = desk.viewport.grab().toImage()
    assert plain.pixelColor(desk.at(18, 20)).green() > plain.pixelColor(desk.at(18, 20)).red() + 20
    desk.release(22, 16, keys=SHIFT)
    expected = np.zeros((50, 60), np.uint8)
    expected[16:30, 16:30] = 2
    assert np.array_equal(desk.labels, expected)


def test_shift_makes_a_circle(desk):
    opened(desk, "ellipse")
    desk.press(10, 10)
    desk.move(20, 13)
    desk.release(20, 13, keys=SHIFT)
    rows, columns = np.mgrid[:50, :60] + 0.5
    assert np.array_equal(desk.labels == 2, (rows - 15) ** 2 + (columns - 15) ** 2 <= 25)


def test_an_ellipse_holds_the_centres_on_and_inside_its_rim(desk):
    opened(desk, "ellipse")
    desk.stroke((8, 6), (30, 20), (18, 12))
    # half axes 5 and 3 about (13, 9): 5 sqrt(1 - (2.5 / 3)²) = 2.76, then 4.33 and 4.93
    expected = np.zeros((50, 60), np.uint8)
    for row, first, stop in ((6, 10, 16), (7, 9, 17), (8, 8, 18)):
        expected[row, first:stop] = expected[17 - row, first:stop] = 2
    assert np.array_equal(desk.labels, expected)


def test_the_preview_of_an_ellipse_is_what_the_release_paints(desk):
    opened(desk, "ellipse", zoom=10.0)
    desk.press(3, 4)
    desk.move(15.3, 11.6)
    desk.settle()
    image = desk.viewport.grab().toImage()

    def is_green(row, column):
        colour = image.pixelColor(desk.at(column + 0.5, row + 0.5))
        return colour.green() > colour.red() + 20

    shown = np.array([[is_green(row, column) for column in range(20)] for row in range(14)])
    desk.release(15.3, 11.6)
    assert shown.any()
    assert np.array_equal(shown, desk.labels[:14, :20] == 2)


def test_ctrl_erases_and_may_be_let_go_before_the_button(desk):
    opened(desk, "rectangle", np.full((50, 60), 3, np.uint8))
    desk.press(10, 10, keys=CTRL)
    desk.move(20, 14)
    desk.release(20, 14)
    expected = np.full((50, 60), 3, np.uint8)
    expected[10:14, 10:20] = 0
    assert np.array_equal(desk.labels, expected)


def test_only_unlabelled_counts_for_shapes_too(desk):
    labels = np.zeros((50, 60), np.uint8)
    labels[:, 15:] = 3
    labels[30:, :15] = 2
    opened(desk, "rectangle", labels)
    desk.session.set_view(only_unlabelled=True)
    desk.stroke((10, 10), (20, 20), (20, 14))
    assert (desk.labels[10:14, 10:20] == [2] * 5 + [3] * 5).all()
    desk.stroke((10, 32), (20, 33), (20, 34), keys=CTRL)  # erases the active class alone
    assert (desk.labels[32:34, 10:20] == [0] * 5 + [3] * 5).all()


def test_a_lasso_is_closed_by_a_straight_line(desk):
    opened(desk, "lasso")
    desk.stroke((10, 10), (30, 10), (30, 25), (10, 25))
    expected = np.zeros((50, 60), np.uint8)
    expected[10:25, 10:30] = 2
    assert np.array_equal(desk.labels, expected)
    desk.stroke((5, 5), (12, 5), (12, 12), (5, 12), keys=CTRL)
    expected[10:12, 10:12] = 0
    assert np.array_equal(desk.labels, expected)


@pytest.mark.parametrize("tool", ["rectangle", "ellipse", "lasso"])
def test_a_shape_is_one_new_object_where_ids_are_kept(desk, tool):
    ids = np.zeros((50, 60), np.uint16)
    ids[2:5, 2:5] = 7
    document = opened(desk, tool, np.where(ids > 0, np.uint8(1), np.uint8(0)), instances=ids)
    desk.stroke((10, 10), (30, 10), (30, 25), (12, 27))
    found = document.annotation.instances
    assert set(np.unique(found)) == {0, 7, 8}
    assert np.array_equal(found == 8, desk.labels == 2)


def test_what_lies_outside_of_the_image_is_cut_off(desk):
    opened(desk, "rectangle", zoom=2.0)
    desk.stroke((50, 40), (80, 70))
    assert np.count_nonzero(desk.labels) == 10 * 10
    desk.stroke((70, 60), (80, 70))
    assert np.count_nonzero(desk.labels) == 10 * 10


def test_how_it_ends_is_told_while_it_is_drawn(desk):
    told = []
    desk.canvas.tool_said.connect(told.append)
    opened(desk, "rectangle")
    desk.press(10, 10)
    desk.move(30, 30)
    desk.settle()
    assert told == ["Release paints, Shift makes the sides equal, Esc gives up"]
    QTest.keyClick(desk.viewport, Qt.Key.Key_Escape)
    assert told[1:] == [""]
    desk.take("lasso")
    desk.press(10, 10, keys=CTRL)
    QTest.mouseMove(desk.viewport, desk.at(30, 30) + QPoint(2, 2))
    desk.settle()
    assert told[2:] == ["Release closes the area and erases it, Esc gives up"]
    desk.take("brush")
    assert told[3:] == [""]
