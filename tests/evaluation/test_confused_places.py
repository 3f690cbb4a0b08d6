"""Places where one class is taken for another, counted by hand."""

import numpy as np
import pytest

from segstudio.core.errors import SegstudioError
from segstudio.core.geometry import Rect
from segstudio.evaluation.confused_places import Place, confused_places

TRUTH = np.array(
    [
        [1, 1, 0, 0, 2],
        [1, 1, 0, 0, 2],
        [0, 0, 1, 0, 2],
        [0, 0, 0, 0, 2],
    ],
    np.uint8,
)
PREDICTION = np.array(
    [
        [0, 0, 0, 0, 2],
        [1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [1, 0, 0, 0, 2],
    ],
    np.uint8,
)


def test_touching_pixels_are_one_place_and_the_largest_comes_first():
    # class 1 missed: (0, 0), (1, 0), (1, 1) and, by its corner, (2, 2)
    assert confused_places(TRUTH, PREDICTION, 1, 0) == (Place(Rect(0, 0, 3, 3), 4),)
    # class 2 missed in two rows, found at both ends
    assert confused_places(TRUTH, PREDICTION, 2, 0) == (Place(Rect(1, 4, 3, 5), 2),)
    assert confused_places(TRUTH, PREDICTION, 2, 2) == (
        Place(Rect(0, 4, 1, 5), 1),
        Place(Rect(3, 4, 4, 5), 1),
    )


def test_the_smallest_places_are_left_out_where_there_are_too_many():
    truth = np.zeros((3, 9), np.uint8)
    said = np.array([[1, 0, 1, 1, 0, 1, 1, 1, 0]] + [[0] * 9] * 2, np.uint8)
    assert [p.pixels for p in confused_places(truth, said, 0, 1)] == [3, 2, 1]
    assert [p.pixels for p in confused_places(truth, said, 0, 1, most=2)] == [3, 2]


def test_nothing_confused_gives_no_place_and_all_confused_gives_one():
    blank, full = np.zeros((4, 6), np.uint8), np.ones((4, 6), np.uint8)
    assert confused_places(blank, blank, 0, 1) == ()
    assert confused_places(blank, full, 0, 1) == (Place(Rect(0, 0, 4, 6), 24),)
    empty = np.zeros((0, 0), np.uint8)
    assert confused_places(empty, empty, 0, 1) == ()


def test_maps_of_different_sizes_are_refused():
    with pytest.raises(SegstudioError):
        confused_places(np.zeros((4, 6), np.uint8), np.zeros((6, 4), np.uint8), 0, 1)
