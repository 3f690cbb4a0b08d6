"""Errors of the command line and the exit codes they end with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from segstudio.core.errors import SegstudioError

OK: Final = 0
FAILURE: Final = 1
BAD_INPUT: Final = 2


class InputError(SegstudioError):
    """The command was called wrongly, or what it was given cannot be used: exit code 2."""


def require_folder(path: Path) -> None:
    """Refuse what is no folder.

    Raises:
        InputError: tells the path.
    """
    if not path.exists():
        raise InputError(f"There is no folder {path}.", "Check the path.")
    if not path.is_dir():
        raise InputError(f"{path} is a file.", "Give a folder.")


@contextmanager
def input_errors() -> Iterator[None]:
    """Errors inside are the fault of what the command was given.

    Raises:
        InputError: for every SegstudioError.
    """
    try:
        yield
    except InputError:
        raise
    except SegstudioError as error:
        raise InputError(error.message, error.hint) from error
