"""Parts of a model's map are taken with their objects; outlines follow the pixels."""

import numpy as np
import pytest

from segstudio.annotation.region_copy import differing_region, matched_objects, taken
from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap
from segstudio.core.outline import outline_segments


def drawn(*rows: str) -> np.ndarray:
    """Digits as an array; dots are 0."""
    return np.array([[int(c.replace(".", "0")) for c in row] for row in rows], np.uint8)


def apply(annotation: LabelMap, patch) -> LabelMap:
    annotation.apply(patch)
    return annotation


def test_only_masked_pixels_change_and_the_patch_undoes_itself():
    annotation = LabelMap(drawn("11..", "11..", "...."))
    said = drawn("2222", "2222", "2222")
    mask = drawn("11", "01").astype(bool)
    patch = taken(annotation, Rect(1, 1, 3, 3), mask, said, None)
    before = annotation.labels.copy()
    assert apply(annotation, patch).labels.tolist() == drawn("11..", "122.", "..2.").tolist()
    assert apply(annotation, patch.inverse()).labels.tolist() == before.tolist()


def test_nothing_changes_where_both_say_the_same():
    annotation = LabelMap(drawn("12"))
    assert taken(annotation, Rect(0, 0, 1, 2), np.ones((1, 2), bool), drawn("12"), None) is None


def with_ids(labels: np.ndarray, ids: np.ndarray) -> LabelMap:
    return LabelMap(labels, ids.astype(np.uint16))


def test_a_part_of_an_object_that_goes_on_outside_gets_that_objects_id():
    annotation = with_ids(drawn("11....", "......"), drawn("77....", "......"))
    said = drawn("1111..", "......")
    patch = taken(annotation, Rect(0, 2, 1, 4), np.ones((1, 2), bool), said, None)
    assert apply(annotation, patch).instances.tolist() == [[7, 7, 7, 7, 0, 0], [0] * 6]


def test_objects_that_stand_alone_get_new_ids_each():
    annotation = with_ids(drawn("1.....", "......"), drawn("4.....", "......"))
    said = drawn("1.11.1", "......")
    patch = taken(annotation, Rect(0, 1, 1, 6), np.ones((1, 5), bool), said, None)
    assert apply(annotation, patch).instances.tolist()[0] == [4, 0, 5, 5, 0, 6]


def test_touching_objects_that_the_model_tells_apart_stay_apart():
    annotation = with_ids(drawn("11...."), drawn("33...."))
    said, ids = drawn("111111"), np.array([[1, 1, 2, 2, 8, 8]], np.uint16)
    patch = taken(annotation, Rect(0, 2, 1, 6), np.ones((1, 4), bool), said, ids)
    # object 2 touches the annotation's object 3, but the model calls that one 1
    assert apply(annotation, patch).instances.tolist() == [[3, 3, 4, 4, 5, 5]]


def test_of_two_neighbours_the_one_with_the_longer_border_goes_on():
    annotation = with_ids(drawn("1..1", "1..1", "...1"), drawn("2..5", "2..5", "...5"))
    said = drawn("1111", "1111", ".111")
    mask = drawn("11", "11", "11").astype(bool)
    patch = taken(annotation, Rect(0, 1, 3, 3), mask, said, None)
    found = apply(annotation, patch).instances
    assert found.tolist() == [[2, 5, 5, 5], [2, 5, 5, 5], [0, 5, 5, 5]]


def test_background_takes_the_ids_away():
    annotation = with_ids(drawn("1111"), drawn("9999"))
    patch = taken(annotation, Rect(0, 1, 1, 3), np.ones((1, 2), bool), drawn("...."), None)
    after = apply(annotation, patch)
    assert after.labels.tolist() == [[1, 0, 0, 1]]
    assert after.instances.tolist() == [[9, 0, 0, 9]]


def test_a_differing_region_is_connected_and_of_one_answer():
    annotation = LabelMap(drawn("......", "......", "222..."))
    said = drawn("11.112", "11.112", "......")
    rect, mask = differing_region(annotation, said, None, (3, 1))
    assert (rect, mask.tolist()) == (Rect(0, 3, 2, 5), [[True, True]] * 2)
    rect, mask = differing_region(annotation, said, None, (2, 2))
    assert (rect, mask.tolist()) == (Rect(2, 0, 3, 3), [[True] * 3])
    ids = np.array([[1, 1, 0, 2, 3, 4]] * 2 + [[0] * 6], np.uint16)
    assert differing_region(annotation, said, ids, (3, 1))[0] == Rect(0, 3, 2, 4)


@pytest.mark.parametrize("point", [(2, 0), (6, 0), (-1, 0), (0, 3)])
def test_there_is_no_region_where_nothing_differs(point):
    annotation = LabelMap(drawn("......", "......", "222..."))
    rect, mask = differing_region(annotation, drawn("11.112", "11.112", "..." * 2), None, point)
    assert rect.is_empty
    assert mask.size == 0


def test_outlines_run_along_the_edges_of_pixels():
    lines = outline_segments(drawn("11", "1.").astype(bool))
    expected = {
        (0, 0, 2, 0), (1, 1, 2, 1), (0, 2, 1, 2),
        (0, 0, 0, 2), (1, 1, 1, 2), (2, 0, 2, 1),
    }  # fmt: skip
    assert {tuple(line) for line in lines.tolist()} == expected
    assert len(outline_segments(np.zeros((3, 2), bool))) == 0
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    assert len(outline_segments(ring)) == 8


def test_objects_that_replace_others_have_the_ids_of_those_they_overlap_most():
    before = drawn("11.11.", "11.11.", "......")
    ids = drawn("77.88.", "77.88.", "......").astype(np.uint16)
    said = drawn("111..1", "111..1", "2.....")
    # The left region has all of object 7; the right one touches no object, nor does class 2: they
    # are numbered on in reading order, and object 8 is gone.
    found = matched_objects(said, None, before, ids)
    assert found.tolist() == drawn("777..8", "777..8", "9.....").tolist()


def test_one_id_is_given_once_to_the_best_and_the_others_get_new_ones():
    before = drawn("111111")
    ids = drawn("555555").astype(np.uint16)
    said = drawn("1.1111")  # object 5 was cut in two: IoU 1/6 and 4/6
    assert matched_objects(said, None, before, ids).tolist() == drawn("6.5555").tolist()


def test_a_models_own_objects_are_matched_too_and_what_is_ignored_is_none():
    before = drawn("1122")
    ids = np.array([[3, 3, 4, 4]], np.uint16)
    said = np.array([[1, 1, 2, 255]], np.uint8)
    own = np.array([[1, 1, 2, 2]], np.uint16)
    found = matched_objects(said, own, before, ids, frozenset({0, 255}))
    assert found.tolist() == [[3, 3, 4, 0]]


def test_new_objects_have_ids_above_those_that_stay_elsewhere():
    said, before = drawn("1.1."), drawn("1...")
    ids = drawn("3...").astype(np.uint16)
    found = matched_objects(said, None, before, ids, highest_kept=6)
    assert found.tolist() == drawn("3.7.").tolist()
