"""Distances of outlines against all pairs of pixels, and against SciPy on real masks."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy import ndimage

from segstudio.core.errors import SegstudioError
from segstudio.metrics.surface_distance import HausdorffSums, hausdorff, outlines

NUCLEI = Path(__file__).resolve().parents[3] / "shared" / "data" / "nuclei" / "instances"


def outline_pixel_by_pixel(region):
    h, w = region.shape

    def inside(y, x):
        return 0 <= y < h and 0 <= x < w and region[y, x]

    return [
        (y, x)
        for y, x in np.argwhere(region)
        if not all(inside(y + dy, x + dx) for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)))
    ]


def by_all_pairs(truth, prediction, percentile):
    a, b = (np.array(outline_pixel_by_pixel(m), float) for m in (truth, prediction))
    far = np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2))
    return max(
        np.percentile(far.min(axis=1), percentile), np.percentile(far.min(axis=0), percentile)
    )


def by_scipy(truth, prediction):
    """As MONAI: erosion and exact Euclidean distances of SciPy, larger of the two percentiles."""
    edges = [m ^ ndimage.binary_erosion(m) for m in (truth, prediction)]
    one, other = (ndimage.distance_transform_edt(~b)[a] for a, b in (edges, edges[::-1]))
    return max(np.percentile(one, 95), np.percentile(other, 95))


def blobs(rng, shape, share):
    smooth = ndimage.gaussian_filter(rng.random(shape), 2.5)
    return smooth > np.quantile(smooth, 1 - share)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("percentile", [95, 100, 50])
def test_it_equals_the_distances_of_all_pairs_of_pixels(seed, percentile):
    rng = np.random.default_rng(seed)
    truth, prediction = blobs(rng, (31, 47), 0.2), blobs(rng, (31, 47), 0.3)
    if seed == 5:
        truth, prediction = rng.random((2, 20, 20)) < 0.1
    assert sorted(map(tuple, np.argwhere(outlines(truth) & truth))) == sorted(
        map(tuple, outline_pixel_by_pixel(truth))
    )
    expected = by_all_pairs(truth, prediction, percentile)
    assert hausdorff(truth, prediction, percentile) == pytest.approx(expected, rel=1e-12)


def test_distances_by_hand():
    truth, prediction = np.zeros((2, 40, 60), bool)
    truth[10:20, 10:20] = True
    prediction[13:23, 14:24] = True
    # The corners are 3 and 4 apart: the farthest pixel of each outline is a corner.
    assert hausdorff(truth, prediction, 100) == 5
    assert hausdorff(truth, truth) == 0
    single = np.zeros((40, 60), bool)
    single[0, 0] = True
    other = np.zeros((40, 60), bool)
    other[39, 59] = True
    assert hausdorff(single, other) == pytest.approx(math.hypot(39, 59), rel=1e-12)


def test_the_percentile_overlooks_a_small_error():
    truth = np.zeros((100, 200), bool)
    truth[20:80, 20:80] = True
    prediction = truth.copy()
    prediction[50, 190] = True
    assert hausdorff(truth, prediction, 100) == 111
    assert hausdorff(truth, prediction) == 0


def test_one_empty_side_is_as_far_as_the_image_is_large():
    nothing, something = np.zeros((2, 30, 40), bool)
    something[3, 3] = True
    assert math.isnan(hausdorff(nothing, nothing))
    assert hausdorff(nothing, something) == hausdorff(something, nothing) == 50
    with pytest.raises(SegstudioError):
        hausdorff(nothing, nothing[:5])


def test_a_region_in_the_middle_of_a_large_image_and_one_at_the_border():
    for top in (0, 400):
        truth, prediction = np.zeros((2, 900, 900), bool)
        truth[top : top + 50, 300:360] = True
        prediction[top : top + 40, 310:360] = True
        assert hausdorff(truth, prediction) == pytest.approx(by_scipy(truth, prediction), rel=1e-12)


class TestSums:
    def test_images_by_class(self):
        truth = np.zeros((30, 40), np.uint8)
        truth[5:10, 5:10] = 1
        shifted = np.roll(truth, 2, axis=1)
        missed = np.zeros_like(truth)
        with_extra = truth.copy()
        with_extra[20:22, 20:22] = 2
        images = [HausdorffSums.of(truth, p, 255) for p in (truth, shifted, missed, with_extra)]
        total = HausdorffSums.total(images)
        zero, one, two, three = total.mean([0, 1, 2, 3]).tolist()
        moved = hausdorff(truth == 1, shifted == 1)
        assert moved == pytest.approx(by_all_pairs(truth == 1, shifted == 1, 95))
        assert one == pytest.approx((0 + moved + 50 + 0) / 4)
        assert two == 50
        assert math.isnan(three)
        assert zero > 0
        assert total.column("one_sided", [1, 2]).tolist() == [1, 1]
        both = total.column("distance", [1, 2]) - total.column("penalty", [1, 2])
        assert both.tolist() == pytest.approx([moved, 0])  # of images where both maps have it

    def test_what_is_predicted_on_ignored_pixels_changes_nothing(self):
        rng = np.random.default_rng(3)
        truth = blobs(rng, (40, 50), 0.4).astype(np.uint8)
        prediction = blobs(rng, (40, 50), 0.4).astype(np.uint8)
        truth[10:25, 20:45] = 255
        expected = HausdorffSums.of(truth, prediction, 255).to_json()
        for noise in (0, 1, 7, 255):
            prediction[truth == 255] = noise
            assert HausdorffSums.of(truth, prediction, 255).to_json() == expected
        prediction[truth != 255] = truth[truth != 255]
        assert HausdorffSums.of(truth, prediction, 255).mean([0, 1]).tolist() == [0, 0]

    def test_everything_ignored(self):
        ignored = np.full((4, 5), 255, np.uint8)
        assert HausdorffSums.of(ignored, np.ones((4, 5), np.uint8), 255).ids.size == 0

    @pytest.mark.data
    def test_real_masks_equal_scipy(self):
        files = sorted(NUCLEI.glob("*.png"))[::90] if NUCLEI.is_dir() else []
        if not files:
            pytest.skip("needs the nuclei data")
        for file in files:
            truth = (cv2.imread(str(file), cv2.IMREAD_UNCHANGED) > 0).astype(np.uint8)
            prediction = cv2.medianBlur(np.roll(truth, (3, 2), (0, 1)), 7)
            mean = HausdorffSums.of(truth, prediction, None).mean([0, 1])
            expected = [by_scipy(truth == i, prediction == i) for i in (0, 1)]
            np.testing.assert_allclose(mean, expected, rtol=1e-12)
