"""All figures of an image, and their sums, against each figure counted alone."""

import json
import math
import pickle

import numpy as np
import pytest

from segstudio.core.candidate import Candidate
from segstudio.core.errors import SegstudioError
from segstudio.core.instances import Instances
from segstudio.core.labels import LabelMap
from segstudio.core.prediction import Prediction
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.metrics.boundary import BOUNDARY
from segstudio.metrics.calibration import CALIBRATION
from segstudio.metrics.detection_curves import DETECTIONS, average_precision
from segstudio.metrics.detections import DetectionMatches
from segstudio.metrics.image_figures import (
    MEASURES,
    PIXELS,
    FolderFigures,
    ImageFigures,
    figures_of,
)
from segstudio.metrics.object_size import SIZES, SizeBins
from segstudio.metrics.panoptic import PANOPTIC
from segstudio.metrics.surface_distance import HAUSDORFF

SCHEMA = LabelSchema(
    (
        ClassSpec(0, "background", (0, 0, 0)),
        ClassSpec(1, "cell", (1, 1, 1), thing=True),
        ClassSpec(2, "ground", (2, 2, 2)),
    )
)


def scene(seed, shape=(40, 60), *, ignored=True):
    """Cells on ground; the prediction is shifted, with detections that have scores."""
    rng = np.random.default_rng(seed)
    truth, ids = np.zeros(shape, np.uint8), np.zeros(shape, np.uint16)
    truth[:, shape[1] // 2 :] = 2
    boxes = []
    for number in range(1, 7):
        y, x = int(rng.integers(0, shape[0] - 9)), int(rng.integers(0, shape[1] - 9))
        truth[y : y + 8, x : x + 8], ids[y : y + 8, x : x + 8] = 1, number
        boxes.append([x + 1, y, x + 9, y + 8])
    found, found_ids = np.roll(truth, 1, 1), np.roll(ids, 1, 1)
    if ignored:
        truth[30:, :15], ids[30:, :15] = 255, 0
    instances = Instances(
        np.array(boxes, np.float32),
        np.sort(rng.uniform(0.1, 1, 6))[::-1].astype(np.float32),
        np.ones(6, np.uint8),
        np.ones((6, 28, 28), np.float16),
    )
    confidence = rng.integers(128, 256, shape, dtype=np.uint8)
    prediction = Prediction(
        "run", "Run", SCHEMA, found, confidence, instances, found_ids, seconds=0.5 + seed
    )
    return LabelMap(truth, ids), prediction


def test_only_what_is_wanted_is_counted():
    truth, prediction = scene(0)
    plain = figures_of(truth, prediction, SCHEMA, name="a.png")
    assert plain.parts.keys() == {PIXELS.key}
    assert plain.pairs.matrix(3).ignored == 150
    assert (plain.name, plain.seconds) == ("a.png", 0.5)
    assert plain.confidence == pytest.approx(prediction.confidence.mean() / 255)
    for measure in (m for m in MEASURES if m.count is not None and m is not PIXELS):
        # of objects and of confidence there may be nothing to count
        assert plain.has([measure]) == (measure in (DETECTIONS, CALIBRATION))
        one = figures_of(truth, prediction, SCHEMA, [measure])
        assert one.has([measure])
        assert one.parts.keys() == {PIXELS.key, measure.key}


def test_masks_from_files_have_no_scores_and_no_confidence():
    truth, prediction = scene(1)
    answer = Candidate(prediction.labels, prediction.instance_ids)
    figures = figures_of(truth, answer, SCHEMA, MEASURES)
    assert figures.part(CALIBRATION) is None
    assert math.isnan(figures.seconds)
    assert math.isnan(figures.confidence)
    assert not figures.part(DETECTIONS).scored
    assert not figures.regions_as_objects
    regions = figures_of(truth, Candidate(prediction.labels), SCHEMA, MEASURES)
    assert regions.regions_as_objects
    assert len(regions.part(DETECTIONS)) > 0
    without = LabelMap(truth.labels.copy())
    assert figures_of(without, answer, SCHEMA, MEASURES).part(DETECTIONS) is None


def test_a_folder_is_the_sum_of_its_images():
    scenes = [scene(seed) for seed in range(4)]
    images = [figures_of(t, p, SCHEMA, MEASURES, str(i)) for i, (t, p) in enumerate(scenes)]
    folder = FolderFigures.of(images, SCHEMA.scored_ids)
    # The images side by side are one image with the same counts, where nothing crosses the seams.
    truth = np.concatenate([t.labels for t, _ in scenes])
    found = np.concatenate([p.labels for _, p in scenes])
    confidence = np.concatenate([p.confidence for _, p in scenes])
    together = figures_of(
        LabelMap(truth), Candidate(found, confidence=confidence), SCHEMA, [CALIBRATION]
    )
    assert folder.images == 4
    assert folder.pairs.to_json() == together.pairs.to_json()
    assert folder.metrics.mean_iou == together.metrics(SCHEMA.scored_ids).mean_iou
    assert folder.part(CALIBRATION).to_json() == together.part(CALIBRATION).to_json()
    assert folder.seconds_per_image == pytest.approx((0.5 + 1.5 + 2.5 + 3.5) / 4)
    assert folder.matrix.num_classes == 3
    each = [f.metrics(SCHEMA.scored_ids).mean_iou for f in images]
    assert folder.image_means["image_mean_iou"] == pytest.approx(np.mean(each))

    boundary = [f.part(BOUNDARY).column("both", [1])[0] for f in images]
    assert folder.part(BOUNDARY).column("both", [1])[0] == sum(boundary)
    values = folder.values
    assert {v.shape for v in values.by_class.values()} == {(3,)}
    distances = [f.part(HAUSDORFF).mean([1])[0] for f in images]
    assert values.by_class["hausdorff95"][1] == pytest.approx(np.mean(distances))
    assert folder.part(PANOPTIC).things == {1}
    matches = folder.part(DETECTIONS)
    together = DetectionMatches.total(f.part(DETECTIONS) for f in images)
    assert len(matches) == len(together) == 24
    assert values.means["ap50"] > 0.5
    assert average_precision(matches, SCHEMA.scored_ids, "box").ap > 0.3
    assert folder.score_curve().recall[0] > 0.5
    assert folder.part(SIZES).column("objects").sum() == sum(
        f.part(SIZES).column("objects").sum() for f in images
    )
    baseline = folder.as_if_all(0)
    wanted = folder.matrix.counts.sum(axis=1)
    assert baseline.iou.tolist() == pytest.approx([wanted[0] / wanted.sum(), 0, 0])


def test_a_folder_of_nothing_and_one_without_the_further_figures():
    for images in ([], [figures_of(*scene(0), SCHEMA)]):
        folder = FolderFigures.of(images, (0, 1, 2))
        assert folder.images == len(images)
        assert folder.parts.keys() == {PIXELS.key}
        assert folder.values.by_class.keys() == {"iou", "dice", "precision", "recall"}
        assert folder.score_curve() is None
        assert math.isnan(folder.seconds_per_image) == (not images)


def test_as_json_and_pickled():
    image = figures_of(*scene(2), SCHEMA, MEASURES, "x.png")
    text = json.dumps(image.to_json(), allow_nan=False)
    assert len(text) < 4000
    back = ImageFigures.from_json(json.loads(text))
    assert json.dumps(back.to_json()) == text
    assert json.dumps(pickle.loads(pickle.dumps(image)).to_json()) == text
    plain = figures_of(*scene(2), SCHEMA)
    assert ImageFigures.from_json(plain.to_json()).part(BOUNDARY) is None
    with pytest.raises(ValueError, match="format"):
        ImageFigures.from_json({**plain.to_json(), "format": 99})


def test_what_is_predicted_on_ignored_pixels_changes_nothing():
    truth, prediction = scene(3)
    wanted = [m for m in MEASURES if m not in (PANOPTIC, DETECTIONS)]
    labels = prediction.labels.copy()
    without_objects = LabelMap(truth.labels.copy())

    def parts():
        answer = Candidate(labels, confidence=prediction.confidence)
        return figures_of(without_objects, answer, SCHEMA, wanted).to_json()

    expected = parts()
    for value in (0, 1, 2, 255, 9):
        labels[truth.labels == 255] = value
        assert parts() == expected


@pytest.mark.parametrize("ignore", [255, 7, None])
def test_pixels_that_are_left_out_count_like_ignored_ones(ignore):
    truth, prediction = scene(4, ignored=False)
    schema = LabelSchema(SCHEMA.classes, ignore)
    left_out = np.zeros(truth.shape_hw, bool)
    left_out[5:20, 10:40] = True
    wanted = [m for m in MEASURES if m is not DETECTIONS]
    answer = Candidate.of(prediction, left_out=left_out)
    ids = np.where(left_out, 0, truth.instances).astype(np.uint16)
    by_hand = LabelMap(np.where(left_out, 200, truth.labels).astype(np.uint8), ids)
    expected = figures_of(by_hand, prediction, LabelSchema(SCHEMA.classes, 200), wanted)
    found = figures_of(truth, answer, schema, wanted)
    assert found.to_json() == expected.to_json()
    assert found.pairs.ignored == 15 * 30


@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("stuff", [False, True])
@pytest.mark.parametrize("regions", [False, True])
def test_sizes_are_the_same_whatever_else_is_counted(ignored, stuff, regions):
    truth, prediction = scene(6, ignored=False)
    labels, found = truth.labels.copy(), prediction.labels.copy()
    if ignored:  # a strip through objects
        column = int(np.nonzero(prediction.instance_ids == 6)[1].min())
        labels[:, column : column + 3] = 255
    if not stuff:
        labels[labels == 2] = found[found == 2] = 0
    truth = LabelMap(labels, np.where(labels == 1, truth.instances, 0).astype(np.uint16))
    ids = None if regions else prediction.instance_ids
    alone = SizeBins.of(labels, truth.instances, found, ids, 255).values
    assert alone[:, 0].sum() > 4
    for wanted in ([SIZES], MEASURES):
        figures = figures_of(truth, Candidate(found, ids), SCHEMA, wanted)
        np.testing.assert_allclose(figures.part(SIZES).values, alone)


def test_maps_of_different_sizes_are_refused():
    truth, prediction = scene(0)
    with pytest.raises(SegstudioError):
        figures_of(LabelMap(truth.labels[:5].copy()), prediction, SCHEMA)
