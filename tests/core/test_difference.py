import numpy as np
import pytest

from segstudio.core import difference as d


def test_every_case_by_hand():
    reference = np.array([[0, 1, 0, 1, 1, 255, 255, 255]], np.uint8)
    prediction = np.array([[0, 1, 1, 0, 2, 0, 1, 255]], np.uint8)
    expected = [
        d.NOTHING, d.AGREE, d.ONLY_PREDICTION, d.ONLY_REFERENCE, d.WRONG_CLASS,
        d.IGNORED, d.IGNORED, d.IGNORED,
    ]  # fmt: skip
    assert d.difference(reference, prediction).tolist() == [expected]
    assert [d.NOTHING, d.AGREE, d.ONLY_PREDICTION, d.ONLY_REFERENCE, d.WRONG_CLASS] == [
        0,
        1,
        2,
        3,
        4,
    ]


def test_without_an_ignore_index_255_is_a_class():
    codes = d.difference(np.array([[255, 255]], np.uint8), np.array([[255, 0]], np.uint8), None)
    assert codes.tolist() == [[d.AGREE, d.ONLY_REFERENCE]]


def test_a_part_equals_the_part_of_the_whole():
    reference, prediction = np.random.default_rng(1).integers(0, 3, (2, 20, 30), dtype=np.uint8)
    part = (slice(3, 9), slice(4, 29))
    whole = d.difference(reference, prediction, 2)
    np.testing.assert_array_equal(d.difference(reference[part], prediction[part], 2), whole[part])


def test_shapes():
    nothing = np.zeros((0, 4), np.uint8)
    assert d.difference(nothing, nothing).shape == (0, 4)
    with pytest.raises(ValueError):
        d.difference(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8))


def test_where_class_0_is_a_class_like_the_others():
    """CamVid's sky; 9 is what a prediction holds where it is none of the classes."""
    reference = np.array([[0, 0, 1, 1, 0]], np.uint8)
    prediction = np.array([[0, 1, 0, 9, 9]], np.uint8)
    codes = d.difference(reference, prediction, nothing=9)
    assert codes.tolist() == [
        [d.AGREE, d.WRONG_CLASS, d.WRONG_CLASS, d.ONLY_REFERENCE, d.ONLY_REFERENCE]
    ]
