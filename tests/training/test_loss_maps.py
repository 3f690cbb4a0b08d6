"""What pixels cost, by hand and against the loss with that pixel put right."""

import numpy as np
import pytest
import torch

from segstudio.training.loss_maps import loss_maps
from segstudio.training.losses import LOSSES, LossSettings, parse_loss

TARGET = np.array([[1, 0], [0, 255]], np.uint8)
SECOND = np.array([[0.8, 0.4], [0.1, 0.7]])


def logits_of(second):
    return np.log(np.stack([1 - second, second])).astype(np.float32)


def noise(classes, height, width, seed=0):
    made = torch.randn(classes, height, width, generator=torch.Generator().manual_seed(seed))
    return made.numpy()


def ids(classes, height, width, seed=1):
    return np.random.default_rng(seed).integers(0, classes, (height, width)).astype(np.uint8)


def maps(key, logits, target, **more):
    return loss_maps(parse_loss(key), logits, target, LossSettings(len(logits), **more))


def value(key, logits, target):
    loss = parse_loss(key).make(LossSettings(len(logits)))
    return float(loss(torch.as_tensor(logits).double()[None], torch.as_tensor(target[None]).long()))


def test_cross_entropy_and_focal_by_hand():
    found = maps("cross-entropy", logits_of(SECOND), TARGET)
    np.testing.assert_allclose(
        found.cost, [[-np.log(0.8), -np.log(0.6)], [-np.log(0.9), 0]], rtol=1e-5
    )
    # the gradient is (p - y) / 3 for each class, so its length is the error times the root of 2
    np.testing.assert_allclose(found.pull, np.sqrt(2) * np.array([[0.2, 0.4], [0.1, 0]]), rtol=1e-5)
    focal = maps("focal", logits_of(SECOND), TARGET)
    wanted = [[-0.04 * np.log(0.8), -0.16 * np.log(0.6)], [-0.01 * np.log(0.9), 0]]
    np.testing.assert_allclose(focal.cost, wanted, rtol=1e-5)


def test_weights_are_in_the_costs():
    # shares 1/3 and 2/3: weights 2, 1, 1 of 4, times 3 pixels
    found = maps("inverse-frequency", logits_of(SECOND), TARGET)
    surprise = -np.log([[0.8, 0.6], [0.9, 1]])
    np.testing.assert_allclose(found.cost, surprise * [[1.5, 0.75], [0.75, 0]], rtol=1e-5)


def test_dice_by_hand():
    # a pixel of class 1 costs what the slope says: overlap and sum of both classes change.
    # Class 1: 2 * 0.8 / 2.3; class 0: 2 * 1.5 / 3.7. L = 1 - half their sum
    one, zero = (0.8, 2.3), (1.5, 3.7)

    def falls(overlap, total, more_overlap, more_total):
        return 2 * (more_overlap * total - overlap * more_total) / total**2

    first = (falls(*one, 0.2, 0.2) + falls(*zero, 0, -0.2)) / 2
    second = (falls(*one, 0, -0.4) + falls(*zero, 0.4, 0.4)) / 2
    third = (falls(*one, 0, -0.1) + falls(*zero, 0.1, 0.1)) / 2
    found = maps("dice", logits_of(SECOND), TARGET)
    np.testing.assert_allclose(found.cost, 3 * np.array([[first, second], [third, 0]]), rtol=1e-4)


def test_lovasz_by_hand():
    # errors 0.2, 0.4, 0.1 by the steps of 1 - IoU: class 1: 1/2, 1/2, 0; class 0: 1/6, 1/2, 1/3
    wanted = 3 / 2 * np.array([[0.2 * (1 / 2 + 1 / 6), 0.4], [0.1 / 3, 0]])
    np.testing.assert_allclose(maps("lovasz", logits_of(SECOND), TARGET).cost, wanted, rtol=1e-4)


def test_boundary_by_hand():
    # a row of 4, all at one half: distances -1 0 1 2 and 2 1 0 -1 over the side, two classes
    target = np.array([[1, 1, 0, 0]] * 4, np.uint8)
    found = maps("boundary", np.zeros((2, 4, 4), np.float32), target)
    wanted = 0.5 * np.array([2 + 1, 1 + 0, 1 + 0, 2 + 1]) / 2 / 4
    np.testing.assert_allclose(found.cost, [wanted] * 4, rtol=1e-5)


@pytest.mark.parametrize("key", ["cross-entropy", "inverse-frequency", "focal", "lovasz"])
def test_the_mean_of_the_costs_is_the_loss(key):
    logits, target = noise(4, 8, 9), ids(4, 8, 9)
    target[:2] = 255
    found = maps(key, logits, target)
    assert found.value == pytest.approx(value(key, logits, target))
    assert found.cost.sum() / (target != 255).sum() == pytest.approx(found.value, rel=1e-5)


@pytest.mark.parametrize("key", ["dice", "tversky", "boundary"])
def test_the_cost_is_what_the_loss_falls_by_if_the_pixel_is_right(key):
    logits, target = noise(3, 40, 40), ids(3, 40, 40)
    target[:4] = 255
    found = maps(key, logits, target)
    counted = (target != 255).sum()
    for row, column in ((5, 5), (20, 31), (39, 0)):
        right = logits.astype(np.float64)
        right[:, row, column] = -60
        right[target[row, column], row, column] = 60
        fall = (found.value - value(key, right, target)) * counted
        assert found.cost[row, column] == pytest.approx(fall, rel=0.02)


@pytest.mark.parametrize("key", [*LOSSES, "0.5*focal+dice"])
def test_ignored_pixels_cost_nothing_and_all_ignored_neither(key):
    logits, target = noise(3, 12, 12), ids(3, 12, 12)
    target[3:6] = 255
    found = maps(key, logits, target)
    assert (found.cost.dtype, found.cost.shape) == (np.float32, (12, 12))
    assert (found.pull.dtype, found.pull.shape) == (np.float32, (12, 12))
    assert not found.cost[3:6].any()
    assert not found.pull[3:6].any()
    assert found.pull[target != 255].max() > 0
    nothing = maps(key, logits, np.full((12, 12), 255, np.uint8))
    assert (nothing.value, nothing.cost.any(), nothing.pull.any()) == (0, False, False)


@pytest.mark.parametrize("key", ["dice", "tversky", "lovasz", "boundary", "focal"])
def test_what_is_wrong_costs_more_than_what_is_right_even_where_it_is_certain(key):
    target = np.zeros((16, 16), np.uint8)
    target[:, 8:] = 1
    logits = np.zeros((2, 16, 16), np.float32)
    logits[0] = np.where(target == 0, 40, -40)  # the wrong class has a probability of e^-80
    logits[:, 4, 4] = -40, 40
    cost = maps(key, logits, target).cost
    assert np.isfinite(cost).all()
    assert cost[4, 4] == cost.max() > 100 * np.median(np.abs(cost))


def test_a_sum_adds_costs_and_gradients():
    logits, target = noise(3, 8, 8), ids(3, 8, 8)
    both, focal, dice = (maps(k, logits, target) for k in ("0.5*focal+dice", "focal", "dice"))
    assert both.value == pytest.approx(0.5 * focal.value + dice.value)
    np.testing.assert_allclose(both.cost, 0.5 * focal.cost + dice.cost, rtol=1e-5)
    assert (both.pull <= 0.5 * focal.pull + dice.pull + 1e-6).all()


def test_cldice_finds_the_gap_in_a_line_the_dearest():
    target = np.zeros((21, 21), np.uint8)
    target[10] = 1
    logits = np.where(target == 1, 3.0, -3.0) * np.array([-1, 1])[:, None, None]
    logits[:, 10, 10] = 1, -1
    cost = maps("cldice", logits.astype(np.float32), target).cost
    assert np.unravel_index(cost.argmax(), cost.shape) == (10, 10)
    assert cost[10, 10] > 0


def test_focal_looks_away_from_what_is_easy_and_cross_entropy_does_not():
    logits = logits_of(np.array([[0.9, 0.4]]))
    target = np.array([[1, 1]], np.uint8)
    parts = [maps(k, logits, target).cost[0] for k in ("cross-entropy", "focal")]
    shares = [easy / (easy + hard) for easy, hard in parts]
    assert shares[0] == pytest.approx(0.103, abs=0.001)
    assert shares[1] == pytest.approx(0.0032, abs=0.0001)
