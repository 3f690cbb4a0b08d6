"""Only plain files are opened: reading a named pipe waits for ever, reading a device never ends."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from segstudio.core.errors import SegstudioError

_KINDS: Final = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a folder"),
)


def kind_of(mode: int) -> str:
    """What something that is no plain file is, with its article: "a named pipe"."""
    return next((words for is_kind, words in _KINDS if is_kind(mode)), "no plain file")


def check_regular(path: Path) -> None:
    """Refuse what is there and is no plain file, nor a link to one.

    What is missing or may not be looked at is left to whoever opens it, whose message says so.

    Raises:
        SegstudioError: names the file and what it is.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return
    if stat.S_ISREG(mode):
        return
    raise SegstudioError(
        f"{path} is {kind_of(mode)}, not a file.", "segstudio opens plain files only."
    )


def is_regular(path: Path) -> bool:
    """Whether something is a plain file, or a link to one, that is there."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def is_there(path: Path) -> bool:
    """As `Path.exists`, which raises for names that are longer than the file system has them."""
    return os.path.exists(path)  # noqa: PTH110


def is_folder(path: Path) -> bool:
    """As `Path.is_dir`, which raises for such names too."""
    return os.path.isdir(path)  # noqa: PTH112
