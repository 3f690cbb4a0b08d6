"""Errors of the command line and the exit codes they end with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from segstudio.core.errors import SegstudioError

OK: Final = 0
FAILURE: Final = 1
BAD_INPUT: Final = 2


class InputError(SegstudioError):
    """The command was called wrongly, or what it was given cannot be used: exit code 2."""


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
