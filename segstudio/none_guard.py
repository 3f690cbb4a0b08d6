"""Keeps the interpreter alive where extensions take `None` for immortal.

From Python 3.12 on `None` is never freed. PySide6 6.12.0 and psygnal 0.16.1 count on it also on
Python 3.11: every call of a Qt method without a result takes a reference of `None` away, and after
some thousand calls (seconds of painting) the interpreter stops with "none_dealloc". Versions
without the fault need nothing of this, and it does no harm to them.
"""

from __future__ import annotations

import ctypes
import sys

_PLENTY = 1 << 60
"""References that no program takes away."""


def keep_none_alive() -> None:
    """Give `None` so many references that it is never freed; once is enough."""
    if sys.version_info >= (3, 12) or sys.implementation.name != "cpython":
        return
    if sys.getrefcount(None) >= _PLENTY // 2:
        return
    # The count is the first field of an object, except in builds made to trace references.
    if not hasattr(sys, "getobjects"):
        ctypes.c_ssize_t.from_address(id(None)).value += _PLENTY
