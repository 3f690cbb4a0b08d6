"""Cross-entropy weighted by the effective number of pixels of each class.

Cui et al., "Class-Balanced Loss Based on Effective Number of Samples" (CVPR 2019,
https://arxiv.org/abs/1901.05555): the more samples there are, the less a further one tells. There
n are images of a class and beta goes with the size of the data set; here n are the class's pixels
of a million, so that the weights do not change with the number of images. With beta = 0.99999 a
class of more than about a fifth of the image counts like any other large one, and below a few per
cent the weight is that of inverse frequency.
"""

from __future__ import annotations

from typing import Final

from torch import Tensor

from segstudio.training.losses.inverse_frequency import LARGEST_RATIO
from segstudio.training.losses.made_loss import PixelLoss

BETA: Final = 0.99999
PIXELS: Final = 1_000_000


class EffectiveNumber(PixelLoss):
    """Weights (1 - beta) / (1 - beta^n); the mean is over the sum of the weights."""

    def class_weights(self, ids: Tensor) -> Tensor:
        """By effective number, at most `LARGEST_RATIO` times the least; so much if there is none."""
        numbers = (1 - BETA ** (self.shares(ids) * PIXELS)) / (1 - BETA)
        return 1 / numbers.clamp_min(float(numbers.max()) / LARGEST_RATIO)
