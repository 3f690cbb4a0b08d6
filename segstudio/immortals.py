"""Keeps the interpreter alive where extensions take some objects for immortal.

From Python 3.12 on (PEP 683) `None`, `True`, `False` and a few other objects are never freed.
PySide6 6.12.0 and psygnal 0.16.1 count on it on Python 3.11 too: every call of a Qt method without
a result takes a reference of `None` away, and after some thousand calls, which are seconds of
painting, the interpreter stops with "none_dealloc" or "bool_dealloc". Versions without the fault
need nothing of this, and it does no harm to them.
"""

from __future__ import annotations

import ctypes
import sys

_PLENTY = 1 << 60
"""References that no program takes away."""


def keep_immortals_alive() -> None:
    """Give what is immortal in later Pythons so many references that it is never freed.

    Once is enough; does nothing on Python 3.12 and later and on other interpreters.
    """
    if sys.version_info >= (3, 12) or sys.implementation.name != "cpython":
        return
    # The count is the first field of an object, but in builds made to trace references.
    if hasattr(sys, "getobjects") or sys.getrefcount(None) >= _PLENTY // 2:
        return
    shared: list[object] = [None, True, False, Ellipsis, NotImplemented, (), "", b""]
    shared += range(-5, 257)
    numbers = {id(thing) for thing in shared}
    del shared
    for address in numbers:
        ctypes.c_ssize_t.from_address(address).value += _PLENTY
