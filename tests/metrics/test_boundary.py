from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from segstudio.metrics.boundary import BoundaryCounts, boundary_distance, inner_boundary


def test_the_distance_is_two_percent_of_the_diagonal():
    assert boundary_distance((300, 400)) == 10
    assert boundary_distance((3, 4)) == 1


def test_the_boundary_of_a_square_and_of_one_at_the_border():
    region = np.zeros((10, 10), bool)
    region[2:8, 2:8] = True
    expected = region.copy()
    expected[3:7, 3:7] = False
    assert np.array_equal(inner_boundary(region, 1), expected)
    assert inner_boundary(np.ones((5, 5), bool), 1).sum() == 16


@pytest.mark.parametrize("distance", [1, 2, 5])
def test_it_equals_the_chessboard_distance_to_the_outside(distance):
    region = np.random.default_rng(distance).random((60, 50)) > 0.02
    far = ndimage.distance_transform_cdt(np.pad(region, 1), "chessboard")[1:-1, 1:-1]
    assert np.array_equal(inner_boundary(region, distance), region & (far <= distance))


def test_counts_by_hand():
    truth = np.zeros((20, 20), np.uint8)  # distance 1
    truth[2:8, 2:8] = 1
    shifted = np.roll(truth, 1, axis=1)
    counts = BoundaryCounts()
    counts.add(truth, truth, None)
    assert counts.iou([0, 1]).tolist() == [1.0, 1.0]
    counts = BoundaryCounts()
    counts.add(truth, shifted, None)
    # Two rings of 20 pixels, shifted by one column, share 5 + 5 of the top and bottom rows.
    assert counts.iou([1])[0] == pytest.approx(10 / 30)
    assert np.isnan(counts.iou([7])[0])


def test_ignored_pixels_count_nowhere():
    truth = np.zeros((20, 20), np.uint8)
    truth[2:8, 2:8] = 1
    prediction = truth.copy()
    truth[10:] = 255
    prediction[12:15, 3:9] = 1
    counts = BoundaryCounts()
    counts.add(truth, prediction, 255)
    assert counts.iou([1])[0] == 1.0
    assert not counts.either[255]


def test_what_is_predicted_on_ignored_pixels_does_not_move_the_boundary():
    truth = np.zeros((20, 20), np.uint8)
    truth[:, 8:] = 1
    truth[:, 14:] = 255
    for predicted in (0, 1, 2):
        prediction = np.where(truth == 255, predicted, truth).astype(np.uint8)
        counts = BoundaryCounts()
        counts.add(truth, prediction, 255)
        assert counts.iou([0, 1]).tolist() == [1.0, 1.0]
        assert not counts.either[2]


def test_a_single_pixel_has_a_boundary():
    truth = np.zeros((9, 9), np.uint8)
    truth[4, 4] = 1
    for prediction, expected in ((truth, 1.0), (np.zeros_like(truth), 0.0)):
        counts = BoundaryCounts()
        counts.add(truth, prediction, None)
        assert counts.iou([1])[0] == expected
