"""What the network inspector lays over the photo and marks on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.canvas.over_photo import heat_table
from segstudio.core.colour_maps import colour_table
from segstudio.core.features import FeatureTrace, LayerInfo, ReceptiveField, Role, Site
from segstudio.core.geometry import Rect
from segstudio.core.input_geometry import InputGeometry
from segstudio.core.prediction import Prediction
from segstudio.session.inspection import (
    ClassMapOverPhoto,
    ColourMap,
    Over,
    OverPhotoHeat,
    TracedNetwork,
)
from segstudio.session.session import Layer, OverlayStyle

SHIFT = Qt.KeyboardModifier.ShiftModifier


def traced(document, schema) -> TracedNetwork:
    """A network of one stage of stride 4, whose field is 8 wide."""
    height, width = document.shape_hw
    layer = LayerInfo(
        "down", "down", Role.ENCODER, (3, height // 4, width // 4), 4, 1, 1, 0.1,
        ReceptiveField((8, 8), (2.0, 2.0), (4.0, 4.0)), (), Site("down", "conv2d"),
    )  # fmt: skip
    size = (height, width)
    trace = FeatureTrace("Net", size, (1, 1), None, (layer,), (), 1, 1, 0.1, (), None)
    labels = np.zeros(size, np.uint8)
    prediction = Prediction("m", "Net", schema, labels, labels)
    input_geometry = InputGeometry(size, Rect.of_shape(size), size, size)
    return TracedNetwork("m", "Net", document, trace, input_geometry, prediction, {0: "a", 1: "b"})


@pytest.fixture
def looked_into(desk):
    """A desk with a grey photo of 48 x 64, traced and its stage opened; at 5 x from the corner."""
    document = desk.open(desk.flat(48, 64))
    desk.place(5.0)
    desk.session.set_inspection(active=True, traced=traced(document, desk.SCHEMA), stage="down")
    leave(desk)
    return desk


def leave(desk) -> None:
    """The pointer leaves the picture, wherever an earlier test has left it."""
    desk.settle()
    QApplication.sendEvent(desk.viewport, QEvent(QEvent.Type.Leave))
    desk.settle()


def heat(levels, **values) -> OverPhotoHeat:
    return OverPhotoHeat(levels, ColourMap.MAGMA, "Values", 0.0, 1.0, **values)


def test_values_lie_over_the_photo_and_go(looked_into):
    desk = looked_into
    desk.session.set_view(layer=Layer.NONE)
    levels = np.zeros((48, 64), np.uint8)
    levels[:, 32:] = 255
    plain = desk.picture()
    assert (plain[:200, :300] == 100).all()
    desk.session.set_inspection(over_photo=heat(levels, opacity=0.5))
    shown = desk.picture()
    for x, level in ((10, 0), (50, 255)):
        expected = (colour_table("magma")[level].astype(int) + 100) / 2
        np.testing.assert_allclose(shown[100, 5 * x], expected, atol=1.5)
    desk.session.set_inspection(over_photo=None)
    assert np.array_equal(desk.picture(), plain)


def test_values_that_grow_from_nothing_leave_the_photo_where_there_are_none(looked_into):
    desk = looked_into
    desk.session.set_view(layer=Layer.NONE)
    levels = np.zeros((48, 64), np.uint8)
    levels[:, 32:] = 200
    desk.session.set_inspection(over_photo=heat(levels, opacity=1.0, fades=True))
    shown = desk.picture()
    assert (shown[100, 50] == 100).all()
    np.testing.assert_array_equal(shown[100, 250], colour_table("magma")[200])
    table = heat_table(heat(levels, opacity=0.8, fades=True))
    assert table[0, 3] == 0
    assert table[64, 3] == 102
    assert table[128, 3] == table[255, 3] == 204


def test_outlines_stay_over_values_and_fillings_go(looked_into):
    desk = looked_into
    labels = np.zeros((48, 64), np.uint8)
    labels[10:30, 10:30] = 1
    document = desk.open(desk.flat(48, 64), labels)
    desk.place(5.0)
    desk.session.set_inspection(traced=traced(document, desk.SCHEMA), stage="")
    desk.session.set_view(style=OverlayStyle.BOTH)
    desk.session.set_inspection(over_photo=heat(np.full((48, 64), 255, np.uint8), opacity=1.0))
    shown = desk.picture()
    np.testing.assert_array_equal(shown[100, 100], colour_table("magma")[255])
    np.testing.assert_array_equal(shown[50, 100], desk.RED)
    assert desk.canvas.chip.legend.text == "Annotation outlined"


def test_a_class_map_lies_over_the_photo_in_the_classes_colours(looked_into):
    desk = looked_into
    labels = np.zeros((48, 64), np.uint8)
    labels[:, :32] = 2
    desk.session.set_view(opacity=1.0)
    desk.session.set_inspection(over_photo=ClassMapOverPhoto(labels, "Read from up1"))
    shown = desk.picture()
    np.testing.assert_array_equal(shown[100, 50], desk.GREEN)
    assert (shown[100, 250] == 100).all()
    assert desk.canvas.over_chip.caption.whole == "Read from up1"
    assert desk.canvas.over_chip.slider.isHidden()


def test_what_belongs_to_another_image_is_not_shown(looked_into):
    desk = looked_into
    desk.session.set_inspection(over_photo=heat(np.full((48, 64), 255, np.uint8), opacity=1.0))
    desk.open(desk.flat(48, 64))
    desk.place(5.0)
    leave(desk)
    assert (desk.picture()[:200, :300] == 100).all()
    assert desk.canvas.over_chip.isHidden()


def test_hiding_the_overlay_hides_the_values(looked_into):
    desk = looked_into
    desk.session.set_inspection(over_photo=heat(np.full((48, 64), 255, np.uint8), opacity=1.0))
    desk.session.set_view(overlay_visible=False)
    assert (desk.picture()[:200, :300] == 100).all()


def test_the_legend_closes_and_fades(looked_into, qtbot):
    desk = looked_into
    chip = desk.canvas.over_chip
    assert chip.isHidden()
    levels = np.zeros((48, 64), np.uint8)
    desk.session.set_inspection(over_photo=replace(heat(levels), low=-2.0, high=0.5))
    assert chip.isVisible()
    assert (chip.low.text(), chip.high.text()) == ("\u22122", "0.5")
    assert chip.geometry().bottom() <= desk.viewport.height()
    assert chip.geometry().right() <= desk.viewport.width()
    with qtbot.waitSignal(desk.canvas.over_photo_faded) as faded:
        chip.slider.setValue(30)
    assert faded.args == [0.3]
    with qtbot.waitSignal(desk.canvas.over_photo_closed):
        QTest.mouseClick(chip.button, Qt.MouseButton.LeftButton)


# -- marks ---------------------------------------------------------------------------------------


def marked(before, after) -> np.ndarray:
    """(rows, columns) of what differs, as (top, left, bottom, right)."""
    rows, columns = np.nonzero((before != after).any(axis=2))
    return np.array([rows.min(), columns.min(), rows.max(), columns.max()])


def test_a_linked_pixel_and_its_field_are_marked(looked_into):
    desk = looked_into
    plain = desk.picture()
    desk.canvas.show_point((21, 22))
    # position (5, 5): its field is 22 +- 4 in both directions, at 5 device pixels each
    top, left, bottom, right = marked(plain, desk.picture())
    assert abs(left - 90) <= 2
    assert abs(top - 90) <= 2
    assert abs(right - 130) <= 2
    assert abs(bottom - 130) <= 2
    desk.canvas.show_point(None)
    assert np.array_equal(desk.picture(), plain)


def test_the_field_follows_the_pointer_and_leaves_nothing_behind(looked_into):
    desk = looked_into
    plain = desk.picture()
    for x in range(8, 50, 3):
        desk.move(x, 20)
        desk.settle()
    shown = desk.viewport.grab().toImage()
    assert shown.pixelColor(desk.at(49 // 4 * 4 + 2 - 4, 18)).red() != 100
    leave(desk)
    assert np.array_equal(desk.picture(), plain)


def test_a_click_with_the_hand_pins_and_a_drag_moves(looked_into, qtbot):
    desk = looked_into
    pinned = []
    desk.canvas.pixel_clicked.connect(lambda x, y: pinned.append((x, y)))
    desk.click(20.5, 11.5)
    assert pinned == [(20, 11)]
    desk.stroke((20, 10), (30, 15), (40, 20))
    assert pinned == [(20, 11)]
    assert desk.viewport.view.origin_xy != (0.0, 0.0)
    desk.click(20.5, 11.5, button=Qt.MouseButton.MiddleButton)
    assert pinned == [(20, 11)]


def test_clicks_pin_nothing_while_the_panel_is_closed_or_a_tool_is_in_hand(desk):
    pinned = []
    desk.canvas.pixel_clicked.connect(lambda x, y: pinned.append((x, y)))
    document = desk.open(desk.flat(48, 64))
    desk.place(5.0)
    desk.click(20.5, 11.5)
    desk.session.set_inspection(active=True, traced=traced(document, desk.SCHEMA))
    desk.take("brush", brush_size=1)
    desk.click(20.5, 11.5)
    assert pinned == []
    assert desk.labels.any()


def test_shift_and_drag_draws_a_rectangle_and_a_click_takes_it_away(looked_into):
    desk = looked_into
    drawn = []
    desk.canvas.rectangle_drawn.connect(drawn.append)
    desk.stroke((10.4, 5.4), (20, 8), (30.5, 15.5), keys=SHIFT)
    assert drawn == [Rect(5, 10, 16, 31)]
    assert desk.viewport.view.origin_xy == (0.0, 0.0)
    desk.click(20.5, 11.5, keys=SHIFT)
    assert drawn[1:] == [None]


def test_the_pin_is_marked_until_it_is_taken_away(looked_into):
    desk = looked_into
    desk.session.set_inspection(stage="")
    plain = desk.picture()
    desk.session.set_inspection(point=(21, 22))
    top, left, bottom, right = marked(plain, desk.picture())
    assert top < 110 < bottom
    assert left < 105 < right
    assert bottom - top < 60
    desk.session.set_inspection(point=None)
    assert np.array_equal(desk.picture(), plain)


def _corner(desk) -> tuple[str, str]:
    """Where the legend of what lies over the photo is."""
    box, picture = desk.canvas.over_chip.geometry(), desk.viewport.rect()
    return (
        "top" if box.center().y() < picture.center().y() else "bottom",
        "left" if box.center().x() < picture.center().x() else "right",
    )


@pytest.mark.parametrize(
    ("point", "corner"),
    [
        ((4, 44), ("top", "right")),
        ((60, 44), ("top", "left")),
        ((60, 4), ("bottom", "left")),
        ((4, 4), ("bottom", "right")),
    ],
)
def test_the_legend_goes_to_the_corner_farthest_from_the_pinned_pixel(looked_into, point, corner):
    desk = looked_into
    desk.session.set_inspection(point=point)
    desk.session.set_inspection(over_photo=heat(np.full((48, 64), 255, np.uint8)))
    desk.settle()
    assert _corner(desk) == corner
    box = desk.canvas.over_chip.geometry()
    assert desk.viewport.rect().contains(box)
    assert not box.contains(*(int(v) for v in desk.viewport.to_screen(point)))
    assert not box.intersects(desk.canvas.chip.geometry())


def test_the_legend_goes_away_from_the_strongest_values_and_from_a_rectangle(looked_into):
    desk = looked_into
    levels = np.zeros((48, 64), np.uint8)
    levels[40:, :8] = 255
    desk.session.set_inspection(over_photo=heat(levels, fades=True))
    desk.settle()
    assert _corner(desk) == ("top", "right")
    desk.session.set_inspection(
        over=Over.RECTANGLE, rectangle=Rect(0, 48, 12, 64), over_photo=heat(levels, opacity=0.5)
    )
    desk.settle()
    assert _corner(desk) == ("bottom", "left")


def test_the_legend_moves_when_the_pinned_pixel_comes_under_it(looked_into):
    desk = looked_into
    desk.session.set_inspection(point=(60, 4))
    desk.session.set_inspection(over_photo=heat(np.full((48, 64), 255, np.uint8)))
    desk.settle()
    assert _corner(desk) == ("bottom", "left")
    desk.viewport.pan_by(10, 10)
    assert _corner(desk) == ("bottom", "left")  # it is far away still
    desk.viewport.pan_by(-250, 230)
    assert _corner(desk)[0] == "top"


# -- the cards go out of the way -------------------------------------------------------------------


def _corner_of(card, picture) -> tuple[str, str]:
    """The corner of the picture that a card lies in."""
    box, middle = card.geometry(), picture.rect().center()
    return (
        "top" if box.center().y() < middle.y() else "bottom",
        "left" if box.center().x() < middle.x() else "right",
    )


@pytest.fixture
def pinning(looked_into):
    """The same, and a click with the hand pins, as in the window."""
    desk = looked_into
    desk.canvas.pixel_clicked.connect(lambda x, y: desk.session.set_inspection(point=(x, y)))
    desk.session.set_view(tool="pan")
    return desk


@pytest.mark.parametrize("over", [False, True])
@pytest.mark.parametrize(
    ("pixel", "corner"),
    [
        ((4.5, 44.5), ("top", "right")),
        ((60.5, 44.5), ("top", "left")),
        ((60.5, 4.5), ("bottom", "left")),
        ((4.5, 4.5), ("bottom", "right")),
    ],
)
def test_all_cards_go_to_the_corner_farthest_from_a_pixel_clicked_on(pinning, pixel, corner, over):
    desk = pinning
    if over:
        desk.session.set_inspection(over_photo=heat(np.full((48, 64), 255, np.uint8)))
    desk.click(*pixel)
    desk.settle()
    cards = [desk.canvas.chip, *([desk.canvas.over_chip] if over else [])]
    assert all(card.isVisible() for card in cards)
    for card in cards:
        assert _corner_of(card, desk.viewport) == corner
        assert not card.geometry().contains(desk.at(*pixel))
        assert desk.viewport.rect().contains(card.geometry())
    assert not desk.canvas.chip.geometry().intersects(desk.canvas.over_chip.geometry()) or not over


@pytest.mark.parametrize(
    ("pixel", "far"),
    [((4, 44), ("top", "right")), ((60, 44), ("top", "left")), ((4, 4), ("bottom", "right"))],
)
def test_cards_keep_clear_of_the_pin_where_a_rectangle_leaves_them_no_corner(pinning, pixel, far):
    desk = pinning
    desk.place(6.25)
    desk.session.set_inspection(
        over_photo=heat(np.full((48, 64), 255, np.uint8)),
        rectangle=Rect(0, 0, 48, 64),
        over=Over.RECTANGLE,
    )
    desk.settle()
    desk.session.set_inspection(point=pixel)
    desk.settle()
    for card in (desk.canvas.chip, desk.canvas.over_chip):
        assert card.isVisible()
        assert not card.geometry().contains(desk.at(pixel[0] + 0.5, pixel[1] + 0.5))
        assert _corner_of(card, desk.viewport) == far


def test_a_card_goes_back_when_the_pin_is_taken_away_and_stays_while_the_mouse_moves(pinning):
    desk = pinning
    home = desk.canvas.chip.geometry()
    assert (home.left(), home.top()) == (8, 8)
    desk.move(4, 4)
    desk.settle()
    assert desk.canvas.chip.geometry() == home
    desk.click(4.5, 4.5)
    desk.settle()
    pinned = desk.canvas.chip.geometry()
    for x in range(50, 64):  # through the card in its new corner
        desk.move(x, 46)
    desk.canvas.show_point((60, 44))
    desk.settle()
    assert desk.canvas.chip.geometry() == pinned
    desk.session.set_inspection(point=None)
    desk.settle()
    assert desk.canvas.chip.geometry() == home


def test_a_card_follows_the_size_of_the_picture_into_the_farthest_corner(pinning):
    desk = pinning
    desk.click(4.5, 4.5)
    desk.canvas.resize(700, 500)
    desk.settle()
    box = desk.canvas.chip.geometry()
    assert (box.right(), box.bottom()) == (700 - 8 - 1, 500 - 8 - 1)


def test_a_card_leaves_a_part_of_the_picture_that_is_framed(desk):
    desk.open(desk.flat(48, 64))
    desk.settle()
    zoomed_out = desk.viewport.view
    desk.canvas.show_rect(Rect(0, 0, 48, 64))  # everything: no corner is better than the usual one
    desk.settle()
    assert _corner_of(desk.canvas.chip, desk.viewport) == ("top", "left")
    desk.canvas.show_rect(Rect(0, 0, 6, 10))
    desk.viewport._set_view(zoomed_out)
    desk.settle()
    assert _corner_of(desk.canvas.chip, desk.viewport) == ("bottom", "right")
    desk.open(desk.flat(48, 64))
    desk.settle()
    assert _corner_of(desk.canvas.chip, desk.viewport) == ("top", "left")
