"""Places that results are to go to: tried out before anything is computed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from segstudio.cli.exit_codes import InputError, input_errors
from segstudio.storage.atomic import check_replaceable

_TRIED_BYTES: Final = 1 << 16


def check_report(path: Path | None) -> None:
    """Refuse a report that cannot be written, before anything is computed.

    Raises:
        InputError: as `check_file`.
    """
    if path is not None:
        check_file(path, "report")


def check_file(path: Path, option: str) -> None:
    """Refuse a file that cannot be written, before anything is computed.

    It is tried out: rights do not tell of a disk that is full or can only be read.

    Args:
        path: The file.
        option: What it was given with, without its dashes.

    Raises:
        InputError: if it is a folder, no plain file or read-only, or its folder is missing or not
            writable.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder.", f"Give a file with --{option}.")
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is no plain file.", f"Give a file with --{option}.")
    folder = path.resolve().parent
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{path.parent} is a file, not a folder.", f"Change --{option}.")
    if not folder.is_dir():
        raise InputError(f"There is no folder {path.parent}.", f"Make it, or change --{option}.")
    with input_errors():
        check_replaceable(path)
    _try_out(folder, path.parent, option)


def check_folder(path: Path, option: str) -> None:
    """Refuse a folder that cannot be written into, or made, before anything is computed.

    Args:
        path: The folder; where it is missing, the nearest above it is tried.
        option: What it was given with, without its dashes.

    Raises:
        InputError: if a file is in its place or nothing can be written there.
    """
    folder = path.resolve()
    there = next((above for above in (folder, *folder.parents) if above.exists()), folder)
    if not there.is_dir():
        raise InputError(f"{there} is a file.", f"Give a folder with --{option}.")
    _try_out(there, path if there == folder else there, option)


def _try_out(folder: Path, named: Path, option: str) -> None:
    if not os.access(folder, os.W_OK):
        raise InputError(f"Nothing may be written into {named}.", f"Change --{option}.")
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_TRIED_BYTES))
    except OSError as error:
        raise InputError(
            f"Nothing can be written into {named} ({error.strerror or error}).",
            f"Change --{option}.",
        ) from error
