"""Each object has one kind of error, or none; counted after edits as if all were counted anew."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap, Patch
from segstudio.metrics.object_errors import (
    ErrorKind,
    ObjectPairs,
    ObjectSide,
    differing_pixels,
    differing_regions,
    objects_of,
)

SHAPE = (20, 40)


def side(*rects: Rect, classes: tuple[int, ...] = ()) -> ObjectSide:
    """A map with objects 1, 2, ... in these places, of class 1 if not said otherwise."""
    labels, ids = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint16)
    for number, rect in enumerate(rects, start=1):
        labels[rect.slices] = classes[number - 1] if classes else 1
        ids[rect.slices] = number
    return ObjectSide(labels, ids)


def found(mine: ObjectSide, theirs: ObjectSide, good_shape: float = 0.7, **more):
    return ObjectPairs(mine, theirs, more.pop("ignored", None), **more).errors(good_shape)


def regions_of(mine, theirs, ignored=None, min_pixels=10):
    differs = differing_pixels(mine, theirs, Rect.of_shape(SHAPE), ignored)
    return differing_regions(mine, theirs, differs, min_pixels)


def only(errors):
    (error,) = errors.errors
    return error


def test_the_same_objects_with_other_numbers_are_right():
    mine = side(Rect(0, 0, 4, 4), Rect(10, 10, 14, 14))
    theirs = side(Rect(10, 10, 14, 14), Rect(0, 0, 4, 4))
    result = found(mine, theirs)
    assert (result.errors, result.matched, dict(result.kinds)) == ((), 2, {})


def test_one_of_mine_that_covers_two_of_theirs_is_merged():
    mine = side(Rect(2, 2, 6, 14))  # 48 pixels
    theirs = side(Rect(2, 2, 6, 7), Rect(2, 8, 6, 14))  # 20 and 24, a column between them
    error = only(found(mine, theirs))
    assert (error.kind, error.mine, error.theirs) == (ErrorKind.MERGED, (1,), (2, 1))
    assert (error.rect, error.pixels) == (Rect(2, 2, 6, 14), 48)
    assert error.iou == pytest.approx(44 / 48)


def test_two_equal_halves_are_merged_though_each_has_half_of_the_pixels():
    mine = side(Rect(0, 0, 4, 8))
    theirs = side(Rect(0, 0, 4, 4), Rect(0, 4, 4, 8))  # each with an IoU of exactly 0.5
    assert only(found(mine, theirs)).kind is ErrorKind.MERGED


def test_several_of_mine_in_one_of_theirs_are_split():
    mine = side(Rect(2, 2, 6, 4), Rect(2, 4, 6, 8), Rect(2, 8, 6, 9))
    theirs = side(Rect(2, 2, 6, 9))
    result = found(mine, theirs)
    error = only(result)
    assert (error.kind, error.mine, error.theirs) == (ErrorKind.SPLIT, (2, 1, 3), (1,))
    assert error.iou == 1.0
    assert dict(result.kinds) == dict.fromkeys((1, 2, 3), ErrorKind.SPLIT)


def test_a_speck_of_a_prediction_is_right_where_it_was_taken_and_not_missed_elsewhere():
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:6, 2:14] = 1  # 48 pixels, which are an object
    labels[10:13, 5:8] = labels[15:18, 30:33] = 1  # 9 and 9: specks
    theirs = objects_of(labels, None, {1}, None)
    result = found(side(Rect(2, 2, 6, 14), Rect(10, 5, 13, 8)), theirs)
    assert (result.errors, result.matched) == ((), 2)
    # what nobody predicted is invented, however small it is
    result = found(side(Rect(2, 2, 6, 14), Rect(18, 1, 20, 3)), theirs)
    assert [(e.kind, e.mine) for e in result.errors] == [(ErrorKind.INVENTED, (2,))]


def test_specks_merge_and_split_nothing():
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:6, 2:14] = 1
    labels[2:5, 16:19] = 1  # a speck of 9 beside it, under my object too
    theirs = objects_of(labels, None, {1}, None)
    result = found(side(Rect(2, 2, 6, 19)), theirs, 0.6)  # 48 of 68 + 0
    assert (result.errors, result.matched) == ((), 1)


def test_half_of_an_object_is_not_more_than_half_of_it():
    mine = side(Rect(0, 0, 4, 8), Rect(10, 0, 14, 4))
    # the first of theirs lies with exactly half of its pixels in mine: covered by none
    theirs = side(Rect(0, 6, 4, 10), Rect(0, 0, 4, 6))
    kinds = [(e.kind, e.mine, e.theirs) for e in found(mine, theirs).errors]
    assert kinds == [(ErrorKind.MISSED, (), (1,)), (ErrorKind.INVENTED, (2,), ())]


def test_objects_that_nobody_else_has_are_missed_and_invented():
    result = found(side(Rect(0, 0, 3, 3)), side(Rect(10, 10, 14, 14), classes=(2,)))
    missed, invented = result.errors
    assert (missed.kind, missed.mine, missed.theirs) == (ErrorKind.MISSED, (), (1,))
    assert (missed.rect, missed.iou, missed.class_id) == (Rect(10, 10, 14, 14), 0.0, 2)
    assert (invented.kind, invented.mine, invented.theirs) == (ErrorKind.INVENTED, (1,), ())
    assert dict(result.kinds) == {1: ErrorKind.INVENTED}


def test_a_pair_below_the_wanted_iou_is_badly_shaped():
    mine, theirs = side(Rect(0, 0, 4, 8)), side(Rect(0, 2, 4, 10))
    # 24 pixels in common of 40
    error = only(found(mine, theirs, 0.7))
    assert (error.kind, error.iou) == (ErrorKind.BAD_SHAPE, 0.6)
    assert found(mine, theirs, 0.6).matched == 1


def test_a_small_object_in_a_large_one_is_a_pair_from_a_tenth_on():
    large = side(Rect(0, 0, 10, 10))
    assert only(found(large, side(Rect(0, 0, 1, 10)))).kind is ErrorKind.BAD_SHAPE
    kinds = [e.kind for e in found(large, side(Rect(0, 0, 1, 9))).errors]
    assert kinds == [ErrorKind.MISSED, ErrorKind.INVENTED]


def test_another_class_is_an_error_of_its_own():
    place = Rect(0, 0, 4, 4)
    error = only(found(side(place), side(place, classes=(2,))))
    assert (error.kind, error.class_id, error.their_class) == (ErrorKind.WRONG_CLASS, 1, 2)


def test_high_images_are_counted_strip_by_strip_with_the_same_result():
    labels, ids = np.zeros((1100, 8), np.uint8), np.zeros((1100, 8), np.uint16)
    labels[500:600, 2:6], ids[500:600, 2:6] = 1, 1  # on both sides of row 512
    labels[1000:1050, 2:6], ids[1000:1050, 2:6] = 1, 2  # and of row 1024
    mine = ObjectSide(labels, ids)
    theirs = ObjectSide(np.roll(labels, 20, axis=0), np.roll(ids, 20, axis=0))
    result = found(mine, theirs, 0.6)
    assert result.matched == 1  # 80 rows of 120 in common
    error = only(result)  # 30 of 70
    assert (error.kind, error.mine, error.pixels) == (ErrorKind.BAD_SHAPE, (2,), 4 * 70)
    assert error.iou == pytest.approx(3 / 7)


def test_errors_come_by_kind_and_the_largest_first():
    mine = side(Rect(0, 0, 2, 2), Rect(0, 10, 4, 14))
    theirs = side(Rect(10, 0, 12, 2), Rect(10, 10, 14, 14))
    listed = [(e.kind, e.mine or e.theirs) for e in found(mine, theirs).errors]
    assert listed == [
        (ErrorKind.MISSED, (2,)),
        (ErrorKind.MISSED, (1,)),
        (ErrorKind.INVENTED, (2,)),
        (ErrorKind.INVENTED, (1,)),
    ]


def test_what_counts_nowhere_is_no_error_of_either_side():
    mine, theirs = (
        side(Rect(0, 0, 4, 4), Rect(10, 0, 14, 4), classes=(255, 1)),
        side(Rect(0, 0, 4, 4)),
    )
    assert [e.mine for e in found(mine, theirs, ignored=255).errors] == [(2,)]
    void = np.zeros(SHAPE, np.bool_)
    void[10:14, 0:4] = True
    assert found(mine, theirs, ignored=255, void=void).errors == ()


def test_connected_regions_stand_for_objects_where_none_are_told_apart():
    labels = np.zeros(SHAPE, np.uint8)
    labels[0:4, 0:4] = labels[10:14, 0:4] = 1
    labels[0:4, 20:24] = 2
    labels[19, 39] = 1  # a speck
    regions = objects_of(labels, None, {1}, None)
    assert regions.from_regions
    assert np.unique(regions.ids).tolist() == [0, 1, 2, 3]
    assert not regions.ids[0:4, 20:24].any()
    result = found(side(Rect(0, 0, 4, 4), Rect(10, 0, 14, 4)), regions)
    assert (result.errors, result.matched) == ((), 2)


def test_ids_on_background_and_on_what_is_ignored_are_no_objects():
    ids = np.ones(SHAPE, np.uint16)
    labels = np.zeros(SHAPE, np.uint8)
    labels[0], labels[1] = 1, 255
    kept = objects_of(labels, ids, (), 255).ids
    assert np.flatnonzero(kept.any(axis=1)).tolist() == [0]


def test_maps_of_two_sizes_are_refused():
    small = ObjectSide(np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint16))
    with pytest.raises(ValueError, match="maps of"):
        ObjectPairs(side(), small, None)


def test_regions_of_classes_are_listed_apart_by_what_each_side_says():
    mine, theirs = side(), side()
    mine.labels[2:6, 2:6] = 1
    theirs.labels[2:6, 4:8] = 2
    regions = regions_of(mine, theirs, min_pixels=8)
    assert [(e.class_id, e.their_class, e.rect, e.pixels) for e in regions.errors] == [
        (1, 0, Rect(2, 2, 6, 4), 8),
        (1, 2, Rect(2, 4, 6, 6), 8),
        (0, 2, Rect(2, 6, 6, 8), 8),
    ]
    assert all(regions.mask(e).all() for e in regions.errors)
    assert regions_of(mine, theirs, min_pixels=9).errors == ()
    assert len(regions_of(mine, theirs, 1, min_pixels=8).errors) == 1


def test_regions_under_objects_are_told_by_the_objects():
    mine, theirs = side(Rect(2, 2, 6, 6)), side()
    assert regions_of(mine, theirs).errors == ()


small_maps = st.lists(
    st.tuples(*[st.integers(0, 9)] * 2, *[st.integers(1, 6)] * 2, st.integers(1, 2)), max_size=6
)


def drawn(boxes) -> ObjectSide:
    rects = [Rect(top, left, top + high, left + wide) for top, left, high, wide, _ in boxes]
    return side(*rects, classes=tuple(box[-1] for box in boxes))


@settings(max_examples=80, deadline=None)
@given(small_maps, small_maps)
def test_every_object_of_both_sides_has_exactly_one_kind(one, other):
    mine, theirs = drawn(one), drawn(other)
    result = found(mine, theirs)
    in_errors = (
        [i for e in result.errors for i in e.mine],
        [i for e in result.errors for i in e.theirs],
    )
    for named, whole in zip(in_errors, (mine, theirs), strict=True):
        present = set(np.unique(whole.ids).tolist()) - {0}
        assert len(named) == len(set(named))
        assert set(named) <= present
        assert len(present) - len(named) == result.matched
    assert set(result.kinds) == set(in_errors[0])


@settings(max_examples=80, deadline=None)
@given(small_maps, small_maps)
def test_the_other_way_round_merged_is_split_and_missed_is_invented(one, other):
    ways = found(drawn(one), drawn(other)), found(drawn(other), drawn(one))
    missed = [e.theirs for e in ways[0].errors if e.kind is ErrorKind.MISSED]
    invented = [e.mine for e in ways[1].errors if e.kind is ErrorKind.INVENTED]
    if not any(e.kind in (ErrorKind.MERGED, ErrorKind.SPLIT) for e in ways[0].errors):
        assert sorted(missed) == sorted(invented)
        assert ways[0].matched == ways[1].matched


@settings(max_examples=80, deadline=None)
@given(small_maps, small_maps, small_maps)
@example(  # one becomes as large as another
    [(0, 0, 1, 1, 1), (5, 3, 6, 6, 1), (6, 0, 2, 3, 1)], [], [(0, 0, 1, 1, 1), (4, 3, 6, 6, 1)]
)
def test_after_edits_it_is_as_if_all_were_counted_anew(one, other, edits):
    mine, theirs = drawn(one), drawn(other)
    painted = LabelMap(mine.labels.copy(), mine.ids.copy())
    pairs = ObjectPairs(mine, theirs, None)
    for number, (top, left, high, wide, class_id) in enumerate(edits):
        rect = Rect(top, left, top + high, left + wide)
        erases = number % 2
        labels = np.full(rect.shape_hw, 0 if erases else class_id, np.uint8)
        ids = np.full(rect.shape_hw, 0 if erases else 20 + number, np.uint16)
        assert painted.instances is not None
        patch = Patch(
            rect, painted.labels[rect.slices].copy(), labels,
            painted.instances[rect.slices].copy(), ids,
        )  # fmt: skip
        painted.apply(patch)
        pairs.follow(patch)
    assert painted.instances is not None
    anew = ObjectPairs(ObjectSide(painted.labels, painted.instances), theirs, None).errors()
    followed = pairs.errors()
    assert [(e.key, e.iou, e.pixels) for e in followed.errors] == [
        (e.key, e.iou, e.pixels) for e in anew.errors
    ]
    assert (followed.matched, followed.kinds) == (anew.matched, anew.kinds)
