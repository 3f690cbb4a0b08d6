"""clDice as a loss: whether thin structures hang together, however thick they are.

Shit et al., "clDice - a Novel Topology-Preserving Loss Function for Tubular Structure Segmentation"
(CVPR 2021, https://arxiv.org/abs/2003.07311), with the soft skeleton of the authors' code: what
openings take away at each of several erosions by a pixel. There must be as many as the thickest
object's radius, says the paper; here there are as many as the true objects of the batch need, at least
3 and at most 10, since each takes time. Sums get 1 more in numerator and denominator, as there. Ignored pixels
are like those outside the image: a structure that leads there does not end at them. It takes time:
name the classes that are thin.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from segstudio.training.losses.made_loss import RegionLoss, Regions, mean_of_present

LEAST: Final = 3
MOST: Final = 10
_CROSS: Final = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
_SQUARE: Final = (*_CROSS, (-1, -1), (-1, 1), (1, -1), (1, 1))


class CentrelineDice(RegionLoss):
    """1 - the mean over thin classes of the harmonic mean of precision and sensitivity."""

    def of_regions(self, regions: Regions) -> Tensor:
        """In 0..1; 0 if no thin class is there."""
        pixels = regions.over_batch(regions.wanted)
        thin = [c for c in self._thin(pixels) if pixels[c] > 0]
        if not thin:
            return regions.found.flatten()[:0].sum()
        found, wanted = regions.found[:, thin], regions.wanted[:, thin]
        true_line, steps = soft_skeleton(wanted, regions.counted)
        line, _ = soft_skeleton(found, regions.counted, steps)
        precision, sensitivity = _share(line, wanted), _share(true_line, found)
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


def soft_skeleton(maps: Tensor, counted: Tensor, steps: int | None = None) -> tuple[Tensor, int]:
    """The centre lines of maps (N, C, H, W) in 0..1, 0 where `counted` (N, 1, H, W) is 0.

    Args:
        maps: Of classes.
        counted: 1 for pixels that count.
        steps: How many erosions; if None, as many as leave nothing, within `LEAST` and `MOST`.

    Returns:
        The lines, and how many erosions there were.
    """
    if maps.device.type != "cpu":
        return _skeleton(maps, counted, steps)
    # one map at a time stays in the processor's cache
    done = [
        _skeleton(maps[image : image + 1, c : c + 1], counted[image : image + 1], steps)
        for image in range(maps.shape[0])
        for c in range(maps.shape[1])
    ]
    return torch.cat([line for line, _ in done]).view(maps.shape), max(count for _, count in done)


def _skeleton(maps: Tensor, counted: Tensor, steps: int | None) -> tuple[Tensor, int]:
    eroded = _eroded(maps, counted)
    skeleton = F.relu(maps - _dilated(eroded))
    for step in range(MOST if steps is None else steps):
        if steps is None and not bool(eroded.any()):  # nothing more will come
            return skeleton, max(LEAST, step)
        maps, eroded = eroded, _eroded(eroded, counted)
        rest = F.relu(maps - _dilated(eroded))
        skeleton = skeleton + F.relu(rest - skeleton * rest)
    return skeleton, MOST if steps is None else steps


def _eroded(maps: Tensor, counted: Tensor) -> Tensor:
    """The least of each pixel and the four beside it, of those that count."""
    against = -maps - (1 - counted)
    if maps.device.type == "cpu":
        return -_largest(against, _CROSS) * counted
    column = F.max_pool2d(against, (3, 1), 1, (1, 0))
    row = F.max_pool2d(against, (1, 3), 1, (0, 1))
    return -torch.maximum(column, row) * counted


def _dilated(maps: Tensor) -> Tensor:
    """The largest of each pixel and the eight about it."""
    return _largest(maps, _SQUARE) if maps.device.type == "cpu" else F.max_pool2d(maps, 3, 1, 1)


def _largest(maps: Tensor, about: tuple[tuple[int, int], ...]) -> Tensor:
    result: Tensor = _Largest.apply(maps, about)
    return result


class _Largest(torch.autograd.Function):
    """The largest value about each pixel of a map (1, 1, H, W): on a CPU pooling takes far longer.

    The gradient goes to one pixel that has it.
    """

    @staticmethod
    def forward(context: Any, maps: Tensor, about: tuple[tuple[int, int], ...]) -> Tensor:
        """Dilate."""
        kernel = np.zeros((3, 3), np.uint8)
        for row, column in about:
            kernel[row + 1, column + 1] = 1
        found = torch.from_numpy(cv2.dilate(maps.detach().numpy()[0, 0], kernel))[None, None]
        context.save_for_backward(maps, found)
        context.about = about
        return found

    @staticmethod
    def backward(context: Any, *slopes: Tensor) -> tuple[Tensor, None]:
        """Give each pixel's slope to the first of its neighbours that has its value."""
        maps, found = (saved.numpy()[0, 0] for saved in context.saved_tensors)
        height, width = maps.shape
        left = slopes[0].numpy()[0, 0].copy()
        given = np.zeros_like(left)
        share = np.empty_like(left)
        for row, column in context.about:
            # `here` are the pixels whose neighbour at this offset, `there`, lies in the map
            here = np.s_[
                max(0, -row) : height - max(0, row), max(0, -column) : width - max(0, column)
            ]
            there = np.s_[
                max(0, row) : height + min(0, row), max(0, column) : width + min(0, column)
            ]
            part = np.multiply(left[here], maps[there] == found[here], out=share[here])
            given[there] += part
            left[here] -= part
        return torch.from_numpy(given)[None, None], None
