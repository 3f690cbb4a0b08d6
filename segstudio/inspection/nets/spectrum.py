"""The checkerboard measure: energy at the Nyquist frequency of a stage's maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import SegstudioError
from segstudio.core.features import FeatureMap


@dataclass(frozen=True)
class Checkerboard:
    """How much a stage's maps alternate from pixel to pixel.

    Transposed convolutions whose kernel is no multiple of their stride leave such patterns, see
    Odena, Dumoulin and Olah (2016), https://distill.pub/2016/deconv-checkerboard.

    Attributes:
        share: (C,) of each channel's energy about its mean that lies exactly at the Nyquist
            frequency, vertically, horizontally or both.
        mean_share: of all channels' energy together.
        excess: energy of a bin at the Nyquist frequency over that of the bins just below it (0.35
            to 0.5 cycles a pixel), all channels together; 1 for maps without such patterns.
    """

    share: NDArray[np.float64]
    mean_share: float
    excess: float


def checkerboard(features: FeatureMap) -> Checkerboard:
    """Return the checkerboard measure of (C, h, w); an odd last row or column is left out.

    Raises:
        SegstudioError: if the map is smaller than 8 x 8.
    """
    height, width = (size - size % 2 for size in features.shape[1:])
    if min(height, width) < 8:
        raise SegstudioError("a map under 8 x 8 has too few frequencies for a checkerboard measure")
    rows, cols = np.abs(np.fft.fftfreq(height)), np.abs(np.fft.fftfreq(width))
    at = (rows[:, None] == 0.5) | (cols[None] == 0.5)
    highest = np.maximum(rows[:, None], cols[None])
    below = (highest >= 0.35) & ~at
    energies = np.empty((len(features), 3))
    for number, channel in enumerate(features):
        plane = channel[:height, :width].astype(np.float64)
        power = np.abs(np.fft.fft2(plane - plane.mean())) ** 2
        energies[number] = power[at].sum(), power[below].sum(), power.sum()
    total = energies.sum(axis=0)
    nonzero = np.where(energies[:, 2] > 0, energies[:, 2], 1)
    density = total[1] / below.sum()
    return Checkerboard(
        share=energies[:, 0] / nonzero,
        mean_share=float(total[0] / total[2]) if total[2] > 0 else 0.0,
        excess=float(total[0] / at.sum() / density) if density > 0 else float("nan"),
    )
