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
