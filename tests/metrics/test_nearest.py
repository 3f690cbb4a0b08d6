"""Distances to the nearest marked pixel against SciPy's tree of points."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from segstudio.metrics import surface_distance
from segstudio.metrics.surface_distance import smallest_distances


def by_tree(places, marked):
    points = np.stack(np.unravel_index(places, marked.shape), axis=1)
    return np.sort(cKDTree(np.argwhere(marked)).query(points)[0])


def scattered(rng, shape, share):
    marked = rng.random(shape) < share
    marked[rng.integers(shape[0]), rng.integers(shape[1])] = True
    return marked


@pytest.mark.parametrize("shape", [(1, 1), (1, 60), (60, 1), (40, 70), (90, 30)])
@pytest.mark.parametrize("share", [0.0, 0.003, 0.2])
def test_all_of_them_equal_the_tree(shape, share):
    rng = np.random.default_rng(shape[0])
    marked = scattered(rng, shape, share)
    for number in (1, 2, 30):
        places = rng.integers(0, marked.size, number)
        found = smallest_distances(places, marked, number)
        # Squares of distances are whole numbers, so these are exact.
        assert found.tolist() == by_tree(places, marked).tolist()


@pytest.mark.parametrize("at_once", [1, 7, 4096])
def test_the_first_of_them_equal_the_tree(monkeypatch, at_once):
    monkeypatch.setattr(surface_distance, "_LOOKS_AT_ONCE", at_once)
    rng = np.random.default_rng(at_once)
    marked = scattered(rng, (80, 120), 0.002)
    places = rng.permutation(marked.size)[:500]
    expected = by_tree(places, marked)
    for count in (1, 2, 250, 475, 499, 500):
        found = smallest_distances(places, marked, count)
        assert found.tolist() == expected[:count].tolist()


def test_a_distance_transform_of_all_pixels_where_that_is_less_work(monkeypatch):
    rng = np.random.default_rng(3)
    marked = scattered(rng, (60, 90), 0.001)
    places = rng.permutation(marked.size)[:400]
    expected = smallest_distances(places, marked, 380)
    made = []
    monkeypatch.setattr(surface_distance, "_MOST_LOOKS_PER_PIXEL", 0.5)
    transform = surface_distance.cv2.distanceTransform
    monkeypatch.setattr(
        surface_distance.cv2, "distanceTransform", lambda *a: made.append(1) or transform(*a)
    )
    found = smallest_distances(places, marked, 380)
    assert made == [1]
    assert found.tolist() == expected.tolist()


def test_a_few_far_pixels_are_not_followed_up(monkeypatch):
    # 95 pixels lie beside the marked one, five at the other end of the map.
    marked = np.zeros((100, 4000), bool)
    marked[:, 0] = True
    places = np.ravel_multi_index(
        (np.arange(100), np.r_[np.ones(95), np.full(5, 3999)].astype(int)), marked.shape
    )
    looked = []
    by_columns = surface_distance._by_columns
    monkeypatch.setattr(
        surface_distance, "_by_columns", lambda *a: looked.append(by_columns(*a)) or looked[-1]
    )
    assert smallest_distances(places, marked, 95).tolist() == [1] * 95
    assert looked[0].size == 95
    far = ndimage.distance_transform_edt(~marked).ravel()[places]
    assert smallest_distances(places, marked, 100).tolist() == np.sort(far).tolist()
