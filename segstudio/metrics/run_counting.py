"""Counting pairs of class ids run by run, compiled by numba: imported where numba is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from numba.cpython.unsafe import numbers

if TYPE_CHECKING:
    from segstudio.metrics.counting import Counts, Flat, Words

_BYTE, _LAST = np.uint64(8), np.uint64(56)
_ONES = np.uint64(0x0101010101010101)
_GATHER = np.uint64(0x0102040810204080)
"""Times a word of ones in the lowest places of bytes: its highest byte has them side by side."""
_WORDS = 8
trailing_zeros: Any = numbers.trailing_zeros


@numba.njit(nogil=True, cache=True)
def count_runs(
    first: Flat, second: Flat, first_words: Words, second_words: Words, table: Counts
) -> None:
    """Add the length of each run in which neither map changes to a table (256, 256).

    The words are the same pixels, eight in one, the first of them in the lowest byte: shifted by a
    byte each pixel stands under the one after it. Eight words without a change are passed over at
    once; of others the changes are gathered to one bit a pixel, so that there is one loop, whose
    end cannot be foreseen, for 64 pixels.
    """
    counts = table.reshape(-1)
    key = np.int64(first[0]) << 8 | np.int64(second[0])
    start: np.int64 | int = 0
    before_a, before_b = np.uint64(first[0]), np.uint64(second[0])
    whole = first_words.size // _WORDS * _WORDS
    for block in range(0, whole, _WORDS):
        all_a, all_b = _ONES * before_a, _ONES * before_b
        differing = np.uint64(0)
        for word in range(block, block + _WORDS):
            differing |= (first_words[word] ^ all_a) | (second_words[word] ^ all_b)
        if differing == 0:
            continue
        bits = np.uint64(0)
        for number in range(_WORDS):
            of_a, of_b = first_words[block + number], second_words[block + number]
            changed = (of_a ^ (of_a << _BYTE | before_a)) | (of_b ^ (of_b << _BYTE | before_b))
            before_a, before_b = of_a >> _LAST, of_b >> _LAST
            # one bit for each pixel that is changed, in the lowest place of its byte
            changed |= changed >> np.uint64(4)
            changed |= changed >> np.uint64(2)
            changed = (changed | changed >> np.uint64(1)) & _ONES
            bits |= ((changed * _GATHER) >> _LAST) << np.uint64(8 * number)
        while bits != 0:
            at = (block << 3) + np.int64(trailing_zeros(bits))
            counts[key] += at - start
            key, start = np.int64(first[at]) << 8 | np.int64(second[at]), at
            bits &= bits - np.uint64(1)
    for last in range(whole << 3, first.size):
        here = np.int64(first[last]) << 8 | np.int64(second[last])
        if here != key:
            counts[key] += last - start
            key, start = here, last
    counts[key] += first.size - start
