"""Which objects a label map has; numbers worked out by hand, and compared with counting anew."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap, Patch
from segstudio.core.object_index import HIGHEST_ID, ObjectIndex, ObjectInfo


def a_map() -> LabelMap:
    """Object 1 of class 1 (2 x 3), object 7 of class 2 (an L of 3 pixels) in 6 x 8 pixels."""
    labels, ids = np.zeros((6, 8), np.uint8), np.zeros((6, 8), np.uint16)
    labels[1:3, 1:4], ids[1:3, 1:4] = 1, 1
    for y, x in ((3, 6), (4, 6), (4, 7)):
        labels[y, x], ids[y, x] = 2, 7
    return LabelMap(labels, ids)


def test_each_object_has_class_area_and_place():
    index = ObjectIndex.of(a_map())
    assert index.all() == (
        ObjectInfo(1, 1, 6, Rect(1, 1, 3, 4)),
        ObjectInfo(7, 2, 3, Rect(3, 6, 5, 8)),
    )
    assert len(index) == 2
    assert 7 in index
    assert 2 not in index
    assert index.info(2) is None
    assert index.free() == [8]
    assert index.free(2, ignored=2) == [2, 3]


def test_which_objects_have_a_pixel_in_a_rectangle():
    label_map = a_map()
    index, ids = ObjectIndex.of(label_map), label_map.instances
    assert index.touching(Rect(0, 0, 6, 8), ids) == (1, 7)
    assert index.touching(Rect(2, 3, 4, 7), ids) == (1, 7)
    assert index.touching(Rect(3, 7, 4, 8), ids) == ()  # in the corner that the L leaves free
    assert index.classes() == {1, 2}


def test_places_are_given_in_the_order_of_the_numbers_asked_for():
    found = ObjectIndex.of(a_map()).bounds_of((7, 1, 0, -1, 70000, 2))
    assert found.tolist() == [[3, 6, 5, 8], [1, 1, 3, 4], *[[0, 0, 0, 0]] * 4]


def test_a_map_without_ids_has_no_objects():
    assert len(ObjectIndex.of(LabelMap.empty((3, 4)))) == 0
    assert ObjectIndex.of(LabelMap.empty((3, 4))).free() == [1]


def test_it_follows_what_is_painted_and_taken_away():
    label_map = a_map()
    index = ObjectIndex.of(label_map)
    mask = np.ones((2, 2), np.bool_)
    for patch in (
        label_map.paint(Rect(2, 3, 4, 5), mask, 1, instance_id=1),  # 3 pixels more
        label_map.paint(Rect(1, 1, 3, 3), mask, 0),
    ):
        assert patch is not None
        index.follow(patch)
        label_map.apply(patch)
    info = index.info(1)
    assert info is not None
    assert info.area == 6 + 3 - 4
    rect, pixels = index.mask_of(1, label_map.instances)
    assert rect == Rect(1, 3, 4, 5)
    assert pixels.tolist() == [[True, False], [True, True], [True, True]]
    assert index.info(1).rect == rect  # known from now on


def test_the_class_follows_where_the_whole_object_changes():
    label_map = a_map()
    index = ObjectIndex.of(label_map)
    mask = label_map.instances[1:3, 1:4] == 1
    patch = label_map.paint(Rect(1, 1, 3, 4), mask, 2, instance_id=1)
    index.follow(patch)
    assert index.info(1).class_id == 2


def test_the_lowest_free_number_is_given_where_the_highest_is_taken():
    labels, ids = np.ones((1, 3), np.uint8), np.array([[1, 3, HIGHEST_ID]], np.uint16)
    assert ObjectIndex.of(LabelMap(labels, ids)).free(2) == [2, 4]


def test_a_patch_without_ids_is_refused():
    with pytest.raises(ValueError, match="without ids"):
        ObjectIndex().follow(
            Patch(Rect(0, 0, 1, 1), np.zeros((1, 1), np.uint8), np.ones((1, 1), np.uint8))
        )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_followed_or_counted_anew_is_the_same(seed, patches):
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, 5, (9, 7)).astype(np.uint16)
    label_map = LabelMap((ids > 0).astype(np.uint8) * (1 + ids % 2).astype(np.uint8), ids)
    index = ObjectIndex.of(label_map)
    for _ in range(patches):
        top, left = rng.integers(0, 8), rng.integers(0, 6)
        rect = Rect(
            int(top), int(left), int(rng.integers(top + 1, 10)), int(rng.integers(left + 1, 8))
        )
        new = int(rng.integers(0, 7))
        mask = rng.random(rect.shape_hw) < 0.6
        patch = label_map.paint(rect, mask, (1 + new % 2) if new else 0, instance_id=new)
        if patch is not None:
            index.follow(patch)
            label_map.apply(patch)
    anew = ObjectIndex.of(label_map)
    assert index.ids == anew.ids
    for number in anew.ids:
        mine, its = index.info(number), anew.info(number)
        assert (mine.area, mine.class_id) == (its.area, its.class_id)
        assert mine.rect.union(its.rect) == mine.rect
        assert index.mask_of(number, label_map.instances)[0] == its.rect
