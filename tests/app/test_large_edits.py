"""Changes of large maps, which are made in a job."""

from __future__ import annotations

import numpy as np
import pytest
from strokes import labels_of, stroke


@pytest.fixture
def large(empty, monkeypatch):
    """Every change of a whole map counts as too large to be made at once."""
    monkeypatch.setattr("segstudio.app.editing.AT_ONCE_PIXELS", 10)
    monkeypatch.setattr("segstudio.app.stepping.AT_ONCE_PIXELS", 10)
    return empty


def test_large_changes_are_made_in_a_job(large):
    large.editing.fill_at(3, 3)
    assert not labels_of(large).any()
    large.settle()
    assert labels_of(large).all()
    large.editing.undo()
    assert labels_of(large).all()
    large.settle()
    assert not labels_of(large).any()
    large.editing.redo()
    assert not labels_of(large).any()
    large.settle()
    assert labels_of(large).all()


def test_a_large_polygon_is_made_in_a_job_and_a_small_one_at_once(large):
    large.editing.paint_polygon([(2, 2), (12, 2), (12, 8), (2, 8)])
    assert not labels_of(large).any()
    large.settle()
    assert labels_of(large).sum() == 60
    large.editing.paint_polygon([(20, 2), (23, 2), (23, 5), (20, 5)])
    assert labels_of(large).sum() == 69


def test_large_steps_follow_each_other_in_the_order_asked_for(large):
    for left in (0, 10, 20):
        large.editing.paint_polygon([(left, 0), (left + 8, 0), (left + 8, 5), (left, 5)])
        large.settle()
    whole = labels_of(large)
    for _ in range(5):
        large.editing.undo()
    large.settle()
    assert not labels_of(large).any()
    for _ in range(2):
        large.editing.redo()
    large.editing.undo()
    large.editing.redo()
    large.settle()
    assert labels_of(large).sum() == 80
    large.editing.redo()
    large.settle()
    assert np.array_equal(labels_of(large), whole)


def test_a_stroke_waits_for_the_undo_that_was_asked_for_before_it(large):
    large.editing.fill_at(3, 3)
    large.settle()
    large.editing.undo()
    stroke(large, (7, 7))
    assert labels_of(large).sum() == 1
    large.settle()
    assert labels_of(large).sum() == 1
    large.editing.undo()
    large.settle()
    assert not labels_of(large).any()
    assert not large.document.history.can_undo


def test_a_large_undo_is_done_before_its_image_is_left(large):
    large.editing.fill_at(3, 3)
    large.settle()
    document = large.document
    large.editing.undo()
    large.browsing.step(1)
    large.settle()
    assert not document.annotation.labels.any()
    assert not document.dirty
    assert not document.history.can_undo


def test_a_stroke_painted_meanwhile_is_not_overwritten(large):
    large.editing.fill_at(3, 3)
    assert large.jobs.wait_idle()
    large.browsing.add_class("other")
    large.session.set_view(active_class=2)
    stroke(large, (7, 7))
    large.settle()
    assert labels_of(large)[7, 7] == 2
    assert (labels_of(large) == 1).sum() == 599
    large.editing.undo()
    large.settle()
    assert labels_of(large).sum() == 2


def test_undo_gives_up_a_change_that_is_being_made(large):
    stroke(large, (3, 3))
    large.editing.clear()
    large.editing.undo()
    large.settle()
    assert labels_of(large).sum() == 1
    assert large.document.history.undo_title.startswith("Brush")


def test_a_large_change_of_an_image_that_was_left_is_said(large):
    large.editing.fill_at(3, 3)
    document = large.document
    large.browsing.step(1)
    large.settle()
    assert not document.annotation.labels.any()
    assert "a0.png was left" in large.messages[-1]
