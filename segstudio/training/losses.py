"""Losses for semantic segmentation."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

IGNORE_INDEX = 255


def soft_dice_loss(logits: Tensor, target: Tensor, ignore_index: int = IGNORE_INDEX) -> Tensor:
    """Return 1 - Dice of the softmax, averaged over the classes present in the target.

    Counts are summed over the batch (Milletari et al. 2016, https://arxiv.org/abs/1606.04797,
    with plain sums in the denominator, and no background term left out).

    Args:
        logits: float (N, C, H, W).
        target: int64 class ids (N, H, W); pixels of ``ignore_index`` count nowhere.
        ignore_index: the id to leave out.

    Returns:
        A scalar in 0..1; 0 if every pixel is ignored.
    """
    valid = (target != ignore_index)[:, None]
    classes = logits.shape[1]
    wanted = F.one_hot(target.where(valid[:, 0], 0), classes).permute(0, 3, 1, 2) * valid
    found = logits.float().softmax(1) * valid
    axes = (0, 2, 3)
    overlap = (found * wanted).sum(axes)
    total = found.sum(axes) + wanted.sum(axes)
    present = wanted.sum(axes) > 0
    dice = 2 * overlap / total.clamp_min(1e-6)
    if not bool(present.any()):
        return logits.sum() * 0
    return 1 - dice[present].mean()


def cross_entropy_dice(
    logits: Tensor, target: Tensor, ignore_index: int = IGNORE_INDEX, dice_weight: float = 1.0
) -> Tensor:
    """Return cross-entropy + ``dice_weight`` * soft Dice loss; shapes as ``soft_dice_loss``."""
    logits = logits.float()
    if not bool((target != ignore_index).any()):
        return logits.sum() * 0
    entropy = F.cross_entropy(logits, target, ignore_index=ignore_index)
    return entropy + dice_weight * soft_dice_loss(logits, target, ignore_index)
