"""A lock on a folder that lasts as long as the program, however it ends."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

_NAME = "lock"
_STARTING_SECONDS = 10.0


class ProcessLock:
    """A held lock file; the system releases it when the process ends, even if killed."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    @classmethod
    def acquire(cls, folder: Path) -> ProcessLock:
        """Lock a folder of one's own; writes the process id into it for people to read.

        Raises:
            OSError: if the lock file cannot be made.
        """
        handle = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(handle)
            locked = True
        except OSError:
            # A file system without locks (some network drives): `is_held` asks for the process.
            locked = False
        try:
            _name_process(handle)
        except OSError:
            if not locked:  # else it is held all the same: the id is for people (the disk is full)
                os.close(handle)
                raise
        return cls(handle)

    @classmethod
    def try_acquire(cls, folder: Path) -> ProcessLock | None:
        """Lock a folder that several programs share; None if a living one holds it.

        Raises:
            OSError: if the lock file cannot be made.
        """
        handle = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _try_lock(handle)
            held = False
        except (BlockingIOError, PermissionError):
            held = True
        except OSError:  # a file system without locks
            held = _is_alive(handle)
        if held:
            os.close(handle)
            return None
        with contextlib.suppress(OSError):
            _name_process(handle)
        return cls(handle)

    def release(self) -> None:
        """Let go."""
        os.close(self._handle)

    @staticmethod
    def is_held(folder: Path) -> bool:
        """Whether a living program holds the lock of a folder."""
        try:
            handle = os.open(folder / _NAME, os.O_RDWR)
        except FileNotFoundError:
            return _is_new(folder)
        except OSError:
            return True
        try:
            _try_lock(handle)
        except BlockingIOError:
            return True
        except PermissionError:
            return True
        except OSError:
            return _is_alive(handle)
        finally:
            os.close(handle)
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)

    def _try_lock(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> None:
        # Waits: another program may be looking at this very moment.
        fcntl.flock(handle, fcntl.LOCK_EX)

    def _try_lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _name_process(handle: int) -> None:
    os.lseek(handle, 1, os.SEEK_SET)  # the first byte is what Windows locks
    os.write(handle, f"{os.getpid()}\n".encode())


def _is_new(folder: Path) -> bool:
    """Whether a folder without a lock file may belong to a program that is just making it."""
    try:
        return time.time() - folder.stat().st_mtime < _STARTING_SECONDS
    except OSError:
        return True


def _is_alive(handle: int) -> bool:
    """Whether the process named in a lock file runs, where the file system cannot lock."""
    os.lseek(handle, 1, os.SEEK_SET)
    try:
        os.kill(int(os.read(handle, 20)), 0)
    except (ValueError, ProcessLookupError):
        return False
    except OSError:
        return True
    return True
