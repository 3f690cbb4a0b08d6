"""Gives memory that models have freed back to the system.

Every size of an image needs tensors of other sizes. glibc keeps what was freed for later, in pieces
that later sizes do not fit into: with images of 20 sizes a U-Net's process grows from 0.7 to
1.2 GB, and goes on growing, though hardly any of it is in use. `malloc_trim` gives the free pages
back, but the next image has to fetch fresh ones; so it is called only when much has gathered.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

_MUCH_BYTES: Final = 256 << 20
_STATM: Final = Path("/proc/self/statm")


class FreedMemory:
    """Calls for free memory when the process has grown. May be used by several threads."""

    def __init__(self, resident: Callable[[], int], give_back: Callable[[], object]) -> None:
        """Args:
        resident: Bytes of memory that the process has now.
        give_back: Gives free memory back to the system.
        """
        self._resident, self._give_back = resident, give_back
        self._lock = threading.Lock()
        self._least = resident()

    def give_back(self) -> None:
        """Give free memory back if the process has grown much since it had the least."""
        with self._lock:
            now = self._resident()
            if now - self._least <= _MUCH_BYTES:
                self._least = min(self._least, now)
                return
            self._give_back()
            self._least = self._resident()  # all of it is in use


def _resident_bytes() -> int:
    """Memory that this process has, after proc(5)."""
    return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _of_this_process() -> FreedMemory | None:
    """None where the C library is not glibc: others give memory back themselves."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
        _resident_bytes()
    except (AttributeError, OSError, TypeError, ValueError):
        return None
    trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
    return FreedMemory(_resident_bytes, lambda: trim(0))


_PROCESS: Final = _of_this_process()


def give_back_freed_memory() -> None:
    """Give memory that was freed back to the system if much of it has gathered."""
    if _PROCESS is not None:
        _PROCESS.give_back()
