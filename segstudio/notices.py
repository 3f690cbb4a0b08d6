"""Messages to the user: what is said, what it belongs to, and how long it holds."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from psygnal import Signal

from segstudio.core.errors import SegstudioError, one_line
from segstudio.core.text import printable

Level = Literal["info", "warning", "error"]
Scope = Literal["program", "folder", "image"]
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
        about: What it is about ("saving", a job's title), so that it can be taken back once that
            is mended; may be empty.
        second: Another button, or None.
        scope: What it belongs to. A notice of an image is shown while that image is selected, and
            again when it is selected again; a notice of a folder goes when another one is opened.
        image: Which image, if the scope is "image"; None is the one that is selected.
        folder: Which folder; None is the one that is open.
        stays: Whether it waits for an answer, instead of going by itself after a while.
    """

    level: Level
    message: str
    hint: str = ""
    details: str = ""
    action: Action | None = None
    about: str = ""
    second: Action | None = None
    scope: Scope = "folder"
    image: Path | None = None
    folder: Path | None = None
    stays: bool = False

    @property
    def actions(self) -> tuple[Action, ...]:
        """Its buttons, two at most."""
        return tuple(action for action in (self.action, self.second) if action is not None)

    def says_the_same(self, other: Notice) -> bool:
        """Whether a person would read the same, of the same thing."""
        return (
            (self.level, self.message, self.hint, self.scope, self.image)
            == (other.level, other.message, other.hint, other.scope, other.image)
        ) and [text for text, _do in self.actions] == [text for text, _do in other.actions]


@dataclass(frozen=True)
class Open:
    """A notice that was not closed, and how often it was posted."""

    notice: Notice
    count: int = 1

    @property
    def message(self) -> str:
        """What is said, with how often it came."""
        times = f" ({self.count} times)" if self.count > 1 else ""
        return f"{self.notice.message}{times}"


class Notices:
    """Where every part of the program leaves what the user should know.

    Signals:
        changed: `shown` differs, or a notice was posted; on the thread that owns the session.

    Attributes:
        recent: The latest notices, oldest first; also those from before anyone listened.
    """

    changed = Signal()

    def __init__(self) -> None:
        self.recent: deque[Notice] = deque(maxlen=_KEPT)
        self._open: list[Open] = []
        self._folder: Path | None = None
        self._image: Path | None = None

    # -- saying --------------------------------------------------------------------------------

    def post(self, notice: Notice) -> None:
        """Keep a notice and tell the listeners.

        What belongs to a folder that is not open any more is kept in `recent` and not shown.
        """
        image = notice.image or (self._image if notice.scope == "image" else None)
        folder = notice.folder or (None if notice.scope == "program" else self._folder)
        # Names of files stand in all of them.
        said = (printable(t, lines=True) for t in (notice.message, notice.hint, notice.details))
        message, hint, details = said
        notice = replace(
            notice, message=message, hint=hint, details=details, image=image, folder=folder
        )
        self.recent.append(notice)
        if notice.scope == "program" or folder == self._folder:
            self._add(notice)
        self.changed.emit()

    def info(
        self,
        message: str,
        hint: str = "",
        action: Action | None = None,
        *,
        scope: Scope = "folder",
        about: str = "",
    ) -> None:
        """Say that something went as it should."""
        self.post(Notice("info", message, hint, action=action, scope=scope, about=about))

    def warning(
        self,
        message: str,
        hint: str = "",
        details: str = "",
        *,
        action: Action | None = None,
        scope: Scope = "folder",
        about: str = "",
    ) -> None:
        """Say that something is not quite as expected."""
        self.post(Notice("warning", message, hint, details, action, about, scope=scope))

    def error(
        self,
        message: str,
        hint: str = "",
        details: str = "",
        about: str = "",
        action: Action | None = None,
        *,
        scope: Scope = "folder",
    ) -> None:
        """Say that something failed."""
        self.post(Notice("error", message, hint, details, action, about, scope=scope))

    def question(
        self,
        message: str,
        hint: str,
        action: Action,
        second: Action | None = None,
        *,
        scope: Scope = "folder",
        about: str = "",
    ) -> None:
        """Ask something that waits for its answer without stopping the work.

        Args:
            message: What it is about.
            hint: What the answers mean.
            action: An answer.
            second: Another one.
            scope: What the question belongs to.
            about: What `settle` takes it back by.
        """
        self.post(
            Notice(
                "warning",
                message,
                hint,
                action=action,
                second=second,
                scope=scope,
                about=about,
                stays=True,
            )
        )

    def failure(
        self,
        title: str,
        error: BaseException,
        about: str = "",
        *,
        scope: Scope = "folder",
        image: Path | None = None,
    ) -> None:
        """Show an error: a `SegstudioError` as it is, anything else with its traceback.

        Args:
            title: What was done: the title of the job.
            error: Why it failed.
            about: What takes the notice back; the job itself, done without an error, if empty.
            scope: What the notice belongs to.
            image: Which image, if to one; None is the selected one.
        """
        message, hint, details = _words(title, error)
        self.post(
            Notice("error", message, hint, details, about=about or title, scope=scope, image=image)
        )

    # -- what is open --------------------------------------------------------------------------

    @property
    def shown(self) -> list[Open]:
        """What is to be read at the selected image of the open folder, the latest first."""
        here = (entry for entry in reversed(self._open) if self._is_here(entry.notice))
        return list(here)

    def settle(self, about: str) -> None:
        """Take back what was said of a trouble that is over."""
        self._keep(lambda notice: notice.about != about)

    def job_done(self, title: str) -> None:
        """A job ended well: what was said of its failure before goes."""
        self._keep(lambda notice: notice.about != title)

    def close(self, notice: Notice) -> None:
        """The user has read it."""
        self._keep(lambda other: other is not notice)

    def close_shown(self) -> None:
        """The user has read all that is shown."""
        self._keep(lambda notice: not self._is_here(notice))

    def enter_folder(self, folder: Path | None) -> None:
        """Another folder is open (or the same one anew): what was said of the old one goes."""
        self._folder, self._image = folder, None
        self._keep(lambda notice: notice.scope == "program")

    def enter_image(self, image: Path | None) -> None:
        """Another image is selected: passing remarks on the old one go for good."""
        if image == self._image:
            return
        left, self._image = self._image, image
        self._open = [entry for entry in self._open if not _is_remark(entry.notice, left)]
        self.changed.emit()

    def _is_here(self, notice: Notice) -> bool:
        return notice.scope != "image" or notice.image == self._image

    def _add(self, notice: Notice) -> None:
        """Put it on top; what is there already is counted, unless it comes back with its image."""
        same = next((e for e in self._open if e.notice.says_the_same(notice)), None)
        count = 1
        if same is not None:
            self._open.remove(same)
            count = same.count + (notice.scope != "image" and not notice.actions)
        self._open.append(Open(notice, count))
        del self._open[:-_KEPT]

    def _keep(self, wanted: Callable[[Notice], bool]) -> None:
        kept = [entry for entry in self._open if wanted(entry.notice)]
        if len(kept) != len(self._open):
            self._open = kept
            self.changed.emit()


def _words(title: str, error: BaseException) -> tuple[str, str, str]:
    """Message, hint and details of an error."""
    if isinstance(error, SegstudioError):
        return error.message, error.hint, ""
    return (
        f"{title}: {type(error).__name__}: {one_line(error)}".rstrip(": "),
        "This should not happen; the details help to mend it.",
        "".join(traceback.format_exception(error)),
    )


def _is_remark(notice: Notice, image: Path | None) -> bool:
    of_it = notice.scope == "image" and notice.image == image
    return of_it and notice.level == "info" and not notice.stays
