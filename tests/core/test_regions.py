import numpy as np
import pytest
from scipy import ndimage

from segstudio.core.geometry import Rect
from segstudio.core.regions import region_at


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
