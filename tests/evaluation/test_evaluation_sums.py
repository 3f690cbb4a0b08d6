"""Figures of a folder as sums of sums: the same as adding up all images at once."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.candidate import Candidate
from segstudio.core.labels import LabelMap
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.evaluation.rows import METRICS, Counted, ImageRow, entries_of, pairs_of
from segstudio.evaluation.sums import RunSums
from segstudio.metrics.detection_curves import DETECTIONS, average_precision
from segstudio.metrics.image_figures import MEASURES, FolderFigures, figures_of
from segstudio.metrics.panoptic import PANOPTIC
from segstudio.metrics.surface_distance import HAUSDORFF

SCHEMA = LabelSchema(
    (
        ClassSpec(0, "background", (0, 0, 0)),
        ClassSpec(1, "cell", (1, 1, 1), True),
        ClassSpec(3, "dirt", (3, 3, 3)),
    )
)
IDS = SCHEMA.scored_ids


def random_figures(seed, wanted=None):
    rng = np.random.default_rng(seed)
    small = rng.choice([0, 1, 3, 255], (5, 6), p=[0.5, 0.3, 0.1, 0.1]).astype(np.uint8)
    truth = np.kron(small, np.ones((4, 4), np.uint8))
    instances = np.where(truth == 1, 1 + np.arange(20, dtype=np.uint16)[:, None] // 4, 0)
    predicted = np.where(rng.random(truth.shape) < 0.1, 1, truth).astype(np.uint8)
    predicted[predicted == 255] = 0
    confidence = rng.integers(100, 256, truth.shape, np.uint8)
    answer = Candidate(predicted, confidence=confidence, seconds=float(seed))
    label_map = LabelMap(truth, instances.astype(np.uint16))
    return figures_of(label_map, answer, SCHEMA, wanted or MEASURES, f"{seed}.png")


def row(figures, **options):
    return ImageRow.of(Counted(figures, figures.seconds, 0.25), IDS, **options)


def assert_same(found, expected):
    assert found.images == expected.images
    assert found.class_ids == expected.class_ids
    np.testing.assert_array_equal(found.matrix.counts, expected.matrix.counts)
    assert found.image_means == pytest.approx(expected.image_means)
    assert found.seconds_per_image == pytest.approx(expected.seconds_per_image)
    assert found.regions_as_objects == expected.regions_as_objects
    assert found.values.by_class.keys() == expected.values.by_class.keys()
    assert found.values.means == pytest.approx(expected.values.means, nan_ok=True)
    for name, values in found.values.by_class.items():
        np.testing.assert_allclose(values, expected.values.by_class[name])
    assert {"hausdorff95", "ap75", "pq", "ece"} <= found.values.means.keys()


@pytest.mark.slow
def test_sums_of_sums_in_any_order_with_changes():
    figures = {i: random_figures(i) for i in range(150)}
    sums = RunSums(IDS)
    assert sums.total() is None
    for start in (100, 0, 50):
        sums.put({i: row(figures[i]) for i in range(start, start + 50)})
    assert_same(sums.total(), FolderFigures.of(figures.values(), IDS))
    figures[70] = random_figures(1000)
    del figures[3]
    sums.put({70: row(figures[70]), 3: None})
    assert_same(sums.total(), FolderFigures.of(figures.values(), IDS))
    told = sums.total().values.means
    expected = FolderFigures.of(figures.values(), IDS)
    assert told["mean_iou"] == pytest.approx(expected.metrics.mean_iou)
    precision = average_precision(expected.part(DETECTIONS), IDS)
    assert told["ap75"] == pytest.approx(precision.at(0.75))
    assert told["pq"] == pytest.approx(expected.part(PANOPTIC).quality(IDS).mean()[0])
    assert told["image_mean_iou"] == pytest.approx(expected.image_means["image_mean_iou"])
    sums.put(dict.fromkeys(figures))
    assert sums.total() is None


def test_a_line_keeps_the_figures():
    figures = random_figures(5)
    line = row(figures, disagreement=0.125)
    scores = dict(zip(METRICS, line.scores, strict=True))
    metrics = figures.metrics(IDS)
    assert scores["mean_iou"] == metrics.mean_iou
    assert scores["frequency_weighted_iou"] == metrics.frequency_weighted_iou
    assert (scores["disagreement"], scores["uncertainty"], scores["seconds"]) == (0.125, 0.25, 5)
    np.testing.assert_allclose(line.class_iou, metrics.iou, rtol=1e-6)
    assert line.figures.to_json() == figures.to_json()
    pairs = pairs_of(line.keys, line.pixels)
    np.testing.assert_array_equal(pairs.keys, figures.pairs.keys)
    np.testing.assert_array_equal(pairs.pixels, figures.pairs.pixels)


def test_suspicion_is_the_share_of_pixels_where_a_sure_answer_is_wrong():
    truth = LabelMap(np.zeros((2, 10), np.uint8))
    predicted = np.zeros((2, 10), np.uint8)
    predicted[0, :4] = 1
    confidence = np.full((2, 10), 255, np.uint8)
    confidence[0, 0] = 128
    figures = figures_of(truth, Candidate(predicted, confidence=confidence), SCHEMA, MEASURES)
    scores = dict(zip(METRICS, row(figures).scores, strict=True))
    assert scores["suspicion"] == pytest.approx(3 / 20)


def test_distances_that_are_not_wanted_are_not_shown():
    counted = Counted(random_figures(1), 1.0, 0.0)
    shown = ImageRow.of(counted, IDS)
    hidden = ImageRow.of(counted, IDS, hidden=[HAUSDORFF], content=counted.packed())
    at = METRICS.index("hausdorff95")
    assert shown.scores[at] > 0
    assert np.isnan(hidden.scores[at])
    assert hidden.figures.part(HAUSDORFF) is None
    assert shown.figures.part(HAUSDORFF) is not None


def test_entries_of_many_images():
    lines = [row(random_figures(i)) for i in range(3)]
    number, keys, pixels = entries_of([r.keys for r in lines], [r.pixels for r in lines])
    for i, line in enumerate(lines):
        pairs = pairs_of(line.keys, line.pixels)
        np.testing.assert_array_equal(keys[number == i], pairs.keys)
        np.testing.assert_array_equal(pixels[number == i], pairs.pixels)


def test_damaged_bytes_are_no_figures():
    assert Counted.unpacked(b"no figures") is None
    content = Counted(random_figures(1), 1.0, 0.5).packed()
    assert Counted.unpacked(content[:-4]) is None
    assert Counted.unpacked(content).uncertainty == 0.5
