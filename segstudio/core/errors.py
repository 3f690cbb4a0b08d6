"""The errors that are shown to the user as they are."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from typing import Final, TypeVar

E = TypeVar("E", bound=BaseException)
_PLACE_IN_SOURCE: Final = re.compile(r"Exception from \S+:\d+:|Check '.*' failed at \S+:\d+:")
"""Lines of OpenVINO's messages that say nothing to a user."""


class SegstudioError(Exception):
    """Something went wrong that the user can understand and mend.

    Attributes:
        message: What happened, naming the file or the object, in one sentence.
        hint: What to do about it, in one sentence; may be empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class CancelledError(Exception):
    """Raised inside a job when the user cancelled it; never shown."""


def one_line(error: object) -> str:
    """What another library says, without line breaks and without places in its source."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if line and not _PLACE_IN_SOURCE.fullmatch(line)]
    return " ".join(said or lines).strip()


def told(error: Exception) -> str:
    """What to tell the user of an error, in one line: a foreign one is named by its kind."""
    if isinstance(error, SegstudioError):
        return str(error)
    return f"{type(error).__name__}: {one_line(error)}"


def clear_frames(error: BaseException) -> None:
    """Let go of what the functions that raised an error had at hand: pixels, documents, widgets.

    Its traceback can be shown all the same.
    """
    for each in _chain(error):
        traceback.clear_frames(each.__traceback__)


def without_traceback(error: E) -> E:
    """The error, fit for being kept: where it came from, with all pixels there, is forgotten."""
    for each in _chain(error):
        each.__traceback__ = None
    return error


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and all that it came from or came during."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += (each.__cause__, each.__context__)
