"""Losses: values by hand, independent implementations, and what ignored pixels may do."""

from math import exp, log
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.nn import functional as F

from segstudio.core.errors import SegstudioError
from segstudio.training.losses import LOSSES, LossSettings, parse_loss
from segstudio.training.losses.cldice import soft_skeleton

# 2 x 2: the first class 1, the next two class 0, the last ignored
FOUND = [[0.8, 0.4], [0.1, 0.7]]
TARGET = torch.tensor([[[1, 0], [0, 255]]])
SUM = "0.5*focal+dice+0.1*boundary"
ALL = [*LOSSES, SUM]


def logits_of(second):
    """Logits of two classes, by the probability of the second."""
    p = torch.tensor(second, dtype=torch.float64)
    return torch.stack([1 - p, p])[None].log()


def certain(classes, n):
    """Logits (1, n, H, W) that are sure of the given classes (H, W)."""
    return F.one_hot(torch.tensor(classes), n).permute(2, 0, 1)[None].float() * 60


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 2


def ids(classes, *shape, seed=1):
    return torch.randint(0, classes, shape, generator=torch.Generator().manual_seed(seed))


def made(key, classes, **more):
    return parse_loss(key).make(LossSettings(classes, **more))


def value(key, logits, target, **more):
    return made(key, logits.shape[1], **more)(logits, target).item()


def test_values_of_a_two_by_two_by_hand():
    surprises = [-log(0.8), -log(0.6), -log(0.9)]
    focal = [0.04 * surprises[0], 0.16 * surprises[1], 0.01 * surprises[2]]
    # class 1: overlap 0.8, found 0.8 + 0.4 + 0.1, wanted 1; class 0: 0.6 + 0.9, 0.2 + 0.6 + 0.9, 2
    dice = 1 - (2 * 0.8 / (1.3 + 1) + 2 * 1.5 / (1.7 + 2)) / 2
    # class 1: TP 0.8, FP 0.5, FN 0.2; class 0: TP 1.5, FP 0.2, FN 0.5
    tversky = 1 - (0.8 / (0.8 + 0.15 + 0.14) + 1.5 / (1.5 + 0.06 + 0.35)) / 2
    # errors 0.4, 0.2, 0.1. Class 1: IoU falls by 1/2 (one invented), 1/2 (its own one missed), 0.
    # Class 0: by 1/2 (one of two missed), 1/6 (1/2 to 1/3: one invented), 1/3
    lovasz = ((0.4 / 2 + 0.2 / 2) + (0.4 / 2 + 0.2 / 6 + 0.1 / 3)) / 2
    by_hand = {
        "cross-entropy": sum(surprises) / 3,
        # shares 1/3 and 2/3 of the batch: weights 2 to 1
        "inverse-frequency": (2 * surprises[0] + surprises[1] + surprises[2]) / 4,
        "focal": sum(focal) / 3,
        "dice": dice,
        "tversky": tversky,
        "lovasz": lovasz,
        "0.5*focal+dice": sum(focal) / 6 + dice,
    }
    logits = logits_of(FOUND)
    assert {k: value(k, logits, TARGET) for k in by_hand} == pytest.approx(by_hand)


def test_weights_follow_the_shares_of_the_data_where_they_are_known():
    logits = logits_of(FOUND)
    rare, common, other = -log(0.8), -log(0.6), -log(0.9)
    found = value("inverse-frequency", logits, TARGET, pixel_shares=(0.75, 0.25))
    assert found == pytest.approx((3 * rare + common + other) / 5)
    # 990,000 and 10,000 pixels of a million: 1 - b^n is almost 1, and about 1 - exp(-0.1)
    ratio = (1 - exp(-9.9)) / (1 - exp(-0.1))
    found = value("effective-number", logits, TARGET, pixel_shares=(0.99, 0.01))
    assert found == pytest.approx((ratio * rare + common + other) / (ratio + 2), rel=1e-5)


@pytest.mark.parametrize("key", ["inverse-frequency", "effective-number"])
@pytest.mark.parametrize("share", [0.0, 1e-9])
def test_a_class_of_almost_nothing_weighs_fifty_times_the_largest(key, share):
    logits = logits_of(FOUND)
    found = value(key, logits, TARGET, pixel_shares=(1 - share, share))
    assert found == pytest.approx((50 * -log(0.8) - log(0.6) - log(0.9)) / 52, rel=1e-5)


def test_boundary_by_hand():
    # a row of 4: class 1 left of the middle. Distances of class 1: -1 0 1 2, of class 0: 2 1 0 -1
    target = torch.tensor([[[1, 1, 0, 0]] * 4])
    half = torch.zeros(1, 2, 4, 4)
    assert value("boundary", half, target) == pytest.approx(0.5 * (2 + 2) / 8 / 4)
    assert value("boundary", certain(target[0].tolist(), 2), target) == pytest.approx(-2 / 8 / 4)
    assert value("boundary", certain([[0, 0, 1, 1]] * 4, 2), target) == pytest.approx(6 / 8 / 4)


def test_ignored_pixels_make_no_edge():
    # class 1, ignored, class 0: the edge of both is where the other begins, two pixels away
    target = torch.tensor([[[1, 255, 0]]])
    assert value("boundary", torch.zeros(1, 2, 1, 3), target) == pytest.approx(
        0.5 * (-1 + 2 + 2 - 1) / 4 / 3
    )


def test_cldice_by_hand():
    # a line of 4, of which 3 are found: T = (3 + 1) / (3 + 1), S = (3 + 1) / (4 + 1)
    line, part = [[0] * 4, [1] * 4, [0] * 4, [0] * 4], [[0] * 4, [1, 1, 1, 0], [0] * 4, [0] * 4]
    loss = value("cldice", certain(part, 2), torch.tensor([line]))
    assert loss == pytest.approx(1 - 2 * 0.8 / 1.8, abs=1e-5)
    assert value("cldice", certain(line, 2), torch.tensor([line])) == pytest.approx(0, abs=1e-5)


def test_cldice_is_of_the_classes_that_are_called_thin():
    target = torch.tensor([[[0] * 4, [1] * 4, [0] * 4, [2, 2, 2, 0]]])
    found = certain([[0] * 4, [1, 1, 1, 0], [0] * 4, [2, 2, 2, 0]], 3)
    whole, broken = 1.0, 2 * 0.8 / 1.8
    mean = 1 - (whole + broken) / 2
    assert value("cldice", found, target) == pytest.approx(mean, abs=1e-5)
    assert value("cldice", found, target, thin=(1,)) == pytest.approx(1 - broken, abs=1e-5)
    assert value("cldice", found, target, thin=(2,)) == pytest.approx(0, abs=1e-5)


# what must hold of each loss


@pytest.mark.parametrize("key", ALL)
@pytest.mark.parametrize("ignored", [255, 3, 1])
def test_ignored_pixels_change_nothing_and_get_no_gradient(key, ignored):
    """Also where the ignored id is one that the network has a channel for."""
    logits = noise(2, 4, 6, 6).requires_grad_()
    target = ids(4, 2, 6, 6)
    hidden = torch.rand(2, 6, 6, generator=torch.Generator().manual_seed(2)) < 0.4
    target = target.masked_fill(hidden, ignored)
    hidden = target == ignored
    loss = made(key, 4, ignore_index=ignored)
    first = loss(logits, target)
    first.backward()
    assert logits.grad.movedim(1, -1)[hidden].abs().max() == 0
    assert logits.grad.movedim(1, -1)[~hidden].abs().sum() > 0
    other = logits.detach().clone()
    other.movedim(1, -1)[hidden] = 9 * noise(int(hidden.sum()), 4, seed=3)
    torch.testing.assert_close(loss(other, target), first.detach())


@pytest.mark.parametrize("key", ALL)
def test_a_part_that_is_not_reviewed_is_as_if_it_were_not_there(key):
    logits, target = noise(1, 3, 6, 9), ids(3, 1, 6, 9)
    larger = torch.cat([logits, noise(1, 3, 3, 9, seed=5)], 2)  # the longer side stays
    ignored = torch.cat([target, torch.full((1, 3, 9), 255)], 1)
    assert value(key, larger, ignored) == pytest.approx(value(key, logits, target), rel=1e-4)


@pytest.mark.parametrize("key", ALL)
def test_all_ignored_gives_zero_with_a_gradient_of_zero(key):
    logits = noise(2, 3, 4, 4)
    logits[0, 0, 0, 0] = float("inf")
    logits.requires_grad_()
    loss = made(key, 3)(logits, torch.full((2, 4, 4), 255))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().max() == 0


@pytest.mark.parametrize("key", ALL)
def test_a_class_that_is_absent_and_one_class_alone_give_numbers(key):
    for target in (ids(2, 1, 5, 5), torch.zeros(1, 5, 5, dtype=torch.int64)):
        logits = noise(1, 3, 5, 5).requires_grad_()
        loss = made(key, 3)(logits, target)
        loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(logits.grad).all()
    one = made(key, 1)(torch.zeros(1, 1, 5, 5), torch.zeros(1, 5, 5, dtype=torch.int64))
    assert one.item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("key", ALL)
def test_going_down_leads_to_the_right_mask(key):
    """Also with a class in the settings that is not in the image."""
    target = torch.zeros(1, 12, 12, dtype=torch.int64)
    target[0, 5:7] = 1
    target[0, :, 3] = 1
    logits = (0.1 * noise(1, 3, 12, 12)).requires_grad_()
    loss = made("cross-entropy+" + key if key in ("cldice", "boundary") else key, 3)
    optimiser = torch.optim.Adam([logits], 0.3)
    for _ in range(60):
        optimiser.zero_grad()
        loss(logits, target).backward()
        optimiser.step()
    assert (logits.argmax(1) == target).float().mean() > 0.99


@pytest.mark.parametrize("key", ALL)
def test_half_precision_is_computed_in_single(key):
    logits, target = noise(1, 3, 6, 6).bfloat16(), ids(3, 1, 6, 6)
    with torch.autocast("cpu", torch.bfloat16):
        low = made(key, 3)(logits, target)
    assert low.dtype == torch.float32
    torch.testing.assert_close(low, made(key, 3)(logits.float(), target))


@pytest.mark.parametrize("key", ALL)
def test_the_gradient_is_the_slope(key):
    logits, target = noise(1, 3, 4, 4).double().requires_grad_(), ids(3, 1, 4, 4)
    target[0, 0, 0] = 255
    assert torch.autograd.gradcheck(lambda x: made(key, 3)(x, target), logits)


@pytest.mark.parametrize("key", ALL)
def test_a_mask_with_a_class_that_the_network_lacks_is_refused(key):
    with pytest.raises(ValueError, match="hold class 7, but there are 3 classes"):
        made(key, 3)(noise(1, 3, 2, 2), torch.tensor([[[0, 1], [7, 255]]]))


# independent implementations


@pytest.fixture
def batch():
    logits, target = noise(2, 4, 7, 9), ids(4, 2, 7, 9)
    target[0, :2] = 255
    return logits, target


def test_weighted_cross_entropy_is_that_of_torch(batch):
    logits, target = batch
    expected = F.cross_entropy(logits, target, ignore_index=255)
    assert value("cross-entropy", logits, target) == pytest.approx(expected.item())
    shares = (0.5, 0.3, 0.15, 0.05)
    weights = torch.tensor([1 / s for s in shares])
    expected = F.cross_entropy(logits, target, weights, ignore_index=255)
    found = value("inverse-frequency", logits, target, pixel_shares=shares)
    assert found == pytest.approx(expected.item())


def test_dice_and_tversky_are_those_of_smp_but_for_absent_classes(batch):
    smp = pytest.importorskip("segmentation_models_pytorch.losses")
    logits, target = batch
    dice = smp.DiceLoss("multiclass", ignore_index=255)
    tversky = smp.TverskyLoss("multiclass", ignore_index=255, alpha=0.3, beta=0.7)
    assert value("dice", logits, target) == pytest.approx(dice(logits, target).item())
    assert value("tversky", logits, target) == pytest.approx(tversky(logits, target).item())
    without = target.where(target != 2, 0)  # smp counts an absent class as 0 and divides by all
    theirs = dice(logits, without).item() * 4 / 3
    assert value("dice", logits, without) == pytest.approx(theirs)


def test_focal_is_that_of_smp_for_two_classes_and_softmax(batch):
    smp = pytest.importorskip("segmentation_models_pytorch.losses")
    functional = pytest.importorskip("segmentation_models_pytorch.losses._functional")
    one, target = noise(2, 1, 7, 9), ids(2, 2, 7, 9)
    target[0, :2] = 255
    binary = smp.FocalLoss("binary", ignore_index=255)(one, target)
    two = torch.cat([torch.zeros_like(one), one], 1)
    assert value("focal", two, target) == pytest.approx(binary.item())
    logits, target = batch
    counted = target != 255
    flat = logits.movedim(1, -1)[counted]
    softmax = functional.softmax_focal_loss_with_logits(flat, target[counted])
    assert value("focal", logits, target) == pytest.approx(softmax.item())
    # with several classes smp's class means something else: a sigmoid for each
    sigmoid = smp.FocalLoss("multiclass", ignore_index=255)(logits, target)
    assert abs(sigmoid.item() - softmax.item()) > 0.05


def test_lovasz_is_that_of_smp_absent_classes_left_out(batch):
    smp = pytest.importorskip("segmentation_models_pytorch.losses")
    logits, target = batch
    theirs = smp.LovaszLoss("multiclass", ignore_index=255)
    for wanted in (target, target.where(target != 2, 0)):
        assert value("lovasz", logits, wanted) == pytest.approx(theirs(logits, wanted).item())


def test_lovasz_of_certain_masks_is_one_minus_iou():
    target = torch.tensor([[[0, 0, 1, 1, 1]]])
    found = certain([[0, 1, 1, 1, 0]], 2)
    assert value("lovasz", found, target) == pytest.approx(1 - (1 / 3 + 2 / 4) / 2, abs=1e-6)


def test_boundary_is_that_of_the_paper_over_the_side(batch):
    logits, _ = batch
    target = ids(4, 2, 7, 9, seed=4)
    distances = np.zeros(logits.shape)
    for n, c in np.ndindex(2, 4):
        inside = (target[n] == c).numpy()
        # one_hot2dist of the authors
        outer = ndimage.distance_transform_edt(~inside) * ~inside
        inner = (ndimage.distance_transform_edt(inside) - 1) * inside
        distances[n, c] = outer - inner
    expected = (logits.softmax(1).numpy() * distances).mean() / 9
    assert value("boundary", logits, target) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("width", "radius"), [(2, 3), (5, 3), (9, 5), (11, 6)])
def test_cldice_is_that_of_the_paper(width, radius):
    """With as many erosions as the widest object has, at least 3."""
    probabilities = noise(1, 2, 16, 16).softmax(1).double()
    target = torch.zeros(1, 16, 16, dtype=torch.int64)
    target[0, 4 : 4 + width, :] = 1
    target[0, :, 11:13] = 1
    found, wanted = probabilities[0, 1].numpy(), (target[0] == 1).numpy().astype(float)
    cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)

    def eroded(x):
        return ndimage.grey_erosion(x, footprint=cross, mode="constant", cval=np.inf)

    def opened(x):
        return ndimage.grey_dilation(eroded(x), (3, 3), mode="constant", cval=-np.inf)

    def skeleton(x):
        line = np.maximum(x - opened(x), 0)
        for _ in range(radius):
            x = eroded(x)
            more = np.maximum(x - opened(x), 0)
            line = line + np.maximum(more - line * more, 0)
        return line

    precision = ((skeleton(found) * wanted).sum() + 1) / (skeleton(found).sum() + 1)
    sensitivity = ((skeleton(wanted) * found).sum() + 1) / (skeleton(wanted).sum() + 1)
    expected = 1 - 2 * precision * sensitivity / (precision + sensitivity)
    loss = value("cldice", probabilities.log(), target, thin=(1,))
    assert loss == pytest.approx(expected, rel=1e-6)


def test_the_soft_skeleton_and_its_gradient_are_those_of_the_authors_code():
    def eroded(x):
        return torch.min(
            -F.max_pool2d(-x, (3, 1), (1, 1), (1, 0)), -F.max_pool2d(-x, (1, 3), (1, 1), (0, 1))
        )

    def opened(x):
        return F.max_pool2d(eroded(x), (3, 3), (1, 1), (1, 1))

    def skeleton(x, steps):
        line = F.relu(x - opened(x))
        for _ in range(steps):
            x = eroded(x)
            more = F.relu(x - opened(x))
            line = line + F.relu(more - line * more)
        return line

    ours, theirs = (noise(2, 3, 13, 17).sigmoid().requires_grad_() for _ in range(2))
    weights = noise(2, 3, 13, 17, seed=9)
    line, steps = soft_skeleton(ours, torch.ones(2, 1, 13, 17), 4)
    wanted = skeleton(theirs, 4)
    assert steps == 4
    torch.testing.assert_close(line, wanted)
    (line * weights).sum().backward()
    (wanted * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


# the table and sums


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_each_row_says_what_it_is_and_when_to_use_it(loss):
    assert loss.title
    assert loss.formula
    assert loss.when.endswith(".")
    assert loss.when.count(".") == 1
    assert not set(loss.key) & set("+* ")


def test_a_sum_is_read_as_it_is_written():
    loss = parse_loss(" 0.5 * focal + dice ")
    assert loss.key == "0.5*focal+dice"
    assert loss.title == "0.5 x Focal + Dice"
    assert parse_loss(loss.key) == loss
    assert parse_loss("dice") is LOSSES["dice"]
    assert value("2*dice", logits_of(FOUND), TARGET) == pytest.approx(
        2 * value("dice", logits_of(FOUND), TARGET)
    )


@pytest.mark.parametrize("text", ["", "dice+", "dicee", "x*dice", "-1*dice", "0*dice", "nan*dice"])
def test_what_is_no_loss_is_refused_in_a_sentence(text):
    with pytest.raises(SegstudioError, match="in the loss") as error:
        parse_loss(text)
    assert "0.5*focal+dice" in error.value.hint


def test_the_page_on_losses_has_each_row_as_the_table_has_it():
    page = (Path(__file__).parents[2] / "docs" / "losses.md").read_text(encoding="utf-8")
    rows = [
        f"| {loss.title} | `{loss.key}` | {loss.formula} | {loss.when} |"
        for loss in LOSSES.values()
    ]
    assert [line for line in page.splitlines() if line.startswith("| ")][2:] == rows
