import math

import numpy as np
import pytest
import torch

from segstudio.models.preprocess import Preprocess
from segstudio.training.data import Sample
from segstudio.training.validation import (
    Counts,
    average_precision,
    by_group,
    encode,
    evaluate_instances,
    evaluate_semantic,
    instance_masks,
    summary,
)


def box(top, left, bottom, right):
    mask = np.zeros((40, 40), bool)
    mask[top:bottom, left:right] = True
    return mask


def test_counts_by_hand():
    found = np.array([[1, 1, 0, 0]], bool)
    wanted = np.array([[1, 0, 1, 0]], bool)
    counts = Counts.of(found, wanted)
    assert counts == Counts(1, 1, 1)
    assert counts.iou == pytest.approx(1 / 3)
    assert counts.dice == pytest.approx(1 / 2)
    assert math.isnan(Counts(0, 0, 0).iou)


def test_summary_adds_before_dividing():
    values = summary([Counts(10, 0, 0), Counts(0, 5, 5), Counts(0, 0, 0)])
    assert values["iou"] == pytest.approx(0.5)
    assert values["dice"] == pytest.approx(20 / 30)
    assert values["mean_image_iou"] == pytest.approx(0.5)  # of 1 and 0; the empty one has none


def test_groups():
    values = by_group(["a", "b", "a"], lambda part: {"sum": float(sum(part))})
    assert values == {
        "all": {"images": 3, "sum": 3.0},
        "a": {"images": 2, "sum": 2.0},
        "b": {"images": 1, "sum": 1.0},
    }


def test_perfect_instances_have_ap_one():
    masks = [box(0, 0, 9, 9), box(20, 20, 30, 35)]
    ap = average_precision([encode(masks)], [(encode(masks), [0.9, 0.8])])
    assert ap == pytest.approx({"ap50": 1, "ap75": 1, "ap": 1})


def test_average_precision_by_hand():
    # best first: right (IoU 1), wrong, right with IoU 0.6; two true ones
    truth = [box(0, 0, 10, 10), box(20, 20, 30, 30)]
    found = [truth[0], box(0, 30, 10, 40), box(20, 20, 30, 26)]
    ap = average_precision([encode(truth)], [(encode(found), [0.9, 0.8, 0.7])])
    # at 0.5: precision 1 for the 51 recall points up to 0.5, then 2/3 for the other 50
    assert ap["ap50"] == pytest.approx((51 + 50 * 2 / 3) / 101)
    # at 0.75 only the first is right
    assert ap["ap75"] == pytest.approx(51 / 101)
    # the thresholds 0.5, 0.55 and 0.6 take the third as right
    assert ap["ap"] == pytest.approx((3 * ap["ap50"] + 7 * ap["ap75"]) / 10)


def test_more_than_a_hundred_objects_count():
    masks = [box(y, x, y + 3, x + 3) for y in range(0, 40, 3) for x in range(0, 36, 3)]
    assert len(masks) > 150
    ap = average_precision([encode(masks)], [(encode(masks), np.linspace(1, 0.5, len(masks)))])
    assert ap["ap50"] == pytest.approx(1)


def test_nothing_found_is_zero_and_nothing_wanted_is_no_number():
    assert average_precision([encode([box(0, 0, 5, 5)])], [([], [])])["ap50"] == 0
    assert math.isnan(average_precision([[]], [([], [])])["ap50"])


def test_instance_masks_leave_the_background_out():
    ids = np.array([[0, 3], [7, 3]])
    first, second = instance_masks(ids)
    assert first.tolist() == [[False, True], [False, True]]
    assert second.tolist() == [[False, False], [True, False]]


class Bright(torch.nn.Module):
    """Finds what is brighter than the middle."""

    def forward(self, x):
        return torch.cat([0.5 - x[:, :1], x[:, :1] - 0.5], 1)


class BrightInstance(torch.nn.Module):
    """Finds one instance: what is bright; and a bad one with a low score."""

    def forward(self, images):
        masks = torch.stack([images[0][:1], 1 - images[0][:1]])
        return [{"masks": masks, "scores": torch.tensor([0.9, 0.1])}]


@pytest.fixture
def sample():
    ids = np.zeros((30, 41), np.uint16)
    ids[5:15, 5:20] = 3
    image = np.repeat(np.where(ids > 0, 250, 5).astype(np.uint8)[..., None], 3, axis=2)
    return Sample("one", image, ids)


def test_semantic_evaluation(sample):
    values = evaluate_semantic(Bright(), Preprocess(divisor=16), [sample], ["dark"])
    expected = {"images": 1, "iou": 1, "dice": 1, "mean_image_iou": 1}
    assert values == {"all": expected, "dark": expected}


def test_instance_evaluation(sample):
    values = evaluate_instances(BrightInstance(), Preprocess(), [sample], ["dark"])["all"]
    assert values["iou"] == 1  # the bad one is below the score threshold
    assert values["ap50"] == pytest.approx(1)
