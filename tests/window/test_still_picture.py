"""Messages over the views come and go; no pixel moves under the pointer."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest

from segstudio.kit.notice_strip import HEIGHT
from segstudio.notices import Notice


def place_of(bench, image_xy: tuple[float, float], view: int = 0) -> tuple[float, float]:
    """Where an image point lies in the window, in logical pixels."""
    viewport = bench.window.canvas.shown_panes[view].viewport
    corner, (x, y) = viewport.mapTo(bench.window, QPoint(0, 0)), viewport.to_screen(image_xy)
    return corner.x() + x, corner.y() + y


def point_at(bench, image_xy: tuple[float, float], view: int = 0) -> None:
    viewport = bench.window.canvas.shown_panes[view].viewport
    QTest.mouseMove(bench.window, QPoint(2, 2))
    QTest.mouseMove(viewport, QPoint(*map(int, viewport.to_screen(image_xy))))
    bench.until(viewport.underMouse)
    bench.settle()


def say(bench) -> None:
    bench.studio.notices.post(Notice("warning", "Something to read.", about="this"))
    bench.until(
        lambda: bench.window.notices.height() == HEIGHT and bench.window.notices.isVisible()
    )
    bench.settle()


def hush(bench) -> None:
    bench.studio.notices.settle("this")
    bench.until(lambda: not bench.window.notices.isVisible())
    bench.settle()


@pytest.mark.parametrize("fits", [True, False])
def test_no_pixel_moves_under_the_pointer(bench, fits):
    canvas, there = bench.window.canvas, (11.0, 7.0)
    canvas.fit()
    if not fits:
        canvas.viewport.zoom_to(30.0, canvas.viewport.to_screen(there))
    bench.settle()
    zoom, top = canvas.zoom, canvas.mapTo(bench.window, QPoint(0, 0)).y()
    point_at(bench, there)
    before = place_of(bench, there)
    pointed = []
    canvas.viewport.pointed.connect(pointed.append)
    say(bench)
    assert canvas.mapTo(bench.window, QPoint(0, 0)).y() == top + HEIGHT
    assert (place_of(bench, there), canvas.zoom) == (before, zoom)
    assert pointed[-1] == pytest.approx(there, abs=0.05)
    hush(bench)
    assert (place_of(bench, there), canvas.zoom) == (before, zoom)
    assert canvas.viewport.fits is fits


def test_a_fitted_image_is_seen_whole_again_once_the_pointer_leaves(bench):
    canvas = bench.window.canvas
    canvas.fit()
    bench.settle()
    point_at(bench, (20.0, 10.0))
    zoom = canvas.zoom
    say(bench)
    assert canvas.zoom == zoom
    QTest.mouseMove(bench.window, QPoint(2, 2))
    bench.until(lambda: not canvas.underMouse())
    bench.until(lambda: canvas.viewport.to_screen((0.0, 0.0))[1] >= canvas.viewport.covered_px)
    assert canvas.viewport.to_screen((48.0, 32.0))[1] <= canvas.viewport.height()
    hush(bench)
    assert canvas.zoom == zoom


def test_the_pointer_stays_on_its_pixel_in_each_of_four_views(bench):
    bench.studio.comparing.set_layout(4)
    bench.until(lambda: len(bench.window.canvas.shown_panes) == 4)
    bench.settle()
    for view in range(4):
        point_at(bench, (20.0, 10.0), view)
        before = place_of(bench, (20.0, 10.0), view)
        say(bench)
        assert place_of(bench, (20.0, 10.0), view) == pytest.approx(before, abs=1.0)
        hush(bench)
        assert place_of(bench, (20.0, 10.0), view) == pytest.approx(before, abs=1.0)
