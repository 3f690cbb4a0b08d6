"""Views are made a part at a time, ahead of the wish for them or when it comes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from pauses import views_are_awaited
from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.canvas import canvas
from segstudio.canvas import frame as frame_module
from segstudio.canvas.pane_grid import best_columns, cells
from segstudio.session.session import MAX_PANES, Layer, Pane, What

FIVE_MORE = tuple(Pane(Layer.PREDICTION, "a") for _ in range(5))


@pytest.fixture
def opened(desk):
    desk.canvas.resize(652, 688)
    desk.open(desk.flat(40, 40), np.zeros((40, 40), np.uint8))
    return desk


def test_the_first_image_waits_for_no_view_but_its_own(opened):
    assert len(opened.canvas.panes) == 1
    assert opened.canvas.panes[0].header.isVisible()


def test_all_views_are_made_once_the_image_is_shown_and_nothing_happens(desk, qtbot, monkeypatch):
    monkeypatch.setattr(canvas, "_REST_MS", 0)
    monkeypatch.setattr(canvas, "_PAUSE_MS", 0)
    desk.open(desk.flat(40, 50))
    qtbot.waitUntil(lambda: desk.canvas._stock.complete == MAX_PANES)
    assert len(desk.canvas.shown_panes) == 1
    assert not any(pane.isVisible() for pane in desk.canvas.panes[1:])


def test_views_that_are_asked_for_come_one_by_one_between_other_events(opened, qtbot):
    opened.session.set_view(panes=FIVE_MORE)
    assert len(opened.canvas.shown_panes) == 1  # nothing was made while the key was handled
    numbers = []
    while views_are_awaited(opened.canvas):
        QApplication.processEvents()
        numbers.append(len(opened.canvas.shown_panes))
    assert numbers[-1] == MAX_PANES
    assert all(after - before <= 1 for before, after in itertools.pairwise(numbers))
    assert all(pane.header.isVisible() for pane in opened.canvas.shown_panes)
    assert {pane.viewport.zoom for pane in opened.canvas.shown_panes} == {opened.viewport.zoom}


def test_views_made_before_there_is_an_image_come_only_as_many_as_are_wanted(
    desk, qtbot, monkeypatch
):
    monkeypatch.setattr(canvas, "_PAUSE_MS", 0)
    desk.session.set_view(panes=FIVE_MORE[:1])  # a key pressed while the first image is read
    qtbot.waitUntil(lambda: desk.canvas._stock.complete == MAX_PANES)
    panes = desk.session.view.panes
    desk.open(desk.flat(40, 50))
    desk.session.set_view(panes=panes)
    desk.settle()
    assert [pane.isVisible() for pane in desk.canvas.panes] == [True, True] + 4 * [False]


def test_views_that_are_not_wanted_any_more_do_not_come(opened, qtbot):
    opened.session.set_view(panes=FIVE_MORE)
    opened.session.set_view(panes=FIVE_MORE[:1])
    opened.settle()
    qtbot.wait(50)
    assert [pane.isVisible() for pane in opened.canvas.panes[:2]] == [True, True]
    assert not any(pane.isVisible() for pane in opened.canvas.panes[2:])


@pytest.mark.parametrize(
    ("aspect", "columns"),
    [
        # 3 beside each other: 217 x 320 for each; 2: 326 x 205; 6: 109 x 664; 1: 652 x 91
        (1.0, 3),  # 217 wide against 205
        (2.0, 2),  # 326 against 217
        (0.5, 3),  # 160 against 103 and 109
        (0.2, 6),  # 109 against 64
        (9.0, 1),  # 652 against 326
    ],
)
def test_the_image_decides_how_many_views_stand_beside_each_other(aspect, columns):
    assert best_columns(6, 652, 688, aspect) == columns


def test_views_keep_their_places_where_others_would_show_little_more():
    assert best_columns(6, 652, 688, 1.0, now=2) == 2  # 217 instead of 205 is not worth it
    assert best_columns(6, 652, 688, 1.0, now=1) == 3


def test_a_last_row_that_is_not_full_has_wider_views():
    places = cells(3, 201, 101, 2)
    assert [(p.x(), p.y(), p.width(), p.height()) for p in places] == [
        (0, 0, 100, 50),
        (101, 0, 100, 50),
        (0, 51, 201, 50),
    ]


def test_another_image_of_another_shape_rearranges_the_views(opened):
    opened.session.set_view(panes=FIVE_MORE)
    opened.settle()
    assert [pane.y() for pane in opened.canvas.shown_panes[:3]] == [0, 0, 0]
    panes = opened.session.view.panes
    opened.open(opened.flat(20, 60))
    opened.session.set_view(panes=panes)
    opened.settle()
    places = [(pane.x() > 0, pane.y() > 0) for pane in opened.canvas.shown_panes[:3]]
    assert places == [(False, False), (True, False), (False, True)]


def test_a_bar_above_the_views_moves_the_picture_under_a_resting_pointer(opened):
    told = []
    opened.canvas.hovered.connect(lambda x, y: told.append((x, y)))
    opened.canvas.resize(400, 300)
    opened.open(opened.flat(300, 400))
    opened.place(1.0)
    QTest.mouseMove(opened.viewport, QPoint(203, 100))
    QTest.mouseMove(opened.viewport, QPoint(200, 100))
    assert told[-1] == (200, 100)
    opened.canvas.move(opened.canvas.pos() + QPoint(0, 34))
    opened.settle()
    assert told[-1] == (200, 66)


def test_what_is_drawn_strip_by_strip_is_what_is_drawn_at_once(opened, monkeypatch):
    labels = np.zeros((120, 130), np.uint8)
    labels[10:70, 20:90], labels[50:100, 60:120] = 1, 2
    pictures = []
    for pixels in (300, 1 << 30):
        monkeypatch.setattr(frame_module, "_STRIP_PIXELS", pixels)
        opened.open(opened.noise(120, 130), labels, prediction=np.roll(labels, 9, axis=0))
        opened.place(1.7, (13.0, -20.0))
        opened.settle()
        pictures.append(opened.picture())
    assert np.array_equal(*pictures)


def test_the_header_of_a_view_that_is_not_shown_can_be_laid_out(opened, qtbot, monkeypatch):
    """Qt sends hidden headers their new size, also where the session has no such view."""
    monkeypatch.setattr(canvas, "_REST_MS", 0)
    monkeypatch.setattr(canvas, "_PAUSE_MS", 0)
    opened.session.notify(What.DOCUMENT)
    qtbot.waitUntil(lambda: opened.canvas._stock.complete == MAX_PANES)
    last = opened.canvas.panes[-1].header
    assert len(opened.session.view.all_panes) == 1
    last.resize(last.width() - 40, last.height())
    assert not last.grab().isNull()  # what waits is sent before a widget is drawn
