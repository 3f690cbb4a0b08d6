"""Counting in masks of any size, in pieces: what is needed beside a mask stays small."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from segstudio.core.progress import Check, no_check

_PIECE_PX: Final = 1 << 22
_MOST_LOOKED_AT: Final = 1 << 24
_TILE: Final = 512
_TILE_PX: Final = _TILE * _TILE


def bands(pixels: npt.NDArray[Any], check: Check = no_check) -> Iterator[npt.NDArray[Any]]:
    """The rows of a mask in order, some at a time; `check` raises to give up."""
    rows = max(1, _PIECE_PX // max(1, pixels.shape[1]))
    for top in range(0, pixels.shape[0], rows):
        check()
        yield pixels[top : top + rows]


def histogram(pixels: npt.NDArray[Any], check: Check = no_check) -> npt.NDArray[np.int64]:
    """How often each number turns up in unsigned pixels of 8 or 16 bits."""
    counts = np.zeros(1 << (8 * pixels.dtype.itemsize), np.int64)
    for band in bands(pixels, check):
        counts += np.bincount(band.reshape(-1), minlength=len(counts))
    return counts


def different(pixels: npt.NDArray[Any], check: Check = no_check) -> npt.NDArray[Any]:
    """The different numbers of pixels, ascending."""
    found = np.unique(pixels[:0])
    for band in bands(pixels, check):
        found = with_those_of(found, band)
    return found


def with_those_of(found: npt.NDArray[Any], band: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Different numbers, and those of further pixels: of each run of equal ones the first."""
    flat = band.reshape(-1)
    starts = np.concatenate([flat[:1], flat[1:][flat[1:] != flat[:-1]]])
    return np.union1d(found, starts)


def count_where(
    pixels: npt.NDArray[Any],
    holds: Callable[[npt.NDArray[Any]], npt.NDArray[np.bool_]],
    check: Check = no_check,
) -> int:
    """How many pixels something holds of."""
    return sum(int(np.count_nonzero(holds(band))) for band in bands(pixels, check))


def sample(pixels: npt.NDArray[Any], check: Check = no_check) -> npt.NDArray[Any]:
    """A mask of no more than some million pixels that shows what one of any size is like.

    A large one's tiles of more than one number, from all over it, one below the other.

    Args:
        pixels: (H, W) or (H, W, 3).
        check: Called again and again; raises to give up.
    """
    height, width = pixels.shape[:2]
    if height * width <= _MOST_LOOKED_AT:
        return pixels
    across = min(_TILE, width)
    down = min(height, _TILE_PX // across)
    places = [
        (top, left)
        for top in range(0, height - down + 1, down)
        for left in range(0, width - across + 1, across)
    ]
    uneven = []
    for top, left in places:
        check()
        if _is_uneven(pixels[top : top + down, left : left + across]):
            uneven.append((top, left))
    chosen = uneven or places
    some = np.linspace(0, len(chosen) - 1, min(len(chosen), _MOST_LOOKED_AT // _TILE_PX))
    tiles = [chosen[int(n)] for n in some]
    return np.concatenate([pixels[y : y + down, x : x + across] for y, x in tiles])


def _is_uneven(tile: npt.NDArray[Any]) -> bool:
    rows = tile.reshape(len(tile), -1)
    step = rows.shape[1] // tile.shape[1]
    return bool((rows[0] != rows).any() or (rows[0, step:] != rows[0, :-step]).any())
