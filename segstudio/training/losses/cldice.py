"""clDice as a loss: whether thin structures hang together, however thick they are.

Shit et al., "clDice - a Novel Topology-Preserving Loss Function for Tubular Structure Segmentation"
(CVPR 2021, https://arxiv.org/abs/2003.07311), with the soft skeleton of the authors' code: what
openings take away at each of `STEPS` erosions, each by a pixel; structures up to about twice as
wide have a whole centre line. Sums get 1 more in numerator and denominator, as there. Ignored pixels
are like those outside the image: a structure that leads there does not end at them. It takes time:
name the classes that are thin.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from segstudio.training.losses.made_loss import RegionLoss, Regions, mean_of_present

STEPS: Final = 10


class CentrelineDice(RegionLoss):
    """1 - the mean over thin classes of the harmonic mean of precision and sensitivity."""

    def of_regions(self, regions: Regions) -> Tensor:
        """In 0..1; 0 if no thin class is there."""
        pixels = regions.over_batch(regions.wanted)
        thin = [c for c in self._thin(pixels) if pixels[c] > 0]
        if not thin:
            return regions.found.flatten()[:0].sum()
        found, wanted = regions.found[:, thin], regions.wanted[:, thin]
        precision = _share(soft_skeleton(found, regions.counted), wanted)
        sensitivity = _share(soft_skeleton(wanted, regions.counted), found)
        scores = 2 * precision * sensitivity / (precision + sensitivity)
        return 1 - mean_of_present(scores, pixels[thin])

    def _thin(self, pixels: Tensor) -> tuple[int, ...]:
        """The classes that are meant, by the number of pixels of each."""
        if self.settings.thin:
            return self.settings.thin
        largest = int(pixels.argmax())
        return tuple(c for c in range(len(pixels)) if c != largest)


def _share(line: Tensor, region: Tensor) -> Tensor:
    """Of each class (C,), how much of the line lies in the region."""
    axes = (0, 2, 3)
    return ((line * region).sum(axes) + 1) / (line.sum(axes) + 1)


def soft_skeleton(maps: Tensor, counted: Tensor) -> Tensor:
    """The centre lines of maps (N, C, H, W) in 0..1, 0 where `counted` (N, 1, H, W) is 0."""
    if maps.device.type != "cpu":
        return _skeleton(maps, counted)
    # one map at a time stays in the processor's cache, which is four times as fast
    images = zip(maps.chunk(len(maps)), counted.chunk(len(maps)), strict=True)
    return torch.cat(
        [torch.cat([_skeleton(m, c) for m in i.chunk(i.shape[1], 1)], 1) for i, c in images]
    )


def _skeleton(maps: Tensor, counted: Tensor) -> Tensor:
    eroded = _eroded(maps, counted)
    skeleton = F.relu(maps - _dilated(eroded))
    for _ in range(STEPS):
        maps, eroded = eroded, _eroded(eroded, counted)
        rest = F.relu(maps - _dilated(eroded))
        skeleton = skeleton + F.relu(rest - skeleton * rest)
    return skeleton


def _eroded(maps: Tensor, counted: Tensor) -> Tensor:
    """The least of each pixel and the four beside it, of those that count."""
    against = -maps - (1 - counted)
    column = F.max_pool2d(against, (3, 1), 1, (1, 0))
    row = F.max_pool2d(against, (1, 3), 1, (0, 1))
    return -torch.maximum(column, row) * counted


def _dilated(maps: Tensor) -> Tensor:
    """The largest of each pixel and the eight about it."""
    return F.max_pool2d(maps, 3, 1, 1)
