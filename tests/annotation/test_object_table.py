"""Figures of the open image's objects follow edits, channels and predictions."""

from __future__ import annotations

import gc
import math
import weakref

import numpy as np
import pytest
import tifffile
from fakes import BLOBS, square, wait_for, write_photo

from segstudio.core.geometry import Rect
from segstudio.core.object_figures import ObjectFigures
from segstudio.session.session import StrokeMakes

FIRST, SECOND = Rect(0, 2, 4, 12), Rect(16, 2, 20, 6)
"""On dark ground."""

# masks reach a pixel beyond the bright squares of 5 and 4 pixels
FOUND = [
    (1, 49, pytest.approx((25 * 200 + 24 * 50) / 49)),
    (2, 36, pytest.approx((16 * 200 + 20 * 50) / 36)),
]


def paint(desk, rect: Rect, makes=StrokeMakes.NEW) -> None:
    desk.session.set_view(active_class=1, stroke_makes=makes)
    desk.editing.paint_mask(rect, np.ones(rect.shape_hw, bool), "Test")


def objects_of(desk) -> None:
    """Class 1 is of single objects."""
    schema = desk.session.schema
    desk.studio.schema_keeper.set(schema.with_objects({1}, keeps_ids=False))


def rows(desk, run: str = "") -> list[tuple[int, int, float]]:
    """Number, area and mean of each object, once they are known."""
    desk.studio.object_table.of(run)
    desk.settle()
    desk.clock.advance(1)
    desk.settle()
    figures = desk.studio.object_table.of(run)
    return [(row.id, row.area, row.mean) for row in figures.rows]


@pytest.fixture
def stack(desk, tmp_path):
    """Two channels of 12 bits: 4 times the column, and 1000 everywhere; nothing painted."""
    root = tmp_path / "cells"
    root.mkdir()
    pixels = np.zeros((2, 20, 30), np.uint16)
    pixels[0], pixels[1] = 4 * np.arange(30), 1000
    tifffile.imwrite(root / "a.tif", pixels, imagej=True, metadata={"axes": "CYX"})
    desk.open(root)
    objects_of(desk)
    return desk


def test_without_objects_there_are_no_rows(empty):
    assert rows(empty) == []
    objects_of(empty)
    paint(empty, FIRST)
    assert rows(empty) == [(1, 40, 50)]


def test_the_figures_follow_strokes_undo_and_redo(empty):
    objects_of(empty)
    paint(empty, FIRST)
    paint(empty, SECOND)
    assert rows(empty) == [(1, 40, 50), (2, 16, 50)]
    first = empty.studio.object_table.of().row(1)
    paint(empty, Rect(14, 16, 16, 20), StrokeMakes.AUTOMATIC)
    empty.objects.delete((2,))
    assert [row[0] for row in rows(empty)] == [1, 3]
    assert empty.studio.object_table.of().row(1) is first  # it was not looked at again
    empty.editing.undo()
    assert rows(empty) == [(1, 40, 50), (2, 16, 50), (3, 8, 50)]


def test_means_are_of_the_stored_values_of_the_channel_that_is_shown(stack):
    paint(stack, Rect(0, 10, 2, 14))  # columns 10 to 13: 4 times 11.5
    assert rows(stack) == [(1, 8, (46 + 1000) / 2)]
    stack.studio.browsing.show_channel(0)
    stack.settle()
    assert rows(stack) == [(1, 8, 46)]
    stack.studio.browsing.show_channel(1)
    stack.settle()
    assert rows(stack) == [(1, 8, 1000)]


def test_objects_have_the_score_of_the_model_that_they_were_taken_from(desk, tmp_path):
    bright = square(left=2, size=5) + square(left=12, size=4)
    write_photo(tmp_path / "nuclei" / "a.png", bright)
    desk.open(tmp_path / "nuclei")
    desk.studio.segmenting.choose(BLOBS.id)
    desk.studio.segmenting.run_current()
    desk.settle()
    run = desk.session.view.run
    assert rows(desk, run) == FOUND
    scores = [row.score for row in desk.studio.object_table.of(run).rows]
    assert scores == [pytest.approx(0.9), pytest.approx(0.8)]
    objects_of(desk)
    paint(desk, Rect(15, 0, 17, 3))
    assert rows(desk) == [(1, 6, 50)]
    assert all(math.isnan(row.score) for row in desk.studio.object_table.of().rows)
    desk.editing.use_prediction(run)
    assert rows(desk) == FOUND
    scores = [row.score for row in desk.studio.object_table.of().rows]
    assert scores == [pytest.approx(0.9), pytest.approx(0.8)]
    desk.session.set_view(active_class=0)
    desk.editing.paint_mask(Rect(4, 1, 11, 5), np.ones((7, 4), bool), "Test")  # 21 of 49 are left
    rows(desk)
    assert math.isnan(desk.studio.object_table.of().row(1).score)


def test_a_prediction_that_was_replaced_is_let_go(desk, tmp_path):
    write_photo(tmp_path / "nuclei" / "a.png", square())
    desk.open(tmp_path / "nuclei")
    desk.studio.segmenting.choose(BLOBS.id)
    desk.studio.segmenting.run_current()
    desk.settle()
    run = desk.session.view.run
    assert len(rows(desk, run)) == 1
    before = weakref.ref(desk.document.predictions[run])
    desk.studio.segmenting.set_options(score_threshold=0.95)
    assert rows(desk, run) == []
    gc.collect()
    assert before() is None


def test_what_was_painted_while_figures_were_worked_out_counts(empty, monkeypatch):
    objects_of(empty)
    paint(empty, FIRST)
    table, whole = empty.studio.object_table, ObjectFigures.of
    painted = []

    def slow(looked, check=None):
        if not painted:
            painted.append(True)
            empty.clock.post(lambda: paint(empty, SECOND))
        return whole(looked)

    monkeypatch.setattr(ObjectFigures, "of", slow)
    assert table.of() is None
    wait_for(empty.clock, lambda: bool(painted))
    assert rows(empty) == [(1, 40, 50), (2, 16, 50)]


def test_kinds_of_errors_are_told_and_go_with_their_image(empty):
    table = empty.studio.object_table
    table.of()
    table.show_errors({1: "merged"})
    assert table.errors == {1: "merged"}
    empty.studio.browsing.select(1)
    empty.settle()
    assert table.errors == {}
