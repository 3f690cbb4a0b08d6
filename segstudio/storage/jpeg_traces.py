"""Tell whether the levels of a mask went through JPEG before they were saved without loss.

JPEG keeps blocks of 8 x 8 pixels as multiples of the steps of a table, which the quality sets.
What is decoded from it lies on that lattice up to rounding; what was never a JPEG lies on none.
So a block that was one comes out of the same quality as it went in, and others do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from segstudio.storage.jpeg_grid import BlockGrids

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
_MOST_COMPRESSED: Final = 32
_FIRST_COMPRESSED: Final = 12
_HIGHEST_COMPRESSED: Final = 95
"""Finer steps leave as they are what was never a JPEG, too."""
_MIDDLE, _GOOD = 85, 92
_SAME_SURE: Final = 6
_SHARE_SURE: Final = 0.35
_SAME_OF_BENT: Final = 0.12
"""A bend at a quality that changes nearly all blocks is chance."""
_SHARE_AT_MIDDLE: Final = 0.2
_SHARE_AT_GOOD: Final = 0.25
_SHARE_AT_BEST: Final = 0.3
_NOISE: Final = 0.3
_EXPLAINED: Final = 0.8
_STRAY_SHARE: Final = 0.01
_FEWEST_RIMS: Final = 12
_RIMS: Final = 0.22
_RIMS_OF_ONE: Final = 0.3
"""So many of the places where levels meet have a pixel between them."""
_MOST_LONE: Final = 100_000
_FEWEST_LONE: Final = 16
_FEWEST_SPECKS: Final = 3
_ALL_SPECKS: Final = 0.9
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
    """Whether levels were a JPEG, wherever its blocks begin.

    Args:
        pixels: (H, W) levels.
        steady: (H, W) where a pixel is in a square of four equal ones. Where nearly all pixels
            along edges are, stray pixels say nothing.
    """
    if min(pixels.shape) < 2 * _SIDE:
        changed = has_rims(pixels) or _Strays.of(pixels, steady).from_rounding(pixels, steady)
        return JpegTrace.POSSIBLE if changed else JpegTrace.NO
    grids = BlockGrids.of(pixels)
    found = JpegTrace.NO
    for row, column in grids.likely():
        cropped = (row, column) != (0, 0)
        trace = _trace_at(pixels[row:, column:], steady[row:, column:], cropped=cropped)
        if trace is JpegTrace.YES:
            return trace
        found = trace if found is JpegTrace.NO else found
    if found is not JpegTrace.NO or has_rims(pixels) or grids.outlines_on_it:
        return JpegTrace.POSSIBLE
    strays = _Strays.of(pixels, steady)
    kept = grids.keep_strays(strays.rows, strays.columns, strays.around)
    return JpegTrace.POSSIBLE if kept or strays.from_rounding(pixels, steady) else JpegTrace.NO


def _trace_at(
    pixels: npt.NDArray[np.uint8], steady: npt.NDArray[np.bool_], *, cropped: bool
) -> JpegTrace:
    """Whether levels were a JPEG whose blocks begin at the first pixel."""
    rows, columns = _uneven(pixels)
    blocks = _telling(_blocks_at(pixels, rows, columns))
    count = len(blocks)
    if not count:
        return JpegTrace.NO
    some = _some(blocks, _FIRST_COMPRESSED)
    same = same_after_jpeg(some)
    if len(some) < min(count, _MOST_COMPRESSED) and same.max() >= _SAME_OF_BENT * len(some):
        some = _some(blocks, _MOST_COMPRESSED)
        same = same_after_jpeg(some)
    trace = _trace_of_same(same, len(some))
    if trace is JpegTrace.YES or count < _FEWEST_BLOCKS:
        return trace
    if np.count_nonzero(~steady) < _STRAY_SHARE * len(rows) * _SIDE * _SIDE:
        return trace
    bend, quality = lattice_bend(blocks)
    if quality <= _GOOD and same[quality - _LOWEST] < _SAME_OF_BENT * len(some):
        return trace
    at_best = quality == _HIGHEST
    if count >= _ENOUGH_BLOCKS and bend >= (_SURE_AT_BEST if at_best else _SURE):
        return JpegTrace.YES
    wanted = _POSSIBLE if count >= _ENOUGH_BLOCKS else _POSSIBLE_OF_FEW + 1 / max(1, count)
    wanted = max(wanted, _SURE if cropped else 0)
    return JpegTrace.POSSIBLE if bend >= wanted and not at_best else trace


def _some(blocks: npt.NDArray[np.uint8], count: int) -> npt.NDArray[np.uint8]:
    if len(blocks) <= count:
        return blocks
    return blocks[np.linspace(0, len(blocks) - 1, count).astype(np.intp)]


def _trace_of_same(same: npt.NDArray[np.intp], count: int) -> JpegTrace:
    """What it says that so many of some blocks come out of each quality as they went in."""
    qualities, shares = np.arange(_LOWEST, _LOWEST + len(same)), same / count
    if ((qualities <= _GOOD) & (same >= _SAME_SURE) & (shares >= _SHARE_SURE)).any():
        return JpegTrace.YES
    low = (qualities <= _MIDDLE) & (same >= 2) & (shares >= _SHARE_AT_MIDDLE)
    only = (qualities <= _MIDDLE) & (same == count)
    good = (qualities <= _GOOD) & (same >= 3) & (shares >= _SHARE_AT_GOOD)
    best = (same >= 5) & (shares >= _SHARE_AT_BEST)
    return JpegTrace.POSSIBLE if (low | only | good | best).any() else JpegTrace.NO


def same_after_jpeg(blocks: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    """How many blocks, (N, 8, 8), each quality of JPEG leaves exactly as they are.

    Where a block is 0, the JPEG may have been darker still: what it came from is tried as well.

    Returns:
        (66,) numbers, for the qualities from 30 to 95.
    """
    qualities = np.arange(_LOWEST, _HIGHEST_COMPRESSED + 1)
    steps = _steps_of(qualities)[:, None]
    waves = _waves()
    levels = blocks.reshape(len(blocks), -1).astype(np.float32) - 128
    kept = np.rint((levels @ waves.T) / steps) * steps
    came_out = kept @ waves
    same = (np.maximum(np.rint(came_out), -128) == levels).all(axis=2)
    darker = np.where(levels == -128, np.minimum(came_out, -128), levels)
    again = (np.rint((darker @ waves.T) / steps) * steps) @ waves
    same |= (np.maximum(np.rint(again), -128) == levels).all(axis=2)
    return np.asarray(np.count_nonzero(same, axis=1), np.intp)


def has_rims(pixels: npt.NDArray[np.uint8]) -> bool:
    """Whether levels mostly meet with a pixel of a level between them, as after JPEG or scaling.

    Between two classes there seldom is a third one, a pixel wide and with a number between theirs.
    Where it is always the same, it may be a class of its own: an outline.
    """
    between = np.zeros(256, np.int64)
    steps = 0
    for lines in (pixels, np.ascontiguousarray(pixels.T)):
        before, here, after = lines[:, :-2], lines[:, 1:-1], lines[:, 2:]
        rising = (before < here) & (here < after)
        falling = (before > here) & (here > after)
        between += np.bincount(here[rising | falling], minlength=256)
        steps += int(np.count_nonzero(lines[:, 1:] != lines[:, :-1]))
    count = int(between.sum())
    alone = int(np.count_nonzero(10 * between >= count)) <= 1
    return count >= _FEWEST_RIMS and count >= (_RIMS_OF_ONE if alone else _RIMS) * steps


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


@dataclass(frozen=True)
class _Strays:
    """Pixels unlike all around them.

    Attributes:
        rows: (N,)
        columns: (N,)
        levels: (N,)
        around: (N,) the level around each: the middle one.
    """

    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    levels: npt.NDArray[np.uint8]
    around: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, pixels: npt.NDArray[np.uint8], steady: npt.NDArray[np.bool_]) -> _Strays:
        """Find them: of very many some."""
        rows, columns = np.nonzero(~steady)
        if len(rows) > _MOST_LONE:
            some = np.linspace(0, len(rows) - 1, _MOST_LONE).astype(np.intp)
            rows, columns = rows[some], columns[some]
        wide = np.pad(pixels, 1, mode="edge")
        shifts = [(y, x) for y in range(3) for x in range(3) if (y, x) != (1, 1)]
        here = pixels[rows, columns]
        around = np.stack([wide[rows + y, columns + x] for y, x in shifts])
        lone = (around != here).all(axis=0)
        middle = np.sort(around[:, lone], axis=0)[4]
        return cls(rows[lone], columns[lone], here[lone], middle)

    @property
    def one_off(self) -> npt.NDArray[np.bool_]:
        """(N,) which are next to the level around them."""
        return np.asarray(np.abs(self.levels.astype(np.int16) - self.around) <= 1)

    def from_rounding(self, pixels: npt.NDArray[np.uint8], steady: npt.NDArray[np.bool_]) -> bool:
        """Whether they are mostly off by one, as after the best quality.

        Or whether there are levels that are nothing else: no class is only such pixels.
        """
        here = np.bincount(pixels[~steady], minlength=256)
        if np.count_nonzero(here) <= 2:
            return False  # of two numbers each is next to the other
        count = len(self.rows)
        one_off = self.one_off
        if count >= _FEWEST_LONE and one_off.mean() >= _ONE_OFF + count**-0.5:
            return True
        areas = np.bincount(pixels[steady], minlength=256)
        speckled = (here > 0) & (areas == 0)
        few = speckled[self.levels]
        return (
            int(np.count_nonzero(areas)) >= 2
            and int(np.count_nonzero(few)) >= _FEWEST_SPECKS
            and int(np.count_nonzero(few & one_off)) >= _ALL_SPECKS * here[speckled].sum()
        )


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
    if not len(blocks):
        return blocks
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
    return np.ascontiguousarray(blocks.reshape(len(blocks), -1).astype(np.float32) @ _waves()[1:].T)


@cache
def _waves() -> npt.NDArray[np.float32]:
    """The patterns of which JPEG makes a block, (64, 64), the even one first."""
    n = np.arange(_SIDE)
    waves = np.sqrt(2 / _SIDE) * np.cos((2 * n[None] + 1) * n[:, None] * np.pi / (2 * _SIDE))
    waves[0] /= np.sqrt(2)
    return np.kron(waves, waves).astype(np.float32)


def _scales_of(qualities: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    return np.where(qualities < 50, 5000 // np.maximum(qualities, 1), 200 - 2 * qualities)


def _steps_of(qualities: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
    """The steps of qualities, (N, 64)."""
    scaled = (np.array(_LUMINANCE) * _scales_of(qualities)[:, None] + 50) // 100
    return np.clip(scaled, 1, 255).astype(np.float32)


@cache
def _tables() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The steps of each quality, which three are compared, and the qualities."""
    qualities = np.arange(_LOWEST - 5, 101)
    steps = np.ascontiguousarray(_steps_of(qualities)[:, 1:])
    logs = np.log(np.maximum(_scales_of(qualities), 0.7))
    triples = []
    for n, quality in enumerate(qualities):
        if _LOWEST <= quality <= _HIGHEST:
            lower = int(np.abs(logs - logs[n] - np.log(_APART)).argmin())
            higher = int(np.abs(logs - logs[n] + np.log(_APART)).argmin())
            triples.append((min(lower, n - 1), n, max(higher, n + 1)))
    return steps, np.array(triples), qualities
