"""Taking from a model in the window, where its objects are found beside the window's thread."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from segstudio.canvas.view import View

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def taking(bench):
    """A window with a prediction and an empty annotation, the tool in hand, four pixels each."""
    bench.studio.segmenting.run_current()
    bench.until(lambda: bool(bench.session.document.predictions))
    bench.studio.editing.clear()
    bench.settle()
    bench.session.set_view(tool="take")
    viewport = bench.window.canvas.viewport
    viewport._fits = False
    viewport._set_view(View(4.0, (40.0, 80.0)))
    bench.settle()
    viewport.setFocus()
    return bench


def said(bench) -> np.ndarray:
    (prediction,) = bench.session.document.predictions.values()
    return np.array(prediction.labels)


def at(bench, x: float, y: float) -> QPoint:
    screen = bench.window.canvas.viewport.to_screen((x, y))
    return QPoint(round(screen[0]), round(screen[1]))


def labels(bench) -> np.ndarray:
    return np.array(bench.session.document.annotation.labels)


def test_what_was_clicked_is_taken_although_the_pointer_goes_on_at_once(taking):
    viewport = taking.window.canvas.viewport
    rows, columns = np.nonzero(said(taking))
    x, y = columns[0] + 0.5, rows[0] + 0.5
    QTest.mouseMove(viewport, at(taking, x, y))
    QTest.mouseClick(viewport, LEFT, pos=at(taking, x, y))
    for step in range(1, 6):
        QTest.mouseMove(viewport, at(taking, 46.5 - step, 1.5))
    taking.until(lambda: labels(taking).any())
    taken = labels(taking) > 0
    assert taken[rows[0], columns[0]]
    assert (labels(taking)[taken] == said(taking)[taken]).all()


def test_take_all_says_how_many_and_is_one_step(taking, qtbot):
    taking.until(taking.window.commands["take.all"].isEnabled)
    taking.window.commands.run("take.all")
    taking.until(lambda: labels(taking).any())
    assert (labels(taking) == said(taking)).all()
    assert any("taken." in notice.message for notice in taking.studio.notices.recent)
    taking.window.commands.run("edit.undo")
    taking.until(lambda: not labels(taking).any())


def test_where_the_model_says_nothing_nothing_is_taken_and_it_is_said(taking):
    taking.session.set_view(take_score=1.0)
    taking.window.canvas.tell_tool("take", "")
    background = np.argwhere(said(taking) == 0)[0]
    place = at(taking, background[1] + 0.5, background[0] + 0.5)
    QTest.mouseMove(taking.window.canvas.viewport, place)
    QTest.mouseClick(taking.window.canvas.viewport, LEFT, pos=place)
    taking.until(lambda: any("nothing to take" in n.message for n in taking.studio.notices.recent))
    assert not labels(taking).any()
