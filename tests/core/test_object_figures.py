"""Figures of objects: worked out by hand, and after edits the same as of the whole map anew."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.geometry import Rect
from segstudio.core.instances import Instances
from segstudio.core.object_figures import (
    Brightness,
    Looked,
    ObjectFigures,
    ObjectRow,
    ScoredObjects,
    no_figures,
)

NAN = float("nan")


def looked(labels, ids, values, found=(), **more) -> Looked:
    values = np.asarray(values)
    values = values if values.ndim == 3 else values[..., None]
    channels = tuple(range(values.shape[2]))
    return Looked(labels, ids, Brightness(values, channels), tuple(found), **more)


def a_map() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Object 1 of class 1 (2 x 3) and 7 of class 2 (an L of 3 pixels) on rising 16-bit values."""
    labels, ids = np.zeros((6, 8), np.uint8), np.zeros((6, 8), np.uint16)
    labels[1:3, 1:4], ids[1:3, 1:4] = 1, 1
    for y, x in ((3, 6), (4, 6), (4, 7)):
        labels[y, x], ids[y, x] = 2, 7
    return labels, ids, np.arange(48, dtype=np.uint16).reshape(6, 8) * 1000


def detections(*scores: float) -> Instances:
    count = len(scores)
    return Instances(
        np.zeros((count, 4), np.float32),
        np.array(scores, np.float32),
        np.ones(count, np.uint8),
        np.ones((count, 2, 2), np.float16),
    )


def test_class_area_place_and_mean_of_each_object():
    figures = ObjectFigures.of(looked(*a_map()))
    # 9, 10, 11 and 17, 18, 19 thousand; 30, 38 and 39 thousand
    assert [row[:5] for row in figures.rows] == [
        (1, 1, 6, Rect(1, 1, 3, 4), 14_000),
        (7, 2, 3, Rect(3, 6, 5, 8), pytest.approx(35_666.667)),
    ]
    assert all(math.isnan(row.score) for row in figures.rows)
    assert figures.row(7) is figures.rows[1]
    assert figures.row(2) is None
    assert figures.seen_in(Rect(0, 0, 3, 8)).tolist() == [0]


def test_of_several_channels_the_mean_counts_and_what_is_no_number_does_not():
    labels, ids, _ = a_map()
    values = np.zeros((6, 8, 3), np.float32)
    values[..., 0], values[..., 2] = 1, 5
    values[1, 1, 0] = np.nan  # 5 of 1, 6 of 5
    values[3:, 6:, :] = np.nan
    figures = ObjectFigures.of(Looked(labels, ids, Brightness(values, (0, 2))))
    assert figures.rows[0].mean == pytest.approx(35 / 11)
    assert math.isnan(figures.rows[1].mean)


def test_a_map_without_objects_has_no_figures():
    labels, ids, values = np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint16), np.ones((4, 4))
    assert ObjectFigures.of(looked(labels, ids, values)).rows == no_figures().rows == ()


def test_what_a_model_found_has_its_scores():
    labels, ids, values = a_map()
    found = ScoredObjects(ids, detections(0.9, 0, 0, 0, 0, 0, 0.25))
    figures = ObjectFigures.of(looked(labels, ids, values, [found], is_found=True))
    assert [row.score for row in figures.rows] == [pytest.approx(0.9), 0.25]


def test_objects_that_are_mostly_a_models_have_its_score():
    labels, ids, values = a_map()
    of_model = np.zeros_like(ids)
    of_model[1:3, 1:5] = 2  # shares 6 of 8 with object 1
    of_model[4, 6:8] = 3  # shares 2 of 3 with object 7
    of_model[0] = 4
    found = ScoredObjects(of_model, detections(0.1, 0.75, 0.5, 0.2))
    figures = ObjectFigures.of(looked(labels, ids, values, [found]))
    assert [row.score for row in figures.rows] == [0.75, 0.5]
    of_model[1:3, 5:8] = 2  # 6 of 14 now
    figures = ObjectFigures.of(looked(labels, ids, values, [ScoredObjects(of_model, found_of())]))
    assert math.isnan(figures.rows[0].score)
    assert figures.rows[1].score == 0.5


def found_of() -> Instances:
    return detections(0.1, 0.75, 0.5, 0.2)


def test_after_an_edit_only_its_rectangles_objects_are_looked_at():
    labels, ids, values = a_map()
    before = ObjectFigures.of(looked(labels, ids, values))
    ids[1:3, 1], labels[1:3, 1] = 0, 0
    ids[0, 0], labels[0, 0] = 9, 3
    after = before.after(looked(labels, ids, values), [Rect(0, 0, 3, 2)])
    assert [row[:5] for row in after.rows] == [
        (1, 1, 4, Rect(1, 2, 3, 4), 14_500),
        (7, 2, 3, Rect(3, 6, 5, 8), pytest.approx(35_666.667)),
        (9, 3, 1, Rect(0, 0, 1, 1), 0),
    ]
    assert after.rows[1] is before.rows[1]
    ids[1:3], labels[1:3] = 0, 0
    gone = after.after(looked(labels, ids, values), [Rect(1, 0, 3, 8)])
    assert gone.ids.tolist() == [7, 9]


RECTS = st.tuples(st.integers(0, 11), st.integers(0, 15), st.integers(1, 8), st.integers(1, 8)).map(
    lambda v: Rect(v[0], v[1], v[0] + v[2], v[1] + v[3]).clip((12, 16))
)
EDITS = st.lists(st.tuples(RECTS, st.integers(0, 5), st.integers(1, 3)), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(start=EDITS, edits=EDITS, step=st.integers(1, 3))
def test_figures_that_follow_edits_are_those_of_the_map_anew(start, edits, step):
    labels, ids = np.zeros((12, 16), np.uint8), np.zeros((12, 16), np.uint16)
    values = np.random.default_rng(1).integers(0, 4096, (12, 16, 2)).astype(np.uint16)
    of_model = np.zeros((12, 16), np.uint16)
    of_model[2:9, 3:9], of_model[4:10, 9:15] = 1, 2
    found = (ScoredObjects(of_model, detections(0.5, 0.25)),)

    def paint(rect, number, class_id):
        ids[rect.slices] = number
        labels[rect.slices] = class_id if number else 0

    for edit in start:
        paint(*edit)
    figures = ObjectFigures.of(looked(labels, ids, values, found))
    for at in range(0, len(edits), step):
        for edit in edits[at : at + step]:
            paint(*edit)
        rects = [edit[0] for edit in edits[at : at + step]]
        figures = figures.after(looked(labels, ids, values, found), rects)
        anew = ObjectFigures.of(looked(labels, ids, values, found))
        assert list(map(_known, figures.rows)) == list(map(_known, anew.rows))
        assert figures.ids.tolist() == [row.id for row in figures.rows]
        assert figures.bounds.tolist() == anew.bounds.tolist()


def _known(row: ObjectRow) -> tuple[object, ...]:
    return (*row[:4], round(row.mean, 6), -1 if math.isnan(row.score) else row.score)
