"""Vote entropy against SciPy, regions against SciPy's labelling."""

import math
from collections import Counter

import numpy as np
import pytest
from scipy import ndimage, stats

from segstudio.core.errors import SegstudioError
from segstudio.metrics.votes import agreement, find_disagreement, vote_entropy


def random_maps(seed, number, shape=(17, 23), classes=4):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, classes, shape, dtype=np.uint8)
    others = rng.integers(0, classes, (number - 1, *shape), dtype=np.uint8)
    agree = rng.random((number - 1, *shape)) < 0.6
    return [first, *np.where(agree, first, others)]


@pytest.mark.parametrize("number", [2, 3, 4, 6, 9])
def test_entropy_equals_scipy_s_pixel_by_pixel(number):
    maps = random_maps(number, number)
    found = vote_entropy(maps)
    assert found.dtype == np.float32
    for y, x in np.ndindex(found.shape):
        votes = list(Counter(int(m[y, x]) for m in maps).values())
        assert found[y, x] == pytest.approx(stats.entropy(votes) / math.log(number), abs=1e-6)


def test_entropy_is_one_if_every_model_says_something_else_and_zero_if_all_agree():
    maps = [np.array([[i, 5]], np.uint8) for i in range(3)]
    assert vote_entropy(maps).tolist() == [[pytest.approx(1), 0]]
    assert vote_entropy(maps[:1]).tolist() == [[0, 0]]
    assert [a.tolist() for a in agreement(maps)] == [[[1, 3]]] * 3


def test_regions_equal_scipy_s():
    maps = random_maps(1, 3, (60, 80), classes=2)
    maps = [np.asarray(ndimage.median_filter(m, 7)) for m in maps]
    found = find_disagreement(maps)
    differ = (maps[0] != maps[1]) | (maps[0] != maps[2])
    numbers, number = ndimage.label(differ, np.ones((3, 3)))
    assert found.pixels == differ.sum()
    assert found.mean_entropy == pytest.approx(vote_entropy(maps).mean())
    assert len(found.regions) == number > 5
    sizes = ndimage.sum_labels(differ, numbers, range(1, number + 1))
    assert [r.pixels for r in found.regions] == sorted(sizes.astype(int).tolist(), reverse=True)
    for region in found.regions:
        mask = np.zeros(differ.shape, bool)
        mask[region.rect.slices] = found.mask(region)
        x, y = region.point_xy
        assert mask[y, x]
        assert np.array_equal(mask, numbers == numbers[y, x])
        rows, columns = np.nonzero(mask)
        box = (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
        assert box == (region.rect.top, region.rect.left, region.rect.bottom, region.rect.right)
        assert region.mean_entropy == pytest.approx(found.entropy[mask].mean())


def test_small_regions_and_ignored_pixels_are_left_out():
    first, second = np.zeros((2, 10, 20), np.uint8)
    second[1:3, 1:3] = 1
    second[5, 5] = 2
    second[8, 15:] = 3
    assert [r.pixels for r in find_disagreement([first, second]).regions] == [5, 4, 1]
    assert [r.pixels for r in find_disagreement([first, second], min_pixels=2).regions] == [5, 4]
    assert [r.pixels for r in find_disagreement([first, second], max_regions=1).regions] == [5]
    counted = np.ones((10, 20), bool)
    counted[:, 15:] = False
    found = find_disagreement([first, second], counted)
    assert [r.pixels for r in found.regions] == [4, 1]
    assert (found.pixels, found.mean_entropy) == (5, pytest.approx(5 / 200))
    assert find_disagreement([first, first]).regions == ()


def test_what_cannot_be_compared_is_refused():
    one = np.zeros((2, 2), np.uint8)
    with pytest.raises(ValueError):
        vote_entropy([])
    with pytest.raises(SegstudioError):
        vote_entropy([one, one[:1]])
    with pytest.raises(SegstudioError):
        find_disagreement([one, one], np.ones((3, 3), bool))
    with pytest.raises(ValueError):
        agreement([one] * 256)
