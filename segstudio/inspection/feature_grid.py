"""Stages of any network on one grid over the photo, so that their positions can be compared."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import SegstudioError
from segstudio.core.features import FeatureMap, LayerInfo
from segstudio.core.placement import Placement

Rows = NDArray[np.float64]

GRID: Final = (16, 16)
"""Cells of the grid, vertical and horizontal, unless told otherwise."""
_BLOCK: Final = 64
"""Channels worked on at a time, which bounds the memory for the float32 copies."""


def on_common_grid(
    features: FeatureMap, placement: Placement, layer: LayerInfo, grid: tuple[int, int] = GRID
) -> Rows:
    """Return a stage's features in the cells of a grid over the part of the photo it saw.

    A cell has the mean of the positions that it covers, each by the area they share; the input's
    padding is left out. So the same row means the same place whatever the networks' strides,
    enlargements and paddings are.

    Args:
        features: (C, h, w) of the stage.
        placement: Of the network's input on the photo.
        layer: The stage.
        grid: Cells, vertical and horizontal.

    Returns:
        (cells, C), row by row from the top left.

    Raises:
        SegstudioError: if the stage has no place on the photo.
    """
    field = layer.receptive_field
    if field is None:
        raise SegstudioError(f"{layer.id} has no place on the photo.")
    shares = [
        _shares(
            features.shape[1 + axis],
            field.start[axis],
            field.jump[axis],
            placement.resized_hw[axis],
            grid[axis],
        )
        for axis in range(2)
    ]
    found = np.empty((grid[0] * grid[1], len(features)), np.float64)
    for begin in range(0, len(features), _BLOCK):
        block = np.nan_to_num(features[begin : begin + _BLOCK].astype(np.float32))
        cells = (shares[0] @ block) @ shares[1].T
        found[:, begin : begin + len(block)] = cells.reshape(len(block), -1).T
    return found


def _shares(length: int, start: float, jump: float, extent: int, cells: int) -> NDArray[np.float32]:
    """The part (cells, length) of each cell's value that comes from each position of one axis.

    Position i covers `jump` input pixels around `start + jump * i`; the cells divide the `extent`
    input pixels that are no padding. A cell that no position covers takes the nearest one's value.
    """
    middles = start + jump * np.arange(length)
    edges = np.linspace(0, extent, cells + 1)
    low = np.maximum(edges[:-1, None], middles - jump / 2)
    high = np.minimum(edges[1:, None], middles + jump / 2)
    shares = np.maximum(high - low, 0)
    for cell in np.flatnonzero(shares.sum(axis=1) <= 0):
        shares[cell, np.abs(middles - edges[cell : cell + 2].mean()).argmin()] = 1
    normalised: NDArray[np.float32] = (shares / shares.sum(axis=1, keepdims=True)).astype(
        np.float32
    )
    return normalised
