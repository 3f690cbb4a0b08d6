"""Statistics, agreement, principal components and the checkerboard measure."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from segstudio.core.errors import SegstudioError
from segstudio.inspection.nets.projection import pca_rgb, principal_components
from segstudio.inspection.nets.spectrum import checkerboard
from segstudio.inspection.nets.statistics import agreement, channel_statistics


def maps(*rows):
    return np.array(rows, np.float16)


def random_maps(channels, height, width, seed=0):
    return np.random.default_rng(seed).normal(size=(channels, height, width)).astype(np.float16)


def test_channel_statistics_by_hand():
    found = channel_statistics(
        maps([[0, 2], [4, 6]], [[0, 0], [0, 0]], [[0, 0], [0, 8]], [[5, 5], [5, 5]])
    )
    assert found.mean.tolist() == [3, 0, 2, 5]
    assert found.std == pytest.approx([5**0.5, 0, 12**0.5, 0])
    assert found.sparsity.tolist() == [0.25, 1, 0.75, 0]
    assert found.minimum.tolist() == [0, 0, 0, 5]
    assert found.maximum.tolist() == [6, 0, 8, 5]
    assert found.dead.tolist() == [False, True, False, True]
    many = random_maps(150, 4, 5)
    assert np.allclose(channel_statistics(many).mean, many.astype(float).mean((1, 2)), atol=1e-5)


def test_agreement_by_hand():
    mask = np.zeros((4, 4), bool)
    mask[:2, :2] = True  # one quarter
    perfect = np.where(mask, 3.0, 1.0)
    shifted = np.zeros((4, 4))
    shifted[:2, 1:3] = 5  # two of its four strongest positions lie in the mask: 2 / 6
    found = agreement(maps(perfect, shifted, np.ones((4, 4))), mask)
    assert found == pytest.approx([1, 1 / 3, 0])
    # a mask of twice the size is brought to the grid
    assert agreement(maps(perfect), np.kron(mask, np.ones((2, 2), bool))) == pytest.approx([1])
    assert np.isnan(agreement(maps(perfect), np.zeros((4, 4), bool))).all()
    # half of the positions marked: all four and four more
    ramp = np.where(mask, 9.0, np.arange(16).reshape(4, 4) / 16)
    assert agreement(maps(ramp), mask, share=0.5) == pytest.approx([0.5])
    # a channel that is zero but for one position does not mark the zeros
    single = np.zeros((4, 4))
    single[0, 0] = 1
    assert agreement(maps(single), mask) == pytest.approx([0.25])


@pytest.mark.parametrize("shape", [(6, 9, 11), (40, 3, 5)])
def test_principal_components_against_scikit_learn(shape):
    features = random_maps(*shape)
    found = principal_components(features).reshape(3, -1)
    data = features.astype(float).reshape(shape[0], -1).T
    expected = PCA(3, svd_solver="full").fit_transform(data).T
    for ours, theirs in zip(found, expected, strict=True):
        assert np.allclose(np.abs(ours), np.abs(theirs), atol=1e-4)
        assert abs(np.corrcoef(ours, theirs)[0, 1]) == pytest.approx(1)


def test_pca_picture():
    picture = pca_rgb(random_maps(8, 10, 12))
    assert picture.shape == (10, 12, 3)
    assert picture.dtype == np.uint8
    assert picture.min() == 0
    assert picture.max() == 255
    plain = pca_rgb(random_maps(2, 10, 12))  # two channels have no third component
    assert (plain[..., 2] == 0).all()
    assert (pca_rgb(np.zeros((4, 5, 5), np.float16)) == 0).all()


def test_checkerboard():
    y, x = np.mgrid[:32, :48]
    board = np.where((x + y) % 2, 1.0, -1.0)
    stripes = np.where(x % 2, 1.0, -1.0)
    smooth = np.sin(2 * np.pi * x / 16)
    found = checkerboard(maps(board, stripes, smooth, board + smooth))
    # the sine's energy is half that of the board
    assert found.share == pytest.approx([1, 1, 0, 2 / 3], abs=1e-3)
    noise = checkerboard(random_maps(64, 32, 48))
    assert noise.excess == pytest.approx(1, abs=0.1)
    # of 32 x 48 bins, one row and one column less their crossing are at the Nyquist frequency
    assert noise.mean_share == pytest.approx((32 + 48 - 1) / (32 * 48), rel=0.1)
    assert checkerboard(np.zeros((2, 9, 11), np.float16)).mean_share == 0
    with pytest.raises(SegstudioError):
        checkerboard(np.zeros((2, 4, 4), np.float16))
