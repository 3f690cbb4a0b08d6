"""Counting pairs of class ids, nearly as fast as reading them.

Label maps are made of runs: along a row most pixels are like the one before. Changes are looked
for in eight pixels at once, and only runs are counted, each with its length. Two-class maps need
not even that: three sums give all four numbers. Where there are hardly any runs (noise), the
pixels of a block are counted one by one. All three ways are exact.

Where numba is installed and much is counted, one compiled loop follows the runs instead, and gives
the same numbers in a third of the time, large maps by two threads.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import Labels

Flat = npt.NDArray[np.uint8]
"""(n,) uint8, contiguous."""
Counts = npt.NDArray[np.int64]
"""(C, C) int64: rows are the reference's classes, columns the prediction's."""

# Two blocks and their temporaries fit into a second-level cache of 1 MB: memory is read once.
_BLOCK = 1 << 18
_WORD = 8
# If more of the 8-pixel words than this hold a change, counting pixels is faster than runs.
_MOST_CHANGED_WORDS = 0.6
# Loading what is compiled takes a second: it has to be worth it, and so has emptying its table.
_WORTH_LOADING = 1 << 25
_WORTH_A_TABLE = 1 << 16
# Maps of so many pixels are counted by two threads.
_WORTH_A_THREAD = 1 << 22
_IDS = 256

Words = npt.NDArray[np.uint64]
Kernel = Callable[[Flat, Flat, Words, Words, Counts], None]

_log = logging.getLogger(__name__)


def count_pairs(
    truth: Labels, prediction: Labels, num_classes: int, ignore_index: int | None
) -> tuple[Counts, int]:
    """How often each class of one map meets each class of the other.

    Args:
        truth: uint8 class ids, any shape.
        prediction: uint8 class ids, same shape.
        num_classes: C.
        ignore_index: Pixels with this id in `truth` are left out, whatever is predicted there.

    Returns:
        (C, C) int64, rows of `truth`, and the number of pixels left out.

    Raises:
        SegstudioError: if an id of a pixel that is not left out is C or more.
    """
    first = np.ascontiguousarray(truth).reshape(-1)
    second = np.ascontiguousarray(prediction).reshape(-1)
    # of two classes the sums are quicker, unless two threads count
    worth = num_classes > 2 or first.size >= _WORTH_A_THREAD
    kernel = _LOADING.kernel(first.size) if worth else None
    counts = (
        None
        if kernel is None
        else _count_compiled(kernel, first, second, num_classes, ignore_index)
    )
    if counts is None:
        counts = _count_blocks(first, second, num_classes, ignore_index)
    if ignore_index is not None and ignore_index < num_classes:
        counts[ignore_index] = 0
    return counts, int(first.size - counts.sum())


def _count_blocks(first: Flat, second: Flat, num_classes: int, ignore_index: int | None) -> Counts:
    counts = np.zeros((num_classes, num_classes), np.int64)
    for start in range(0, first.size, _BLOCK):
        a, b = first[start : start + _BLOCK], second[start : start + _BLOCK]
        if num_classes == 2 and a.max() <= 1 and b.max() <= 1:
            counts += _count_binary(a, b)
        else:
            counts += _count_block(a, b, num_classes, ignore_index)
    return counts


def _count_binary(first: Flat, second: Flat) -> Counts:
    """Count maps of zeros and ones: how many ones in each, and where they differ."""
    in_first = int(cv2.sumElems(first)[0])
    in_second = int(cv2.sumElems(second)[0])
    differ = int(cv2.norm(first, second, cv2.NORM_L1))
    both = (in_first + in_second - differ) // 2
    neither = first.size - in_first - in_second + both
    return np.array([[neither, in_second - both], [in_first - both, both]], np.int64)


def _count_block(first: Flat, second: Flat, num_classes: int, ignore_index: int | None) -> Counts:
    ends = _run_ends(first, second)
    if ends is None:
        return _count_pixels(first, second, num_classes, ignore_index)
    lengths = ends.copy()
    lengths[1:] -= ends[:-1]
    lengths[0] += 1
    return _tally(first.take(ends), second.take(ends), lengths, num_classes, ignore_index)


def _count_pixels(first: Flat, second: Flat, num_classes: int, ignore_index: int | None) -> Counts:
    """Count a block pixel by pixel."""
    ranges = [0, num_classes, 0, num_classes]
    # float32, exact up to 2^24; ids outside the ranges are left out
    found = cv2.calcHist([first[None], second[None]], [0, 1], None, [num_classes] * 2, ranges)
    counts = found.reshape(num_classes, num_classes).astype(np.int64)
    if counts.sum() == first.size:
        return counts
    return _tally(first, second, None, num_classes, ignore_index)


def _run_ends(first: Flat, second: Flat) -> npt.NDArray[np.intp] | None:
    """Index of the last pixel of each run in which neither map changes; None if too many."""
    n = first.size
    changes, others = np.empty((2, -(-n // _WORD) * _WORD), np.bool_)
    for values, flags in ((first, changes), (second, others)):
        np.not_equal(values[1:], values[:-1], out=flags[: n - 1])
        flags[n - 1 :] = False
    changes[n - 1] = True
    words = changes.view(np.uint64)
    words |= others.view(np.uint64)
    hits = (words != 0).nonzero()[0]
    if hits.size > max(_MOST_CHANGED_WORDS * words.size, _WORD):
        return None
    inside = words.take(hits).view(np.bool_).nonzero()[0]
    hits *= _WORD
    ends: npt.NDArray[np.intp] = hits.take(inside >> 3)
    inside &= 7
    ends += inside
    return ends


def _tally(
    first: Flat,
    second: Flat,
    lengths: npt.NDArray[np.intp] | None,
    num_classes: int,
    ignore_index: int | None,
) -> Counts:
    """Count pairs, each as often as its length says (once if None)."""
    if first.max() >= num_classes or second.max() >= num_classes:
        kept = np.full(first.size, True) if ignore_index is None else first != ignore_index
        first, second = first[kept], second[kept]
        lengths = None if lengths is None else lengths[kept]
        _refuse_unknown("reference", first, num_classes)
        _refuse_unknown("prediction", second, num_classes)
    keys = first.astype(np.intp)
    keys *= num_classes
    keys += second
    # The weights are float64: exact, since a block has fewer than 2^53 pixels.
    counts = np.bincount(keys, lengths, minlength=num_classes**2)
    return counts.astype(np.int64).reshape(num_classes, num_classes)


def _refuse_unknown(what: str, ids: Flat, num_classes: int) -> None:
    unknown = np.unique(ids[ids >= num_classes])
    if unknown.size:
        names = ", ".join(str(i) for i in unknown)
        raise SegstudioError(
            f"The {what} has class id{'s' if unknown.size > 1 else ''} {names}, "
            f"but the schema ends at {num_classes - 1}.",
            "Add the class to the schema, or make it the ignore index.",
        )


# -- compiled ----------------------------------------------------------------------------------


def _count_compiled(
    kernel: Kernel, first: Flat, second: Flat, num_classes: int, ignore_index: int | None
) -> Counts | None:
    """The counts by the compiled loop; None if an id is not below C, or words do not fit."""
    halves = 2 if first.size >= _WORTH_A_THREAD and (os.cpu_count() or 1) > 1 else 1
    part = -(-first.size // halves // _WORD) * _WORD
    places = [slice(start, start + part) for start in range(0, first.size, part)]
    tables = np.zeros((len(places), _IDS, _IDS), np.int64)

    def add(place: slice, table: Counts) -> bool:
        a, b = first[place], second[place]
        whole = a.size // _WORD * _WORD
        words = [pixels[:whole].view(np.uint64) for pixels in (a, b)]
        if not all(found.flags.aligned for found in words):
            return False
        kernel(a, b, words[0], words[1], table)
        return True

    if len(places) == 1:
        counted = add(places[0], tables[0])
    else:
        with ThreadPoolExecutor(len(places), thread_name_prefix="segstudio-count") as threads:
            counted = all(threads.map(add, places, tables))
    if not counted:
        return None
    table = tables.sum(axis=0)
    ignored = 0
    if ignore_index is not None and ignore_index < _IDS:
        ignored = int(table[ignore_index].sum())
        table[ignore_index] = 0
    counts = table[:num_classes, :num_classes].copy()
    return counts if counts.sum() + ignored == first.size else None


class _Loading:
    """Loads the compiled loop when so much was counted that it is worth it."""

    def __init__(self) -> None:
        self._counted = 0
        self._is_there = True

    def kernel(self, size: int) -> Kernel | None:
        """The loop for maps of so many pixels; None if it is not there or not worth it."""
        if size < _WORTH_A_TABLE or not self._is_there:
            return None
        self._counted += size
        if self._counted < _WORTH_LOADING or (_in_window() and not _compiled.cache_info().currsize):
            return None
        found = _compiled()
        self._is_there = found is not None
        return found


def _in_window() -> bool:
    """Whether this is the thread of a window, which must not wait."""
    return "PySide6" in sys.modules and threading.current_thread() is threading.main_thread()


@functools.cache
def _compiled() -> Kernel | None:
    """The loop, compiled (kept on disk for the next time); None without numba."""
    if importlib.util.find_spec("numba") is None or sys.byteorder != "little":
        return None
    try:
        from segstudio.metrics.run_counting import count_runs

        kernel: Kernel = count_runs
        pixels = np.zeros(_WORD, np.uint8)
        words = pixels.view(np.uint64)
        kernel(pixels, pixels, words, words, np.zeros((_IDS, _IDS), np.int64))
    except Exception as error:  # noqa: BLE001 - whatever keeps it from working, NumPy counts
        _log.info("numba is not used: %s", error)
        return None
    return kernel


_LOADING = _Loading()
