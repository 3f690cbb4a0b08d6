"""The errors that are shown to the user as they are."""

from __future__ import annotations


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


def told(error: Exception) -> str:
    """What to tell the user of an error, in one line: a foreign one is named by its kind."""
    return str(error) if isinstance(error, SegstudioError) else f"{type(error).__name__}: {error}"
