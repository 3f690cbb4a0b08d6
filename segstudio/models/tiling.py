"""Cut a large image into overlapping tiles and blend what the network says about them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect


@dataclass(frozen=True)
class Span:
    """One tile along one axis: pixels start..stop-1 and how much each counts.

    Attributes:
        start: First pixel.
        stop: One past the last pixel.
        weights: (stop - start,) float32; the weights of all spans add up to 1 at every pixel.
    """

    start: int
    stop: int
    weights: npt.NDArray[np.float32]


def spans(length: int, tile: int, overlap: int, align: int = 1) -> list[Span]:
    """Cover an axis with tiles of the same size that overlap.

    Where two tiles overlap, the middle quarter of the overlap fades from one to the other (a
    raised cosine) and the rest belongs to the nearer tile alone: what a network says near a
    tile's edge, where it sees padding instead of the image, does not count at all.

    Args:
        length: Pixels of the axis.
        tile: Pixels of a tile; the last one may be up to `align` - 1 pixels longer.
        overlap: Least overlap of neighbours, cut to half a tile.
        align: Tiles begin at multiples of this, so that pooling sees the same grid in all.
    """
    if length <= tile:
        return [Span(0, length, np.ones(length, np.float32))]
    overlap = min(overlap, tile // 2)
    step = max(align, (tile - overlap) // align * align)
    count = math.ceil((length - tile) / step) + 1
    last = (length - tile) // align * align
    starts = sorted({round(last * i / (count - 1)) // align * align for i in range(count)})
    stops = [s + tile for s in starts[:-1]] + [length]
    fades = [_fade(stop - start) for start, stop in zip(starts[1:], stops[:-1], strict=True)]
    result = []
    for i, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        weights = np.ones(stop - start, np.float32)
        if i > 0:
            weights[: len(fades[i - 1])] *= fades[i - 1]
        if i < len(fades):
            weights[len(weights) - len(fades[i]) :] *= 1 - fades[i]
        result.append(Span(start, stop, weights))
    return result


def _fade(length: int) -> npt.NDArray[np.float32]:
    """Weights 0..1 of the later tile over an overlap of `length` pixels."""
    position = (np.arange(length) + 0.5) / max(length, 1)
    ramp = np.clip((position - 0.375) / 0.25, 0, 1)
    return (0.5 - 0.5 * np.cos(np.pi * ramp)).astype(np.float32)


@dataclass(frozen=True)
class TileGrid:
    """The tiles of an image: every row span with every column span."""

    rows: list[Span]
    columns: list[Span]

    @classmethod
    def of(cls, shape_hw: tuple[int, int], tile: int, overlap: int, align: int = 1) -> TileGrid:
        """Cover an image of shape (H, W); see `spans`."""
        return cls(
            spans(shape_hw[0], tile, overlap, align), spans(shape_hw[1], tile, overlap, align)
        )

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)

    def rects(self) -> Iterator[Rect]:
        """The tiles, row by row."""
        for row in self.rows:
            for column in self.columns:
                yield Rect(row.start, column.start, row.stop, column.stop)
