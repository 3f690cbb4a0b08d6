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
    assert desk.said() == "Values \u00b7 annotation outlined"


def test_a_class_map_lies_over_the_photo_in_the_classes_colours(looked_into):
    desk = looked_into
    labels = np.zeros((48, 64), np.uint8)
    labels[:, :32] = 2
    desk.session.set_view(opacity=1.0)
    desk.session.set_inspection(over_photo=ClassMapOverPhoto(labels, "Read from up1"))
    shown = desk.picture()
    np.testing.assert_array_equal(shown[100, 50], desk.GREEN)
    assert (shown[100, 250] == 100).all()
    assert desk.said() == "Read from up1 filled"
    scale = desk.canvas.panes[0].header.scale
    assert scale.isVisible()
    assert scale.ends == ("", "")


def test_what_belongs_to_another_image_is_not_shown(looked_into):
    desk = looked_into
    desk.session.set_inspection(over_photo=heat(np.full((48, 64), 255, np.uint8), opacity=1.0))
    desk.open(desk.flat(48, 64))
    desk.place(5.0)
    leave(desk)
    assert (desk.picture()[:200, :300] == 100).all()
    desk.said()
    assert desk.canvas.panes[0].header.scale.isHidden()


def test_hiding_the_overlay_hides_the_values(looked_into):
    desk = looked_into
    desk.session.set_inspection(over_photo=heat(np.full((48, 64), 255, np.uint8), opacity=1.0))
    desk.session.set_view(overlay_visible=False)
    assert (desk.picture()[:200, :300] == 100).all()


def test_the_header_has_the_scale_which_fades_and_closes(looked_into, qtbot):
    desk = looked_into
    desk.canvas.resize(600, 400)
    scale = desk.canvas.panes[0].header.scale
    assert scale.isHidden()
    levels = np.zeros((48, 64), np.uint8)
    desk.session.set_inspection(over_photo=replace(heat(levels), low=-2.0, high=0.5))
    assert desk.said().startswith("Values")
    assert scale.isVisible()
    assert scale.ends == ("\u22122", "0.5")
    assert scale.geometry().right() < desk.viewport.width()
    assert scale.slider.isVisible()
    with qtbot.waitSignal(desk.canvas.over_photo_faded) as faded:
        scale.slider.setValue(30)
    assert faded.args == [0.3]
    with qtbot.waitSignal(desk.canvas.over_photo_closed):
        QTest.mouseClick(scale.button, Qt.MouseButton.LeftButton)


def test_where_there_is_little_room_the_strength_is_chosen_in_the_menu(looked_into, qtbot):
    desk = looked_into
    desk.canvas.resize(240, 300)
    desk.session.set_inspection(over_photo=heat(np.zeros((48, 64), np.uint8), opacity=0.5))
    desk.said()
    header = desk.canvas.panes[0].header
    assert not header.scale.slider.isVisible()
    assert header.scale.button.isVisible()
    QTest.mouseClick(header.name, Qt.MouseButton.LeftButton)
    menu = QApplication.activePopupWidget()
    strengths = menu.actions()[1].menu()
    chosen = [action.text() for action in strengths.actions() if action.isChecked()]
    assert chosen == ["50 %"]
    with qtbot.waitSignal(desk.canvas.over_photo_faded) as faded:
        strengths.actions()[2].trigger()
    assert faded.args == [0.75]
    with qtbot.waitSignal(desk.canvas.over_photo_closed):
        menu.actions()[0].trigger()
    menu.close()


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
