"""Write files so that after a crash there is the old content or the new, never a part."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from segstudio.core.errors import SegstudioError
from segstudio.core.regular_file import check_regular
from segstudio.core.text import cut_to_bytes

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC})
_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class ReadOnlyFileError(SegstudioError):
    """A file is marked as read-only, so it is not replaced."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} was not saved: it is a read-only file.",
            "Make it writable (chmod u+w), or save elsewhere; the file is as it was.",
        )


def check_replaceable(path: Path) -> None:
    """See whether a file is not marked as read-only.

    A rename replaces such a file all the same, so its mode has to be asked; what the user may do
    beyond it (root) says nothing of what the file's owner meant.

    Raises:
        ReadOnlyFileError: if its mode lets nobody write it.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # it is not there, or the write will tell what is wrong
    if not mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        raise ReadOnlyFileError(path)


def write_atomically(
    path: Path,
    data: bytes | Callable[[BinaryIO], None],
    *,
    durable: bool = True,
    follow_links: bool = True,
) -> None:
    """Replace a file's content as a whole: temporary file in the same folder, then a rename.

    The permissions of the file that was there are kept. After an error the old file is as it was
    and no temporary file is left. For files in a folder that came from somewhere else, whose
    links may lead anywhere, use `write_root.WriteRoot`.

    Args:
        path: The file; its folder must exist.
        data: The content, or a function that writes it to an open binary file.
        durable: Whether to wait until the disk has it (off for what can be made again).
        follow_links: Whether a link is followed; else it is replaced by the file.

    Raises:
        ReadOnlyFileError: if the file that is there may be written by nobody.
        SegstudioError: if it cannot be written; says why and what to do.
    """
    target = Path(os.path.realpath(path)) if follow_links else path
    if not os.path.islink(target):  # noqa: PTH114 - that of Path raises where the name is too long
        check_regular(target)
        check_replaceable(target)
    temporary = target.with_name(temporary_name(target.name))
    try:
        with temporary.open("xb") as file:
            mark_as_being_written(file)
            if callable(data):
                data(file)
            else:
                file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        _keep_mode(target, temporary)
        temporary.replace(target)
    except OSError as error:
        _remove(temporary)
        raise write_error(path, error) from error
    except BaseException:
        _remove(temporary)
        raise
    if durable:
        _sync_folder(target.parent)
    sweep(target)


def make_folder(folder: Path) -> None:
    """Make a folder and its parents if missing.

    Raises:
        SegstudioError: if it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error


def write_error(path: Path, error: OSError) -> SegstudioError:
    """The message for a file that could not be written."""
    if error.errno in _FULL:
        return SegstudioError(
            f"{path} was not saved: the disk is full.",
            "Free some space and save again; what was there before is unchanged.",
        )
    if error.errno in _DENIED:
        return SegstudioError(
            f"{path} was not saved: the folder or the file is read-only.",
            "Allow writing there, or work on a copy of the folder.",
        )
    if error.errno == errno.ENAMETOOLONG:
        return SegstudioError(
            f"{path} was not saved: its name is too long for the drive.",
            "Give the image a shorter name; its own name is a part of this one.",
        )
    in_the_way = next((p for p in path.parents if p.exists()), path)
    if not in_the_way.is_dir():
        return SegstudioError(
            f"{path} was not saved: {in_the_way} is a file, not a folder.",
            "Choose another place, or move that file away.",
        )
    if error.errno == errno.EEXIST:
        return SegstudioError(
            f"{path} is a file, not a folder.", "Choose another place, or move that file away."
        )
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return SegstudioError(
            f"{path} was not saved: its folder is gone.",
            "Check that the drive is connected and the folder was not moved.",
        )
    return SegstudioError(
        f"{path} was not saved ({error.strerror or error}).",
        "Check the drive and save again; what was there before is unchanged.",
    )


def _keep_mode(target: Path, temporary: Path) -> None:
    if target.is_symlink():
        return  # it is replaced: the mode is that of a file elsewhere
    with contextlib.suppress(OSError):
        temporary.chmod(stat.S_IMODE(target.stat().st_mode))


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself last through a power cut; not every system can."""
    if os.name == "nt":
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


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
    removed = [path for path in found if _is_left_over(path, now) and _temporary_files_remove(path)]
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


def _temporary_files_remove(path: Path) -> bool:
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
