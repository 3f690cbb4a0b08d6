"""Pasting against torchvision; matching by hand."""

import math

import numpy as np
import pytest
from boxes import box_instances

from segstudio.core.instances import Instances, match_instances
from segstudio.core.prediction import Prediction, with_thresholds
from segstudio.core.schema import LabelSchema


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

    def test_what_counts_nowhere_and_crowds(self):
        truth, found = np.zeros((2, 10, 40), np.uint16)
        void, crowd = np.zeros((2, 10, 40), bool)
        void[:, 10:14] = True
        crowd[:, 30:40] = True
        truth[:, 0:10], truth[:, 10:14] = 1, 255  # the outline has an id of its own in Pascal VOC
        found[:, 0:14] = 1  # 100 of 140 pixels count: IoU 1
        found[0:4, 32:38] = 2  # on the crowd
        found[6:10, 28:32] = 3  # with 8 of 16 pixels on the crowd: invented
        assert match_instances(truth, found, 0.5, void, crowd) == (1, 1, 0, pytest.approx(1))
        found[:, 0:14] = 0
        found[:, 11:13] = 1  # on what counts nowhere, as a whole
        assert match_instances(truth, found, 0.5, void, crowd)[:3] == (0, 1, 1)
        assert match_instances(truth, found, 0.5)[:3] == (1, 2, 1)  # the outline, as an object

    def test_empty_maps(self):
        nothing, one = np.zeros((3, 3), np.uint16), np.ones((3, 3), np.uint16)
        tp, fp, fn, mean_iou = match_instances(nothing, nothing)
        assert (tp, fp, fn) == (0, 0, 0)
        assert math.isnan(mean_iou)
        assert match_instances(one, nothing)[:3] == (0, 0, 1)
        assert match_instances(nothing, one)[:3] == (0, 1, 0)
        with pytest.raises(ValueError):
            match_instances(one, np.ones((3, 4), np.uint16))
