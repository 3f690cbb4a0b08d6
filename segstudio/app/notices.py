"""Messages to the user, kept until something can show them."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from psygnal import Signal

from segstudio.core.errors import SegstudioError

Level = Literal["info", "warning", "error"]
Action = tuple[str, Callable[[], object]]
"""Text of a button, and what it does."""
_KEPT = 100


@dataclass(frozen=True)
class Notice:
    """One message.

    Attributes:
        level: How bad it is.
        message: What happened, in one sentence.
        hint: What to do about it; may be empty.
        details: For experts (a traceback), shown when asked for; may be empty.
        action: A button, or None.
        about: What it is about ("saving"), so that it can be taken back once that is mended; may
            be empty.
    """

    level: Level
    message: str
    hint: str = ""
    details: str = ""
    action: Action | None = None
    about: str = ""


class Notices:
    """Where every part of the program leaves what the user should know.

    Signals:
        posted: a `Notice`, on the thread that owns the session.
        settled: What notices were about (`Notice.about`) is as it should be again.

    Attributes:
        recent: The latest notices, oldest first; also those from before anyone listened.
    """

    posted = Signal(Notice)
    settled = Signal(str)

    def __init__(self) -> None:
        self.recent: deque[Notice] = deque(maxlen=_KEPT)

    def post(self, notice: Notice) -> None:
        """Keep a notice and tell the listeners."""
        self.recent.append(notice)
        self.posted.emit(notice)

    def info(self, message: str, hint: str = "", action: Action | None = None) -> None:
        """Say that something went as it should."""
        self.post(Notice("info", message, hint, action=action))

    def warning(self, message: str, hint: str = "", details: str = "") -> None:
        """Say that something is not quite as expected."""
        self.post(Notice("warning", message, hint, details))

    def error(
        self,
        message: str,
        hint: str = "",
        details: str = "",
        about: str = "",
        action: Action | None = None,
    ) -> None:
        """Say that something failed."""
        self.post(Notice("error", message, hint, details, action, about))

    def settle(self, about: str) -> None:
        """Take back what was said of a trouble that is over."""
        self.settled.emit(about)

    def failure(self, title: str, error: BaseException, about: str = "") -> None:
        """Show an error: a `SegstudioError` as it is, anything else with its traceback."""
        if isinstance(error, SegstudioError):
            self.error(error.message, error.hint, about=about)
            return
        details = "".join(traceback.format_exception(error))
        self.error(
            f"{title}: {type(error).__name__}: {error}".rstrip(": "),
            "This should not happen; the details help to mend it.",
            details,
            about,
        )
