"""The limits of painting: each tool paints what they allow, and the pointer shows that before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from segstudio.core.channel_looks import AS_IN_FILES
from segstudio.core.geometry import Rect
from segstudio.core.labels import Patch
from segstudio.session.session import NO_LIMITS
from segstudio.storage.picture import Picture

WHOLE = Rect(0, 0, 20, 40)
CTRL = Qt.KeyboardModifier.ControlModifier


def striped(height: int = 20, width: int = 40) -> np.ndarray:
    """Background, class 1, class 2, class 3 in columns of ten pixels."""
    return np.repeat(np.arange(4, dtype=np.uint8), 10)[None, :width].repeat(height, 0)


def row(desk, y: int = 10) -> list[int]:
    return desk.labels[y].tolist()


def paint_all(desk, *, keys=Qt.KeyboardModifier.NoModifier) -> None:
    """A stroke of a square brush along the middle, from edge to edge."""
    desk.stroke((0.5, 10.5), (39.5, 10.5), keys=keys)


@pytest.fixture
def stripes(desk):
    desk.open(desk.flat(20, 40), striped())
    desk.place(4.0, (40.0, 80.0))
    desk.take("brush", brush_size=1, active_class=3)
    return desk


def test_only_over_one_class(stripes):
    stripes.session.set_view(only_class=2)
    paint_all(stripes)
    assert row(stripes) == [0] * 10 + [1] * 10 + [3] * 20


def test_only_over_unlabelled_and_one_class(stripes):
    stripes.session.set_view(only_class=2, only_unlabelled=True)
    paint_all(stripes)
    assert row(stripes) == [3] * 10 + [1] * 10 + [3] * 20


def test_the_eraser_takes_away_that_class_alone(stripes):
    stripes.take("eraser", only_class=2)
    paint_all(stripes)
    assert row(stripes) == [0] * 10 + [1] * 10 + [0] * 10 + [3] * 10


def test_the_eraser_takes_the_active_class_where_only_unlabelled_is_on(stripes):
    stripes.take("eraser", only_unlabelled=True, active_class=1)
    paint_all(stripes)
    assert row(stripes) == [0] * 20 + [2] * 10 + [3] * 10


@pytest.mark.parametrize("erases", [False, True])
def test_locked_classes_are_neither_painted_over_nor_erased(stripes, erases):
    stripes.session.set_view(locked_classes=frozenset({1, 3}))
    stripes.session.set_view(active_class=2)
    paint_all(stripes, keys=CTRL if erases else Qt.KeyboardModifier.NoModifier)
    painted = 0 if erases else 2
    assert row(stripes) == [painted] * 10 + [1] * 10 + [painted] * 10 + [3] * 10


def test_only_within_a_range_of_brightness(desk):
    photo = desk.flat(20, 40)
    photo[:, 10:20] = 50
    photo[:, 20:30] = 51
    desk.open(photo)
    desk.place(4.0, (40.0, 80.0))
    desk.take("brush", brush_size=1, active_class=3, value_range=(51.0, 99.0))
    paint_all(desk)
    assert row(desk) == [0] * 20 + [3] * 10 + [0] * 10


def test_the_range_is_of_the_stored_values_of_the_shown_channel(desk):
    raw = np.zeros((20, 40, 2), np.uint16)
    raw[..., 0], raw[:, 5:15, 1] = 4000, 30_000
    picture = Picture(raw, 16, ((1, 0, 0), (0, 1, 0)), ("one", "two"))
    document = desk.open(desk.flat(20, 40))
    document.picture = picture
    document.show((1, AS_IN_FILES), picture.shown(1))
    desk.place(4.0, (40.0, 80.0))
    desk.take("brush", brush_size=1, active_class=2, value_range=(20_000.0, 65_535.0))
    paint_all(desk)
    assert row(desk) == [0] * 5 + [2] * 10 + [0] * 25


def test_only_where_the_shown_model_is_unsure(desk):
    document = desk.open(desk.flat(20, 40), prediction=striped())
    confidence = np.full((20, 40), 255, np.uint8)
    confidence[:, 10:20], confidence[:, 20:30] = 127, 128  # 0.498 and 0.502
    document.predictions["m"] = replace(document.predictions["m"], confidence=confidence)
    desk.place(4.0, (40.0, 80.0))
    desk.take("brush", brush_size=1, active_class=2, below_confidence=0.5)
    paint_all(desk)
    assert row(desk) == [0] * 10 + [2] * 10 + [0] * 20


def test_without_a_prediction_its_confidence_limits_nothing(stripes):
    stripes.session.set_view(below_confidence=0.5)
    paint_all(stripes)
    assert row(stripes) == [3] * 40


def two_tones(desk) -> np.ndarray:
    """Dark left of column 20, bright from it on, and a dark island in the bright part."""
    photo = desk.flat(20, 40, 60)
    photo[:, 20:] = 160
    photo[8:13, 24:27] = 60
    return photo


def test_a_stroke_snaps_to_the_edges_around_its_middle(desk):
    desk.open(two_tones(desk))
    desk.place(4.0, (40.0, 80.0))
    desk.take("brush", brush_size=15, brush_square=True, active_class=2, snap_tolerance=20)
    desk.click(17.5, 10.5)  # reaches columns 10 to 24 and rows 3 to 17
    assert row(desk) == [0] * 10 + [2] * 10 + [0] * 20  # not the island: it isn't connected
    assert np.count_nonzero(desk.labels) == 10 * 15


def test_a_stroke_across_an_edge_stays_on_the_side_where_it_began(desk):
    desk.open(two_tones(desk))
    desk.place(4.0, (40.0, 80.0))
    desk.take("brush", brush_size=3, brush_square=True, active_class=2, snap_tolerance=20)
    desk.stroke((15.5, 4.5), (35.5, 4.5))
    assert row(desk, 4) == [0] * 14 + [2] * 6 + [0] * 20


def test_a_tolerance_as_large_as_the_step_takes_both_sides(desk):
    desk.open(two_tones(desk))
    desk.place(4.0, (40.0, 80.0))
    desk.take("brush", brush_size=15, brush_square=True, active_class=2, snap_tolerance=100)
    desk.click(17.5, 10.5)
    assert row(desk) == [0] * 10 + [2] * 15 + [0] * 15


def test_limits_combine(desk):
    photo = two_tones(desk)
    labels = np.zeros((20, 40), np.uint8)
    labels[:, 15:18] = 1
    desk.open(photo, labels)
    desk.place(4.0, (40.0, 80.0))
    locked = frozenset({1})
    desk.take(
        "brush", brush_size=1, active_class=2, value_range=(0.0, 100.0), locked_classes=locked
    )
    paint_all(desk)
    assert row(desk) == [2] * 15 + [1] * 3 + [2] * 2 + [0] * 4 + [2] * 3 + [0] * 13


# -- every tool ------------------------------------------------------------------------------------


def drag_a_box(desk) -> None:
    desk.stroke((0.2, 0.2), (20.5, 10.5), (39.8, 19.8))


def click_corners(desk) -> None:
    for x, y in ((0.2, 0.2), (39.8, 0.2), (39.8, 19.8), (0.2, 19.8)):
        desk.click(x, y)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Return)


def drag_around(desk) -> None:
    desk.stroke((0.1, 0.1), (39.8, 0.1), (39.8, 19.8), (0.1, 19.8))


def click_middle(desk) -> None:
    desk.click(5.5, 10.5)


def box_and_enter(desk) -> None:
    desk.stroke((5.5, 2.5), (20.5, 10.5), (34.5, 17.5))
    QTest.keyClick(desk.viewport, Qt.Key.Key_Return)


TOOLS = {
    "rectangle": (drag_a_box, {}),
    "ellipse": (drag_a_box, {}),
    "lasso": (drag_around, {}),
    "polygon": (click_corners, {}),
    "scissors": (click_corners, {}),
    "fill": (click_middle, {"fill_contiguous": False}),
    "wand": (click_middle, {"wand_contiguous": False}),
    "superpixel": (click_middle, {"brush_size": 40}),
    "brush": (click_middle, {"brush_size": 90}),
    "grabcut": (box_and_enter, {}),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_paints_what_the_limits_allow(desk, tool):
    gesture, view = TOOLS[tool]
    photo = np.full((20, 40, 3), 60, np.uint8)
    photo[5:15, 8:32] = 180
    painted = {}
    for limited in (False, True):
        desk.open(photo if tool == "grabcut" else desk.flat(20, 40))
        desk.place(4.0, (40.0, 80.0))
        rule = {"locked_classes": frozenset({1})} if limited else {}
        desk.take(tool, active_class=2, **view, **rule)
        labels = np.zeros((20, 40), np.uint8)
        labels[:, 15:25] = tool != "fill"
        desk.session.document.annotation.apply(Patch(WHOLE, labels * 0, labels))
        if tool == "fill" and limited:
            desk.session.set_view(locked_classes=frozenset({0}))
        gesture(desk)
        painted[limited] = desk.labels == 2
    free = np.ones((20, 40), np.bool_)
    free[:, 15:25] = False
    if tool == "fill":  # what it fills is of one class
        free[:] = False
    assert painted[False].any()
    assert (painted[True] == (painted[False] & free)).all()


def test_a_reshaped_region_spares_what_is_locked(desk):
    labels = np.zeros((20, 40), np.uint8)
    labels[5:15, 5:15], labels[:, 20:30] = 1, 2
    desk.open(desk.flat(20, 40), labels)
    desk.place(4.0, (40.0, 80.0))
    desk.take("polygon", active_class=1, locked_classes=frozenset({2}))
    desk.move(10.5, 10.5)
    QTest.mouseDClick(desk.viewport, Qt.MouseButton.LeftButton, pos=desk.at(10.5, 10.5))
    desk.release(10.5, 10.5)
    for corner, to in (((15.0, 5.0), (35.0, 5.0)), ((15.0, 15.0), (35.0, 15.0))):
        desk.stroke(corner, (25.0, corner[1]), to)
    QTest.keyClick(desk.viewport, Qt.Key.Key_Return)
    assert row(desk) == [0] * 5 + [1] * 15 + [2] * 10 + [1] * 5 + [0] * 5


# -- the pointer -----------------------------------------------------------------------------------


def tinted(desk) -> np.ndarray:
    """Which pixels of the image the pointer shows as those that would be painted."""
    mark = desk.viewport._brush_mark()
    image = mark.tint.convertToFormat(QImage.Format.Format_ARGB32)
    data = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1, 4)
    shown = data[:, : image.width(), 3] > 0
    left, top = desk.viewport.to_image((mark.tinted.left(), mark.tinted.top()))
    found = np.zeros(desk.labels.shape, np.bool_)
    top, left = round(top), round(left)
    found[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
    return found


LIMITED = {
    "unlabelled": {"only_unlabelled": True},
    "class": {"only_class": 1},
    "locked": {"locked_classes": frozenset({1})},
    "values": {"value_range": (0.0, 100.0)},
    "edges": {"snap_tolerance": 20},
    "all": {"only_unlabelled": True, "value_range": (0.0, 100.0), "snap_tolerance": 20},
}


@pytest.mark.parametrize("zoom", [2.0, 6.0])
@pytest.mark.parametrize("limits", LIMITED)
def test_the_pointer_shows_what_a_click_paints(desk, limits, zoom):
    labels = np.zeros((20, 40), np.uint8)
    labels[:12, 12:16] = 1
    desk.open(two_tones(desk), labels)
    desk.place(zoom, (40.0, 80.0))
    desk.take("brush", brush_size=11, active_class=2, **LIMITED[limits])
    desk.move(17.5, 10.5)
    shown = tinted(desk)
    assert shown.any()
    desk.click(17.5, 10.5)
    assert (shown == (desk.labels == 2)).all()


def test_the_pointer_of_the_eraser_too(stripes):
    stripes.take("eraser", brush_size=25, only_class=2)
    stripes.move(20.5, 10.5)
    shown, before = tinted(stripes), stripes.labels.copy()
    stripes.click(20.5, 10.5)
    assert (shown == (stripes.labels != before)).all()
    columns = np.flatnonzero(shown.any(axis=0))
    assert (columns[0], columns[-1]) == (20, 29)


def test_the_tint_follows_what_was_painted(stripes):
    stripes.take("brush", brush_size=9, only_unlabelled=True)
    stripes.move(5.5, 10.5)
    assert tinted(stripes).any()
    stripes.click(5.5, 10.5)
    assert not tinted(stripes).any()


def test_without_limits_nothing_is_tinted(stripes):
    stripes.move(5.5, 10.5)
    assert stripes.viewport._brush_mark().tint is None
    stripes.session.set_view(only_class=1)
    assert stripes.viewport._brush_mark().tint is not None
    stripes.session.set_view(**NO_LIMITS)
    assert stripes.viewport._brush_mark().tint is None


def test_what_the_wand_previews_leaves_out_what_is_locked(stripes):
    stripes.take("wand", locked_classes=frozenset({1}))
    stripes.press(5.5, 10.5)
    found = stripes.canvas._tools.at(stripes.viewport).chosen.found
    drawn = found.shown[:, : found.rect.width].astype(bool)
    assert drawn[:, :10].all()
    assert not drawn[:, 10:20].any()
    stripes.release(5.5, 10.5)
    assert row(stripes) == [3] * 10 + [1] * 10 + [3] * 20


# -- the fill's preview ----------------------------------------------------------------------------


def filled(desk) -> np.ndarray:
    """Which pixels the fill shows as those that it would fill."""
    found = desk.canvas._tools.at(desk.viewport).chosen.found
    shown = np.zeros(desk.labels.shape, np.bool_)
    if found is not None:
        shown[found.rect.slices] = found.shown[:, : found.rect.width]
    return shown


def test_the_fill_shows_the_region_under_the_pointer(stripes):
    stripes.take("fill")
    stripes.move(15.5, 10.5)
    assert (filled(stripes) == (stripes.labels == 1)).all()
    stripes.move(25.5, 3.5)
    assert (filled(stripes) == (stripes.labels == 2)).all()
    before = stripes.labels.copy()
    stripes.click(25.5, 3.5)
    assert (stripes.labels == np.where(before == 2, 3, before)).all()
    assert not filled(stripes).any()  # until the pointer moves again
    stripes.move(30.5, 3.5)
    assert (filled(stripes) == (stripes.labels == 3)).all()
    stripes.editing.undo()
    assert not filled(stripes).any()  # of what is gone nothing is shown


def test_the_preview_of_the_fill_is_drawn_and_goes_with_the_pointer(stripes):
    stripes.take("fill", active_class=2)
    stripes.move(-5.0, 10.5)
    before = stripes.picture()
    stripes.move(5.5, 10.5)
    shown = (stripes.picture() != before).any(axis=2)
    left, top = (round(value) for value in stripes.viewport.to_screen((0, 0)))
    assert shown[top + 4 : top + 76, left + 4 : left + 36].all()
    assert not shown[top + 4 : top + 76, left + 44 :].any()
    stripes.move(-5.0, 10.5)
    assert (stripes.picture() == before).all()


def test_the_fill_shows_what_the_limits_leave(desk):
    desk.open(two_tones(desk))
    desk.place(4.0, (40.0, 80.0))
    desk.take("fill", active_class=2, value_range=(100.0, 255.0))
    desk.move(5.5, 10.5)
    bright = desk.session.document.pixels[..., 0] > 100
    assert (filled(desk) == bright).all()
    desk.click(5.5, 10.5)
    assert ((desk.labels == 2) == bright).all()


def test_the_fill_snaps_to_the_edges_around_the_place_of_the_click(desk):
    desk.open(two_tones(desk))
    desk.place(4.0, (40.0, 80.0))
    desk.take("fill", active_class=2, snap_tolerance=20)
    desk.move(25.5, 10.5)
    island = np.zeros((20, 40), np.bool_)
    island[8:13, 24:27] = True
    assert (filled(desk) == island).all()
    desk.click(25.5, 10.5)
    assert ((desk.labels == 2) == island).all()
