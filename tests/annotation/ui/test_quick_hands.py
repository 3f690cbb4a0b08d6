"""Tools that look at the photo, in a whole window and quicker than their answers come."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from shared_window import as_at_first

from segstudio.canvas.view import View

LEFT = Qt.MouseButton.LeftButton
BOX = (slice(20, 60), slice(30, 90))
"""Rows and columns of the bright rectangle in the photos."""


@pytest.fixture
def bench(kept, tmp_path):
    """Two photos of a bright rectangle on dark speckles; class 1 in hand, zoom 4."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        pixels = rng.integers(20, 40, (90, 120, 3), np.uint8)
        pixels[BOX] = rng.integers(180, 200, (40, 60, 3), np.uint8)
        cv2.imwrite(str(folder / f"p{seed}.png"), pixels)
    bench = as_at_first(kept)
    bench.open(folder)
    if len(bench.session.schema.classes) < 2:
        bench.studio.schema_keeper.add_class("object")
    viewport = bench.window.canvas.viewport
    viewport._fits = False
    viewport._set_view(View(4.0, (0.0, 0.0)))
    return bench


def at(bench, x, y) -> QPoint:
    sx, sy = bench.window.canvas.viewport.to_screen((x, y))
    return QPoint(round(sx), round(sy))


def take(bench, tool):
    bench.session.set_view(tool=tool, active_class=1, brush_size=12, wand_tolerance=30)
    bench.window.canvas.setFocus()


def labels(bench):
    return bench.session.document.annotation.labels


def rectangle():
    mask = np.zeros((90, 120), np.uint8)
    mask[BOX] = 1
    return mask


def click(bench, x, y):
    QTest.mouseClick(bench.window.canvas.viewport, LEFT, pos=at(bench, x, y))


def test_a_click_with_the_wand_is_painted_once_it_is_known(bench):
    take(bench, "wand")
    click(bench, 50, 40)
    bench.until(lambda: labels(bench).any())
    assert np.array_equal(labels(bench), rectangle())
    assert len(bench.session.document.history._done) == 1


def test_a_drag_over_superpixels_that_are_not_known_yet_is_painted_whole(bench):
    take(bench, "superpixel")
    viewport = bench.window.canvas.viewport
    QTest.mousePress(viewport, LEFT, pos=at(bench, 35, 40))
    QTest.mouseMove(viewport, at(bench, 60, 40))
    QTest.mouseMove(viewport, at(bench, 85, 40))
    QTest.mouseRelease(viewport, LEFT, pos=at(bench, 85, 40))
    bench.until(lambda: labels(bench).any())
    assert (labels(bench)[40, 35:85] == 1).all()
    assert len(bench.session.document.history._done) == 1


@pytest.mark.parametrize("tool", ["wand", "superpixel"])
def test_two_quick_clicks_are_both_painted(bench, tool):
    """The second comes before it is known what the first one means."""
    take(bench, tool)
    click(bench, 50, 40)
    click(bench, 110, 80)
    bench.until(lambda: len(bench.session.document.history._done) == 2)
    assert labels(bench)[40, 50] == 1
    assert labels(bench)[80, 110] == 1


@pytest.mark.parametrize("tool", ["wand", "superpixel"])
def test_a_click_paints_the_class_that_was_in_hand_then(bench, tool):
    bench.studio.schema_keeper.add_class("another")
    take(bench, tool)
    click(bench, 50, 40)
    bench.session.set_view(active_class=2)
    bench.until(lambda: labels(bench).any())
    assert labels(bench)[40, 50] == 1


def test_a_rectangle_need_not_wait_for_superpixels(bench):
    take(bench, "superpixel")
    click(bench, 50, 40)
    take(bench, "rectangle")
    viewport = bench.window.canvas.viewport
    QTest.mousePress(viewport, LEFT, pos=at(bench, 100, 70))
    QTest.mouseMove(viewport, at(bench, 105, 75))
    QTest.mouseRelease(viewport, LEFT, pos=at(bench, 110, 80))
    assert labels(bench)[70:80, 100:110].all()
    bench.until(lambda: labels(bench)[40, 50] == 1)


@pytest.mark.parametrize("tool", ["wand", "superpixel"])
def test_what_was_clicked_is_painted_though_another_tool_is_taken(bench, tool):
    take(bench, tool)
    click(bench, 50, 40)
    take(bench, "scissors")
    click(bench, 100, 10)
    bench.until(lambda: labels(bench).any())
    assert labels(bench)[40, 50] == 1


def test_enter_paints_what_grabcut_is_still_looking_for(bench):
    take(bench, "grabcut")
    viewport = bench.window.canvas.viewport
    QTest.mousePress(viewport, LEFT, pos=at(bench, 24, 14))
    QTest.mouseMove(viewport, at(bench, 60, 40))
    QTest.mouseRelease(viewport, LEFT, pos=at(bench, 96, 66))
    QTest.keyClick(viewport, Qt.Key.Key_Return)
    bench.until(lambda: labels(bench).any())
    assert np.array_equal(labels(bench), rectangle())


def test_the_next_box_of_grabcut_does_not_take_the_place_of_the_one_before(bench):
    take(bench, "grabcut")
    viewport = bench.window.canvas.viewport
    for _ in range(2):
        QTest.mousePress(viewport, LEFT, pos=at(bench, 24, 14))
        QTest.mouseMove(viewport, at(bench, 60, 40))
        QTest.mouseRelease(viewport, LEFT, pos=at(bench, 96, 66))
        QTest.keyClick(viewport, Qt.Key.Key_Return)
    QTest.mousePress(viewport, LEFT, pos=at(bench, 2, 2))
    QTest.mouseRelease(viewport, LEFT, pos=at(bench, 2, 2))
    bench.until(lambda: labels(bench).any())
    assert np.array_equal(labels(bench), rectangle())


def test_quick_clicks_of_the_scissors_follow_the_edges_all_the_same(bench):
    take(bench, "scissors")
    for corner in ((30.5, 20.5), (89.5, 20.5), (89.5, 59.5), (30.5, 59.5)):
        click(bench, *corner)
    QTest.keyClick(bench.window.canvas.viewport, Qt.Key.Key_Return)
    bench.until(lambda: labels(bench).any())
    found, wanted = labels(bench) == 1, rectangle() == 1
    assert (found & wanted).sum() / (found | wanted).sum() > 0.9


@pytest.mark.parametrize("tool", ["wand", "superpixel", "grabcut", "scissors", "polygon"])
def test_nothing_comes_into_an_image_that_was_opened_meanwhile(bench, tool):
    take(bench, tool)
    viewport = bench.window.canvas.viewport
    QTest.mousePress(viewport, LEFT, pos=at(bench, 24, 14))
    QTest.mouseMove(viewport, at(bench, 96, 66))
    QTest.mouseRelease(viewport, LEFT, pos=at(bench, 96, 66))
    QTest.keyClick(viewport, Qt.Key.Key_Return)
    bench.studio.browsing.select(1)
    bench.until(lambda: bench.session.index == 1 and bench.session.document is not None)
    bench.studio.jobs.wait_idle(30)
    bench.settle()
    assert not labels(bench).any()
    assert not bench.window.canvas._tools._toolbox.chosen.busy
