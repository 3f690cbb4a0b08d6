"""Objects by size, against a slow count and by hand."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy import ndimage

from segstudio.core.errors import SegstudioError
from segstudio.metrics.object_size import BINS, SIDES, SizeBins, bin_names

CAMVID = Path(__file__).resolve().parents[3] / "shared" / "data" / "camvid" / "valannot"


def objects(labels, ids, nothing):
    """(class, mask) of every object."""
    for class_id in set(np.unique(labels).tolist()) - nothing:
        mask = labels == class_id
        if ids is None:
            numbers, count = ndimage.label(mask, np.ones((3, 3)))
            yield from ((class_id, numbers == i) for i in range(1, count + 1))
        else:
            yield from ((class_id, mask & (ids == i)) for i in set(ids[mask].tolist()) - {0})


def slowly(truth, ids, prediction, predicted_ids, ignore):
    prediction = np.where(truth == ignore, 0, prediction)
    bins = np.zeros((8, 5))
    found = list(objects(prediction, predicted_ids if ids is not None else None, {0, ignore}))
    for class_id, mask in objects(truth, ids, {0, ignore}):
        area = int(mask.sum())
        best = max(
            ((mask & other).sum() / (mask | other).sum() for c, other in found if c == class_id),
            default=0.0,
        )
        at = sum(math.sqrt(area) >= side for side in SIDES)
        right = int((mask & (prediction == class_id)).sum())
        bins[at] += (1, best >= 0.5, best, area, right)
    return bins


def random_maps(seed, shape=(50, 70), classes=4):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, classes, (shape[0] // 5, shape[1] // 5), dtype=np.uint8)
    truth = np.kron(coarse, np.ones((5, 5), np.uint8))
    prediction = np.roll(truth, (1, 2), (0, 1))
    prediction[rng.random(shape) < 0.05] = 0
    ids = np.kron(rng.integers(0, 9, coarse.shape), np.ones((5, 5))).astype(np.uint16)
    return truth, ids, prediction, np.roll(ids, (1, 2), (0, 1))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("with_objects", ["both", "truth", "neither"])
def test_it_equals_a_slow_count(seed, with_objects):
    truth, ids, prediction, predicted = random_maps(seed)
    ids = None if with_objects == "neither" else ids
    predicted = predicted if with_objects == "both" else None
    if seed % 2:
        truth[10:20, 20:50] = 3
        ids = None if ids is None else np.where(truth == 3, 0, ids).astype(np.uint16)
    ignore = 3 if seed % 2 else 255
    found = SizeBins.of(truth, ids, prediction, predicted, ignore)
    np.testing.assert_allclose(found.values, slowly(truth, ids, prediction, predicted, ignore))


@pytest.mark.data
def test_it_equals_a_slow_count_on_real_maps():
    files = sorted(CAMVID.glob("*.png"))[:1] if CAMVID.is_dir() else []
    if not files:
        pytest.skip("needs the camvid data")
    truth = cv2.imread(str(files[0]), cv2.IMREAD_UNCHANGED)[::3, ::3].copy()
    prediction = np.roll(cv2.medianBlur(truth, 5), 1, 1)
    found = SizeBins.of(truth, None, prediction, None, 11)
    np.testing.assert_allclose(found.values, slowly(truth, None, prediction, None, 11))


def test_by_hand():
    truth = np.zeros((100, 200), np.uint8)
    truth[0:32, 0:32] = 1  # 32 x 32: found with half of it
    truth[50:53, 50:53] = 2  # 3 x 3: predicted as another class
    truth[60:70, 100:110] = 1  # 10 x 10: found whole
    prediction = np.zeros_like(truth)
    prediction[0:32, 0:16] = 1
    prediction[50:53, 50:53] = 1
    prediction[60:70, 100:110] = 1
    bins = SizeBins.of(truth, None, prediction, None, None)
    assert bins.column("objects").tolist() == [1, 0, 1, 0, 1, 0, 0, 0]
    assert bins.recall[[0, 2, 4]].tolist() == [0, 1, 1]
    assert bins.mean_iou[[0, 2, 4]].tolist() == [0, 1, 0.5]
    assert bins.pixel_recall[[0, 2, 4]].tolist() == [0, 1, 0.5]
    assert math.isnan(bins.recall[1])
    assert len(bin_names()) == BINS
    assert bin_names()[0] == "under 4"
    assert bin_names()[4] == "32 to 64"
    assert bin_names()[-1] == "256 and more"


def test_an_object_as_large_as_an_edge_is_in_the_bin_above():
    assert SIDES == (4, 8, 16, 32, 64, 128, 256)
    for place, side in enumerate(SIDES):
        truth = np.zeros((side + 1, side), np.uint8)
        truth[:side] = 1
        full = SizeBins.of(truth, None, truth, None, None).column("objects")
        truth[0, 0] = 0
        less = SizeBins.of(truth, None, truth, None, None).column("objects")
        assert (full.argmax(), less.argmax()) == (place + 1, place)


def test_regions_are_held_against_regions_where_only_the_prediction_has_objects():
    truth = np.zeros((4, 20), np.uint8)
    truth[:, 2:18] = 1
    ids = np.repeat(np.arange(20, dtype=np.uint16) // 5 + 1, 4).reshape(20, 4).T.copy()
    bins = SizeBins.of(truth, None, truth, ids, None)
    assert bins.column("found").sum() == bins.column("iou").sum() == 1


def test_images_add_up():
    parts = [SizeBins.of(*random_maps(seed), 255) for seed in range(3)]
    total = SizeBins.total(parts)
    np.testing.assert_allclose(total.values, sum(p.values for p in parts))
    np.testing.assert_allclose(SizeBins.from_json(total.to_json()).values, total.values)
    np.testing.assert_allclose((parts[0] + parts[1] + parts[2]).values, total.values)


def test_what_is_predicted_on_ignored_pixels_changes_nothing():
    truth, _, prediction, _ = random_maps(1)
    truth[10:20, 20:50] = 255
    expected = SizeBins.of(truth, None, prediction, None, 255).to_json()
    for value in (0, 1, 2, 255):
        prediction[truth == 255] = value
        assert SizeBins.of(truth, None, prediction, None, 255).to_json() == expected


def test_maps_of_different_sizes_are_refused():
    truth = np.zeros((3, 3), np.uint8)
    with pytest.raises(SegstudioError):
        SizeBins.of(truth, None, truth[:2], None, None)
