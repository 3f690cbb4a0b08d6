"""The small whole photo in the corner of a view that shows a part of it, with real clicks."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from segstudio.canvas.navigator import Navigator
from segstudio.canvas.view import View

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
INNER = (112, 56)
"""The photo of 400 x 200 pixels in it: its longer side has 112 pixels."""


@pytest.fixture
def halves(desk):
    """A photo of 400 x 200 pixels, dark left and bright right, in a view of 400 x 300 pixels."""
    image = np.full((200, 400, 3), 40, np.uint8)
    image[:, 200:] = 220
    desk.open(image)
    return desk


@pytest.fixture
def navigator(halves):
    return Navigator(halves.viewport, halves.viewport)


def look(desk, zoom, x, y):
    """Have an image point upper left in the view."""
    desk.viewport._fits = False
    desk.viewport._set_view(View(zoom, (-x * zoom, -y * zoom)))


def test_it_is_there_while_a_part_of_the_image_is_out_of_sight(halves, navigator):
    size = halves.viewport.size().toTuple()
    halves.viewport.fit()
    assert navigator.isHidden()
    look(halves, 4.0, 0, 0)
    assert not navigator.isHidden()
    assert navigator.size().toTuple() == (INNER[0] + 2, INNER[1] + 2)
    assert navigator.geometry().bottomRight() == QPoint(size[0] - 11, size[1] - 11)
    halves.viewport.fit()
    assert navigator.isHidden()


def test_it_frames_what_is_seen(halves, navigator):
    width, height = halves.viewport.size().toTuple()
    look(halves, 4.0, 100, 50)
    # from (100, 50) on, a fourth as many image pixels as the view has; its header lies on some
    seen, under = navigator.seen, halves.viewport.covered_px / 4
    scale = INNER[0] / 400
    assert seen.left() == pytest.approx(1 + 100 * scale)
    assert seen.top() == pytest.approx(1 + (50 + under) * scale)
    assert seen.width() == pytest.approx(width / 4 * scale)
    assert seen.height() == pytest.approx((height / 4 - under) * scale)


def test_it_shows_the_photo_as_bright_as_the_view_does(halves, navigator):
    look(halves, 4.0, 0, 0)
    picture = navigator.grab().toImage()
    ratio = picture.width() / navigator.width()
    left = picture.pixelColor(round(30 * ratio), round(50 * ratio)).red()
    right = picture.pixelColor(round(90 * ratio), round(50 * ratio)).red()
    # both lie below the part that is seen and are darker for that, to 145 of 255
    assert (left, right) == (pytest.approx(40 * 145 / 255, abs=2), pytest.approx(220 * 145 / 255, abs=2))  # fmt: skip
    seen = picture.pixelColor(round(8 * ratio), round(8 * ratio)).red()
    assert seen == 40


def test_a_click_and_a_drag_go_there(halves, navigator):
    look(halves, 4.0, 0, 0)
    QTest.mousePress(navigator, LEFT, NONE, QPoint(1 + INNER[0] // 2, 1 + INNER[1] // 2))
    middle = halves.viewport.to_image((halves.viewport.width() / 2, halves.viewport.height() / 2))
    assert middle == (pytest.approx(200, abs=0.5), pytest.approx(100, abs=0.5))
    QTest.mouseMove(navigator, QPoint(1 + 84, 1 + 14))
    QTest.mouseRelease(navigator, LEFT, NONE, QPoint(1 + 84, 1 + 14))
    middle = halves.viewport.to_image((halves.viewport.width() / 2, halves.viewport.height() / 2))
    assert middle == (pytest.approx(300, abs=0.5), pytest.approx(50, abs=0.5))
    assert not halves.session.document.annotation.labels.any()


def test_a_stroke_that_comes_near_sends_it_to_the_other_corner(halves, navigator):
    look(halves, 4.0, 0, 0)
    halves.take("brush", brush_size=3, active_class=1)
    place = navigator.geometry()
    viewport = halves.viewport
    start = QPoint(20, 20)
    QTest.mousePress(viewport, LEFT, NONE, start)
    QTest.mouseMove(viewport, QPoint(place.left() - 60, place.top()))
    assert navigator.geometry() == place
    QTest.mouseMove(viewport, QPoint(place.left() - 20, place.top() + 5))
    assert navigator.geometry().top() == viewport.covered_px + 10
    QTest.mouseRelease(viewport, LEFT, NONE, QPoint(place.left() - 20, place.top() + 5))


def test_it_is_switched_off_and_in_the_view_clicked_on_last_only(halves, navigator):
    look(halves, 4.0, 0, 0)
    halves.session.set_view(navigator=False)
    halves.viewport.refresh_view_state()
    assert navigator.isHidden()
    halves.session.set_view(navigator=True)
    halves.viewport.refresh_view_state()
    assert not navigator.isHidden()


def test_a_small_view_has_none(halves, navigator):
    look(halves, 4.0, 0, 0)
    halves.viewport.resize(330, 300)
    assert navigator.isHidden()
