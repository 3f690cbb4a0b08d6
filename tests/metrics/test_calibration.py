"""Reliability bins against torchmetrics and by hand."""

import math

import numpy as np
import pytest

from segstudio.core.errors import SegstudioError
from segstudio.metrics import calibration
from segstudio.metrics.calibration import BINS, CalibrationBins, bin_edges


def random_image(rng, shape, classes=3):
    truth, prediction = rng.integers(0, classes, (2, *shape), dtype=np.uint8)
    # No level on an edge between bins, where torchmetrics puts it into the higher one.
    levels = [v for v in range(100, 255) if v % 17]
    confidence = rng.choice(np.array(levels, np.uint8), shape)
    agree = rng.random(shape) < confidence / 300
    return truth, np.where(agree, truth, prediction), confidence


def pixel_by_pixel(truth, prediction, confidence, ignore):
    bins = np.zeros((3, 15), np.int64)
    for t, p, c in zip(truth.ravel(), prediction.ravel(), confidence.ravel(), strict=True):
        if t != ignore:
            # (lower edge, upper edge], and 0 in the first
            at = max(0, math.ceil(int(c) / 17) - 1)
            bins[:, at] += (1, int(t == p), int(c))
    return bins


@pytest.mark.parametrize("seed", range(3))
def test_it_equals_torchmetrics(seed):
    torch = pytest.importorskip("torch")
    classification = pytest.importorskip("torchmetrics.functional.classification")
    truth, prediction, confidence = random_image(np.random.default_rng(seed), (40, 50))
    top = confidence.ravel() / 255
    # The rest is split between the two other classes; the confidence is the highest.
    scores = np.repeat(((1 - top) / 2)[:, None], 3, axis=1)
    scores[np.arange(len(top)), prediction.ravel()] = top
    expected = classification.multiclass_calibration_error(
        torch.from_numpy(scores), torch.from_numpy(truth.ravel()).long(), 3, n_bins=15, norm="l1"
    )
    found = CalibrationBins.of(truth, prediction, confidence, None)
    assert found.ece == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize("ignore", [None, 1, 255])
def test_it_equals_a_pixel_by_pixel_count(ignore):
    rng = np.random.default_rng(4)
    truth, prediction, _ = random_image(rng, (31, 27))
    confidence = rng.integers(0, 256, truth.shape, dtype=np.uint8)
    truth[3:9, 4:20] = 255
    found = CalibrationBins.of(truth, prediction, confidence, ignore)
    expected = pixel_by_pixel(truth, prediction, confidence, ignore)
    assert [found.pixels.tolist(), found.right.tolist(), found.levels.tolist()] == expected.tolist()


def test_strips_meet_without_seams(monkeypatch):
    rng = np.random.default_rng(6)
    truth, prediction, confidence = random_image(rng, (30, 20))
    whole = CalibrationBins.of(truth, prediction, confidence, 1)
    monkeypatch.setattr(calibration, "_MOST_PIXELS", 70)
    assert CalibrationBins.of(truth, prediction, confidence, 1).to_json() == whole.to_json()


def test_by_hand():
    truth = np.array([[1, 1, 1, 1, 0]], np.uint8)
    prediction = np.array([[1, 1, 1, 0, 0]], np.uint8)
    confidence = np.array([[204, 204, 204, 204, 255]], np.uint8)  # 0.8, on an edge, and 1
    bins = CalibrationBins.of(truth, prediction, confidence, None)
    assert bins.pixels[11] == 4
    assert bins.accuracy[11] == 0.75
    assert bins.confidence[11] == pytest.approx(0.8)
    assert bins.ece == pytest.approx(4 / 5 * 0.05)
    assert bins.mean_confidence == pytest.approx((4 * 0.8 + 1) / 5)
    assert bins.confident_errors == 0
    assert math.isnan(bins.accuracy[0])
    wrong = CalibrationBins.of(1 - prediction, prediction, confidence, None)
    assert wrong.confident_errors == 1
    assert bin_edges()[12] == pytest.approx(0.8)


def test_images_add_up():
    rng = np.random.default_rng(1)
    images = [random_image(rng, (9, 9)) for _ in range(4)]
    total = CalibrationBins.total(CalibrationBins.of(*image, 2) for image in images)
    together = CalibrationBins.of(*(np.concatenate(maps) for maps in zip(*images, strict=True)), 2)
    assert total.to_json() == together.to_json()
    assert CalibrationBins.from_json(total.to_json()).ece == total.ece
    assert (total + CalibrationBins.none()).to_json() == total.to_json()
    assert CalibrationBins.total([]).pixels.tolist() == [0] * BINS


def test_nothing_counted():
    ignored = np.full((2, 2), 255, np.uint8)
    bins = CalibrationBins.of(ignored, ignored, ignored, 255)
    assert math.isnan(bins.ece)
    assert math.isnan(bins.mean_confidence)
    empty = np.zeros((0, 4), np.uint8)
    assert CalibrationBins.of(empty, empty, empty, None).to_json() == bins.to_json()
    with pytest.raises(SegstudioError):
        CalibrationBins.of(ignored, ignored, ignored[:1], None)
