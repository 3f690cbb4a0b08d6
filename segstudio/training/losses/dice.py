"""Soft Dice: how little the regions overlap.

Milletari et al., "V-Net" (2016, https://arxiv.org/abs/1606.04797), with plain sums in the
denominator and no background term left out. Pixels are summed over the batch, and classes that are
not in it are left out of the mean (segmentation_models_pytorch counts those as 0 and divides by all).
"""

from __future__ import annotations

from torch import Tensor

from segstudio.training.losses.made_loss import RegionLoss, Regions, mean_of_present


class Dice(RegionLoss):
    """1 - the mean over classes of 2 overlap / (found + wanted)."""

    def of_regions(self, regions: Regions) -> Tensor:
        """In 0..1."""
        wanted = regions.over_batch(regions.wanted)
        total = regions.over_batch(regions.found) + wanted
        overlap = regions.over_batch(regions.found * regions.wanted)
        return 1 - mean_of_present(2 * overlap / total.clamp_min(1e-6), wanted)
