"""Scores against hand-worked cases, scikit-learn and torchmetrics."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sklearn_metrics

from segstudio.core.errors import SegstudioError
from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap, Patch
from segstudio.metrics import counting
from segstudio.metrics.confusion import ConfusionMatrix, Metrics


def labels(*rows):
    return np.array(rows, np.uint8)


def counted_one_by_one(truth, prediction, num_classes, ignore_index):
    counts, ignored = np.zeros((num_classes, num_classes), np.int64), 0
    for t, p in zip(truth.ravel().tolist(), prediction.ravel().tolist(), strict=True):
        if t == ignore_index:
            ignored += 1
        else:
            counts[t, p] += 1
    return counts, ignored


def smooth_maps(rng, shape, num_classes):
    """Two maps of large blocks that mostly agree, as real label maps do."""
    h, w = shape
    coarse = rng.integers(0, num_classes, (h // 7 + 1, w // 11 + 1), dtype=np.uint8)
    truth = np.kron(coarse, np.ones((7, 11), np.uint8))[:h, :w]
    return truth, np.roll(truth, (1, 2), (0, 1))


class TestCounting:
    @pytest.mark.parametrize("num_classes", [1, 2, 3, 12, 40, 256])
    @pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 8), (13, 17), (64, 64)])
    @pytest.mark.parametrize("kind", ["noise", "blocks"])
    def test_equals_a_pixel_by_pixel_count(self, num_classes, shape, kind):
        rng = np.random.default_rng(num_classes * 1000 + shape[1])
        if kind == "noise":
            truth, prediction = rng.integers(0, num_classes, (2, *shape), dtype=np.uint8)
        else:
            truth, prediction = smooth_maps(rng, shape, num_classes)
        for ignore in (None, 0, num_classes - 1, 255):
            counts, ignored = counted_one_by_one(truth, prediction, num_classes, ignore)
            matrix = ConfusionMatrix.of(truth, prediction, num_classes, ignore)
            np.testing.assert_array_equal(matrix.counts, counts)
            assert matrix.counts.dtype == np.int64
            assert matrix.ignored == ignored
            assert matrix.total == truth.size - ignored

    @settings(max_examples=60, deadline=None)
    @given(st.data(), st.integers(1, 6), st.sampled_from([None, 0, 2, 255]))
    def test_small_blocks_meet_without_seams(self, data, num_classes, ignore):
        shape = data.draw(hnp.array_shapes(min_dims=2, max_dims=2, max_side=12))
        maps = hnp.arrays(np.uint8, shape, elements=st.integers(0, num_classes - 1))
        truth, prediction = data.draw(maps), data.draw(maps)
        expected, ignored = counted_one_by_one(truth, prediction, num_classes, ignore)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(counting, "_BLOCK", 16)
            matrix = ConfusionMatrix.of(truth, prediction, num_classes, ignore)
        np.testing.assert_array_equal(matrix.counts, expected)
        assert matrix.ignored == ignored

    def test_more_pixels_than_float32_can_count(self):
        side = 4104  # 4104^2 is beyond 2^24, where float32 histograms stop counting
        truth, prediction = np.zeros((side, side), np.uint8), np.zeros((side, side), np.uint8)
        prediction[0, 0] = 1
        for num_classes in (2, 3):
            counts = ConfusionMatrix.of(truth, prediction, num_classes).counts
            assert counts[0, 0] == side * side - 1
            assert counts[0, 1] == 1

    def test_views_that_are_not_contiguous(self):
        rng = np.random.default_rng(5)
        truth, prediction = rng.integers(0, 4, (2, 30, 40), dtype=np.uint8)
        part = (slice(3, 20), slice(5, 31, 2))
        expected, _ = counted_one_by_one(truth[part], prediction[part], 4, None)
        matrix = ConfusionMatrix.of(truth[part], prediction[part], 4, None)
        np.testing.assert_array_equal(matrix.counts, expected)

    def test_empty_maps(self):
        nothing = np.zeros((0, 5), np.uint8)
        assert ConfusionMatrix.of(nothing, nothing, 2) == ConfusionMatrix.zeros(2)

    def test_unknown_ids_are_named_and_never_clipped(self):
        good, bad = labels([0, 1, 1, 0]), labels([0, 7, 9, 7])
        with pytest.raises(SegstudioError, match=r"reference has class ids 7, 9\b"):
            ConfusionMatrix.of(bad, good, 2)
        with pytest.raises(SegstudioError, match=r"prediction has class id 7\b"):
            ConfusionMatrix.of(good, labels([0, 7, 1, 7]), 3)

    def test_unknown_ids_where_the_reference_is_ignored_do_not_matter(self):
        matrix = ConfusionMatrix.of(labels([0, 255, 255, 1]), labels([0, 255, 99, 1]), 2)
        np.testing.assert_array_equal(matrix.counts, [[1, 0], [0, 1]])
        assert matrix.ignored == 2

    def test_an_ignored_class_inside_the_schema(self):
        # CamVid: class 11 is void. Predicting void elsewhere is an error of the real class.
        matrix = ConfusionMatrix.of(labels([0, 0, 11, 11]), labels([0, 11, 0, 11]), 12, 11)
        assert matrix.ignored == 2
        assert matrix.counts[0, 0] == 1
        assert matrix.counts[0, 11] == 1
        assert matrix.total == 2

    def test_shapes_must_agree(self):
        with pytest.raises(SegstudioError, match=r"3 x 2 pixels.*4 x 2"):
            ConfusionMatrix.of(np.zeros((2, 3), np.uint8), np.zeros((2, 4), np.uint8), 2)

    def test_sums_and_differences(self):
        a = ConfusionMatrix(np.array([[1, 2], [3, 4]]), 5)
        b = ConfusionMatrix(np.array([[10, 0], [0, 10]]), 1)
        assert a + b == ConfusionMatrix(np.array([[11, 2], [3, 14]]), 6)
        assert (a + b) - b == a
        assert a != b
        with pytest.raises(ValueError):
            a + ConfusionMatrix.zeros(3)


class TestAfter:
    @settings(max_examples=80, deadline=None)
    @given(st.data(), st.sampled_from([None, 0, 3, 255]))
    def test_equals_counting_everything_again(self, data, ignore):
        h, w = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 20))
        ids = st.integers(0, 3) if ignore != 255 else st.sampled_from([0, 1, 2, 3, 255])
        truth = data.draw(hnp.arrays(np.uint8, (h, w), elements=ids))
        prediction = data.draw(hnp.arrays(np.uint8, (h, w), elements=st.integers(0, 3)))
        top, left = data.draw(st.integers(0, h - 1)), data.draw(st.integers(0, w - 1))
        rect = Rect(
            top, left, data.draw(st.integers(top + 1, h)), data.draw(st.integers(left + 1, w))
        )
        after = data.draw(hnp.arrays(np.uint8, rect.shape_hw, elements=ids))
        before = ConfusionMatrix.of(truth, prediction, 4, ignore)
        patch = Patch(rect, truth[rect.slices].copy(), after)
        updated = before.after(patch, prediction[rect.slices], ignore)
        truth[rect.slices] = after
        assert updated == ConfusionMatrix.of(truth, prediction, 4, ignore)

    def test_reads_nothing_outside_the_rectangle(self):
        label_map = LabelMap.empty((100, 100))
        rect = Rect(10, 20, 14, 25)
        patch = label_map.paint(rect, np.ones((4, 5), np.bool_), 1)
        matrix = ConfusionMatrix(np.array([[10_000, 0], [0, 0]]))
        after = matrix.after(patch, np.zeros((4, 5), np.uint8), None)
        np.testing.assert_array_equal(after.counts, [[9_980, 0], [20, 0]])


class TestByHand:
    def test_a_worked_example(self):
        # rows truth, columns prediction; class 1: TP 4, FP 1 + 0, FN 2 + 0
        m = Metrics.from_counts(ConfusionMatrix(np.array([[5, 1, 0], [2, 4, 0], [0, 0, 8]]), 3))
        np.testing.assert_allclose(m.iou, [5 / 8, 4 / 7, 1])
        np.testing.assert_allclose(m.dice, [10 / 13, 8 / 11, 1])
        np.testing.assert_allclose(m.precision, [5 / 7, 4 / 5, 1])
        np.testing.assert_allclose(m.recall, [5 / 6, 4 / 6, 1])
        np.testing.assert_array_equal(m.truth_pixels, [6, 6, 8])
        np.testing.assert_array_equal(m.predicted_pixels, [7, 5, 8])
        assert m.mean_iou == pytest.approx((5 / 8 + 4 / 7 + 1) / 3)
        assert m.mean_dice == pytest.approx((10 / 13 + 8 / 11 + 1) / 3)
        assert m.pixel_accuracy == pytest.approx(17 / 20)
        assert m.majority_accuracy == pytest.approx(8 / 20)
        weighted = (6 * 5 / 8 + 6 * 4 / 7 + 8 * 1) / 20
        assert m.frequency_weighted_iou == pytest.approx(weighted)
        assert (m.total, m.ignored, m.scored) == (20, 3, (3, 3))

    def test_a_class_in_neither_map_has_no_scores_and_is_in_no_mean(self):
        m = Metrics.from_counts(ConfusionMatrix.of(labels([0, 0, 2, 2]), labels([0, 2, 2, 2]), 4))
        np.testing.assert_array_equal(np.isnan(m.iou), [False, True, False, True])
        for scores in (m.dice, m.precision, m.recall):
            assert math.isnan(scores[1])
            assert math.isnan(scores[3])
        assert m.mean_iou == pytest.approx((1 / 2 + 2 / 3) / 2)
        assert m.scored == (2, 4)

    def test_a_class_only_predicted_scores_zero_and_counts(self):
        m = Metrics.from_counts(ConfusionMatrix.of(labels([0, 0, 0, 0]), labels([0, 0, 0, 1]), 2))
        np.testing.assert_allclose(m.iou, [3 / 4, 0])
        assert m.precision[1] == 0
        assert math.isnan(m.recall[1])
        assert m.mean_iou == pytest.approx(3 / 8)

    def test_a_class_only_in_the_reference_scores_zero_and_counts(self):
        m = Metrics.from_counts(ConfusionMatrix.of(labels([1, 0, 0, 0]), labels([0, 0, 0, 0]), 2))
        np.testing.assert_allclose(m.iou, [3 / 4, 0])
        assert math.isnan(m.precision[1])
        assert m.recall[1] == 0
        assert m.mean_dice == pytest.approx((6 / 7) / 2)

    def test_both_empty_is_perfect_background_only(self):
        m = Metrics.from_counts(ConfusionMatrix.of(labels([0, 0]), labels([0, 0]), 2))
        assert m.iou[0] == 1
        assert math.isnan(m.iou[1])
        assert m.mean_iou == 1
        assert m.pixel_accuracy == m.majority_accuracy == 1

    def test_everything_ignored_leaves_nothing_to_score(self):
        m = Metrics.from_counts(ConfusionMatrix.of(labels([255, 255]), labels([0, 1]), 2))
        values = (m.mean_iou, m.mean_dice, m.pixel_accuracy, m.frequency_weighted_iou)
        assert all(math.isnan(v) for v in (*values, m.majority_accuracy))
        assert (m.total, m.ignored, m.scored) == (0, 2, (0, 2))

    def test_only_the_asked_classes_are_scored(self):
        matrix = ConfusionMatrix(np.array([[5, 1, 0], [2, 4, 0], [0, 0, 8]]))
        m = Metrics.from_counts(matrix, (2, 1))
        np.testing.assert_allclose(m.iou, [1, 4 / 7])
        assert m.class_ids == (2, 1)
        assert m.mean_iou == pytest.approx((1 + 4 / 7) / 2)
        assert m.pixel_accuracy == pytest.approx(17 / 20)
        with pytest.raises(ValueError):
            Metrics.from_counts(matrix, (3,))

    def test_folder_scores_are_of_summed_counts_not_means_of_images(self):
        large = ConfusionMatrix.of(np.ones((10, 10), np.uint8), np.ones((10, 10), np.uint8), 2)
        small = ConfusionMatrix.of(labels([1, 1]), labels([0, 0]), 2)
        folder = Metrics.from_counts(large + small, (1,))
        assert folder.mean_iou == pytest.approx(100 / 102)


class TestAgainstLibraries:
    """On maps where every class occurs; on absent classes the libraries disagree (design)."""

    @pytest.mark.parametrize("seed", range(5))
    def test_scikit_learn(self, seed):
        rng = np.random.default_rng(seed)
        truth, prediction = rng.integers(0, 5, (2, 40, 60), dtype=np.uint8)
        prediction = np.where(rng.random(truth.shape) < 0.6, truth, prediction)
        truth[rng.random(truth.shape) < 0.1] = 255
        matrix = ConfusionMatrix.of(truth, prediction, 5)
        m = Metrics.from_counts(matrix)
        t, p = truth[truth != 255], prediction[truth != 255]
        np.testing.assert_array_equal(matrix.counts, sklearn_metrics.confusion_matrix(t, p))
        scores = {
            "iou": sklearn_metrics.jaccard_score,
            "dice": sklearn_metrics.f1_score,
            "precision": sklearn_metrics.precision_score,
            "recall": sklearn_metrics.recall_score,
        }
        for name, score in scores.items():
            np.testing.assert_allclose(getattr(m, name), score(t, p, average=None))
        assert m.pixel_accuracy == pytest.approx(sklearn_metrics.accuracy_score(t, p))
        weighted = sklearn_metrics.jaccard_score(t, p, average="weighted")
        assert m.frequency_weighted_iou == pytest.approx(weighted)

    @pytest.mark.parametrize("seed", range(3))
    def test_torchmetrics(self, seed):
        torch = pytest.importorskip("torch")
        classification = pytest.importorskip("torchmetrics.functional.classification")
        rng = np.random.default_rng(seed)
        truth, prediction = rng.integers(0, 4, (2, 32, 32), dtype=np.uint8)
        truth[:3] = 255
        matrix = ConfusionMatrix.of(truth, prediction, 4)
        m = Metrics.from_counts(matrix)
        t, p = torch.from_numpy(truth).long(), torch.from_numpy(prediction).long()
        options = {"num_classes": 4, "ignore_index": 255}
        expected = classification.multiclass_confusion_matrix(p, t, **options)
        np.testing.assert_array_equal(matrix.counts, expected.numpy())
        iou = classification.multiclass_jaccard_index(p, t, average="none", **options)
        np.testing.assert_allclose(m.iou, iou.numpy(), rtol=1e-6)
        mean = classification.multiclass_jaccard_index(p, t, average="macro", **options)
        assert m.mean_iou == pytest.approx(float(mean))
        dice = classification.multiclass_f1_score(p, t, average="macro", **options)
        assert m.mean_dice == pytest.approx(float(dice))


def test_means_over_some_of_the_classes():
    matrix = ConfusionMatrix(np.array([[8, 2, 0, 0], [1, 4, 0, 0], [0, 0, 0, 0], [0, 0, 0, 5]]))
    metrics = Metrics.from_counts(matrix)
    # class 1: 4 of 7; class 2 is nowhere; class 3: 5 of 5
    assert metrics.mean_over((1, 2, 3)) == pytest.approx(((4 / 7 + 1) / 2, (8 / 11 + 1) / 2))
    assert metrics.mean_over((0, 1, 2, 3)) == (metrics.mean_iou, metrics.mean_dice)
    assert np.isnan(metrics.mean_over(())).all()
    assert np.isnan(metrics.mean_over((2,))).all()
