"""Statistics of a stage's channels, and how well a channel marks a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.core.features import FeatureMap

FloatArray = NDArray[np.float32]

_BLOCK: Final = 64
"""Channels worked on at a time, which bounds the memory for the float32 copies."""


@dataclass(frozen=True)
class ChannelStatistics:
    """One value a channel; every array is (C,).

    Attributes:
        mean: over the positions.
        std: over the positions (of the population).
        minimum: smallest value.
        maximum: largest value.
        sparsity: share of positions that are exactly zero.
        dead: channels that say the same everywhere on this image.
    """

    mean: FloatArray
    std: FloatArray
    minimum: FloatArray
    maximum: FloatArray
    sparsity: FloatArray
    dead: NDArray[np.bool_]


def channel_statistics(features: FeatureMap) -> ChannelStatistics:
    """Return the statistics of each channel of (C, h, w)."""
    count = features.shape[0]
    rows = {name: np.empty(count, np.float32) for name in ("mean", "std", "low", "high", "zero")}
    for begin in range(0, count, _BLOCK):
        part = slice(begin, begin + _BLOCK)
        flat = features[part].reshape(len(features[part]), -1).astype(np.float32)
        rows["mean"][part] = flat.mean(axis=1, dtype=np.float64)
        rows["std"][part] = flat.std(axis=1, dtype=np.float64)
        rows["low"][part] = flat.min(axis=1)
        rows["high"][part] = flat.max(axis=1)
        rows["zero"][part] = (flat == 0).mean(axis=1)
    return ChannelStatistics(
        rows["mean"], rows["std"], rows["low"], rows["high"], rows["zero"],
        rows["low"] == rows["high"],
    )  # fmt: skip


def agreement(
    features: FeatureMap, mask: NDArray[np.bool_], *, share: float | None = None
) -> FloatArray:
    """Return each channel's IoU with a mask when its strongest positions are taken for it: (C,).

    After Bau et al. (2017), "Network dissection", https://arxiv.org/abs/1704.05796, with the
    threshold set so that a channel marks as much of the image as the mask does.

    Args:
        features: (C, h, w).
        mask: (H, W) of the same image, of any size; it is brought to the stage's grid by area, a
            position belonging to it if half of it does.
        share: of the positions that a channel marks; None: the mask's own share.

    Returns:
        IoU by channel; NaN where the mask is empty on the stage's grid, 0 for dead channels.
    """
    channels, height, width = features.shape
    area = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    wanted = (area >= 0.5).ravel()
    if not wanted.any():
        return np.full(channels, np.nan, np.float32)
    number = int(wanted.sum()) if share is None else round(share * wanted.size)
    number = min(max(number, 1), wanted.size)
    found = np.zeros(channels, np.float32)
    for channel in range(channels):
        flat = features[channel].ravel().astype(np.float32)
        if flat.min() == flat.max():
            continue
        threshold = np.partition(flat, flat.size - number)[flat.size - number]
        # the positions that tie at the threshold count only where they rise above the floor
        marked = flat >= threshold if threshold > flat.min() else flat > threshold
        both = int((marked & wanted).sum())
        found[channel] = both / max(int((marked | wanted).sum()), 1)
    return found
