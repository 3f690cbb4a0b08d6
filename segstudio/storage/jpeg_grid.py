"""Where the blocks of JPEG may begin in a mask, and what they leave at their borders.

A mask that was cropped after it was a JPEG has its blocks of 8 x 8 pixels at one of 64 places.
What JPEG changes stays within the blocks in which two levels meet. So the fewest blocks are uneven
where they begin as those of the JPEG did, and no stray pixel lies in a block that is even beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

_SIDE: Final = 8
_PLACES: Final = 3
_FEWER: Final = 0.95
"""So many of the blocks are uneven at most where those of a JPEG begin, of those elsewhere."""
_MOST_LONE: Final = 4096
_STRAYS: Final = 10
_STRAYS_AT_START: Final = 6
"""So many stray pixels would lie in even blocks if blocks began elsewhere."""
_STRAY_SHARE: Final = 0.15
_OUTLINE_BLOCKS: Final = 8
_OUTLINE_SHARE: Final = 0.45
_CORNERS: Final = 5

Place = tuple[int, int]


@dataclass(frozen=True)
class BlockGrids:
    """The 64 places at which blocks of 8 x 8 pixels can begin.

    Attributes:
        pixels: (H, W) levels.
        counts: (8, 8) uneven whole blocks, by the row and the column at which blocks begin.
        shares: (8, 8) the same, of all blocks.
    """

    pixels: npt.NDArray[np.uint8]
    counts: npt.NDArray[np.int64]
    shares: npt.NDArray[np.float64]

    @classmethod
    def of(cls, pixels: npt.NDArray[np.uint8]) -> BlockGrids:
        """Count the uneven blocks of a mask of 16 x 16 pixels or more."""
        height, width = (n - _SIDE + 1 for n in pixels.shape)
        uneven = _uneven_squares(pixels)[:height, :width]
        counts, totals = np.zeros((_SIDE, _SIDE), np.int64), np.zeros((_SIDE, _SIDE), np.int64)
        for row in range(_SIDE):
            for column in range(_SIDE):
                blocks = uneven[row::_SIDE, column::_SIDE]
                counts[row, column], totals[row, column] = np.count_nonzero(blocks), blocks.size
        return cls(pixels, counts, counts / totals)

    def likely(self) -> list[Place]:
        """Where blocks may begin: at the first pixel, and where the fewest are uneven."""
        order = np.argsort(self.shares, axis=None, kind="stable")[:_PLACES]
        fewer = _FEWER * float(np.median(self.shares))
        found = [n for n in order.tolist() if self.shares.flat[n] <= fewer]
        return list(dict.fromkeys([(0, 0), *(divmod(n, _SIDE) for n in found)]))[:_PLACES]

    @property
    def outlines_on_it(self) -> bool:
        """Whether outlines of many corners run along blocks of one place, as after a low quality.

        Boxes that were drawn on round numbers have corners of one kind only; what was enlarged
        by more than the side of a block, or by less, runs along other blocks as well. Where every
        block is even the mask was enlarged by just this side, as the labels of patches are.
        """
        best = int(self.shares.argmin())
        row, column = best // _SIDE, best % _SIDE
        if not self.counts[row, column]:
            return False
        others = np.delete(np.delete(self.shares, row, 0), column, 1)
        blocks = self.counts[row, column] / self.shares[row, column]
        elsewhere = float(others.min())
        if elsewhere * blocks < _OUTLINE_BLOCKS:
            return False
        if self.shares[row, column] > _OUTLINE_SHARE * elsewhere:
            return False
        return min(_corners(self.pixels)) >= _CORNERS and not self._enlarged(row, column)

    def _enlarged(self, row: int, column: int) -> bool:
        """Whether blocks of twice the side are all even too."""
        inside = self.pixels[row:, column:]
        for down in (0, _SIDE):
            for across in (0, _SIDE):
                part = inside[down:, across:]
                height, width = (n // (2 * _SIDE) * 2 * _SIDE for n in part.shape)
                if not height or not width:
                    continue
                grid = part[:height, :width].reshape(height // 16, 16, width // 16, 16)
                if (grid == grid[:, :1, :, :1]).all():
                    return True
        return False

    def keep_strays(
        self,
        rows: npt.NDArray[np.intp],
        columns: npt.NDArray[np.intp],
        around: npt.NDArray[np.uint8],
    ) -> bool:
        """Whether stray pixels lie in blocks of one place in which levels meet, and in no others.

        Args:
            rows: (N,) where they are.
            columns: (N,) likewise.
            around: (N,) the level around each.
        """
        if len(rows) < _STRAYS_AT_START:
            return False
        filled = self.pixels.copy()
        filled[rows, columns] = around
        even = ~_uneven_squares(filled)
        if len(rows) > _MOST_LONE:
            some = np.linspace(0, len(rows) - 1, _MOST_LONE).astype(np.intp)
            rows, columns = rows[some], columns[some]
        lost = np.zeros((_SIDE, _SIDE), np.int64)
        for row in range(_SIDE):
            for column in range(_SIDE):
                top, left = rows - (rows - row) % _SIDE, columns - (columns - column) % _SIDE
                inside = (top >= 0) & (left >= 0)
                lost[row, column] = np.count_nonzero(even[top[inside], left[inside]])
        usual = float(np.median(lost))
        at_start = usual >= _STRAYS_AT_START and lost[0, 0] <= _STRAY_SHARE * usual
        return bool(at_start or (usual >= _STRAYS and lost.min() <= _STRAY_SHARE * usual))


def _uneven_squares(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Whether the square of 8 x 8 pixels that begins at a pixel has more than one level."""
    import cv2

    square = np.ones((_SIDE, _SIDE), np.uint8)
    repeated = cv2.BORDER_REPLICATE
    high = cv2.dilate(pixels, square, anchor=(0, 0), borderType=repeated)
    low = cv2.erode(pixels, square, anchor=(0, 0), borderType=repeated)
    return np.asarray(high != low).reshape(pixels.shape)


def _corners(pixels: npt.NDArray[np.uint8]) -> tuple[int, int]:
    """How often three pixels of a square of four are equal, and the other is lower, or higher."""
    corners = [pixels[:-1, :-1], pixels[:-1, 1:], pixels[1:, 1:], pixels[1:, :-1]]
    lower = higher = 0
    for n, odd in enumerate(corners):
        first, second, third = (corners[(n + k) % 4] for k in (1, 2, 3))
        alike = (first == second) & (second == third)
        lower += int(np.count_nonzero(alike & (odd < first)))
        higher += int(np.count_nonzero(alike & (odd > first)))
    return lower, higher
