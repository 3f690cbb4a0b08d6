"""Pictures that are zoomed, moved and marked together, with real mouse events."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from segstudio.canvas.picture_group import PictureGroup
from segstudio.canvas.picture_view import Glance, PictureView


def wheel(view, x, y, notches):
    event = QWheelEvent(
        QPointF(x, y), view.mapToGlobal(QPointF(x, y)), QPoint(), QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase,
        False,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


@pytest.fixture
def pair(qtbot):
    """Two views of 80 x 80 of the same scene, at 4 x 4 and at 8 x 8 pixels."""
    group, views = PictureGroup(), []
    for side in (4, 8):
        view = PictureView(f"{side} pixels")
        qtbot.addWidget(view)
        view.resize(80, 80)
        pixels = np.zeros((side, side, 3), np.uint8)
        pixels[: side // 2, : side // 2] = (200, 100, 50)
        view.show_picture(pixels)
        group.add(view)
        view.show()
        qtbot.waitExposed(view)
        views.append(view)
    return group, views


def colour(view, x, y):
    shown = view.grab().toImage().pixelColor(x, y)
    return shown.red(), shown.green(), shown.blue()


def test_a_picture_fills_its_place_and_labels_lie_over_it(pair):
    _, (view, _) = pair
    assert colour(view, 20, 20) == (200, 100, 50)
    assert colour(view, 60, 60) == (0, 0, 0)
    labels = np.zeros((4, 4), np.uint8)
    labels[3, 3] = 7
    table = np.zeros((256, 4), np.uint8)
    table[7] = (0, 255, 0, 255)
    view.show_picture(np.zeros((4, 4, 3), np.uint8), labels, table)
    assert colour(view, 70, 70) == (0, 255, 0)
    assert colour(view, 50, 70) == (0, 0, 0)
    with pytest.raises(ValueError, match="labels of"):
        view.show_picture(np.zeros((4, 4, 3), np.uint8), labels[:2], table)


def test_the_pixel_under_the_pointer_is_told_and_marked_in_the_others(pair, qtbot):
    group, (coarse, fine) = pair
    told, places = [], []
    coarse.hovered.connect(told.append)
    group.hovered.connect(places.append)
    qtbot.mouseMove(coarse, QPoint(70, 10))  # of 20 logical pixels a pixel
    assert told[-1] == (3, 0)
    assert places[-1] == (3.5 / 4, 0.5 / 4)
    before = colour(fine, 70, 5)
    assert before == (255, 255, 255)  # the upper arm of the cross in the middle of (7, 1)
    group.show_marker(None)
    assert colour(fine, 70, 5) == (0, 0, 0)


def test_wheel_and_drag_move_all_of_a_group(pair, qtbot):
    _, (coarse, fine) = pair
    wheel(coarse, 0, 0, 3)  # three notches double it, at the corner
    assert coarse.glance == Glance(2.0, (0.25, 0.25))
    assert fine.glance == coarse.glance
    assert coarse.pixel_at(79, 79) == (1, 1)
    assert fine.pixel_at(79, 79) == (3, 3)
    qtbot.mousePress(coarse, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    qtbot.mouseMove(coarse, QPoint(20, 60))
    qtbot.mouseRelease(coarse, Qt.MouseButton.LeftButton, pos=QPoint(20, 60))
    assert fine.pixel_at(0, 0) == (2, 0)  # 40 of the 160 pixels that the picture is wide
    qtbot.mouseDClick(fine, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    assert coarse.glance == fine.glance == Glance()
    wheel(coarse, 40, 40, -2)
    assert coarse.glance == Glance()  # never smaller than the whole


def test_a_click_is_told_and_a_drag_is_none(pair, qtbot):
    group, (coarse, _) = pair
    clicks, places = [], []
    coarse.clicked.connect(lambda x, y: clicks.append((x, y)))
    group.clicked.connect(places.append)
    qtbot.mouseClick(coarse, Qt.MouseButton.LeftButton, pos=QPoint(30, 50))
    assert clicks == [(1, 2)]
    assert places == [(1.5 / 4, 2.5 / 4)]
    qtbot.mousePress(coarse, Qt.MouseButton.LeftButton, pos=QPoint(30, 50))
    qtbot.mouseMove(coarse, QPoint(60, 50))
    qtbot.mouseRelease(coarse, Qt.MouseButton.LeftButton, pos=QPoint(60, 50))
    assert clicks == [(1, 2)]


def test_a_picture_of_other_proportions_is_shown_whole(pair):
    _, (coarse, _) = pair
    wheel(coarse, 10, 10, 3)
    coarse.show_picture(np.zeros((40, 40, 3), np.uint8))
    assert coarse.glance.enlarged == 2.0  # the same scene, finer
    coarse.show_picture(np.zeros((10, 40, 3), np.uint8))
    assert coarse.glance == Glance()
    coarse.show_text("Nothing")
    assert coarse.pixel_at(10, 10) is None
