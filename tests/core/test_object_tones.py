"""Near objects have different colours, and keep them."""

from __future__ import annotations

import numpy as np

from segstudio.core.labels import LabelMap
from segstudio.core.object_index import ObjectIndex, boxes_of
from segstudio.core.object_tones import plain_tones, retoned, told_apart


def boxes(*rows: tuple[int, int, int, int]) -> np.ndarray:
    return np.array(rows, np.int32)


def tones(*values: int) -> np.ndarray:
    return np.array(values, np.uint16)


def test_far_objects_keep_the_colour_of_their_number():
    apart = boxes((0, 0, 10, 10), (0, 22, 10, 32))  # a gap of 12
    assert told_apart(apart, tones(3, 3)).tolist() == [3, 3]


def test_of_near_ones_the_later_gets_the_next_free_colour():
    near = boxes((0, 0, 10, 10), (0, 21, 10, 31))  # a gap of 11
    assert told_apart(near, tones(3, 3)).tolist() == [3, 4]
    below = boxes((21, 0, 31, 10), (0, 0, 10, 10))
    assert told_apart(below, tones(10, 10)).tolist() == [10, 1]


def test_in_a_clutter_all_near_ones_differ():
    grid = [(30 * r, 30 * c, 30 * r + 25, 30 * c + 25) for r in range(20) for c in range(20)]
    where = boxes(*grid)
    found = told_apart(where, np.ones(len(grid), np.uint16)).reshape(20, 20)
    assert (found[:, 1:] != found[:, :-1]).all()
    assert (found[1:] != found[:-1]).all()
    assert (found[1:, 1:] != found[:-1, :-1]).all()
    assert (found[1:, :-1] != found[:-1, 1:]).all()
    assert found.max() <= 10


def test_where_all_colours_are_taken_the_rarest_is_used():
    where = boxes(*[(0, 0, 10, 10)] * 12)
    found = told_apart(where, np.ones(12, np.uint16))
    assert sorted(found[:10].tolist()) == list(range(1, 11))
    assert found[10] != found[11]


def test_an_object_that_grows_beside_another_of_its_colour_gets_another():
    labels, ids = np.zeros((20, 60), np.uint8), np.zeros((20, 60), np.uint16)
    ids[5:10, 5:10], ids[5:10, 40:45] = 1, 11  # of one colour, by number
    labels[ids > 0] = 1
    table, index = plain_tones().copy(), ObjectIndex.of(LabelMap(labels, ids))
    assert retoned(table, index, [11]) == []
    ids[5:10, 12:40] = 11
    labels[ids > 0] = 1
    assert retoned(table, ObjectIndex.of(LabelMap(labels, ids)), [11]) == [11]
    assert (table[1], table[11]) == (1, 2)


def test_boxes_of_ids_in_strips():
    ids = np.zeros((600, 40), np.uint16)
    ids[250:520, 3:9], ids[599, 39] = 7, 65535
    numbers, where = boxes_of(ids)
    assert numbers.tolist() == [7, 65535]
    assert where.tolist() == [[250, 3, 520, 9], [599, 39, 600, 40]]
