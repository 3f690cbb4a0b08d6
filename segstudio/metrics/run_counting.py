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
_QUAD = 4
trailing_zeros: Any = numbers.trailing_zeros


@numba.njit(nogil=True, cache=True)
def count_runs(
    first: Flat, second: Flat, first_words: Words, second_words: Words, table: Counts
) -> None:
    """Add the length of each run in which neither map changes to a table (256, 256).

    The words are the same pixels, eight in one, the first of them in the lowest byte: shifted by a
    byte each pixel stands under the one after it. Four words without a change are passed over at
    once.
    """
    a, b = first[0], second[0]
    start: np.int64 | int = 0
    before_a, before_b = np.uint64(a), np.uint64(b)
    whole = first_words.size // _QUAD * _QUAD
    for quad in range(0, whole, _QUAD):
        all_a, all_b = _ONES * before_a, _ONES * before_b
        differing = np.uint64(0)
        for word in range(quad, quad + _QUAD):
            differing |= (first_words[word] ^ all_a) | (second_words[word] ^ all_b)
        if differing == 0:
            continue
        for word in range(quad, quad + _QUAD):
            of_a, of_b = first_words[word], second_words[word]
            changed = (of_a ^ (of_a << _BYTE | before_a)) | (of_b ^ (of_b << _BYTE | before_b))
            before_a, before_b = of_a >> _LAST, of_b >> _LAST
            # one bit for each pixel that is changed, in the lowest place of its byte
            changed |= changed >> np.uint64(4)
            changed |= changed >> np.uint64(2)
            changed = (changed | changed >> np.uint64(1)) & _ONES
            while changed != 0:
                at = (word << 3) + np.int64(trailing_zeros(changed) >> np.uint64(3))
                table[a, b] += at - start
                a, b, start = first[at], second[at], at
                changed &= changed - np.uint64(1)
    for last in range(whole << 3, first.size):
        if first[last] != a or second[last] != b:
            table[a, b] += last - start
            a, b, start = first[last], second[last], last
    table[a, b] += first.size - start
