"""The spectrum of a stage's maps, in which a checkerboard is seen as light at the border."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.features import FeatureMap

FloatArray = NDArray[np.float32]

DECIBELS: Final = 60.0
"""How far below the strongest energy a spectrum is shown."""
TILE: Final = 128
"""The largest spectrum's side; larger maps are cut into tiles of this side."""


def power_spectrum(features: FeatureMap) -> FloatArray:
    """Return the energy by frequency of all channels of (C, h, w) together, in decibels.

    The mean over the tiles of a map (Welch's method), each without its mean and faded out towards
    its border (a Hann window), so that the map's own border does not light up the axes. What does
    not fill a tile at the right and below is left out.

    Returns:
        Even (h, w) float32, 0 for the strongest energy and never below ``-DECIBELS``. Frequency 0
        lies at (h / 2, w / 2), the Nyquist frequency in the first row and the first column.
    """
    tile_h, tile_w = (_even(min(size, TILE)) for size in features.shape[1:])
    window = np.outer(_hann(tile_h), _hann(tile_w))
    power = np.zeros((tile_h, tile_w), np.float64)
    for channel in features:
        plane = np.nan_to_num(channel.astype(np.float32))
        for top in range(0, plane.shape[0] - tile_h + 1, tile_h):
            for left in range(0, plane.shape[1] - tile_w + 1, tile_w):
                part = plane[top : top + tile_h, left : left + tile_w].astype(np.float64)
                power += np.abs(np.fft.fft2((part - part.mean()) * window)) ** 2
    strongest = power.max()
    if strongest <= 0:
        return np.full((tile_h, tile_w), -DECIBELS, np.float32)
    floor = strongest * 10 ** (-DECIBELS / 10)
    decibels = 10 * np.log10(np.maximum(power, floor) / strongest)
    return np.fft.fftshift(decibels).astype(np.float32)


def _even(size: int) -> int:
    return size - size % 2


def _hann(size: int) -> NDArray[np.float64]:
    """The periodic Hann window, which keeps the Nyquist frequency in its own bin's neighbourhood."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
