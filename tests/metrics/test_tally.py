from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from segstudio.core.schema import LabelSchema
from segstudio.metrics.class_sums import ConfusionMatrices
from segstudio.metrics.confusion import ConfusionMatrix
from segstudio.metrics.tally import FolderTally, count, matrix_size, metrics_of, padded, summed

TWO = LabelSchema.from_names(("background", "nucleus"))


def matrix(tn: int, fp: int, fn: int, tp: int, ignored: int = 0) -> ConfusionMatrix:
    return ConfusionMatrix(np.array([[tn, fp], [fn, tp]], np.int64), ignored)


def test_ids_outside_the_schema_make_room_for_themselves():
    truth = np.array([[0, 1, 1, 255]], np.uint8)
    predicted = np.array([[0, 1, 20, 9]], np.uint8)
    counted = count(truth, predicted, TWO)
    assert counted.counts[0, 0] == 1
    assert counted.counts[1, 1] == 1
    assert counted.counts[1, 20] == 1
    assert counted.ignored == 1
    assert counted.total == 3
    metrics = metrics_of(counted, TWO)
    assert metrics.class_ids == (0, 1)
    assert metrics.iou.tolist() == [1.0, 0.5]
    assert metrics.pixel_accuracy == pytest.approx(2 / 3)


def test_matrices_of_different_sizes_add_up():
    large = padded(matrix(1, 2, 3, 4), 5)
    assert large.counts.shape == (5, 5)
    assert large.counts.sum() == 10
    assert summed(large, matrix(1, 1, 1, 1, ignored=2)).counts[:2, :2].tolist() == [[2, 3], [4, 5]]
    assert padded(large, 2) is large


def test_sum_and_means_are_different_things():
    tally = FolderTally(TWO)
    tally.put(0, matrix(80, 0, 10, 10))  # nucleus IoU 10/20, background 80/90
    tally.put(7, matrix(0, 0, 0, 100))  # IoU 1, no background
    assert len(tally) == 2
    assert tally.summed.iou[1] == pytest.approx(110 / 120)
    assert tally.summed.iou[0] == pytest.approx(80 / 90)
    means = tally.image_means
    assert means["image_mean_iou"] == pytest.approx(((0.5 + 80 / 90) / 2 + 1) / 2)
    assert means["image_mean_pixel_accuracy"] == pytest.approx((0.9 + 1) / 2)


def test_replacing_and_removing_images_leaves_no_trace():
    tally = FolderTally(TWO)
    rng = np.random.default_rng(1)
    for index in range(40):
        tally.put(index, matrix(*rng.integers(1, 50, 4)))
    for index in range(40):
        tally.put(index, matrix(1, 2, 3, 4))
    for index in range(1, 40):
        tally.remove(index)
    tally.remove(99)
    assert len(tally) == 1
    assert tally.summed.total == 10
    assert tally.summed.iou[1] == pytest.approx(4 / 9)
    assert tally.image_means["image_mean_iou"] == pytest.approx((1 / 6 + 4 / 9) / 2)


def test_nothing_counted_is_not_a_number():
    tally = FolderTally(TWO)
    tally.put(0, matrix(0, 0, 0, 0, ignored=100))
    assert math.isnan(tally.image_means["image_mean_iou"])
    assert math.isnan(tally.summed.mean_iou)


def test_pixels_that_count_nowhere_need_no_room():
    truth = np.array([[0, 1, 255, 255]], np.uint8)
    predicted = np.array([[0, 0, 1, 200]], np.uint8)
    counted = count(truth, predicted, TWO)
    assert counted.counts.tolist() == [[1, 0], [1, 0]]
    assert counted.ignored == 2
    # 255 that is predicted, or is no ignore index, is counted
    assert count(truth, np.array([[255, 0, 1, 1]], np.uint8), TWO).counts.shape == (256, 256)
    everything = LabelSchema.from_names(("background", "nucleus"), ignore_index=None)
    assert count(truth, predicted, everything).counts[255, 200] == 1


def test_a_patch_that_ignores_pixels_needs_no_room_either():
    predicted = np.array([[0, 0, 1]], np.uint8)
    before, after = np.array([[0, 255, 1]], np.uint8), np.array([[255, 255, 255]], np.uint8)
    assert matrix_size(TWO, predicted, before, after) == 2
    assert matrix_size(TWO, predicted, before, np.array([[9, 255, 1]], np.uint8)) == 10


@pytest.mark.slow
def test_the_counts_of_a_large_folder_of_many_classes_take_little_memory():
    rng = np.random.default_rng(5)
    wide = LabelSchema.from_names(tuple(f"class {i}" for i in range(150)))
    tally, counts = FolderTally(wide), ConfusionMatrices()
    total = np.zeros((150, 150), np.int64)
    for index in range(200):
        truth = np.repeat(rng.integers(0, 150, 8, np.uint8), 4).reshape(4, 8)
        predicted = np.where(rng.random((4, 8)) < 0.8, truth, rng.integers(0, 150, 8, np.uint8))
        counts[index] = count(truth, predicted, wide)
        tally.put(index, counts[index])
        total += confusion_matrix(truth.ravel(), predicted.ravel(), labels=range(150))
    assert counts.nbytes < 32 * 150 * 150 * 8 + 200 * 32 * 16
    assert sum(matrix.counts for matrix in counts.values()).tolist() == total.tolist()
    assert tally.summed.pixel_accuracy == pytest.approx(np.trace(total) / total.sum())
    for index in range(200):
        tally.put(index, ConfusionMatrix.zeros(150))
    assert tally.summed.total == 0


def test_matrices_are_what_they_were_put_in_as():
    counts = ConfusionMatrices(held=2)
    made = {name: padded(matrix(n, 0, 2, 3, ignored=n), 5) for n, name in enumerate("abcd")}
    counts.update(made)
    assert counts == made
    assert len(counts) == 4
    assert counts["a"].ignored == 0
    assert counts["a"] is counts["a"]
    assert counts["b"].counts.shape == (5, 5)
    counts["b"] = matrix(9, 9, 9, 9)
    assert counts["b"].total == 36
    assert "c" in counts
    del counts["c"], counts["b"]
    assert sorted(counts) == ["a", "d"]
    with pytest.raises(KeyError):
        del counts["c"]
    counts.clear()
    assert counts == {}


def test_all_matrices_are_forgotten_at_once():
    class OneByOne(ConfusionMatrices):
        def __iter__(self):
            pytest.fail("each one takes the time of all")

    counts = OneByOne()
    counts["a"] = counts["b"] = matrix(1, 2, 3, 4)
    counts.clear()
    assert len(counts) == 0
