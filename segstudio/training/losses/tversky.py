"""Tversky loss: Dice that punishes what is missed more than what is invented.

Salehi et al., "Tversky loss function for image segmentation using 3D fully convolutional deep
networks" (2017, https://arxiv.org/abs/1706.05721), with their best alpha and beta. With 0.5 each it
is Dice; sums and the mean over classes are as there.
"""

from __future__ import annotations

from typing import Final

from torch import Tensor

from segstudio.training.losses.made_loss import RegionLoss, Regions, mean_of_present

INVENTED: Final = 0.3
MISSED: Final = 0.7


class Tversky(RegionLoss):
    """1 - the mean over classes of TP / (TP + 0.3 FP + 0.7 FN)."""

    def of_regions(self, regions: Regions) -> Tensor:
        """In 0..1."""
        wanted = regions.over_batch(regions.wanted)
        right = regions.over_batch(regions.found * regions.wanted)
        invented = regions.over_batch(regions.found) - right
        total = right + INVENTED * invented + MISSED * (wanted - right)
        return 1 - mean_of_present(right / total.clamp_min(1e-6), wanted)
