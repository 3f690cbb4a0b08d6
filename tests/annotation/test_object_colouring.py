"""Colours of objects follow what is painted, and none changes without need."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap
from segstudio.session.session import StrokeMakes


@pytest.fixture
def bare(empty):
    """30 x 20 pixels with nothing painted; class 1 is of objects."""
    schema = empty.session.schema
    empty.studio.schema_keeper.set(schema.with_objects({1}, keeps_ids=False))
    empty.session.set_view(active_class=1, stroke_makes=StrokeMakes.NEW)
    return empty


def paint(desk, rect: Rect) -> None:
    desk.editing.paint_mask(rect, np.ones(rect.shape_hw, bool), "Test")
    desk.settle()


def tones_of(desk, *numbers: int) -> list[int]:
    ids = desk.document.annotation.instances
    return desk.objects.tones.of(ids)[list(numbers)].tolist()


def test_new_objects_have_the_colours_of_their_numbers(bare):
    for left in (0, 6, 12):
        paint(bare, Rect(0, left, 4, left + 4))
    assert tones_of(bare, 1, 2, 3) == [1, 2, 3]
    assert [bare.objects.tones.of_object(i) for i in (1, 2, 3)] == [1, 2, 3]


def test_the_eleventh_has_another_colour_than_the_first_only_where_it_is_near(bare):
    ids = np.zeros((20, 30), np.uint16)
    ids[0, 0], ids[0, 6] = 1, 11
    ids[19, 29] = 21  # eighteen rows and more away from both
    labels = (ids > 0).astype(np.uint8)
    kept = bare.objects.tones.of(ids)
    assert kept[[1, 11, 21]].tolist() == [1, 2, 1]
    assert bare.objects.tones.of(ids) is kept
    assert LabelMap(labels, ids).instances is not None


def test_an_object_painted_up_to_one_of_its_colour_changes_and_is_drawn_anew(bare):
    # number 11 is far from number 1, until it grows
    paint(bare, Rect(0, 0, 2, 2))
    for number in range(2, 11):
        paint(bare, Rect(18, number, 20, number + 1))
    paint(bare, Rect(0, 26, 2, 28))
    assert tones_of(bare, 1, 11) == [1, 1]
    before = len(bare.objects.tones.recoloured)
    bare.session.set_view(stroke_makes=StrokeMakes.THIS)
    bare.objects.select((11,))
    paint(bare, Rect(0, 10, 2, 26))
    assert tones_of(bare, 1) == [1]
    assert tones_of(bare, 11) != [1]
    assert bare.objects.tones.recoloured[before:] == [Rect(0, 10, 2, 28)]
