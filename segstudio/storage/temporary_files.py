"""The temporary files of writers: their names, and removing those whose writer was killed.

A writer holds a lock on its temporary file, which the system releases when the process ends,
however it ends; a file that nobody holds and that is old enough is left over.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO, Final

from segstudio.core.text import cut_to_bytes

_NAME_BYTES: Final = 100
"""Of the file's own name; encrypted file systems allow names of 143 bytes only."""
_PATTERN: Final = re.compile(r"\..+\.[0-9a-f]{8}\.segstudio\.tmp", re.DOTALL)

_YOUNGEST_SECONDS: Final = 20.0
"""A younger one may have a writer that has not locked it yet."""
_UNLOCKED_SECONDS: Final = 24 * 3600.0
"""Age on a file system that cannot lock: no write takes a day."""
_EVERY_SECONDS: Final = 600.0

_next_look: dict[Path, float] = {}
"""When each folder is looked through again (`time.monotonic`)."""
_lock = threading.Lock()


def temporary_name(name: str) -> str:
    """A new name for the temporary file of a file, in its folder; hidden, at most 124 bytes."""
    return f".{cut_to_bytes(name, _NAME_BYTES)}.{secrets.token_hex(4)}.segstudio.tmp"


def mark_as_being_written(file: BinaryIO) -> None:
    """Lock an open temporary file for as long as it is open."""
    with contextlib.suppress(OSError):  # some network drives cannot
        _try_lock(file.fileno())


def sweep(written: Path) -> int:
    """Remove what killed writers left in a file's folder; looks every ten minutes at most.

    Args:
        written: A file that was just written there: its time is the clock of that drive.

    Returns:
        How many files were removed.
    """
    folder = written.parent
    with _lock:
        if time.monotonic() < _next_look.get(folder, 0.0):
            return 0
        _next_look[folder] = time.monotonic() + _EVERY_SECONDS
    try:
        now = written.stat().st_mtime
        with os.scandir(folder) as entries:
            found = [Path(e.path) for e in entries if _PATTERN.fullmatch(e.name)]
    except OSError:
        return 0
    removed = [path for path in found if _is_left_over(path, now) and _remove(path)]
    if len(removed) < len(found):
        with _lock:
            _next_look[folder] = time.monotonic() + _YOUNGEST_SECONDS
    return len(removed)


def _is_left_over(path: Path, now: float) -> bool:
    try:
        info = path.lstat()
        if not stat.S_ISREG(info.st_mode) or now - info.st_mtime < _YOUNGEST_SECONDS:
            return False
        handle = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return False
    try:
        _try_lock(handle)
    except BlockingIOError:
        return False  # its writer is at work
    except OSError:
        return now - info.st_mtime > _UNLOCKED_SECONDS
    finally:
        os.close(handle)
    return True


def _remove(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:
        return False
    return True


if sys.platform == "win32":

    def _try_lock(handle: int) -> None:
        """Do nothing: Windows deletes no file that is open in another program."""

else:
    import fcntl

    def _try_lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
