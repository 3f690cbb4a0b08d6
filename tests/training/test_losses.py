import pytest
import torch
from torch.nn import functional as F

from segstudio.training.losses import cross_entropy_dice, soft_dice_loss


def certain(classes, n=2, strength=50.0):
    """Logits (1, n, 1, K) that are sure of the given classes."""
    return F.one_hot(torch.tensor(classes), n).T[None, :, None].float() * strength


def test_dice_by_hand():
    # found 0 0 1 1, wanted 0 1 1 1: Dice of 0 is 2*1/(2+1), of 1 is 2*2/(2+3)
    loss = soft_dice_loss(certain([0, 0, 1, 1]), torch.tensor([[[0, 1, 1, 1]]]))
    assert loss.item() == pytest.approx(1 - (2 / 3 + 4 / 5) / 2, abs=1e-6)


def test_soft_dice_by_hand():
    # everything is 0.5: class 0 wanted once of two pixels, overlap 0.5, sums 1 + 1
    loss = soft_dice_loss(torch.zeros(1, 2, 1, 2), torch.tensor([[[0, 1]]]))
    assert loss.item() == pytest.approx(0.5)


def test_ignored_pixels_count_nowhere():
    logits = torch.randn(1, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    target = torch.randint(0, 3, (1, 4, 5), generator=torch.Generator().manual_seed(1))
    with_more = torch.cat([logits, torch.randn(1, 3, 2, 5)], 2)
    ignored = torch.cat([target, torch.full((1, 2, 5), 255)], 1)
    for loss in (soft_dice_loss, cross_entropy_dice):
        torch.testing.assert_close(loss(with_more, ignored), loss(logits, target))


def test_absent_classes_are_left_out_of_the_mean():
    loss = soft_dice_loss(certain([0, 0, 1], n=3), torch.tensor([[[0, 0, 1]]]))
    assert loss.item() == pytest.approx(0, abs=1e-6)


def test_all_ignored_gives_zero_with_a_gradient():
    logits = torch.randn(1, 2, 3, 3, requires_grad=True)
    loss = cross_entropy_dice(logits, torch.full((1, 3, 3), 255))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().sum() == 0


def test_sum_of_cross_entropy_and_dice():
    logits, target = torch.randn(2, 3, 4, 4), torch.randint(0, 3, (2, 4, 4))
    expected = F.cross_entropy(logits, target) + 0.5 * soft_dice_loss(logits, target)
    torch.testing.assert_close(cross_entropy_dice(logits, target, dice_weight=0.5), expected)
