"""CKA over a set against the formula of the unbiased HSIC written out with matrices."""

import numpy as np
import pytest

from segstudio.core.errors import SegstudioError
from segstudio.inspection.nets.set_similarity import SetSimilarity


def hsic(x, y):
    """Song et al. (2012), equation 5, with every sum as a matrix product."""
    n = len(x)
    k, m = x @ x.T, y @ y.T
    np.fill_diagonal(k, 0)
    np.fill_diagonal(m, 0)
    one = np.ones(n)
    return (
        np.trace(k @ m)
        + (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
        - 2 / (n - 2) * (one @ k @ m @ one)
    ) / (n * (n - 3))


@pytest.fixture
def images():
    rng = np.random.default_rng(1)
    found = []
    for _ in range(3):
        base = rng.normal(size=(20, 4))
        first = [base * 3 + 5, rng.normal(size=(20, 7))]
        second = [base @ rng.normal(size=(4, 6)), rng.normal(size=(20, 2)), base[:, :1] ** 2]
        found.append((first, second))
    return found


def test_it_is_the_sum_of_the_images_hsic(images):
    sums = SetSimilarity(2, 3)
    for first, second in images:
        sums.add(first, second)
    matrix = sums.matrix()
    assert sums.images == 3
    for i in range(2):
        for j in range(3):
            cross = sum(hsic(a[i], b[j]) for a, b in images)
            norm = sum(hsic(a[i], a[i]) for a, _ in images) * sum(
                hsic(b[j], b[j]) for _, b in images
            )
            assert matrix[i, j] == pytest.approx(cross / np.sqrt(norm), abs=1e-9)


def test_rotated_scaled_and_moved_features_are_alike_and_unrelated_ones_are_not():
    rng = np.random.default_rng(2)
    base = rng.normal(size=(256, 5))
    turned = 7 * base @ np.linalg.qr(rng.normal(size=(5, 5)))[0] + 3
    wide = rng.normal(size=(256, 900))
    sums = SetSimilarity(1, 2)
    sums.add([base], [turned, wide])
    alike, unrelated = sums.matrix()[0]
    assert alike == pytest.approx(1, abs=1e-9)
    assert abs(unrelated) < 0.05  # the plain estimate finds more than 0.1 here


def test_a_stage_that_says_the_same_everywhere_has_no_similarity():
    sums = SetSimilarity(1, 2)
    rng = np.random.default_rng(3)
    sums.add([rng.normal(size=(9, 2))], [np.full((9, 3), 0.1), rng.normal(size=(9, 3))])
    assert np.isnan(sums.matrix()[0, 0])
    assert not np.isnan(sums.matrix()[0, 1])


def test_too_few_positions_are_refused():
    with pytest.raises(SegstudioError, match="positions"):
        SetSimilarity(1, 1).add([np.ones((3, 2))], [np.ones((3, 2))])
