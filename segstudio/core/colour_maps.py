"""Colour maps for values without a colour of their own: activations, heat maps, differences."""

from __future__ import annotations

from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.core.labels import Image

VIRIDIS: Final = "viridis"
MAGMA: Final = "magma"
GREY: Final = "grey"
DIVERGING: Final = "diverging"

_TABLES_OF_OPENCV: Final = {VIRIDIS: cv2.COLORMAP_VIRIDIS, MAGMA: cv2.COLORMAP_MAGMA}
_BLUE_WHITE_RED: Final = (
    (0x05, 0x30, 0x61), (0x21, 0x66, 0xAC), (0x43, 0x93, 0xC3), (0x92, 0xC5, 0xDE),
    (0xD1, 0xE5, 0xF0), (0xF7, 0xF7, 0xF7), (0xFD, 0xDB, 0xC7), (0xF4, 0xA5, 0x82),
    (0xD6, 0x60, 0x4D), (0xB2, 0x18, 0x2B), (0x67, 0x00, 0x1F),
)  # fmt: skip
"""RdBu of ColorBrewer, https://colorbrewer2.org, reversed: safe for colour-blind users."""


@cache
def colour_table(name: str) -> NDArray[np.uint8]:
    """The colours (256, 3) uint8 RGB of a colour map, from the lowest value to the highest.

    Args:
        name: "viridis", "magma", "grey" or "diverging".

    Raises:
        KeyError: for any other name.
    """
    steps = np.arange(256, dtype=np.uint8)
    if name == GREY:
        table = np.repeat(steps[:, None], 3, axis=1)
    elif name == DIVERGING:
        places = np.linspace(0, 255, len(_BLUE_WHITE_RED))
        columns = np.array(_BLUE_WHITE_RED, np.float64).T
        blended = np.stack([np.interp(steps, places, column) for column in columns], 1)
        table = np.rint(blended).astype(np.uint8)
    else:
        table = np.asarray(
            cv2.applyColorMap(steps[:, None], _TABLES_OF_OPENCV[name])[:, 0, ::-1], np.uint8
        )
    fixed = np.ascontiguousarray(table)
    fixed.flags.writeable = False
    return fixed


def ends(low: float, high: float, name: str) -> tuple[float, float]:
    """The values that get the ends of a colour map, for values from low to high.

    The diverging map has zero in its middle, so its ends lie equally far from zero.
    """
    if name != DIVERGING:
        return low, high
    far = max(abs(low), abs(high))
    return -far, far


def levels_of(
    values: NDArray[np.floating],
    low: NDArray[np.float32] | float,
    high: NDArray[np.float32] | float,
) -> NDArray[np.uint8]:
    """Steps 0..255 of values between two ends; what lies beyond an end gets that end.

    Args:
        values: Of any shape; NaN counts as `low`.
        low: Value of level 0, a number or an array that broadcasts with `values`.
        high: Value of level 255, likewise. Where it is not above `low`, the level is 0 up to
            `low` and 255 above.
    """
    low = np.asarray(low, np.float32)
    span = np.asarray(high, np.float32) - low
    # a tiny span stands for none, which turns values above it into the highest level
    factor = 255 / np.maximum(span, np.float32(1e-30))
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = (np.asarray(values, np.float32) - low) * factor
    scaled = np.nan_to_num(scaled, copy=False, nan=0.0, posinf=255.0, neginf=0.0)
    np.clip(scaled, 0, 255, out=scaled)
    levels: NDArray[np.uint8] = (scaled + 0.5).astype(np.uint8)
    return levels


def coloured(
    values: NDArray[np.floating],
    low: NDArray[np.float32] | float,
    high: NDArray[np.float32] | float,
    name: str,
) -> Image:
    """Values (..., h, w) as colours (..., h, w, 3) uint8 RGB; see `levels_of`."""
    return colour_table(name)[levels_of(values, low, high)]
