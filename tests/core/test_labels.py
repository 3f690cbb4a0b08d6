import numpy as np
import pytest

from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap, Patch

WHOLE = Rect(0, 0, 2, 3)
ALL = np.ones((2, 3), np.bool_)


def test_labels_change_by_apply_only():
    label_map = LabelMap.empty((2, 3))
    with pytest.raises(ValueError, match="read-only"):
        label_map.labels[0, 0] = 1
    patch = label_map.paint(Rect(0, 1, 2, 3), np.array([[True, False], [True, True]]), 7)
    assert not label_map.labels.any()
    label_map.apply(patch)
    assert label_map.labels.tolist() == [[0, 7, 0], [0, 7, 7]]
    assert label_map.revision == 1
    label_map.apply(patch.inverse())
    assert not label_map.labels.any()
    assert label_map.revision == 2


def test_painting_what_is_there_already_is_no_patch():
    label_map = LabelMap(np.full((2, 3), 4, np.uint8))
    assert label_map.paint(WHOLE, ALL, 4) is None
    assert label_map.paint(WHOLE, ~ALL, 5) is None


def test_instance_ids_are_painted_too():
    ids = np.array([[1, 1, 0], [0, 0, 0]], np.uint16)
    label_map = LabelMap((ids > 0).astype(np.uint8), ids)
    patch = label_map.paint(Rect(0, 0, 1, 2), np.ones((1, 2), np.bool_), 1, instance_id=9)
    assert patch.instances_after.tolist() == [[9, 9]]
    label_map.apply(patch)
    assert label_map.instances.tolist() == [[9, 9, 0], [0, 0, 0]]
    label_map.apply(patch.inverse())
    np.testing.assert_array_equal(label_map.instances, ids)


def test_a_copy_is_independent():
    label_map = LabelMap(np.zeros((2, 3), np.uint8), np.zeros((2, 3), np.uint16))
    other = label_map.copy()
    other.apply(other.paint(WHOLE, ALL, 1, instance_id=1))
    assert not label_map.labels.any()
    assert not label_map.instances.any()
    assert (label_map.revision, other.revision) == (0, 1)


def test_what_does_not_fit_is_refused():
    label_map = LabelMap.empty((2, 3))
    one = np.zeros((1, 1), np.uint8)
    with pytest.raises(ValueError, match="outside"):
        label_map.apply(Patch(Rect(2, 0, 3, 1), one, one))
    with pytest.raises(ValueError):
        LabelMap(np.zeros((2, 3), np.int64))
    with pytest.raises(ValueError):
        LabelMap(np.zeros((2, 3), np.uint8), np.zeros((2, 2), np.uint16))


def test_a_patch_is_of_the_rectangle_that_changes() -> None:
    label_map = LabelMap(np.zeros((6, 8), np.uint8))
    label_map.apply(label_map.paint(Rect(0, 0, 6, 4), np.ones((6, 4), np.bool_), 2))
    patch = label_map.paint(Rect(1, 2, 5, 7), np.ones((4, 5), np.bool_), 2)
    assert patch.rect == Rect(1, 4, 5, 7)  # columns 2 and 3 are of class 2 already
    assert np.array_equal(patch.after, np.full((4, 3), 2))
    label_map.apply(patch)
    assert np.count_nonzero(label_map.labels) == 6 * 4 + 4 * 3
