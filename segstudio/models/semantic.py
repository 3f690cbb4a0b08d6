"""Run a semantic network on an image of any size and turn its logits into a class map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from segstudio.core.labels import Image, Labels
from segstudio.models.download import Check, Report
from segstudio.models.preprocess import (
    Geometry,
    Preprocess,
    pad_to_multiple,
    percentile_range,
    resize,
    restore,
)
from segstudio.models.tiling import TileGrid

_ALIGN: Final = 32
_STRIP_BYTES: Final = 32 * 1024 * 1024

ClassMap = tuple[Labels, npt.NDArray[np.uint8]]
"""Class ids (H, W) uint8, and confidence (H, W) uint8: the winner's probability, 0..255."""


@dataclass(frozen=True)
class SemanticRunner:
    """A loaded network with the preprocessing that it wants."""

    network: nn.Module
    preprocess: Preprocess
    device: torch.device

    def predict(
        self, pixels: Image, tile_px: int, overlap_px: int, check: Check, report: Report
    ) -> tuple[ClassMap, int]:
        """The class map of an image (H, W, 3) uint8 RGB, and in how many tiles it was cut."""
        if max(pixels.shape[:2]) <= tile_px:
            return to_class_map(self.logits(pixels)), 1
        align = max(_ALIGN, self.preprocess.divisor)
        grid = TileGrid.of((pixels.shape[0], pixels.shape[1]), tile_px, overlap_px, align)
        value_range = percentile_range(pixels)

        def run(tile: Image) -> Tensor:
            return self.logits(tile, value_range)

        return blend_tiles(run, pixels, grid, check, report), len(grid)

    def logits(self, pixels: Image, value_range: tuple[float, float] | None = None) -> Tensor:
        """Logits (1, C, H, W) float32 at the image's own resolution, on the runner's device.

        Args:
            pixels: (H, W, 3) uint8 RGB: an image, or a tile of one.
            value_range: The whole image's percentiles, if this is a tile of it.
        """
        if value_range is None:
            x, geometry = self.preprocess.prepare(pixels)
        else:
            x, geometry = prepare_tile(self.preprocess, pixels, value_range)
        x = x.to(self.device).contiguous(memory_format=torch.channels_last)
        return restore(as_logits(self.network(x)), geometry)


def prepare_tile(
    preprocess: Preprocess, tile: Image, value_range: tuple[float, float]
) -> tuple[Tensor, Geometry]:
    """`Preprocess.prepare` for a tile: contrast is stretched as for the whole image.

    Each tile's own percentiles would make the same grey mean different things in neighbours.

    Args:
        preprocess: What the model wants.
        tile: (h, w, 3) uint8 RGB.
        value_range: `percentile_range` of the whole image.
    """
    if preprocess.scaling != "percentile":
        return preprocess.prepare(tile)
    low, high = value_range
    source = (tile.shape[0], tile.shape[1])
    size = preprocess.resized_hw(*source)
    x = torch.from_numpy(np.require(tile, requirements=["C", "W"])).permute(2, 0, 1)[None].float()
    x = resize(((x - low) / (high - low)).clamp_(0, 1), size)
    x = (x - torch.tensor(preprocess.mean).view(3, 1, 1)) / torch.tensor(preprocess.std).view(
        3, 1, 1
    )
    x = pad_to_multiple(x, preprocess.divisor).contiguous()
    return x, Geometry(source, size, (x.shape[-2], x.shape[-1]))


def as_logits(output: Tensor | Mapping[str, Tensor]) -> Tensor:
    """The logits (1, C, h, w), C >= 2, of what a network returns.

    torchvision's networks return {"out": ...}. A single channel is the logit of "class 1" against
    background, as networks trained with binary cross-entropy have it.

    Raises:
        ValueError: if there are none.
    """
    logits = output["out"] if isinstance(output, Mapping) else output
    if logits.ndim != 4:
        raise ValueError(f"the network returned a tensor of shape {tuple(logits.shape)}")
    if logits.shape[1] == 1:
        return torch.cat([torch.zeros_like(logits), logits], 1)
    return logits


def to_class_map(logits: Tensor) -> ClassMap:
    """Argmax and the winner's softmax probability.

    Args:
        logits: (1, C, H, W) on any device.
    """
    channels, height, width = logits.shape[1:]
    labels = np.empty((height, width), np.uint8)
    confidence = np.empty((height, width), np.uint8)
    rows = max(1, _STRIP_BYTES // (channels * width * 4))
    for top in range(0, height, rows):
        winner, probability = _decide(logits[0, :, top : top + rows].float())
        labels[top : top + rows] = winner.cpu().numpy()
        confidence[top : top + rows] = probability.cpu().numpy()
    return labels, confidence


def _decide(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Class ids and probabilities * 255, both uint8 (h, w), of logits (C, h, w)."""
    if logits.shape[0] == 2:
        difference = logits[1] - logits[0]
        winner = difference > 0
        probability = difference.abs_().sigmoid_()
    else:
        highest, winner = logits.max(dim=0)
        probability = (logits - highest).exp_().sum(dim=0).reciprocal_()
    return winner.to(torch.uint8), probability.mul_(255).round_().to(torch.uint8)


def blend_tiles(
    run: Callable[[Image], Tensor], pixels: Image, grid: TileGrid, check: Check, report: Report
) -> ClassMap:
    """Class map of an image from the blended logits of its tiles.

    Only the logits of one row of tiles are held, so that memory does not grow with the height.

    Args:
        run: Gives the logits (1, C, h, w) of a tile (h, w, 3).
        pixels: (H, W, 3) uint8 RGB.
        grid: The tiles.
        check: Called before each tile.
        report: Told (tiles done, tiles in all, text).
    """
    height, width = pixels.shape[:2]
    labels = np.empty((height, width), np.uint8)
    confidence = np.empty((height, width), np.uint8)
    band = torch.empty(0)
    done = 0
    for index, row in enumerate(grid.rows):
        fresh: Tensor | None = None
        for column in grid.columns:
            check()
            report(done, len(grid), f"Tile {done + 1} of {len(grid)}")
            logits = run(pixels[row.start : row.stop, column.start : column.stop])[0].cpu()
            weights = np.outer(row.weights, column.weights)
            if fresh is None:
                fresh = torch.zeros(logits.shape[0], row.stop - row.start, width)
                fresh[:, : band.shape[-2] if band.ndim == 3 else 0] += band if band.ndim == 3 else 0
            fresh[:, :, column.start : column.stop].addcmul_(logits, torch.from_numpy(weights))
            done += 1
        assert fresh is not None
        final = grid.rows[index + 1].start if index + 1 < len(grid.rows) else height
        part = to_class_map(fresh[None, :, : final - row.start])
        labels[row.start : final], confidence[row.start : final] = part
        band = fresh[:, final - row.start :].clone()
    report(done, len(grid), "")
    return labels, confidence
