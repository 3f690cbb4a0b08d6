"""Brush, eraser, fill and pick with a real mouse on a real widget."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QFocusEvent, QPointingDevice, QTabletEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.session.session import Layer, Pane

CTRL, ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier


@pytest.mark.parametrize(
    ("zoom", "origin"),
    [(1.0, (20.0, 10.0)), (2.0, (0.0, 0.0)), (3.5, (-31.3, 12.7)), (16.0, (-40.0, -25.0))],
)
def test_a_click_on_a_pixel_paints_exactly_that_pixel(desk, zoom, origin):
    desk.open(desk.flat(40, 50))
    desk.place(zoom, origin)
    desk.take("brush", brush_size=1, active_class=2)
    for x, y in ((5, 6), (17, 9), (6, 13)):
        desk.click(x + 0.5, y + 0.5)
    expected = np.zeros((40, 50), np.uint8)
    expected[6, 5] = expected[9, 17] = expected[13, 6] = 2
    assert np.array_equal(desk.labels, expected)


def test_zoomed_in_every_place_inside_a_pixel_paints_that_pixel(desk):
    desk.open(desk.flat(40, 50))
    desk.place(10.0)
    desk.take("brush", brush_size=1)
    for corner in ((70, 30), (79, 30), (70, 39), (79, 39)):
        QTest.mouseClick(desk.viewport, Qt.MouseButton.LeftButton, pos=QPoint(*corner))
    assert list(zip(*np.nonzero(desk.labels), strict=True)) == [(3, 7)]


def test_a_stroke_has_no_gaps_at_any_speed(desk):
    desk.open(desk.flat(200, 300))
    desk.place(1.0)
    desk.take("brush", brush_size=1)
    desk.stroke((10, 20), (250, 30), (40, 180))
    rows, columns = np.nonzero(desk.labels)
    # 8-connected: every column between the ends of the first leg has a pixel, rows differ by 1.
    first = [rows[columns == x].min() for x in range(40, 251)]
    assert np.abs(np.diff(first)).max() <= 1
    assert desk.labels[20, 10] == 1
    assert desk.labels[30, 250] == 1
    assert desk.labels[180, 40] == 1


def test_no_point_of_a_drag_is_lost(desk):
    """All moves wait in the queue before the first is looked at."""
    desk.open(desk.flat(200, 300))
    desk.place(1.0)
    desk.take("brush", brush_size=1)
    zigzag = [(10 + 10 * i, 50 if i % 2 else 90) for i in range(20)]
    desk.press(*zigzag[0])
    for point in zigzag[1:]:
        desk.move(*point)
    desk.release(*zigzag[-1])
    for x, y in zigzag:
        assert desk.labels[y, x] == 1, (x, y)


def test_the_stroke_is_one_step_of_undo(desk):
    document = desk.open(desk.flat(60, 60))
    desk.place(1.0)
    desk.take("brush", brush_size=5)
    desk.stroke((10, 10), (40, 40), (10, 40))
    assert desk.labels.any()
    desk.editing.undo()
    assert not desk.labels.any()
    assert not document.history.can_undo


def test_escape_aborts_the_stroke(desk):
    document = desk.open(desk.flat(60, 60))
    desk.place(1.0)
    desk.take("brush", brush_size=5)
    desk.press(10, 10)
    desk.move(40, 40)
    desk.settle()
    assert desk.labels.any()
    QTest.keyClick(desk.viewport, Qt.Key.Key_Escape)
    assert not desk.labels.any()
    desk.move(50, 10)
    desk.release(50, 10)
    assert not desk.labels.any()
    assert not document.history.can_undo


def test_ctrl_erases_and_may_be_let_go_before_the_button(desk):
    labels = np.full((60, 60), 2, np.uint8)
    desk.open(desk.flat(60, 60), labels)
    desk.place(1.0)
    desk.take("brush", brush_size=1, active_class=1)
    desk.press(10, 10, keys=CTRL)
    desk.move(20, 10)
    desk.release(20, 10)
    assert not desk.labels[10, 10:21].any()
    assert np.count_nonzero(desk.labels == 2) == 3600 - 11


def test_the_eraser_paints_background(desk):
    desk.open(desk.flat(60, 60), np.full((60, 60), 2, np.uint8))
    desk.place(2.0)
    desk.take("eraser", brush_size=1, active_class=1)
    desk.click(30.5, 20.5)
    assert desk.labels[20, 30] == 0
    assert np.count_nonzero(desk.labels == 0) == 1


def test_alt_click_picks_the_class_instead_of_painting(desk):
    labels = np.zeros((60, 60), np.uint8)
    labels[20:30, 20:30] = 3
    desk.open(desk.flat(60, 60), labels)
    desk.place(2.0)
    desk.take("brush", active_class=1)
    desk.click(25.5, 25.5, keys=ALT)
    assert desk.session.view.active_class == 3
    assert np.array_equal(desk.labels, labels)


@pytest.mark.parametrize(
    "hidden",
    [{"layer": Layer.ORIGINAL}, {"layer": Layer.NONE}, {"overlay_visible": False}],
    ids=["another layer", "the photo alone", "no overlay"],
)
def test_nothing_is_painted_unseen(desk, hidden):
    desk.open(desk.flat(40, 50))
    desk.place(4.0)
    desk.take("brush", brush_size=3, layer=Layer.ANNOTATION)
    desk.session.set_view(**hidden)
    desk.take("pan")
    desk.click(10.5, 10.5)  # the hand changes nothing of it
    assert all(getattr(desk.session.view, name) == value for name, value in hidden.items())
    desk.take("brush")
    before = desk.viewport.grab().toImage().pixelColor(42, 42)
    desk.click(10.5, 10.5)
    assert desk.labels[10, 10] == 1
    assert desk.session.view.overlay_visible
    assert desk.session.view.layer in (Layer.ANNOTATION, Layer.BOTH)
    assert desk.viewport.grab().toImage().pixelColor(42, 42) != before


def test_what_another_view_shows_is_not_unseen(desk):
    desk.open(desk.flat(40, 50))
    desk.place(4.0)
    desk.take("brush", layer=Layer.NONE, panes=(Pane(Layer.ANNOTATION),))
    desk.click(10.5, 10.5)
    assert desk.labels[10, 10] == 1
    assert desk.session.view.layer is Layer.NONE


def test_fill_gives_the_region_the_class(desk):
    labels = np.zeros((30, 30), np.uint8)
    labels[5:10, 5:10] = 1
    labels[20:22, 20:22] = 1
    desk.open(desk.flat(30, 30), labels)
    desk.place(4.0)
    desk.take("fill", active_class=3)
    desk.click(7.5, 7.5)
    expected = labels.copy()
    expected[5:10, 5:10] = 3
    assert np.array_equal(desk.labels, expected)
    desk.click(-3, -3)
    assert np.array_equal(desk.labels, expected)


def test_pick_takes_the_class_under_the_pointer(desk):
    labels = np.zeros((30, 30), np.uint8)
    labels[5:10, 5:10] = 2
    desk.open(desk.flat(30, 30), labels)
    desk.place(4.0)
    desk.take("pick")
    desk.click(7.5, 7.5)
    assert desk.session.view.active_class == 2


def test_a_stroke_ends_and_stays_when_the_keyboard_goes_elsewhere(desk):
    document = desk.open(desk.flat(60, 60))
    desk.place(1.0)
    desk.take("brush", brush_size=1)
    desk.press(10, 10)
    desk.move(20, 10)
    QApplication.sendEvent(
        desk.viewport, QFocusEvent(QEvent.Type.FocusOut, Qt.FocusReason.ActiveWindowFocusReason)
    )
    assert not desk.editing.stroking
    desk.move(20, 40)
    desk.release(20, 40)
    assert np.count_nonzero(desk.labels) == 11
    assert document.history.can_undo


def test_a_deactivated_window_ends_the_stroke(desk):
    desk.open(desk.flat(60, 60))
    desk.place(1.0)
    desk.take("brush", brush_size=1)
    desk.press(10, 10)
    QApplication.sendEvent(desk.viewport, QEvent(QEvent.Type.WindowDeactivate))
    assert not desk.editing.stroking
    assert np.count_nonzero(desk.labels) == 1


def test_another_image_in_the_middle_of_a_stroke_gets_none_of_it(desk):
    first = desk.open(desk.flat(60, 60))
    desk.place(1.0)
    desk.take("brush", brush_size=1)
    desk.press(10, 10)
    desk.open(desk.flat(60, 60))
    desk.move(30, 30)
    desk.release(30, 30)
    assert not desk.labels.any()
    assert np.count_nonzero(first.annotation.labels) == 1
    assert first.history.can_undo


def test_other_buttons_do_not_paint(desk):
    desk.open(desk.flat(60, 60))
    desk.place(1.0)
    desk.take("brush")
    for button in (Qt.MouseButton.RightButton, Qt.MouseButton.BackButton):
        desk.click(20, 20, button=button)
    assert not desk.labels.any()


def test_nothing_happens_without_an_image(desk):
    desk.take("brush")
    desk.click(20, 20)
    desk.take("polygon")
    desk.click(20, 20)
    assert desk.session.document is None


def pen(desk, kind, x, y, *, tip=QPointingDevice.PointerType.Pen) -> None:
    """Send an event of a graphics tablet."""
    device = QPointingDevice(
        "pen",
        1,
        QPointingDevice.DeviceType.Stylus,
        tip,
        QPointingDevice.Capability.Position,
        1,
        1,
    )
    position = QPointF(*desk.viewport.to_screen((x, y)))
    button = (
        Qt.MouseButton.NoButton if kind == QEvent.Type.TabletMove else Qt.MouseButton.LeftButton
    )
    event = QTabletEvent(
        kind, device, position, position, 1.0, 0, 0, 0.0, 0.0, 0,
        Qt.KeyboardModifier.NoModifier, button, Qt.MouseButton.LeftButton,
    )  # fmt: skip
    QApplication.sendEvent(desk.viewport, event)


def test_a_pen_paints_and_its_other_end_erases(desk):
    desk.open(desk.flat(60, 60))
    desk.place(2.0)
    desk.take("brush", brush_size=1, active_class=3)
    for kind, x in (("Press", 10.5), ("Move", 20.5), ("Release", 20.5)):
        pen(desk, getattr(QEvent.Type, f"Tablet{kind}"), x, 5.5)
    assert (desk.labels[5, 10:21] == 3).all()
    eraser = QPointingDevice.PointerType.Eraser
    for kind in ("Press", "Release"):
        pen(desk, getattr(QEvent.Type, f"Tablet{kind}"), 15.5, 5.5, tip=eraser)
    assert desk.labels[5, 15] == 0
    assert np.count_nonzero(desk.labels) == 10
