"""Counts that add up, and the scores of many images, against the scores of one."""

import json
import math

import numpy as np
import pytest

from segstudio.core.errors import SegstudioError
from segstudio.metrics.boundary import BoundarySums
from segstudio.metrics.class_sums import ClassPairs, class_totals
from segstudio.metrics.confusion import IMAGE_MEANS, ConfusionMatrix, Metrics
from segstudio.metrics.image_figures import PIXELS, ImageFigures
from segstudio.metrics.image_table import ImageTable


def random_pairs(seed, number=12, ids=(0, 1, 4, 200)):
    rng = np.random.default_rng(seed)
    images = []
    for _ in range(number):
        used = rng.choice(ids, int(rng.integers(1, len(ids) + 1)), replace=False)
        truth, prediction = rng.choice(used, (2, 9, 11)).astype(np.uint8)
        truth[rng.random(truth.shape) < 0.1] = 255
        images.append((truth, prediction))
    images.append((np.full((3, 3), 255, np.uint8), np.zeros((3, 3), np.uint8)))
    return images


class TestClassPairs:
    def test_they_hold_the_confusion_matrix(self):
        for truth, prediction in random_pairs(0):
            pairs = ClassPairs.of(truth, prediction, 255)
            expected = ConfusionMatrix.of(truth, prediction, 256, 255)
            assert pairs.matrix(256) == expected
            assert ClassPairs.of_matrix(expected).to_json() == pairs.to_json()
            back = ClassPairs.from_json(json.loads(json.dumps(pairs.to_json())))
            assert back.matrix(256) == expected

    def test_they_add_up(self):
        images = random_pairs(1)
        total = ClassPairs.total(ClassPairs.of(t, p, 255) for t, p in images)
        expected = ConfusionMatrix.zeros(256)
        for truth, prediction in images:
            expected += ConfusionMatrix.of(truth, prediction, 256, 255)
        assert total.matrix(256) == expected
        assert total.class_ids == (0, 1, 4, 200)
        assert total.metrics((0, 4)).iou.tolist() == (
            Metrics.from_counts(expected, (0, 4)).iou.tolist()
        )
        assert total.matrix().num_classes == 201
        assert ClassPairs.total([]).metrics((0, 3)).total == 0

    def test_as_if_everything_were_one_class(self):
        truth, prediction = random_pairs(2)[0]
        for class_id in (0, 1, 77):
            expected = ConfusionMatrix.of(truth, np.full_like(truth, class_id), 256, 255)
            assert ClassPairs.of(truth, prediction, 255).as_if_all(class_id).matrix(256) == expected

    def test_classes_of_one_side_only(self):
        truth, prediction = np.array([[0, 3, 3]], np.uint8), np.array([[0, 9, 0]], np.uint8)
        pairs = ClassPairs.of(truth, prediction, None)
        assert pairs.class_ids == (0, 3, 9)
        assert pairs.predicted_ids == (0, 9)
        assert pairs.matrix().num_classes == 10
        assert ClassPairs.of(prediction, truth, None).class_ids == (0, 3, 9)
        assert ClassPairs.of(prediction, truth, None).predicted_ids == (0, 3)
        assert ClassPairs.total([]).matrix().num_classes == 1

    def test_maps_of_different_sizes_are_refused(self):
        with pytest.raises(SegstudioError, match="3 x 2"):
            ClassPairs.of(np.zeros((2, 3), np.uint8), np.zeros((2, 2), np.uint8), None)


class TestClassSums:
    def test_columns_totals_and_json(self):
        one = BoundarySums.of_rows({4: (1, 2), 0: (3, 4)})
        two = BoundarySums.of_rows({4: (10, 20), 9: (0.5, 1)})
        total = one + two
        assert total.ids.tolist() == [0, 4, 9]
        assert total.column("either", [9, 4, 3]).tolist() == [1, 22, 0]
        assert BoundarySums.from_json(json.loads(json.dumps(total.to_json()))).values.tolist() == (
            total.values.tolist()
        )
        assert BoundarySums.total([]).column("both", [0]).tolist() == [0]

    def test_boundaries_of_an_image(self):
        truth = np.zeros((20, 20), np.uint8)
        truth[2:8, 2:8] = 1
        sums = BoundarySums.of(truth, np.roll(truth, 1, axis=1), None)
        assert sums.column("both", [1]).tolist() == [10]
        assert sums.iou([1, 7])[0] == pytest.approx(10 / 30)
        assert math.isnan(sums.iou([1, 7])[1])


class TestImageTable:
    def test_every_image_has_the_scores_of_its_matrix(self):
        ids = (0, 4, 1, 30)
        figures = [
            ImageFigures(f"{i}.png", {PIXELS.key: ClassPairs.of(t, p, 255)})
            for i, (t, p) in enumerate(random_pairs(3))
        ]
        table = ImageTable.of(figures, ids)
        metrics = [f.metrics(ids) for f in figures]
        for name in ("iou", "dice"):
            expected = np.stack([getattr(m, name) for m in metrics])
            np.testing.assert_allclose(getattr(table, name), expected)
        for name in IMAGE_MEANS.values():
            expected = np.array([getattr(m, name) for m in metrics])
            np.testing.assert_allclose(getattr(table, name), expected)
        for key, name in IMAGE_MEANS.items():
            expected = np.nanmean([getattr(m, name) for m in metrics])
            assert table.image_means[key] == pytest.approx(expected)
        assert len(table) == 13
        assert table.names[12] == "12.png"

    def test_no_images(self):
        table = ImageTable.of([], (0, 1))
        assert len(table) == 0
        assert math.isnan(table.image_means["image_mean_iou"])

    def test_totals_by_hand(self):
        pairs = ClassPairs.of(np.array([[0, 0, 1, 2]], np.uint8), np.array([[0, 1, 1, 1]]), None)
        assert class_totals([pairs, pairs], [1, 5]).tolist() == [[[1, 1, 3], [0, 0, 0]]] * 2
