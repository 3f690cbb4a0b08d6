"""Tell whether the levels of a mask went through JPEG before they were saved without loss.

JPEG keeps blocks of 8 x 8 pixels as multiples of the steps of a table, which the quality sets.
What is decoded from it lies on that lattice up to rounding; what was never a JPEG lies on none.
"""

from __future__ import annotations

from enum import Enum
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

_SIDE: Final = 8
_MOST_BLOCKS: Final = 256
_FEWEST_BLOCKS: Final = 3
_ENOUGH_BLOCKS: Final = 12
"""From so many different blocks on it is sure that none fits by chance."""
_STRAIGHT: Final = 3
"""So many different rows or columns have blocks of straight lines; they fit many lattices."""
_LOWEST, _HIGHEST = 30, 99
_APART: Final = 1.6
"""How far apart in their steps the qualities are with which one is compared."""
_SURE: Final = 0.6
_SURE_AT_BEST: Final = 1.0
"""At quality 99 the steps are 1 and 2: rounding alone bends the curve."""
_POSSIBLE: Final = 0.38
_POSSIBLE_OF_FEW: Final = 0.5
_NOISE: Final = 0.3
_EXPLAINED: Final = 0.8
_STRAY_SHARE: Final = 0.01
_MOST_LONE: Final = 100_000
_FEWEST_LONE: Final = 16
_ONE_OFF: Final = 0.7
"""So many lone pixels of a noisy map of three classes are next to the number around them."""

_LUMINANCE: Final = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
"""ITU-T T.81, table K.1, row by row: the steps of quality 50."""


class JpegTrace(Enum):
    """Whether levels were a JPEG."""

    NO = "no"
    POSSIBLE = "possible"
    YES = "yes"


def jpeg_trace(pixels: npt.NDArray[np.uint8], steady: npt.NDArray[np.bool_]) -> JpegTrace:
    """Whether levels were a JPEG that begins at the first pixel.

    Args:
        pixels: (H, W) levels.
        steady: (H, W) where a pixel is in a square of four equal ones. Where nearly all pixels
            along edges are, there is nothing that JPEG leaves.
    """
    rows, columns = _uneven(pixels)
    area = len(rows) * _SIDE * _SIDE
    if not area or np.count_nonzero(~steady) < _STRAY_SHARE * area:
        return JpegTrace.NO
    blocks = _telling(_blocks_at(pixels, rows, columns))
    count = len(blocks)
    bend, quality = lattice_bend(blocks) if count >= _FEWEST_BLOCKS else (0.0, 0)
    at_best = quality == _HIGHEST
    if count >= _ENOUGH_BLOCKS and bend >= (_SURE_AT_BEST if at_best else _SURE):
        return JpegTrace.YES
    wanted = _POSSIBLE if count >= _ENOUGH_BLOCKS else _POSSIBLE_OF_FEW + 1 / max(1, count)
    is_bent = bend >= wanted and not at_best
    return JpegTrace.POSSIBLE if is_bent or _mostly_one_off(pixels, steady) else JpegTrace.NO


def lattice_bend(blocks: npt.NDArray[np.uint8]) -> tuple[float, int]:
    """How much nearer blocks, (N, 8, 8), are to the lattice of one quality than to those around.

    What is left beside the lattice grows evenly with the steps where nothing was a JPEG, and the
    curve has a notch at the quality of one.

    Returns:
        The bend, and the quality.
    """
    found = _coefficients(blocks)
    steps, triples, qualities = _tables()
    left = np.empty(len(steps), np.float64)
    for n, step in enumerate(steps):
        rest = found / step
        rest -= np.rint(rest)
        rest *= step
        left[n] = np.vdot(rest, rest) / len(found)
    curve = np.log(left + _NOISE)
    bends = curve[triples[:, 0]] + curve[triples[:, 2]] - 2 * curve[triples[:, 1]]
    energy = np.vdot(found, found) / len(found)
    bends[left[triples[:, 1]] > _EXPLAINED * energy] = -np.inf
    best = int(bends.argmax())
    return float(bends[best]), int(qualities[triples[best, 1]])


def _mostly_one_off(pixels: npt.NDArray[np.uint8], steady: npt.NDArray[np.bool_]) -> bool:
    """Whether pixels unlike all around them are mostly off by one, as after the best quality."""
    rows, columns = np.nonzero(~steady)
    if len(rows) > _MOST_LONE:
        some = np.linspace(0, len(rows) - 1, _MOST_LONE).astype(np.intp)
        rows, columns = rows[some], columns[some]
    wide = np.pad(pixels, 1, mode="edge")
    shifts = [(y, x) for y in range(3) for x in range(3) if (y, x) != (1, 1)]
    here = pixels[rows, columns].astype(np.int16)
    around = np.stack([wide[rows + y, columns + x] for y, x in shifts]).astype(np.int16)
    lone = (around != here).all(axis=0)
    count = int(np.count_nonzero(lone))
    if count < _FEWEST_LONE:
        return False
    off = np.abs(here[lone] - np.median(around[:, lone], axis=0))
    return bool((off <= 1).mean() >= _ONE_OFF + count**-0.5)


def _uneven(pixels: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The places, row and column, of the whole blocks that have more than one level."""
    grid = _grid(pixels)
    rows, columns = np.nonzero(grid.max(axis=(1, 3)) != grid.min(axis=(1, 3)))
    return rows, columns


def _blocks_at(
    pixels: npt.NDArray[np.uint8], rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
) -> npt.NDArray[np.uint8]:
    """Blocks, (N, 8, 8): of many some, from all over the mask."""
    if len(rows) > _MOST_BLOCKS:
        some = np.linspace(0, len(rows) - 1, _MOST_BLOCKS).astype(np.intp)
        rows, columns = rows[some], columns[some]
    return np.ascontiguousarray(_grid(pixels)[rows, :, columns, :])


def _telling(blocks: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Each different block once, without those that are made of a few straight lines."""
    different = np.unique(blocks.reshape(len(blocks), -1), axis=0).reshape(-1, _SIDE, _SIDE)
    lines = np.minimum(_different_rows(different), _different_rows(different.swapaxes(1, 2)))
    return np.asarray(different[lines > _STRAIGHT], np.uint8)


def _different_rows(blocks: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    rows = np.sort(np.ascontiguousarray(blocks).view(np.uint64)[..., 0], axis=1)
    return np.asarray(np.count_nonzero(rows[:, 1:] != rows[:, :-1], axis=1) + 1, np.intp)


def _grid(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    down, across = pixels.shape[0] // _SIDE, pixels.shape[1] // _SIDE
    inside = pixels[: down * _SIDE, : across * _SIDE]
    return inside.reshape(down, _SIDE, across, _SIDE)


def _coefficients(blocks: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """What JPEG keeps of blocks, (N, 63), without their means."""
    n = np.arange(_SIDE)
    waves = np.sqrt(2 / _SIDE) * np.cos((2 * n[None] + 1) * n[:, None] * np.pi / (2 * _SIDE))
    waves[0] /= np.sqrt(2)
    both = np.kron(waves, waves).astype(np.float32)[1:]
    return np.ascontiguousarray(blocks.reshape(len(blocks), -1).astype(np.float32) @ both.T)


@cache
def _tables() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The steps of each quality, which three are compared, and the qualities."""
    qualities = np.arange(_LOWEST - 5, 101)
    scales = np.where(qualities < 50, 5000 // np.maximum(qualities, 1), 200 - 2 * qualities)
    base = np.array(_LUMINANCE)[1:]
    steps = np.clip((base * scales[:, None] + 50) // 100, 1, 255).astype(np.float32)
    logs = np.log(np.maximum(scales, 0.7))
    triples = []
    for n, quality in enumerate(qualities):
        if _LOWEST <= quality <= _HIGHEST:
            lower = int(np.abs(logs - logs[n] - np.log(_APART)).argmin())
            higher = int(np.abs(logs - logs[n] + np.log(_APART)).argmin())
            triples.append((min(lower, n - 1), n, max(higher, n + 1)))
    return steps, np.array(triples), qualities
