"""The edges of a region, pixel by pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from segstudio.core.labels import Mask

Segments = npt.NDArray[np.int32]
"""(n, 4): x0, y0, x1, y1 of straight lines along the edges of pixels."""


def outline_segments(mask: Mask) -> Segments:
    """The lines between the pixels of a mask and those outside, as long as they can be.

    Args:
        mask: (h, w) bool; what lies around it is outside.

    Returns:
        Horizontal lines, then vertical ones; pixel (x, y) covers [x, x + 1) x [y, y + 1).
    """
    padded = np.pad(mask, 1)
    rows = runs(padded[1:, 1:-1] != padded[:-1, 1:-1])
    columns = runs((padded[1:-1, 1:] != padded[1:-1, :-1]).T)
    horizontal = np.stack([rows[:, 1], rows[:, 0], rows[:, 2], rows[:, 0]], 1)
    vertical = np.stack([columns[:, 0], columns[:, 1], columns[:, 0], columns[:, 2]], 1)
    return np.concatenate([horizontal, vertical]).astype(np.int32)


def runs(edges: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """(n, 3): row, first and one past the last column of each run of True."""
    steps = np.diff(np.pad(edges, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    row, first = np.nonzero(steps == 1)
    last = np.nonzero(steps == -1)[1]
    return np.stack([row, first, last], 1)
