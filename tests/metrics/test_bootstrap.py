"""The paired bootstrap against SciPy's and against a slow one."""

import math

import numpy as np
import pytest
from scipy import stats

from segstudio.metrics import bootstrap
from segstudio.metrics.bootstrap import paired_difference
from segstudio.metrics.class_sums import ClassPairs


def image(rng, right, classes=2, size=400):
    truth = rng.integers(0, classes, size, dtype=np.uint8)
    other = rng.integers(0, classes, size, dtype=np.uint8)
    prediction = np.where(rng.random(size) < right, truth, other)
    return ClassPairs.of(truth[None], prediction[None], None)


def models(seed, number=40, gain=0.05, classes=2):
    """Counts of two models; the second is right more often by `gain`."""
    rng = np.random.default_rng(seed)
    difficulty = rng.uniform(0.3, 0.9, number)
    return [[image(rng, min(1, d + g), classes) for d in difficulty] for g in (0, gain)]


def mean_iou(images, class_ids):
    return ClassPairs.total(images).metrics(class_ids).mean_iou


def test_the_difference_is_that_of_the_summed_counts():
    first, second = models(0, classes=3)
    result = paired_difference(first, second, [0, 1, 2])
    before, after = (ClassPairs.total(m).metrics([0, 1, 2]) for m in (first, second))
    assert result.mean_iou.difference == pytest.approx(after.mean_iou - before.mean_iou)
    for i in range(3):
        assert result.by_class[i].difference == pytest.approx(after.iou[i] - before.iou[i])
    assert result.mean_iou.is_clear
    assert result.mean_iou.share_above_zero > 0.99
    back = paired_difference(second, first, [0, 1, 2])
    assert back.mean_iou.low == pytest.approx(-result.mean_iou.high)
    assert back.mean_iou.is_clear
    assert back.mean_iou.high < 0


@pytest.mark.slow
def test_the_interval_equals_scipy_s_percentile_interval():
    first, second = models(1, gain=0.02)

    def statistic(chosen):
        at = chosen.astype(int).tolist()
        return mean_iou([second[i] for i in at], [0, 1]) - mean_iou([first[i] for i in at], [0, 1])

    reference = stats.bootstrap(
        (np.arange(len(first)),), statistic, n_resamples=800, method="percentile",
        vectorized=False, rng=np.random.default_rng(7),
    ).confidence_interval  # fmt: skip
    result = paired_difference(first, second, [0, 1], resamples=4000).mean_iou
    width = reference.high - reference.low
    assert result.low == pytest.approx(reference.low, abs=0.1 * width)
    assert result.high == pytest.approx(reference.high, abs=0.1 * width)


def test_every_resample_is_a_score_of_drawn_images(monkeypatch):
    first, second = models(2, number=7, gain=0.0)
    draws = np.random.default_rng(3).integers(0, 7, (30, 7))
    expected = []
    for row in draws.tolist():
        a, b = (mean_iou([m[i] for i in row], [0, 1]) for m in (first, second))
        expected.append(b - a)
    result = paired_difference(first, second, [0, 1], resamples=30, seed=3, level=0.9).mean_iou
    low, high = np.quantile(expected, (0.05, 0.95))
    assert (result.low, result.high) == (pytest.approx(low), pytest.approx(high))
    assert result.share_above_zero == np.mean(np.array(expected) > 0)
    # Cut into small pieces, the same draws come in the same order.
    monkeypatch.setattr(bootstrap, "_CHUNK_BYTES", 8 * 7 * 4)
    again = paired_difference(first, second, [0, 1], resamples=30, seed=3, level=0.9).mean_iou
    assert again == result


def test_equal_models_do_not_differ():
    first, _ = models(4)
    result = paired_difference(first, first, [0, 1]).mean_iou
    assert (result.difference, result.low, result.high) == (0, 0, 0)
    assert result.share_above_zero == 0
    assert not result.is_clear


def test_a_single_image_has_a_difference_but_no_interval():
    first, second = models(4, number=1, gain=0.3)
    found = paired_difference(first, second, [0, 1])
    assert found.mean_iou.difference > 0
    assert math.isnan(found.mean_iou.low)
    assert math.isnan(found.by_class[1].high)
    assert not found.mean_iou.is_clear


def test_the_interval_holds_the_true_difference_as_often_as_it_says():
    # Both models are equally good, so the true difference is 0.
    held = 0
    for seed in range(60):
        first, second = models(100 + seed, number=30, gain=0.0)
        interval = paired_difference(first, second, [0, 1], resamples=300, seed=seed).mean_iou
        held += interval.low <= 0 <= interval.high
    assert 0.85 < held / 60 <= 1


def test_a_class_that_hardly_turns_up_and_one_that_never_does():
    first, second = models(5, number=10)
    rare = ClassPairs.of(np.full((2, 2), 7, np.uint8), np.full((2, 2), 7, np.uint8), None)
    first[0], second[0] = first[0] + rare, second[0] + rare
    result = paired_difference(first, second, [0, 1, 7, 9])
    # Draws without the one image that has class 7 say nothing of it.
    assert result.by_class[7].difference == result.by_class[7].low == result.by_class[7].high == 0
    assert math.isnan(result.by_class[9].difference)
    assert math.isnan(result.by_class[9].low)


def test_unpaired_images_are_refused():
    first, second = models(6, number=3)
    with pytest.raises(ValueError, match="counts of 3 and 2 images"):
        paired_difference(first, second[:2], [0])
    with pytest.raises(ValueError, match="counts of 0 and 0 images"):
        paired_difference([], [], [0])


def test_the_foreground_has_an_interval_of_its_own():
    first, second = models(4, classes=4)
    result = paired_difference(first, second, [0, 1, 2, 3], foreground_ids=[1, 2, 3])
    plain = paired_difference(first, second, [0, 1, 2, 3])
    alone = paired_difference(first, second, [1, 2, 3])
    assert result.mean_iou == plain.mean_iou
    assert result.by_class == plain.by_class
    assert plain.mean_iou_foreground is None
    assert plain.lead == plain.mean_iou
    # The draws are the same, so it is what counting these classes alone gives.
    assert result.mean_iou_foreground == result.lead == alone.mean_iou
