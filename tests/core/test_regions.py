import numpy as np
import pytest
from scipy import ndimage

from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap
from segstudio.core.mask_preview import MaskPreview
from segstudio.core.regions import filled_region, region_at, roughly_filled


def test_connected_by_edges_not_corners():
    labels = np.array([[1, 0, 1], [0, 1, 1], [1, 0, 0]], np.uint8)
    rect, mask = region_at(labels, (2, 0), contiguous=True)
    assert rect == Rect(0, 1, 2, 3)
    np.testing.assert_array_equal(mask, [[False, True], [True, True]])
    rect, mask = region_at(labels, (2, 0), contiguous=False)
    assert rect == Rect(0, 0, 3, 3)
    np.testing.assert_array_equal(mask, labels == 1)


@pytest.mark.parametrize("seed", range(10))
def test_equals_connected_components(seed):
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.array([0, 1, 255], np.uint8), (30, 40))
    labels.flags.writeable = False
    x, y = int(rng.integers(40)), int(rng.integers(30))
    rect, mask = region_at(labels, (x, y), contiguous=True)
    components, _ = ndimage.label(labels == labels[y, x])
    expected = components == components[y, x]
    got = np.zeros_like(expected)
    got[rect.slices] = mask
    np.testing.assert_array_equal(got, expected)
    for side in (mask[0], mask[-1], mask[:, 0], mask[:, -1]):
        assert side.any()


@pytest.mark.parametrize("point", [(-1, 0), (0, -1), (3, 0), (0, 2)])
def test_outside_there_is_nothing(point):
    rect, mask = region_at(np.zeros((2, 3), np.uint8), point, contiguous=True)
    assert rect.is_empty
    assert mask.size == 0


def large() -> LabelMap:
    """2,000 x 1,500 pixels: a frame of class 1 around the image, a small square of class 2."""
    labels = np.zeros((2000, 1500), np.uint8)
    labels[:10], labels[-10:], labels[:, :10], labels[:, -10:] = 1, 1, 1, 1
    labels[701:708, 301:308] = 2
    labels[708, 308] = 2  # by a corner
    return LabelMap(labels)


def test_a_small_region_of_a_large_map_is_previewed_pixel_by_pixel():
    for contiguous in (True, False):
        rect, mask, step = roughly_filled(large(), (304, 703), contiguous=contiguous)
        if contiguous:
            assert step == 1
            assert (rect, mask.all()) == (Rect(701, 301, 708, 308), True)
        else:
            assert step == 2


def test_a_large_region_is_previewed_with_a_part_of_its_pixels():
    rect, mask, step = roughly_filled(large(), (3, 3), contiguous=True)
    assert step == 2
    assert rect == Rect(0, 0, 1000, 750)
    exact = filled_region(large(), (3, 3), contiguous=True)
    assert np.array_equal(mask, exact[1][::2, ::2])
    preview = MaskPreview.rough(rect, mask, step, (2000, 1500))
    assert preview.covers(3, 1999)
    assert preview.covers(1499, 700)
    assert not preview.covers(700, 700)
    assert not preview.covers(1500, 700)


def test_the_pixel_that_was_pointed_at_counts_also_between_those_that_are_looked_at():
    labels = np.zeros((2000, 1500), np.uint8)
    labels[101, 101] = 3
    rect, mask, step = roughly_filled(LabelMap(labels), (101, 101), contiguous=False)
    assert (rect, mask.tolist(), step) == (Rect(50, 50, 51, 51), [[True]], 2)


def test_a_small_map_is_looked_at_as_a_whole():
    labels = np.array([[1, 0, 1], [0, 1, 1], [1, 0, 0]], np.uint8)
    rect, mask, step = roughly_filled(LabelMap(labels), (2, 0), contiguous=True)
    assert (rect, step) == (Rect(0, 1, 2, 3), 1)
    assert mask.tolist() == [[False, True], [True, True]]
