"""Superpixels, GrabCut and intelligent scissors with a real mouse on a real canvas."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from skimage.segmentation import slic

from segstudio.annotation.assistant import Assistant
from segstudio.annotation.photo_regions import (
    Scribble,
    ShownPhoto,
    cells_of,
    foreground,
    tile_at,
    wire_from,
)
from segstudio.core.geometry import Rect

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
BOX = (slice(12, 34), slice(18, 44))
"""Rows and columns of what is to be found in `photo()`."""


def photo():
    """A bright speckled rectangle on dark speckles."""
    rng = np.random.default_rng(7)
    pixels = rng.integers(20, 50, (50, 60, 3), np.uint8)
    pixels[BOX] = rng.integers(180, 220, (22, 26, 3), np.uint8)
    return pixels


def opened(desk, tool, labels=None, **view):
    document = desk.open(photo(), labels)
    desk.place(5.0)
    desk.take(tool, active_class=2, **view)
    return document


def object_mask():
    mask = np.zeros((50, 60), np.bool_)
    mask[BOX] = True
    return mask


# -- superpixels -----------------------------------------------------------------------------------


def cell_at(x, y, side=10):
    numbers = slic(photo(), n_segments=round(3000 / side**2), compactness=10.0, max_num_iter=5,
                   start_label=1)  # fmt: skip
    return numbers == numbers[y, x]


def test_a_click_paints_the_cell_and_resting_shows_it(desk):
    document = opened(desk, "superpixel", brush_size=10)
    desk.move(30, 20)
    desk.settle()
    cell = cell_at(30, 20)
    assert 20 < cell.sum() < 600
    image = desk.viewport.grab().toImage()
    inside = np.argwhere(cv2.erode(cell.astype(np.uint8), np.ones((3, 3))))[0]
    colour = image.pixelColor(desk.at(inside[1] + 0.5, inside[0] + 0.5))
    assert colour.green() > colour.red()
    assert not document.history.can_undo
    desk.click(30, 20)
    assert np.array_equal(desk.labels, 2 * cell.astype(np.uint8))


def test_a_drag_paints_every_cell_on_its_way_as_one_edit(desk):
    document = opened(desk, "superpixel", brush_size=10)
    desk.press(5, 5)
    desk.move(50, 5)
    desk.settle()
    assert not desk.labels.any()
    desk.release(50, 5)
    assert (desk.labels[5, 5:50] == 2).all()
    desk.editing.undo()
    assert not desk.labels.any()
    assert not document.history.can_undo


def test_escape_and_ctrl_with_superpixels(desk):
    document = opened(desk, "superpixel", np.full((50, 60), 3, np.uint8), brush_size=10)
    desk.press(30, 20)
    desk.move(40, 20)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Escape)
    desk.release(40, 20)
    assert not document.history.can_undo
    desk.press(30, 20, keys=CTRL)
    desk.release(30, 20)
    assert np.array_equal(desk.labels == 0, cell_at(30, 20))


def test_cells_are_kept_for_the_image_and_a_large_one_has_tiles(desk):
    opened(desk, "superpixel", brush_size=10)
    desk.move(30, 20)
    known = desk.canvas._tools.assistant.photo().tiles
    desk.take("wand")
    desk.take("superpixel")
    desk.move(10, 10)
    assert desk.canvas._tools.assistant.photo().tiles is known
    assert len(known) == 1
    large = ShownPhoto(np.zeros((1000, 1300, 3), np.uint8))
    assert tile_at(large, 600, 700) == Rect(512, 512, 1000, 1024)
    cells = cells_of(large, Rect(512, 1024, 1000, 1300), 40)
    assert cells.numbers.shape == (488, 276)
    rect, mask = cells.mask([cells.number_at(1100, 700)])
    assert rect.contains(1100, 700)
    assert mask[700 - rect.top, 1100 - rect.left]
    assert cells_of(large, Rect(512, 1024, 1000, 1300), 40) is cells


# -- grabcut ---------------------------------------------------------------------------------------


def test_the_object_in_a_box_is_shown_and_enter_paints_it(desk):
    document = opened(desk, "grabcut")
    desk.stroke((13, 8), (30, 30), (49, 39))
    desk.settle()
    assert not document.history.can_undo
    colour = desk.viewport.grab().toImage().pixelColor(desk.at(30, 20))
    assert colour.green() > colour.red() + 20
    QTest.keyClick(desk.viewport, Qt.Key.Key_Return)
    assert np.array_equal(desk.labels == 2, object_mask())
    assert not desk.canvas.abort()


def test_others_like_it_farther_off_do_not_make_it_ground(desk):
    pixels = photo()
    pixels[2:8, 2:58] = pixels[40:48, 2:58] = 200
    desk.open(pixels)
    desk.place(5.0)
    desk.take("grabcut", active_class=2)
    desk.stroke((16, 10), (30, 30), (46, 36))
    QTest.keyClick(desk.viewport, Qt.Key.Key_Return)
    assert np.array_equal(desk.labels == 2, object_mask())


@pytest.mark.parametrize("short", [0, 1, 3])
def test_an_object_that_the_edge_of_the_image_cuts_off_is_found(short):
    """A box that ends a little before the edge has a strip of the object beside it."""
    rng = np.random.default_rng(7)
    pixels = rng.integers(20, 50, (50, 60, 3), np.uint8)
    pixels[28:, 18:44] = rng.integers(180, 220, (22, 26, 3), np.uint8)
    found = foreground(ShownPhoto(pixels), Rect(20, 10, 50 - short, 52))
    assert found.rect == Rect(28, 18, 50 - short, 44)
    assert found.mask.all()


def test_a_line_may_go_on_outside_of_the_image():
    line = Scribble(((30.0, 30.0), (75.0, 64.0)), True, 4.0)
    found = foreground(ShownPhoto(photo()), Rect(10, 14, 36, 46), [line])
    assert found.mask.shape == found.rect.shape_hw
    assert found.rect.clip((50, 60)) == found.rect
    assert found.mask[20 - found.rect.top, 30 - found.rect.left]


def test_lines_add_and_take_away_and_backspace_takes_them_back(desk):
    pixels, patch = photo(), np.zeros((50, 60), np.bool_)
    patch[18:28, 44:48] = True
    pixels[patch] = (30, 30, 220)  # something blue that touches it
    desk.open(pixels)
    desk.place(5.0)
    desk.take("grabcut", active_class=2)
    tool = desk.canvas._tools._toolbox.chosen

    def found():
        whole = np.zeros((50, 60), np.bool_)
        whole[tool.found.rect.slices] = tool.found.mask
        return whole

    desk.stroke((13, 8), (30, 30), (54, 39))
    assert np.array_equal(found(), object_mask() | patch)
    desk.press(45.5, 19.5, keys=SHIFT)
    desk.move(45.5, 26.5)
    desk.release(45.5, 26.5, keys=SHIFT)
    assert np.array_equal(found(), object_mask())
    QTest.keyClick(desk.viewport, Qt.Key.Key_Backspace)
    assert np.array_equal(found(), object_mask() | patch)
    desk.stroke((15.5, 11.5), (15.5, 20.5), (15.5, 30.5))  # this much of the ground belongs to it
    assert found()[12:31, 15].all()
    QTest.keyClick(desk.viewport, Qt.Key.Key_Backspace)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Backspace)
    assert not tool.busy
    QTest.keyClick(desk.viewport, Qt.Key.Key_Return)
    assert not desk.labels.any()


def test_a_box_in_which_nothing_stands_out_says_so_and_enter_paints_nothing(desk):
    desk.open(np.full((50, 60, 3), 90, np.uint8))
    desk.place(5.0)
    desk.take("grabcut", active_class=2)
    desk.stroke((13, 8), (30, 30), (49, 39))
    tool = desk.canvas._tools._toolbox.chosen
    if not tool.found.rect.is_empty:  # OpenCV takes all of what is alike, or nothing
        pytest.skip("everything stands out")
    assert tool.says.startswith("Nothing stands out")
    QTest.keyClick(desk.viewport, Qt.Key.Key_Return)
    assert not desk.labels.any()


def test_escape_forgets_the_box_and_ctrl_makes_it_erase(desk):
    document = opened(desk, "grabcut", np.full((50, 60), 3, np.uint8))
    desk.stroke((13, 8), (30, 30), (49, 39))
    QTest.keyClick(desk.viewport, Qt.Key.Key_Escape)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Return)
    assert not document.history.can_undo
    desk.press(13, 8, keys=CTRL)
    desk.move(49, 39)
    desk.release(49, 39)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Return)
    assert np.array_equal(desk.labels == 0, object_mask())


# -- scissors --------------------------------------------------------------------------------------


def overlap(desk):
    found, wanted = desk.labels == 2, object_mask()
    return (found & wanted).sum() / (found | wanted).sum()


@pytest.mark.parametrize("end", ["enter", "double click", "first point"])
def test_the_line_follows_the_edges_and_closes(desk, end):
    opened(desk, "scissors")
    corners = [(18.5, 12.5), (43.5, 12.5), (43.5, 33.5), (18.5, 33.5)]
    for corner in corners:
        desk.click(*corner)
    assert not desk.labels.any()
    if end == "enter":
        QTest.keyClick(desk.viewport, Qt.Key.Key_Return)
    elif end == "double click":
        QTest.mouseDClick(desk.viewport, Qt.MouseButton.LeftButton, pos=desk.at(*corners[-1]))
        desk.release(*corners[-1])
    else:
        desk.click(19, 13)
    assert overlap(desk) > 0.85
    assert not desk.canvas.abort()


def test_the_line_goes_round_a_disc_that_a_straight_one_would_cut(desk):
    pixels = np.full((80, 80, 3), 40, np.uint8)
    cv2.circle(pixels, (40, 40), 25, (210, 210, 210), -1)
    desk.open(pixels)
    desk.place(3.5)
    desk.take("scissors", active_class=2)
    for corner in ((40, 15.5), (64.5, 40), (40, 64.5), (15.5, 40)):
        desk.click(*corner)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Return)
    disc = pixels[..., 0] > 100
    found = desk.labels == 2
    square = 2 * 25**2  # what straight lines would have enclosed
    assert found.sum() > square * 1.35
    assert (found & disc).sum() / (found | disc).sum() > 0.93


def test_backspace_takes_a_point_back_and_escape_all(desk):
    opened(desk, "scissors")
    tool = desk.canvas._tools._toolbox.chosen
    for corner in ((20, 12), (43, 12), (43, 33)):
        desk.click(*corner)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Backspace)
    assert [tuple(map(round, p)) for p in tool.points] == [(20, 12), (43, 12)]
    QTest.keyClick(desk.viewport, Qt.Key.Key_Escape)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Return)
    assert not tool.points
    assert not desk.labels.any()


def test_with_shift_the_next_piece_is_straight(desk):
    opened(desk, "scissors")
    for corner in ((18, 12), (43, 12), (43, 33)):
        desk.click(*corner, keys=SHIFT)
    tool = desk.canvas._tools._toolbox.chosen
    assert sum(map(len, tool._pieces)) == 3


def test_a_wire_ends_at_the_point_asked_for_also_outside_of_its_window():
    pixels = np.zeros((900, 1000, 3), np.uint8)
    wire = wire_from(ShownPhoto(pixels), (100.5, 100.5), 1.0)
    assert wire.window.right < 1000
    assert wire.to((990.0, 880.0))[-1] == (990.0, 880.0)
    small = wire_from(ShownPhoto(pixels), (100.5, 100.5), 0.25)
    assert small.step == 4
    assert small.window == Rect(0, 0, 900, 1000)
    assert wire.to((100.5, 130.0))[-1] == (100.5, 130.0)


# -- asking ----------------------------------------------------------------------------------------


def test_of_questions_that_wait_only_the_last_is_answered(studio, clock):
    from windows import wait_until

    assistant, told = Assistant(studio.session, studio.jobs), []
    for number in range(5):
        assistant.ask("Counting", lambda _job, n=number: n, told.append)
    wait_until(clock, studio, lambda: told and told[-1] == 4)
    assert told == [0, 4]
    assistant.ask("Counting", lambda _job: 5, told.append)
    studio.session.document = None
    wait_until(clock, studio, lambda: not assistant.is_working)
    assert told == [0, 4]
