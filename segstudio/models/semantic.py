"""Run a semantic network on an image of any size and turn its logits into a class map."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.core.labels import Image, Labels
from segstudio.core.prediction import Output
from segstudio.core.progress import Check, Report
from segstudio.models.augmentation import PLAIN, Mirror, Variants, mean_log_probabilities
from segstudio.models.preprocess import Geometry, Preprocess, restore
from segstudio.models.tiling import TileGrid

_ALIGN: Final = 32
_SOFTMAX: Final = Output()
_STRIP_BYTES: Final = 32 * 1024 * 1024
_FAINT: Final = -80.0
"""Log probabilities below this count as this: 0 times minus infinity would be no number."""


class NoNumbersError(ValueError):
    """A network's output holds NaN: no class can be told from it."""

    def __init__(self) -> None:
        """Take the one message there is."""
        super().__init__("its output holds no numbers (NaN)")


def require_numbers(values: Tensor) -> Tensor:
    """The same tensor, of any shape.

    Raises:
        NoNumbersError: if an element of it is NaN. An infinite logit is a number: networks rule
            classes out by it.
    """
    if bool(values.isnan().any()):
        raise NoNumbersError
    return values


class ClassMap(NamedTuple):
    """What a network says of each pixel.

    Attributes:
        labels: (H, W) uint8 class ids.
        confidence: (H, W) uint8, the winner's probability, 0..255 for 0..1.
        entropy: (H, W) uint8, entropy of the classes' probabilities over its largest value,
            0..255; None for two classes, where it follows from the confidence.
    """

    labels: Labels
    confidence: npt.NDArray[np.uint8]
    entropy: npt.NDArray[np.uint8] | None


@dataclass(frozen=True)
class SemanticRunner:
    """A loaded network with the preprocessing that it wants."""

    network: nn.Module
    preprocess: Preprocess
    device: torch.device
    output: Output = _SOFTMAX

    def predict(
        self,
        pixels: Image,
        tile_px: int,
        overlap_px: int,
        check: Check,
        report: Report,
        augmentation: Variants = PLAIN,
    ) -> tuple[ClassMap, int]:
        """The class map of an image (H, W, 3) uint8 RGB, and in how many tiles it was cut."""
        if max(pixels.shape[:2]) <= tile_px:
            return to_class_map(self.augmented(pixels, augmentation)), 1
        strips, tiles = self._strips(pixels, tile_px, overlap_px, check, report, augmentation)
        return joined(strips, (pixels.shape[0], pixels.shape[1])), tiles

    def probabilities(
        self,
        pixels: Image,
        tile_px: int,
        overlap_px: int,
        check: Check,
        report: Report,
        augmentation: Variants = PLAIN,
    ) -> npt.NDArray[np.float32]:
        """Softmax probabilities (C, H, W) float32 of an image; arguments as `predict`."""
        if max(pixels.shape[:2]) <= tile_px:
            logits = self.augmented(pixels, augmentation)
            shares = require_numbers(torch.softmax(logits[0].float(), 0))
            whole: npt.NDArray[np.float32] = shares.cpu().numpy()
            return whole
        strips, _ = self._strips(pixels, tile_px, overlap_px, check, report, augmentation)
        found = [
            require_numbers(torch.softmax(logits[0].float(), 0)).cpu().numpy()
            for _, logits in strips
        ]
        return np.concatenate(found, axis=1)

    def _strips(
        self,
        pixels: Image,
        tile_px: int,
        overlap_px: int,
        check: Check,
        report: Report,
        augmentation: Variants,
    ) -> tuple[Iterator[tuple[slice, Tensor]], int]:
        """The logits of a large image, strip by strip as `blended_rows`, and how many tiles it has.

        What the network sees squashed to one size, it sees whole.
        """
        size_hw = (pixels.shape[0], pixels.shape[1])
        if self.preprocess.size is not None:
            return enlarged_rows(self._squashed(pixels, augmentation), size_hw, check), 1
        align = max(_ALIGN, self.preprocess.divisor)
        grid = TileGrid.of(size_hw, tile_px, overlap_px, align)
        value_range = self.preprocess.value_range(pixels)

        def run(tile: Image) -> Tensor:
            return self.augmented(tile, augmentation, value_range)

        return blended_rows(run, pixels, grid, check, report), len(grid)

    def _squashed(self, pixels: Image, augmentation: Variants) -> Tensor:
        """Logits (1, C, h, w), at most as large as the network's input; see `augmented`."""
        if augmentation.is_single:
            return self.at_scale(augmentation.scales[0]).small_logits(pixels)
        size = self.preprocess.size
        return mean_log_probabilities(
            self.at_scale(scale).mirrored_logits(pixels, mirror, size_hw=size)
            for scale, mirror in augmentation.variants()
        )

    def augmented(
        self,
        pixels: Image,
        augmentation: Variants,
        value_range: tuple[float, float] | None = None,
    ) -> Tensor:
        """Logits (1, C, H, W) of an image at the sizes and in the mirrorings asked for.

        Of several, the logarithm of the mean of their probabilities.
        """
        if augmentation.is_single:
            return self.at_scale(augmentation.scales[0]).logits(pixels, value_range)
        return mean_log_probabilities(
            self.at_scale(scale).mirrored_logits(pixels, mirror, value_range)
            for scale in augmentation.scales
            for mirror in augmentation.mirrors
        )

    def at_scale(self, scale: float) -> SemanticRunner:
        """The same network with an input `scale` times as large as usual."""
        return replace(self, preprocess=self.preprocess.scaled(scale))

    def mirrored_logits(
        self,
        pixels: Image,
        mirror: Mirror,
        value_range: tuple[float, float] | None = None,
        size_hw: tuple[int, int] | None = None,
    ) -> Tensor:
        """Logits (1, C, H, W) of the mirrored image, mirrored back."""
        seen = np.ascontiguousarray(np.flip(pixels, mirror)) if mirror else pixels
        logits = self.logits(seen, value_range, size_hw)
        return logits.flip([axis + 2 for axis in mirror]) if mirror else logits

    def logits(
        self,
        pixels: Image,
        value_range: tuple[float, float] | None = None,
        size_hw: tuple[int, int] | None = None,
    ) -> Tensor:
        """Logits (1, C, H, W) float32 on the runner's device.

        Args:
            pixels: (H, W, 3) uint8 RGB: an image, or a tile of one.
            value_range: `Preprocess.value_range` of the whole image, if this is a tile of it.
            size_hw: Their size; None for the image's own.
        """
        x, geometry = self.preprocess.prepare(pixels, value_range)
        x = x.to(self.device).contiguous(memory_format=torch.channels_last)
        if size_hw is not None:
            geometry = replace(geometry, source_hw=size_hw)
        return at_source(as_logits(self.network(x), self.output), geometry)

    def small_logits(self, pixels: Image) -> Tensor:
        """Logits (1, C, h, w) of an image seen squashed to one size, as the network makes them."""
        x, _ = self.preprocess.prepare(pixels)
        x = x.to(self.device).contiguous(memory_format=torch.channels_last)
        return as_logits(self.network(x), self.output)


def at_source(logits: Tensor, geometry: Geometry) -> Tensor:
    """Logits (1, C, h, w) of a prepared image brought to its size in one step of resampling.

    Many networks leave their maps smaller than the input; where padding has to be cut off, such
    maps are first brought to the input's size.
    """
    if tuple(logits.shape[-2:]) == geometry.padded_hw:
        return restore(logits, geometry)
    whole = geometry.padded_hw == geometry.resized_hw
    size_hw = geometry.source_hw if whole else geometry.padded_hw
    larger = F.interpolate(logits, size=size_hw, mode="bilinear", align_corners=False)
    return larger if whole else restore(larger, geometry)


def as_logits(returned: Tensor | Mapping[str, Tensor], output: Output = _SOFTMAX) -> Tensor:
    """The logits (1, C, h, w), C >= 2, of what a network returns: background first if it has none.

    torchvision's networks return {"out": ...}. Where each channel is a class of its own, the
    background's logit is the threshold's everywhere, so that it wins where no class is above it;
    the probability of a class is then 0.5 at the threshold. A single channel is always the logit
    of "class 1" against background, as networks trained with binary cross-entropy have it.

    Raises:
        ValueError: if there are none, or several where one is said to be there.
    """
    logits = returned["out"] if isinstance(returned, Mapping) else returned
    if logits.ndim != 4:
        raise ValueError(f"the network returned a tensor of shape {tuple(logits.shape)}")
    channels = logits.shape[1]
    if output.kind == "logit" and channels != 1:
        raise ValueError(f"its output has {channels} channels, not the one of a single class")
    if output.kind == "softmax" and channels > 1:
        return logits
    threshold = 0.5 if output.kind == "softmax" else output.threshold
    background = torch.full_like(logits[:, :1], math.log(threshold / (1 - threshold)))
    return torch.cat([background, logits], 1)


def to_class_map(logits: Tensor) -> ClassMap:
    """Argmax, the winner's softmax probability, and with more than two classes the entropy.

    Args:
        logits: (1, C, H, W) on any device.

    Raises:
        NoNumbersError: if a pixel's probabilities are not numbers.
    """
    channels, height, width = logits.shape[1:]
    labels = np.empty((height, width), np.uint8)
    confidence = np.empty((height, width), np.uint8)
    entropy = np.empty((height, width), np.uint8) if channels > 2 else None
    rows = max(1, _STRIP_BYTES // (channels * width * 4))
    for top in range(0, height, rows):
        strip = logits[0, :, top : top + rows].float()
        if entropy is None:
            winner, probability = _decide_two(strip)
        else:
            winner, probability, disorder = _decide(strip)
            entropy[top : top + rows] = disorder.cpu().numpy()
        labels[top : top + rows] = winner.cpu().numpy()
        confidence[top : top + rows] = probability.cpu().numpy()
    return ClassMap(labels, confidence, entropy)


def _decide_two(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Class ids and probabilities * 255, both uint8 (h, w), of logits (2, h, w)."""
    difference = logits[1] - logits[0]
    winner = difference > 0
    probability = require_numbers(difference.abs_().sigmoid_())
    return winner.to(torch.uint8), probability.mul_(255).round_().to(torch.uint8)


def _decide(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Class ids, probabilities * 255 and entropy * 255 / log C, uint8 (h, w), of (C, h, w)."""
    highest, winner = logits.max(dim=0)
    below = logits - highest
    weights = below.exp()
    # NaN in any channel is NaN here: the maximum and the sum both keep it.
    total = require_numbers(weights.sum(dim=0))
    # -sum p log p with p = w / total and log p = below - log total
    entropy = total.log() - (weights * below.clamp_(min=_FAINT)).sum(dim=0) / total
    entropy = entropy.div_(math.log(len(logits))).clamp_(0, 1)
    return (
        winner.to(torch.uint8),
        total.reciprocal_().mul_(255).round_().to(torch.uint8),
        entropy.mul_(255).round_().to(torch.uint8),
    )


def joined(strips: Iterable[tuple[slice, Tensor]], size_hw: tuple[int, int]) -> ClassMap:
    """Class map of an image of that size from its logits, strip by strip."""
    labels = np.empty(size_hw, np.uint8)
    confidence = np.empty(size_hw, np.uint8)
    entropy: npt.NDArray[np.uint8] | None = None
    for rows, logits in strips:
        part = to_class_map(logits)
        labels[rows], confidence[rows] = part.labels, part.confidence
        if part.entropy is not None:
            entropy = np.empty(size_hw, np.uint8) if entropy is None else entropy
            entropy[rows] = part.entropy
    return ClassMap(labels, confidence, entropy)


def enlarged_rows(
    logits: Tensor, size_hw: tuple[int, int], check: Check
) -> Iterator[tuple[slice, Tensor]]:
    """Logits (1, C, h, w) resampled bilinearly to a larger size, strip by strip from the top.

    As `torch.nn.functional.interpolate` does it with the whole, without holding the whole.
    """
    channels, low = logits.shape[1:3]
    height, width = size_hw
    rows = max(1, _STRIP_BYTES // (channels * width * 4))
    for top in range(0, height, rows):
        check()
        bottom = min(top + rows, height)
        places = ((torch.arange(top, bottom) + 0.5) * (low / height) - 0.5).clamp_(min=0)
        above = places.long().clamp_(max=low - 1)
        below = (above + 1).clamp_(max=low - 1)
        first, last = int(above[0]), int(below[-1])
        band = logits[:, :, first : last + 1]
        wide = F.interpolate(
            band, size=(band.shape[2], width), mode="bilinear", align_corners=False
        )
        part = (places - above).view(-1, 1).to(logits.device, logits.dtype)
        above, below = ((side - first).to(logits.device) for side in (above, below))
        yield slice(top, bottom), torch.lerp(wide[:, :, above], wide[:, :, below], part)


def blended_rows(
    run: Callable[[Image], Tensor], pixels: Image, grid: TileGrid, check: Check, report: Report
) -> Iterator[tuple[slice, Tensor]]:
    """The blended logits (1, C, rows, W) of an image's tiles, strip by strip from the top.

    Only the logits of one row of tiles are held, so that memory does not grow with the height.

    Args:
        run: Gives the logits (1, C, h, w) of a tile (h, w, 3).
        pixels: (H, W, 3) uint8 RGB.
        grid: The tiles.
        check: Called before each tile.
        report: Told (tiles done, tiles in all, text).
    """
    height, width = pixels.shape[:2]
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
        yield slice(row.start, final), fresh[None, :, : final - row.start]
        band = fresh[:, final - row.start :].clone()
    report(done, len(grid), "")
