"""Keeps the interpreter alive where PySide6 takes some objects for immortal.

From Python 3.12 on (PEP 683) `None`, `True`, `False` and a few other objects are never freed.
PySide6 6.12.0 counts on it on Python 3.11 too: nearly every call of Qt takes a reference of `None`
away, and so do psygnal's signals once shiboken6 is loaded. After some thousand calls, which are
seconds of painting, the interpreter stops with "none_dealloc" or "bool_dealloc". pyproject.toml
keeps such versions away; whoever has one all the same is not to lose what is unsaved.
"""

from __future__ import annotations

import ctypes
import sys

_PLENTY = 1 << 60
"""References that no program takes away."""
_FIRST_WITH_THE_FAULT = (6, 12)


def takes_references() -> bool:
    """Whether shiboken6 takes references away that this interpreter counts."""
    if sys.version_info >= (3, 12) or sys.implementation.name != "cpython":
        return False
    import shiboken6

    return shiboken6.__version_info__[:2] >= _FIRST_WITH_THE_FAULT


def keep_immortals_alive() -> None:
    """Give what is immortal in later Pythons so many references that it is never freed.

    Once is enough. Does nothing where no references are taken away.
    """
    if not takes_references():
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
