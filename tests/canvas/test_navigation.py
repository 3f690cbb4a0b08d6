"""Zoom, pan, fit, and what the wheel and held keys do."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent, QNativeGestureEvent, QPointingDevice, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.canvas import shared_tools
from segstudio.core.geometry import Rect

NONE = Qt.KeyboardModifier.NoModifier
CTRL, ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def wheel(desk, at: QPoint, angle=(0, 120), keys=NONE, pixels=(0, 0)) -> None:
    """Turn the wheel over a place of the viewport."""
    event = QWheelEvent(
        QPointF(at), QPointF(desk.viewport.mapToGlobal(at)), QPoint(*pixels), QPoint(*angle),
        Qt.MouseButton.NoButton, keys, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(desk.viewport, event)


@pytest.mark.parametrize("keys", [NONE, CTRL])
def test_the_wheel_zooms_at_the_pointer(desk, keys):
    desk.open(desk.flat(400, 600))
    at = QPoint(123, 211)
    before = desk.viewport.to_image((123, 211))
    for _ in range(5):
        wheel(desk, at, keys=keys)
    assert desk.canvas.zoom > 1.5
    assert desk.viewport.to_image((123, 211)) == pytest.approx(before, abs=1.0)
    for _ in range(8):
        wheel(desk, at, (0, -120), keys)
    assert desk.viewport.to_image((123, 211)) == pytest.approx(before, abs=2.0)


def test_a_touchpad_zooms_smoothly(desk):
    desk.open(desk.flat(400, 600))
    before = desk.canvas.zoom
    wheel(desk, QPoint(100, 100), angle=(0, 0), pixels=(0, 6))
    assert before < desk.canvas.zoom < before * 1.05


def test_a_pinch_zooms_at_its_place(desk):
    desk.open(desk.flat(400, 600))
    desk.place(2.0)
    at = QPointF(200, 100)
    before = desk.viewport.to_image((200, 100))
    event = QNativeGestureEvent(
        Qt.NativeGestureType.ZoomNativeGesture, QPointingDevice.primaryPointingDevice(), 2,
        at, at, QPointF(desk.viewport.mapToGlobal(at.toPoint())), 0.25, QPointF(),
    )  # fmt: skip
    QApplication.sendEvent(desk.viewport, event)
    assert desk.canvas.zoom == pytest.approx(2.5)
    assert desk.viewport.to_image((200, 100)) == pytest.approx(before, abs=0.01)


def test_shift_and_the_wheel_change_the_brush(desk):
    desk.open(desk.flat(40, 60))
    desk.take("brush", brush_size=5)
    zoom = desk.canvas.zoom
    wheel(desk, QPoint(100, 100), keys=SHIFT)
    assert desk.session.view.brush_size == 6
    wheel(desk, QPoint(100, 100), (0, -240), SHIFT)
    assert desk.session.view.brush_size == 4
    # Half notches of a fine wheel add up.
    wheel(desk, QPoint(100, 100), (0, 60), SHIFT)
    assert desk.session.view.brush_size == 4
    wheel(desk, QPoint(100, 100), (0, 60), SHIFT)
    assert desk.session.view.brush_size == 5
    assert desk.canvas.zoom == zoom


def test_alt_and_the_wheel_change_the_opacity(desk):
    desk.open(desk.flat(40, 60))
    wheel(desk, QPoint(100, 100), (120, 0), ALT)
    assert desk.session.view.opacity == 0.5
    wheel(desk, QPoint(100, 100), (-240, 0), ALT)
    assert desk.session.view.opacity == 0.4


def test_the_middle_button_pans_with_any_tool(desk):
    desk.open(desk.flat(400, 600))
    desk.place(2.0, (-100.0, -80.0))
    desk.take("brush")
    QTest.mousePress(desk.viewport, Qt.MouseButton.MiddleButton, pos=QPoint(100, 100))
    assert desk.viewport.cursor().shape() == Qt.CursorShape.ClosedHandCursor
    QTest.mouseMove(desk.viewport, QPoint(130, 90))
    QTest.mouseRelease(desk.viewport, Qt.MouseButton.MiddleButton, pos=QPoint(131, 92))
    assert desk.viewport.view.origin_xy == (-69.0, -88.0)
    assert not desk.labels.any()


def test_space_borrows_the_hand_and_gives_it_back(desk):
    desk.open(desk.flat(400, 600))
    desk.place(2.0, (-100.0, -80.0))
    desk.take("brush", brush_size=1)
    QTest.keyPress(desk.viewport, Qt.Key.Key_Space)
    assert desk.viewport.cursor().shape() == Qt.CursorShape.OpenHandCursor
    QTest.mousePress(desk.viewport, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    repeat = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Space, NONE, " ", True)
    QApplication.sendEvent(desk.viewport, repeat)
    QTest.mouseMove(desk.viewport, QPoint(150, 140))
    # The key may be let go before the button: the drag goes on.
    QTest.keyRelease(desk.viewport, Qt.Key.Key_Space)
    QTest.mouseMove(desk.viewport, QPoint(160, 140))
    QTest.mouseRelease(desk.viewport, Qt.MouseButton.LeftButton, pos=QPoint(160, 140))
    assert desk.viewport.view.origin_xy == (-40.0, -40.0)
    assert not desk.labels.any()
    desk.click(100, 70)
    assert np.count_nonzero(desk.labels) == 1


def test_auto_repeat_of_space_is_one_press(desk):
    desk.open(desk.flat(40, 60))
    QTest.keyPress(desk.viewport, Qt.Key.Key_Space)
    for kind in (QEvent.Type.KeyRelease, QEvent.Type.KeyPress) * 3:
        QApplication.sendEvent(desk.viewport, QKeyEvent(kind, Qt.Key.Key_Space, NONE, " ", True))
        assert desk.viewport.cursor().shape() == Qt.CursorShape.OpenHandCursor
    QTest.keyRelease(desk.viewport, Qt.Key.Key_Space)
    assert desk.viewport.cursor().shape() == Qt.CursorShape.OpenHandCursor  # the pan tool's own
    desk.take("fill")
    assert desk.viewport.cursor().shape() == Qt.CursorShape.CrossCursor


def test_a_short_press_of_v_switches_the_overlay(desk):
    desk.open(desk.flat(40, 60))
    QTest.keyClick(desk.viewport, Qt.Key.Key_V)
    assert not desk.session.view.overlay_visible
    QTest.keyClick(desk.viewport, Qt.Key.Key_V)
    assert desk.session.view.overlay_visible


def test_holding_v_peeks(desk, monkeypatch):
    desk.open(desk.flat(40, 60))
    now = [100.0]
    monkeypatch.setattr(shared_tools.time, "monotonic", lambda: now[0])
    QTest.keyPress(desk.viewport, Qt.Key.Key_V)
    assert not desk.session.view.overlay_visible
    for kind in (QEvent.Type.KeyRelease, QEvent.Type.KeyPress) * 3:
        QApplication.sendEvent(desk.viewport, QKeyEvent(kind, Qt.Key.Key_V, NONE, "v", True))
        assert not desk.session.view.overlay_visible
    now[0] += 0.5
    QTest.keyRelease(desk.viewport, Qt.Key.Key_V)
    assert desk.session.view.overlay_visible


def test_a_peek_ends_when_the_keyboard_goes_elsewhere(desk, monkeypatch):
    desk.open(desk.flat(40, 60))
    now = [100.0]
    monkeypatch.setattr(shared_tools.time, "monotonic", lambda: now[0])
    QTest.keyPress(desk.viewport, Qt.Key.Key_V)
    now[0] += 0.5
    QApplication.sendEvent(desk.viewport, QFocusEvent(QEvent.Type.FocusOut))
    assert desk.session.view.overlay_visible


def test_held_keys_belong_to_the_canvas_though_shortcuts_want_them(desk):
    desk.open(desk.flat(40, 60))
    for key, mine in ((Qt.Key.Key_Space, True), (Qt.Key.Key_V, True), (Qt.Key.Key_B, False)):
        event = QKeyEvent(QEvent.Type.ShortcutOverride, key, NONE)
        event.ignore()
        QApplication.sendEvent(desk.viewport, event)
        assert event.isAccepted() == mine
    # Escape is everybody's unless something is begun.
    event = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_Escape, NONE)
    event.ignore()
    QApplication.sendEvent(desk.viewport, event)
    assert not event.isAccepted()


def test_fit_full_size_and_steps(desk):
    desk.open(desk.flat(1000, 1600))
    assert desk.canvas.zoom == 0.24
    heard = []
    desk.canvas.zoom_changed.connect(heard.append)
    desk.canvas.actual_size()
    desk.canvas.zoom_in()
    desk.canvas.zoom_out()
    desk.canvas.zoom_out()
    desk.canvas.fit()
    assert heard == [1.0, 1.5, 1.0, 2 / 3, 0.24]


def test_a_fitted_image_stays_fitted_when_the_window_grows(desk):
    desk.open(desk.flat(1000, 1600))
    desk.canvas.resize(816, 600)
    desk.settle()
    assert desk.canvas.zoom == 0.5
    desk.canvas.actual_size()
    desk.canvas.resize(600, 500)
    desk.settle()
    assert desk.canvas.zoom == 1.0


def test_zoom_and_place_stay_from_image_to_image(desk):
    desk.open(desk.flat(400, 600))
    desk.place(3.0, (-200.0, -150.0))
    kept = desk.viewport.view
    desk.open(desk.flat(400, 600))
    assert desk.viewport.view == kept
    desk.open(desk.flat(300, 600))
    assert desk.viewport.fits
    desk.place(3.0, (-200.0, -150.0))
    desk.settings.keep_view = False
    desk.open(desk.flat(300, 600))
    assert desk.viewport.fits


def test_the_pointers_pixel_is_told(desk):
    desk.open(desk.flat(40, 60))
    desk.place(5.0, (10.0, 40.0))
    heard = []
    desk.canvas.hovered.connect(lambda x, y: heard.append((x, y)))
    desk.canvas.left.connect(lambda: heard.append("left"))
    for at in ((12, 42), (13, 42), (61, 63), (3, 33), (4, 34), (309, 239), (311, 239)):
        QTest.mouseMove(desk.viewport, QPoint(*at))
    QApplication.sendEvent(desk.viewport, QEvent(QEvent.Type.Leave))
    assert heard == [(0, 0), (10, 4), "left", (59, 39), "left"]


def test_zooming_under_a_still_pointer_tells_the_new_pixel(desk):
    desk.open(desk.flat(400, 600))
    desk.place(1.0)
    QTest.mouseMove(desk.viewport, QPoint(100, 100))
    heard = []
    desk.canvas.hovered.connect(lambda x, y: heard.append((x, y)))
    desk.canvas.left.connect(lambda: heard.append("left"))
    for _ in range(30):
        wheel(desk, QPoint(100, 100))
    assert heard in ([], [(100, 100)])


def test_another_view_of_the_image_under_a_still_pointer_tells_the_new_pixel(desk):
    desk.open(desk.flat(400, 600))
    desk.place(1.0)
    QTest.mouseMove(desk.viewport, QPoint(100, 100))
    heard = []
    desk.canvas.hovered.connect(lambda x, y: heard.append((x, y)))
    desk.canvas.show_rect(Rect(350, 550, 370, 570))
    x, y = desk.viewport.to_image((100, 100))
    assert heard == [(int(x), int(y))]
    assert heard != [(100, 100)]


def test_a_click_with_the_hand_leaves_a_fitted_image_fitted(desk):
    desk.open(desk.flat(1000, 1600))
    desk.canvas.fit()
    desk.viewport.pan_by(0.0, 0.0)
    assert desk.viewport.fits
    desk.viewport.pan_by(3.0, 0.0)
    assert not desk.viewport.fits
