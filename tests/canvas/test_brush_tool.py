"""What the brush can besides a stroke: squares, lines, sizes by drag and by the pen, its outline."""

from __future__ import annotations

from math import isqrt

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QPointingDevice, QTabletEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.canvas.wheel import resized_brush

SHIFT, ALT = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier


def test_a_square_brush_paints_a_square(desk):
    desk.open(desk.flat(40, 50))
    desk.place(4.0)
    desk.take("brush", brush_size=5, brush_square=True, active_class=2)
    desk.click(20.5, 10.5)
    expected = np.zeros((40, 50), np.uint8)
    expected[8:13, 18:23] = 2
    assert np.array_equal(desk.labels, expected)


def test_a_square_eraser_takes_a_square_away(desk):
    desk.open(desk.flat(40, 50), np.full((40, 50), 1, np.uint8))
    desk.place(4.0)
    desk.take("eraser", brush_size=3, brush_square=True)
    desk.click(20.5, 10.5)
    expected = np.full((40, 50), 1, np.uint8)
    expected[9:12, 19:22] = 0
    assert np.array_equal(desk.labels, expected)


def test_shift_paints_a_straight_line_from_the_end_of_the_last_stroke(desk):
    document = desk.open(desk.flat(40, 80))
    desk.place(4.0)
    desk.take("brush", brush_size=1, active_class=2)
    desk.stroke((5.5, 5.5), (10.5, 5.5))
    desk.click(30.5, 25.5, keys=SHIFT)
    expected = np.zeros((40, 80), np.uint8)
    expected[5, 5:11] = 2
    for step in range(21):
        expected[5 + step, 10 + step] = 2
    assert np.array_equal(desk.labels, expected)
    desk.click(30.5, 30.5, keys=SHIFT)  # on from there
    assert (desk.labels[25:31, 30] == 2).all()
    desk.editing.undo()
    assert np.array_equal(desk.labels, expected)  # the line is an edit of its own
    desk.editing.undo()
    assert np.count_nonzero(desk.labels) == 6
    desk.editing.undo()
    assert not document.history.can_undo


def test_shift_without_a_stroke_before_paints_a_point(desk):
    desk.open(desk.flat(40, 50))
    desk.place(4.0)
    desk.take("brush", brush_size=1)
    desk.click(10.5, 10.5, keys=SHIFT)
    assert np.count_nonzero(desk.labels) == 1


def test_a_line_does_not_begin_on_another_image(desk):
    desk.open(desk.flat(40, 50))
    desk.place(4.0)
    desk.take("brush", brush_size=1)
    desk.click(10.5, 10.5)
    desk.open(desk.flat(40, 50))
    desk.place(4.0)
    desk.take("brush", brush_size=1)
    desk.click(30.5, 10.5, keys=SHIFT)
    assert np.count_nonzero(desk.labels) == 1


def test_the_line_is_shown_before_it_is_painted(desk):
    said = []
    desk.canvas.tool_said.connect(said.append)
    desk.open(desk.flat(40, 80))
    desk.place(4.0)
    desk.take("brush", brush_size=1)
    desk.click(10.5, 30.5)
    desk.move(60.5, 30.5)
    before = desk.picture()
    QTest.keyPress(desk.viewport, Qt.Key.Key_Shift)
    assert said == ["A click paints a straight line to here"]
    row = round(desk.viewport.to_screen((0, 30.5))[1])
    changed = (desk.picture() != before).any(axis=2)
    assert changed[row, 60:220].all()
    QTest.keyRelease(desk.viewport, Qt.Key.Key_Shift)
    assert said[-1] == ""
    assert np.array_equal(desk.picture(), before)
    assert np.count_nonzero(desk.labels) == 1


@pytest.mark.parametrize(("px", "steps"), [(60, 10), (-30, -5)])
def test_alt_and_a_drag_set_the_size_in_the_steps_of_keys_and_wheel(desk, px, steps):
    desk.open(desk.flat(60, 90))
    desk.place(4.0)
    desk.take("brush", brush_size=20, active_class=1, previous_class=0)
    desk.press(40.5, 30.5, keys=ALT)
    QTest.mouseMove(desk.viewport, desk.at(40.5, 30.5) + QPointF(px, 0).toPoint())
    desk.release(40.5 + px / 4, 30.5)
    assert desk.session.view.brush_size == resized_brush(20, steps)
    assert desk.session.view.active_class == 1  # nothing was picked
    assert not desk.labels.any()


def test_alt_click_with_the_hand_still_picks(desk):
    labels = np.full((40, 50), 3, np.uint8)
    desk.open(desk.flat(40, 50), labels)
    desk.place(4.0)
    desk.take("brush", brush_size=20, active_class=1)
    desk.press(10.5, 10.5, keys=ALT)
    QTest.mouseMove(desk.viewport, desk.at(10.5, 10.5) + QPointF(2, 1).toPoint())
    desk.release(11.0, 10.75)
    assert desk.session.view.active_class == 3
    assert desk.session.view.brush_size == 20


def pen(desk, kind: str, x: float, y: float, pressure: float, *, tells=True) -> None:
    """Send an event of a graphics tablet."""
    can = QPointingDevice.Capability.Position
    if tells:
        can |= QPointingDevice.Capability.Pressure
    device = QPointingDevice(
        "pen", 1, QPointingDevice.DeviceType.Stylus, QPointingDevice.PointerType.Pen, can, 1, 1
    )
    at = QPointF(*desk.viewport.to_screen((x, y)))
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    event = QTabletEvent(
        getattr(QEvent.Type, f"Tablet{kind}"), device, at, at, pressure, 0, 0, 0.0, 0.0, 0,
        Qt.KeyboardModifier.NoModifier, none if kind == "Move" else left, left,
    )  # fmt: skip
    QApplication.sendEvent(desk.viewport, event)


@pytest.mark.parametrize(
    ("option", "pressure", "tells", "side"),
    [(True, 0.6, True, 3), (True, 0.01, True, 1), (False, 0.6, True, 5), (True, 0.0, False, 5)],
    ids=["by pressure", "hardly pressed", "not wanted", "a pen that tells none"],
)
def test_the_pen_sets_the_size_where_that_is_wanted_and_told(desk, option, pressure, tells, side):
    desk.open(desk.flat(40, 50))
    desk.place(4.0)
    desk.take("brush", brush_size=5, brush_square=True, brush_pressure=option)
    pen(desk, "Press", 20.5, 10.5, pressure, tells=tells)
    pen(desk, "Release", 20.5, 10.5, 0.0, tells=tells)
    rows, columns = np.nonzero(desk.labels)
    assert len(rows) == side * side
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (side, side)


def outline_of(desk) -> np.ndarray:
    """Which screen pixels the pointer's outline changes."""
    desk.settle()
    shown = desk.viewport.grab().toImage()
    data = np.frombuffer(shown.constBits(), np.uint8).reshape(shown.height(), -1, 4)
    with_pointer = data[:, : shown.width(), 2::-1].copy()
    return (with_pointer != desk.picture()).any(axis=2)


@pytest.mark.parametrize(("size", "is_square"), [(1, False), (4, False), (5, False), (4, True)])
def test_zoomed_in_the_pointer_is_the_outline_of_what_a_click_paints(desk, size, is_square):
    desk.open(desk.flat(20, 30))
    desk.place(12.0)
    desk.take("brush", brush_size=size, brush_square=is_square)
    desk.move(15.3, 10.4)
    outline = outline_of(desk)
    desk.click(15.3, 10.4)
    painted = desk.labels == 1
    assert painted.any()
    for y in range(1, 19):
        for x in range(1, 29):
            for dx, dy in ((1, 0), (0, 1)):
                is_edge = painted[y, x] != painted[y + dy, x + dx]
                mid_x, mid_y = x + (1 if dx else 0.5), y + (1 if dy else 0.5)
                sx, sy = (round(v) for v in desk.viewport.to_screen((mid_x, mid_y)))
                assert outline[sy, sx] == is_edge, (x, y, dx)


def test_zoomed_out_a_square_brush_has_a_square(desk):
    desk.open(desk.flat(200, 300))
    desk.place(1.0)
    desk.take("brush", brush_size=100, brush_square=True)
    desk.move(150.0, 100.0)
    outline = outline_of(desk)
    left, top = (round(v) for v in desk.viewport.to_screen((100, 50)))
    assert outline[top, left : left + 100].all()
    assert outline[top : top + 100, left].all()
    assert not outline[top + 10 : top + 90, left + 10 : left + 90].any()


def pixels_of_disc(diameter: int) -> int:
    """Pixels of an even disc around a corner, in whole numbers: each column of a quarter, 4 times."""
    columns = range(diameter // 2)
    return 4 * sum((isqrt(diameter**2 - (2 * x + 1) ** 2) + 1) // 2 for x in columns)


def turn_with_shift(desk, x: float, y: float) -> None:
    """Turn the wheel one notch away from the user."""
    at = QPointF(desk.at(x, y))
    event = QWheelEvent(
        at, at, QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, SHIFT,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(desk.viewport, event)


def test_the_widest_brush_paints_a_disc_of_2000_pixels_and_on_the_way_what_is_new(desk):
    document = desk.open(desk.flat(2200, 2600))
    desk.place(0.125)
    desk.take("brush", brush_size=1900, active_class=2)
    for _ in range(3):
        turn_with_shift(desk, 1200, 1104)
    assert desk.session.view.brush_size == 2000
    patches = []
    desk.session.changed.connect(lambda change: patches.extend(change.patches))
    desk.press(1200, 1104)
    disc = pixels_of_disc(2000)
    assert np.count_nonzero(desk.labels == 2) == disc
    rows, columns = np.nonzero(desk.labels)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (104, 2103, 200, 2199)
    patches.clear()
    desk.move(1216, 1104)
    desk.settle()
    assert np.count_nonzero(desk.labels == 2) == disc + 16 * 2000
    assert sum(patch.before.size for patch in patches) < 20 * 16 * 2000
    desk.release(1216, 1104)
    assert document.history.nbytes < 200_000
    desk.editing.undo()
    assert not desk.labels.any()
    desk.editing.redo()
    assert np.count_nonzero(desk.labels == 2) == disc + 16 * 2000
