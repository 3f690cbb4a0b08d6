"""Choosing the next images: values by hand, and batches that are not all of one kind."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from segstudio.core.errors import SegstudioError
from segstudio.models.families.unet import UNet
from segstudio.training.selection import (
    TilePick,
    disagreement,
    entropy,
    image_score,
    k_center_greedy,
    next_images,
    next_tiles,
    tiles_of,
)
from segstudio.training.selection_features import bottleneck_features, dropout_answers


def test_entropy_by_hand():
    p = np.array([[[1.0, 0.5, 0.25]], [[0.0, 0.5, 0.75]]])
    quarter = -(0.25 * np.log2(0.25) + 0.75 * np.log2(0.75))
    np.testing.assert_allclose(entropy(p), [[0, 1, quarter]], atol=1e-6)
    np.testing.assert_allclose(entropy(np.full((5, 2, 2), 0.2)), 1, atol=1e-6)
    assert not entropy(np.ones((1, 2, 2))).any()


def test_disagreement_by_hand():
    certain, other, torn = ([[[1.0]], [[0.0]]], [[[0.0]], [[1.0]]], [[[0.5]], [[0.5]]])
    assert disagreement(np.array([certain, other])) == pytest.approx(1)
    assert disagreement(np.array([certain, certain])) == 0
    assert disagreement(np.array([torn, torn])) == 0  # unsure, but of one mind
    # 1 and 0.5: variance 0.0625 of each of two classes, twice
    assert disagreement(np.array([certain, torn])) == pytest.approx(0.25)


def test_only_what_counts_makes_an_image_unsure():
    unsure = np.array([[0.2, 0.4], [1.0, 0.0]])
    assert image_score(unsure) == pytest.approx(0.4)
    assert image_score(unsure, np.array([[True, True], [False, False]])) == pytest.approx(0.3)
    assert image_score(unsure, np.zeros((2, 2), bool)) == 0


LINE = np.array([[0.0], [1.0], [5.0], [9.0], [10.0]])


def test_k_center_greedy_by_hand():
    # from 0: 10 is farthest; then 5, in the middle; then 1 and 9 are as far
    assert k_center_greedy(LINE, {0}, 2) == [(4, 10.0), (2, 5.0)]
    assert [i for i, _ in k_center_greedy(LINE, {0}, 9)] == [4, 2, 1, 3]
    assert [i for i, _ in k_center_greedy(LINE, {0}, 9, scores=[0, 0, 0, 1, 0])] == [4, 2, 3, 1]
    assert k_center_greedy(LINE, {0, 4}, 1, candidates={0, 1, 3}) == [(1, 1.0)]
    # where nothing is known the first is the one with the highest score
    first, second = k_center_greedy(LINE, set(), 2, scores=[0, 0, 0, 1, 0])
    assert first == (3, np.inf)
    assert second == (0, 9.0)
    assert k_center_greedy(LINE, set(range(5)), 3) == []


def test_k_center_greedy_covers_within_twice_the_best():
    points = np.random.default_rng(0).random((9, 2))

    def radius(centres):
        gaps = np.linalg.norm(points[:, None] - points[list(centres)], axis=2)
        return gaps.min(1).max()

    best = min(radius(c) for c in itertools.combinations(range(9), 3))
    assert radius([i for i, _ in k_center_greedy(points, set(), 3)]) <= 2 * best + 1e-9


def test_a_batch_is_not_all_of_one_kind():
    """Ten images of a kind that is most unsure, five of two others: each kind comes."""
    features = np.array([[0.0, 0]] * 10 + [[8.0, 0]] * 3 + [[0, 8.0]] * 2)
    features += np.random.default_rng(0).normal(0, 0.1, features.shape)
    scores = [0.9] * 10 + [0.5] * 3 + [0.4] * 2
    kind = [0] * 10 + [1] * 3 + [2] * 2
    picks = next_images(scores, features, known=(), count=4)
    assert {kind[p.index] for p in picks[:3]} == {0, 1, 2}
    assert picks[0].unsure == 0.9
    assert {kind[p.index] for p in next_images(scores, None, (), 4)} == {0}
    # what is known need not come again
    assert kind[next_images(scores, features, (0, 10), 4)[0].index] == 2


def test_what_the_network_is_sure_of_is_not_chosen_for_being_odd():
    features = np.array([[0.0], [0.1], [0.2], [0.3], [0.4], [99.0]])
    scores = [0.5, 0.6, 0.7, 0.8, 0.9, 0.01]
    picks = next_images(scores, features, known=(), count=1)
    assert picks[0].index == 4


def test_features_count_alike_however_large_their_numbers_are():
    # deviations 490 and 0.4: the second lies 2.04 from the first, and the third 2.5
    features = np.array([[0.0, 0], [1000, 0], [0, 1], [1000, 0], [1000, 0]])
    scores = [0.9, 0.5, 0.5, 0.5, 0.5]
    picks = next_images(scores, features, known=(), count=2)
    assert [p.index for p in picks] == [0, 2]
    assert picks[1].distance == pytest.approx(2.5)
    # what is the same everywhere tells nothing, and divides nothing by 0
    assert [p.index for p in next_images([0.1, 0.3, 0.2], np.ones((3, 4)), (), 3)] == [1, 2, 0]


def test_tiles_have_one_size_and_leave_out_what_is_reviewed():
    unsure = np.zeros((5, 8))
    unsure[:, 4:] = 0.5
    reviewed = np.zeros((5, 8), bool)
    reviewed[:4, :4] = True
    reviewed[:2, 4:] = True
    tiles = tiles_of(unsure, 4, reviewed, index=7)
    assert [(t.rows, t.columns) for t in tiles] == [
        (slice(0, 4), slice(4, 8)),
        (slice(1, 5), slice(0, 4)),
        (slice(1, 5), slice(4, 8)),
    ]
    assert [t.unsure for t in tiles] == pytest.approx([0.25, 0, 0.375])
    assert all(t.index == 7 for t in tiles)
    assert len(tiles_of(unsure, 100)) == 1


def test_chosen_tiles_do_not_overlap_and_are_of_several_images():
    first = [
        TilePick(0, slice(r, r + 4), slice(0, 4), s)
        for r, s in ((0, 0.9), (2, 0.8), (4, 0.7), (8, 0.6))
    ]
    second = [TilePick(1, slice(0, 4), slice(0, 4), 0.1)]
    picks = next_tiles([*second, *first], count=3, most=2)
    assert [(t.index, t.rows.start) for t in picks] == [(0, 0), (0, 4), (1, 0)]
    assert next_tiles([*second, *first], count=1)[0].unsure == 0.9


def test_the_choice_needs_no_torch():
    code = "import segstudio.training.selection, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_features_are_the_means_of_the_smallest_maps():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.down, self.pool, self.gate = nn.AvgPool2d(4), nn.AdaptiveAvgPool2d(1), nn.Sigmoid()
            self.up = nn.Upsample(scale_factor=4)

        def forward(self, x):
            small = self.down(x)
            return self.up(small * self.gate(self.pool(small)))

    images = torch.arange(2 * 3 * 64, dtype=torch.float32).view(2, 3, 8, 8)
    np.testing.assert_allclose(
        bottleneck_features(Net().eval(), images), images.mean((2, 3)), rtol=1e-6
    )


def test_features_of_a_unet_are_those_of_its_bottleneck():
    network = UNet(base_channels=4, depth=2).eval()
    features = bottleneck_features(network, torch.rand(3, 3, 32, 32))
    assert features.shape[0] == 3
    assert features.shape[1] >= 8
    assert len(np.unique(features, axis=0)) == 3


def test_a_network_without_maps_is_refused():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 3)

        def forward(self, x):
            return self.linear(x.mean((2, 3)))

    with pytest.raises(SegstudioError, match="no bottleneck"):
        bottleneck_features(Net().eval(), torch.rand(1, 3, 4, 4))


def test_passes_with_dropout_differ_and_leave_all_as_it_was():
    network = nn.Sequential(
        nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.Dropout(0.5), nn.Conv2d(8, 2, 1)
    )
    network.eval()
    images = torch.rand(2, 3, 6, 6)
    before, state = network(images), torch.random.get_rng_state()
    answers = dropout_answers(network, images, passes=4, seed=1)
    assert answers.shape == (4, 2, 2, 6, 6)
    np.testing.assert_allclose(answers.sum(2), 1, rtol=1e-5)
    assert disagreement(answers[:, 0]).max() > 0.001
    np.testing.assert_array_equal(answers, dropout_answers(network, images, passes=4, seed=1))
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.testing.assert_close(network(images), before)
    assert not any(m.training for m in network.modules())


def test_a_network_without_dropout_is_refused():
    with pytest.raises(SegstudioError, match="no dropout"):
        dropout_answers(nn.Conv2d(3, 2, 1).eval(), torch.rand(1, 3, 4, 4))
