"""Cross-entropy in which each class counts as much as any other."""

from __future__ import annotations

from typing import Final

from torch import Tensor

from segstudio.training.losses.made_loss import PixelLoss

LARGEST_RATIO: Final = 50.0
"""A class of a handful of pixels would else decide each step that it is in."""


class InverseFrequency(PixelLoss):
    """Weights 1 / share; the mean is over the sum of the weights, as in torch's `cross_entropy`."""

    def class_weights(self, ids: Tensor) -> Tensor:
        """1 / share, at most `LARGEST_RATIO` times the least; so much, too, if there is none."""
        shares = self.shares(ids)
        return 1 / shares.clamp_min(float(shares.max()) / LARGEST_RATIO)
