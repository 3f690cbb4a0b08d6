"""What each pixel of an image costs, and where a loss pulls, for one loss or a sum.

Cost. A loss that is a mean over pixels (cross-entropy, weighted, focal) has a term for each: that is
the cost, so that the mean of the costs over the pixels that count is the loss. In a loss of regions
(Dice, Tversky, Lovász, boundary, clDice) no pixel has a part of its own. There the cost is how much
the loss would fall, at the slope that it has now, if the pixel were right: the sum over classes of
dL/dp (p - y), times the number of pixels that count, so that costs of all losses are of one kind. Since
probabilities sum to one, that is -dL/dz / p of the right class, with the logits z. Of Lovász the mean
of the costs is the loss itself, of boundary the loss less its least value; a single pixel changes
Dice and Tversky by so little that the slope is the difference. Below 0 a pixel costs nothing now that
it is wrong, but would if it were right: clDice has such ones.

Pull. The length of the gradient with regard to the pixel's logits, times the number of pixels that
count; a descent of the loss changes the pixel so much in a step. Both are 0 at ignored pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from segstudio.training.losses import Loss, LossSettings
from segstudio.training.losses.made_loss import PixelLoss

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LossMaps:
    """One loss on one image.

    Attributes:
        key: Of the loss.
        value: The loss of the image.
        cost: What each pixel costs, (H, W), see the module.
        pull: How strongly each pixel is pulled, (H, W), see the module.
    """

    key: str
    value: float
    cost: Float32
    pull: Float32


def loss_maps(
    loss: Loss, logits: Tensor | Float32, target: npt.NDArray[np.uint8], settings: LossSettings
) -> LossMaps:
    """Look at a loss on one image.

    Args:
        loss: A row of the table, or a sum of `parse_loss`.
        logits: (C, H, W).
        target: Class ids (H, W).
        settings: As in training.
    """
    given = torch.as_tensor(logits).detach().cpu()
    # a probability that is 0 in float32 would leave nothing to divide by
    scores = given.double()[None].requires_grad_()
    ids = torch.as_tensor(np.ascontiguousarray(target), dtype=torch.int64)[None]
    counted = int((ids != settings.ignore_index).sum())
    value, cost = 0.0, torch.zeros(ids.shape, dtype=torch.float64)
    total = torch.zeros_like(scores)
    for factor, part in loss.parts or ((1.0, loss),):
        made = part.make(settings)
        result = made(scores, ids)
        (slope,) = torch.autograd.grad(result, scores)
        value += factor * float(result.detach())
        total += factor * slope
        if isinstance(made, PixelLoss):
            with torch.no_grad():
                cost += factor * made.each(scores, ids)
        else:
            cost += factor * counted * _cost_at_slope(slope, scores.detach(), ids, settings)
    pull = counted * total.norm(dim=1)[0]
    return LossMaps(loss.key, value, cost[0].float().numpy(), pull.float().numpy())


def _cost_at_slope(slope: Tensor, scores: Tensor, ids: Tensor, settings: LossSettings) -> Tensor:
    """-dL/dz / p of the right class of each pixel (N, H, W); 0 at ignored ones."""
    counted = ids != settings.ignore_index
    right = ids.where(counted, 0)[:, None]
    probability = scores.softmax(1).gather(1, right).clamp_min(1e-300)
    return (-slope.gather(1, right) / probability)[:, 0] * counted
