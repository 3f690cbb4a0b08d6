"""Pasting against torchvision, average precision against pycocotools."""

import math

import numpy as np
import pytest

from segstudio.core.geometry import Rect
from segstudio.core.instances import (
    Instances,
    average_precision,
    match_detections,
    match_instances,
)
from segstudio.core.prediction import Prediction, with_thresholds
from segstudio.core.schema import LabelSchema


def box_instances(boxes, scores, classes=None, value=1.0):
    n = len(scores)
    return Instances(
        np.array(boxes, np.float32).reshape(n, 4),
        np.array(scores, np.float32),
        np.array(classes or [1] * n, np.uint8),
        np.full((n, 28, 28), value, np.float16),
    )


def random_instances(rng, n, shape_hw):
    """Soft blobs of all sizes, some reaching over the image's edge."""
    h, w = shape_hw
    first = rng.uniform((-10, -10), (w, h), (n, 2))
    # torchvision cannot paste a box that lies outside altogether.
    last = np.maximum(first + rng.uniform(0.3, 40, (n, 2)), 1)
    boxes = np.concatenate([np.minimum(first, (w - 1, h - 1)), last], axis=1)
    y, x = (np.mgrid[0:28, 0:28] - 13.5) / 14
    blobs = 1 / (1 + np.exp(6 * (x**2 + y**2 - rng.uniform(0.3, 1.2, (n, 1, 1)))))
    scores = np.sort(rng.uniform(0.05, 1, n))[::-1]
    return Instances(
        boxes.astype(np.float32),
        scores.astype(np.float32),
        rng.integers(1, 4, n, dtype=np.uint8),
        (blobs + rng.normal(0, 0.1, blobs.shape)).clip(0, 1).astype(np.float16),
    )


@pytest.mark.parametrize("seed", range(4))
def test_pasting_equals_torchvision(seed):
    torch = pytest.importorskip("torch")
    roi_heads = pytest.importorskip("torchvision.models.detection.roi_heads")
    shape = (60, 75)
    instances = random_instances(np.random.default_rng(seed), 25, shape)
    pasted = roi_heads.paste_masks_in_image(
        torch.from_numpy(instances.masks.astype(np.float32))[:, None],
        torch.from_numpy(instances.boxes),
        shape,
    )[:, 0].numpy()
    for index in range(len(instances)):
        rect, soft = instances.soft_mask(index, shape)
        ours = np.zeros(shape, np.float32)
        ours[rect.slices] = soft
        np.testing.assert_allclose(ours, pasted[index], atol=2e-6)
        clear = np.abs(pasted[index] - 0.5) > 1e-5
        hard = np.zeros(shape, np.bool_)
        rect, mask = instances.mask(index, shape)
        hard[rect.slices] = mask
        np.testing.assert_array_equal(hard[clear], (pasted[index] > 0.5)[clear])


def test_an_instance_outside_the_image_is_empty():
    rect, mask = box_instances([[50, 50, 60, 60]], [0.9]).mask(0, (20, 20))
    assert rect.is_empty
    assert mask.shape == (0, 0)


def test_flattening_puts_the_best_on_top():
    instances = box_instances([[2, 2, 12, 12], [8, 2, 18, 12]], [0.8, 0.6], [1, 2])
    labels, ids, confidence = instances.flatten((16, 22), 0.5, 0.5)
    assert (labels[6, 10], ids[6, 10], confidence[6, 10]) == (1, 1, 204)
    assert (labels[6, 16], ids[6, 16], confidence[6, 16]) == (2, 2, 153)
    assert (labels[15, 0], ids[15, 0], confidence[15, 0]) == (0, 0, 255)
    assert (labels.dtype, ids.dtype, confidence.dtype) == (np.uint8, np.uint16, np.uint8)


def test_background_is_less_certain_where_a_hidden_instance_lies():
    instances = box_instances([[2, 2, 12, 12], [20, 2, 30, 12]], [0.9, 0.4])
    labels, ids, confidence = instances.flatten((16, 40), 0.5, 0.5)
    assert (labels[6, 25], ids[6, 25]) == (0, 0)
    assert confidence[6, 25] == round((1 - 0.4) * 255)
    assert confidence[6, 38] == 255


def test_no_instances():
    labels, ids, confidence = box_instances([], []).flatten((4, 5), 0.5, 0.5)
    assert not labels.any()
    assert not ids.any()
    assert (confidence == 255).all()


def test_thresholds_act_without_another_run():
    instances = box_instances([[2, 2, 12, 12], [20, 2, 30, 12]], [0.9, 0.4], value=0.7)
    labels, ids, confidence = instances.flatten((16, 40), 0.5, 0.5)
    shown = Prediction(
        "run", "Run", LabelSchema.from_names(("background", "cell")), labels, confidence,
        instances, ids, seconds=2.0,
    )  # fmt: skip
    assert set(np.unique(shown.instance_ids)) == {0, 1}
    both = with_thresholds(shown, 0.3, 0.5)
    assert set(np.unique(both.instance_ids)) == {0, 1, 2}
    assert (both.run, both.seconds, both.instances) == ("run", 2.0, instances)
    assert not with_thresholds(shown, 0.3, 0.8).labels.any()
    assert set(np.unique(shown.instance_ids)) == {0, 1}
    back = with_thresholds(both, 0.5, 0.5)
    np.testing.assert_array_equal(back.labels, shown.labels)
    np.testing.assert_array_equal(back.confidence, shown.confidence)


def test_thresholds_leave_semantic_predictions_alone():
    flat = np.zeros((2, 2), np.uint8)
    semantic = Prediction("run", "Run", LabelSchema.from_names(("background",)), flat, flat)
    assert with_thresholds(semantic, 0.1, 0.1) is semantic


class TestMatching:
    def test_by_hand(self):
        truth = np.zeros((10, 30), np.uint16)
        truth[0:10, 0:10] = 5  # 100 px, found with 80 of them: IoU 0.8
        truth[0:10, 12:20] = 9  # 80 px, found with 30: IoU 0.375
        truth[0:2, 25:30] = 2  # missed
        found = np.zeros_like(truth)
        found[0:8, 0:10] = 1
        found[0:10, 12:15] = 300
        found[8:10, 21:24] = 7  # nothing there
        assert match_instances(truth, found, 0.5) == (1, 2, 2, pytest.approx(0.8))
        assert match_instances(truth, found, 0.3) == (2, 1, 1, pytest.approx((0.8 + 0.375) / 2))

    def test_one_prediction_over_two_objects_matches_one(self):
        truth = np.zeros((4, 20), np.uint16)
        truth[:, :12], truth[:, 12:] = 1, 2
        found = np.ones((4, 20), np.uint16)
        assert match_instances(truth, found, 0.4) == (1, 0, 1, pytest.approx(12 / 20))

    def test_empty_maps(self):
        nothing, one = np.zeros((3, 3), np.uint16), np.ones((3, 3), np.uint16)
        tp, fp, fn, mean_iou = match_instances(nothing, nothing)
        assert (tp, fp, fn) == (0, 0, 0)
        assert math.isnan(mean_iou)
        assert match_instances(one, nothing)[:3] == (0, 0, 1)
        assert match_instances(nothing, one)[:3] == (0, 1, 0)
        with pytest.raises(ValueError):
            match_instances(one, np.ones((3, 4), np.uint16))


def scene(rng, shape):
    """Objects on a grid, and detections of them that are shifted, doubled, missing or wrong."""
    h, w = shape
    truth = np.zeros(shape, np.uint16)
    boxes, scores = [], []
    for number, (top, left) in enumerate(np.ndindex(h // 16, w // 16), start=1):
        y, x = top * 16 + 2, left * 16 + 2
        truth[y : y + 11, x : x + 11] = number
        for _ in range(int(rng.integers(0, 3))):
            dx, dy, grow = rng.integers(-2, 3, 3) * (1, 1, 0)
            boxes.append([x + dx, y + dy, x + dx + 10 + grow, y + dy + 10])
            scores.append(rng.uniform(0.05, 1))
    order = np.argsort(scores)[::-1]
    return truth, box_instances([boxes[i] for i in order], [scores[i] for i in order], value=0.9)


def coco_average_precision(scenes, iou_threshold):
    from pycocotools import mask as coco_mask
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def encode(mask):
        return coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))

    annotations, results = [], []
    for image, (truth, instances) in enumerate(scenes):
        for number in range(1, int(truth.max()) + 1):
            code = encode(truth == number)
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": 1, "iscrowd": 0,
                 "segmentation": code, "area": float(coco_mask.area(code)), "bbox": [0, 0, 1, 1]}
            )  # fmt: skip
        for index in range(len(instances)):
            mask = np.zeros(truth.shape, np.bool_)
            rect, part = instances.mask(index, truth.shape)
            mask[rect.slices] = part
            results.append(
                {"image_id": image, "category_id": 1, "segmentation": encode(mask),
                 "score": float(instances.scores[index])}
            )  # fmt: skip
    coco = COCO()
    images = [{"id": i, "height": 64, "width": 96} for i in range(len(scenes))]
    coco.dataset = {"images": images, "annotations": annotations, "categories": [{"id": 1}]}
    coco.createIndex()
    evaluation = COCOeval(coco, coco.loadRes(results), "segm")
    evaluation.params.iouThrs = np.array([iou_threshold])
    evaluation.params.maxDets = [1000]
    evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
    evaluation.evaluate()
    evaluation.accumulate()
    return float(evaluation.eval["precision"][0, :, 0, 0, 0].mean())


@pytest.mark.parametrize("iou_threshold", [0.5, 0.75])
def test_average_precision_equals_pycocotools(iou_threshold):
    rng = np.random.default_rng(11)
    scenes = [scene(rng, (64, 96)) for _ in range(6)]
    expected = coco_average_precision(scenes, iou_threshold)
    images = [
        match_detections(
            truth,
            [found.mask(i, truth.shape) for i in range(len(found))],
            found.scores,
            iou_threshold,
        )
        for truth, found in scenes
    ]
    assert 0.05 < expected < 0.95
    assert average_precision(images) == pytest.approx(expected, abs=1e-9)


def test_average_precision_by_hand():
    # Two objects; the best detection is right, the second wrong, the third right:
    # precision 1 up to recall 0.5 (51 of 101 points), then 2/3.
    truth = np.zeros((10, 40), np.uint16)
    truth[2:9, 2:9], truth[2:9, 20:27] = 1, 2
    full = np.ones((7, 7), np.bool_)
    masks = [(Rect(2, 20, 9, 27), full), (Rect(2, 30, 9, 37), full), (Rect(2, 2, 9, 9), full)]
    matched = match_detections(truth, masks, [0.5, 0.8, 0.9])
    assert matched.hits.tolist() == [True, False, True]
    assert average_precision([matched]) == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_average_precision_of_nothing():
    nothing = np.zeros((4, 4), np.uint16)
    assert math.isnan(average_precision([match_detections(nothing, [], [])]))
    assert average_precision([match_detections(np.ones((4, 4), np.uint16), [], [])]) == 0.0
