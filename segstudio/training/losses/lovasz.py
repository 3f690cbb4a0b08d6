"""Lovász-softmax: 1 - IoU made continuous.

Berman et al., "The Lovász-Softmax loss" (CVPR 2018, https://arxiv.org/abs/1705.08790): of each
class, errors |y - p| sorted from the largest, times how much each lowers the IoU if all before it are
wrong already. Pixels of the whole batch are sorted together, and classes that are not in it are
left out, as in the authors' code. It takes time: one sort a class.
"""

from __future__ import annotations

import torch
from torch import Tensor

from segstudio.training.losses.made_loss import RegionLoss, Regions


class LovaszSoftmax(RegionLoss):
    """The mean over the classes that are there of the Lovász extension of 1 - IoU."""

    def of_regions(self, regions: Regions) -> Tensor:
        """In 0..1."""
        counted = regions.counted[:, 0] > 0
        losses = []
        for number in range(regions.found.shape[1]):
            wanted = regions.wanted[:, number][counted]
            if bool(wanted.any()):
                errors = (wanted - regions.found[:, number][counted]).abs()
                errors, order = errors.sort(descending=True)
                losses.append((errors * _steps(wanted[order])).sum())
        return torch.stack(losses).mean()


def _steps(wanted: Tensor) -> Tensor:
    """How much 1 - IoU grows with each further wrong pixel, by whether it was wanted (1 or 0)."""
    total = wanted.sum()
    missed = wanted.cumsum(0)
    lost = 1 - (total - missed) / (total + (1 - wanted).cumsum(0))
    return torch.diff(lost, prepend=lost.new_zeros(1))
