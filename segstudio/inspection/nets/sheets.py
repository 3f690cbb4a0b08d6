"""A stage's channels as one picture: a grid of maps, each in its own range."""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.core.features import FeatureMap
from segstudio.core.labels import Image

GAP: Final = 2
LARGEST: Final = 128
SMALLEST: Final = 24
_PAPER: Final = 255
_DEAD: Final = (128, 128, 128)


def channel_sheet(features: FeatureMap) -> Image:
    """Return all channels of a stage (C, h, w) as a grid (H, W, 3) uint8 RGB, row by row.

    Each map goes from its own lowest value (dark) to its highest (yellow) in viridis; a channel
    that is the same everywhere says nothing of the image and is grey. Where a stage has a single
    position, its channels share one range. Maps are made smaller (by area) or larger (by whole
    steps) so that their longer side is readable.
    """
    channels = len(features)
    rows, columns, (cell_h, cell_w) = sheet_grid(features.shape)
    shape = (rows * (cell_h + GAP) + GAP, columns * (cell_w + GAP) + GAP, 3)
    sheet = np.full(shape, _PAPER, np.uint8)
    lows, highs = _ranges(features)
    for channel in range(channels):
        row, column = divmod(channel, columns)
        top, left = GAP + row * (cell_h + GAP), GAP + column * (cell_w + GAP)
        cell = sheet[top : top + cell_h, left : left + cell_w]
        low, high = float(lows[channel]), float(highs[channel])
        if low < high:
            known = np.nan_to_num(features[channel]).astype(np.float32)
            levels = np.rint((known - low) * (255 / (high - low))).astype(np.uint8)
            cell[:] = _picture(levels, (cell_h, cell_w))
        else:
            cell[:] = _DEAD
    return sheet


def sheet_grid(shape: tuple[int, ...]) -> tuple[int, int, tuple[int, int]]:
    """Return rows, columns, and the (height, width) of a cell for a stage (C, h, w)."""
    channels, height, width = shape
    longest = max(height, width)
    enlarged = max(1, math.ceil(SMALLEST / longest))
    scale = LARGEST / longest if longest > LARGEST else enlarged
    cell = max(1, round(height * scale)), max(1, round(width * scale))
    columns = min(channels, max(1, math.ceil(math.sqrt(channels * cell[0] / cell[1]))))
    return math.ceil(channels / columns), columns, cell


def _ranges(features: FeatureMap) -> tuple[FeatureMap, FeatureMap]:
    """Return the lowest and the highest value (C,) of each channel's colours."""
    known: FeatureMap = np.nan_to_num(features.reshape(len(features), -1))
    lows, highs = known.min(axis=1), known.max(axis=1)
    if known.shape[1] == 1:
        lows, highs = np.full_like(lows, lows.min()), np.full_like(highs, highs.max())
    return lows, highs


def _picture(levels: NDArray[np.uint8], size_hw: tuple[int, int]) -> Image:
    shrinks = max(size_hw) < max(levels.shape)
    method = cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST
    resized = cv2.resize(levels, size_hw[::-1], interpolation=method)
    coloured = cv2.applyColorMap(resized, cv2.COLORMAP_VIRIDIS)
    picture: Image = np.asarray(cv2.cvtColor(coloured, cv2.COLOR_BGR2RGB), np.uint8)
    return picture
