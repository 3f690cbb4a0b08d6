"""Exact distances from a few pixels to the nearest marked one, however large the map is.

Two passes give the distance to the nearest marked pixel within each column, as the first half of a
distance transform does (Felzenszwalb & Huttenlocher, "Distance Transforms of Sampled Functions",
2012). From each of the few pixels the columns left and right of it are then looked at, nearer ones
first, until none can hold a nearer marked pixel. Outlines of the same object lie close together, so
that is a few columns. Where it gets more work than the second half would be, that is done instead.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.labels import Mask

Places = npt.NDArray[np.intp]
"""(n,) pixels as positions in the flattened map."""
_Gaps = npt.NDArray[np.int32]
_Squares = npt.NDArray[np.int64]
# Looking at a column from a pixel takes about as long as a pixel of a distance transform.
_MOST_LOOKS_PER_PIXEL = 1.0
_LOOKS_AT_ONCE = 4096


def smallest_distances(places: Places, marked: Mask, count: int) -> npt.NDArray[np.float64]:
    """The smallest of the distances from some pixels to the marked pixels, centre to centre.

    Args:
        places: The pixels, n of them.
        marked: (H, W) bool, with at least one pixel.
        count: How many distances are wanted, 1 to n. Pixels that are farther away than these are
            not followed up.

    Returns:
        (count,) float64 in pixels, ascending.
    """
    found = _by_columns(places, _gaps(marked), count, _MOST_LOOKS_PER_PIXEL * marked.size)
    if found is None:
        clear = (~marked).view(np.uint8)
        far = cv2.distanceTransform(clear, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        # It is float32, but the squares are whole numbers.
        found = np.rint(np.square(far.ravel()[places], dtype=np.float64)).astype(np.int64)
    return np.sqrt(np.sort(found)[:count])


def _gaps(marked: Mask) -> _Gaps:
    """(H, W) rows to the nearest marked pixel of the column; H + W or more if it has none."""
    height, width = marked.shape
    clear = (~marked).view(np.uint8)
    gaps = np.empty(marked.shape, np.int32)
    above = np.full(width, height + width, np.int32)
    for row, is_clear in zip(gaps, clear, strict=True):
        np.add(above, 1, out=row)
        np.multiply(row, is_clear, out=row)
        above = row
    below = np.empty(width, np.int32)
    for y in range(height - 2, -1, -1):
        np.add(gaps[y + 1], 1, out=below)
        np.minimum(gaps[y], below, out=gaps[y])
    return gaps


def _by_columns(places: Places, gaps: _Gaps, count: int, most_looks: float) -> _Squares | None:
    """The squares of the distances of at least the `count` nearest places; None if too much work.

    After k columns to each side a distance of k + 1 or less is final, and all others are larger;
    after all columns every distance is.
    """
    flat, last = gaps.ravel(), gaps.shape[1] - 1
    columns = places % gaps.shape[1]
    starts = places - columns
    best = np.square(flat[places], dtype=np.int64)
    done: list[_Squares] = []
    found = looks = side = 0
    while True:
        open_ = (best > (side + 1) ** 2) & (side < last)
        done.append(best[~open_])
        found += done[-1].size
        if found >= count:
            return np.concatenate(done)
        starts, columns, best = starts[open_], columns[open_], best[open_]
        # With few places left it costs no more to look at many columns at once.
        steps = np.arange(side, min(side + 1 + _LOOKS_AT_ONCE // best.size, last)) + 1
        looks += best.size * steps.size
        if looks > most_looks:
            return None
        side += steps.size
        # Beyond the border the outermost column is looked at again, which changes nothing.
        right = flat.take(starts + np.minimum(columns + steps[:, None], last))
        left = flat.take(starts + np.maximum(columns - steps[:, None], 0))
        near = np.square(np.minimum(left, right), dtype=np.int64)
        near += np.square(steps)[:, None]
        np.minimum(best, near.min(axis=0), out=best)
