"""Folders that were open before: what is kept of them, and how a list says it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from segstudio.core.formatting import count_text, counted

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
"""Not those of the system's language: the window speaks English."""


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """What was known of a folder when it was left.

    Attributes:
        images: How many it has.
        done: How many of them are marked as reviewed; None if that is not known yet.
        opened: When it was opened last: ISO 8601 with the time zone, "" if unknown.
    """

    images: int
    done: int | None = None
    opened: str = ""


def read_facts(raw: object) -> dict[str, FolderFacts]:
    """Facts by folder from JSON; entries that are damaged are left out."""
    entries = raw.items() if isinstance(raw, dict) else ()
    found = {str(folder): _facts(entry) for folder, entry in entries}
    return {folder: facts for folder, facts in found.items() if facts is not None}


def _facts(entry: Any) -> FolderFacts | None:
    if not isinstance(entry, dict) or not _is_count(entry.get("images")):
        return None
    done, opened = entry.get("done"), entry.get("opened")
    return FolderFacts(
        entry["images"],
        min(done, entry["images"]) if _is_count(done) else None,
        opened if isinstance(opened, str) else "",
    )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


@dataclass(frozen=True, slots=True)
class RecentFolder:
    """A row of the list.

    Attributes:
        path: The folder.
        facts: What was known of it; None of one that was last open in an older segstudio.
    """

    path: Path
    facts: FolderFacts | None = None

    @property
    def name(self) -> str:
        """The last part of its path, or all of a drive's."""
        return self.path.name or str(self.path)

    @property
    def place(self) -> str:
        """Its path, with ~ for the user's own folder."""
        try:
            inside = self.path.relative_to(Path.home())
        except (ValueError, RuntimeError):
            return str(self.path)
        return str(Path("~") / inside)

    @property
    def counts(self) -> str:
        """As much as is known of "537 images, 61 done"."""
        if self.facts is None:
            return ""
        images = counted(self.facts.images, "image")
        done = self.facts.done
        return images if done is None else f"{images}, {count_text(done)} done"

    def last_opened(self, today: date) -> str:
        """When it was open: "yesterday", "Monday", "12 Nov"; "" if that is not known."""
        return "" if self.facts is None else day_text(self.facts.opened, today)


def recent_folders(
    paths: tuple[str, ...], facts: Mapping[str, FolderFacts]
) -> tuple[RecentFolder, ...]:
    """The rows of the list, the latest first."""
    return tuple(RecentFolder(Path(path), facts.get(path)) for path in paths)


def day_text(moment: str, today: date) -> str:
    """A day as people say it.

    Args:
        moment: ISO 8601; the day is that of this computer's time zone.
        today: The day from which it is told.

    Returns:
        "today", "yesterday", a day of the last week, or a date; "" of what is no date.
    """
    try:
        day = datetime.fromisoformat(moment).astimezone().date()
    except (ValueError, OverflowError, OSError):
        return ""
    ago = (today - day).days
    if ago in (0, 1):
        return ("today", "yesterday")[ago]
    if 1 < ago < 7:
        return _DAYS[day.weekday()]
    year = "" if day.year == today.year else f" {day.year}"
    return f"{day.day} {_MONTHS[day.month - 1]}{year}"


def why_gone(folder: Path) -> str:
    """Why a folder can't be opened, in two or three words; "" if it can. May wait for a network."""
    try:
        if not folder.is_dir():
            return "not a folder" if os.path.lexists(folder) else "not found"
        with os.scandir(folder):
            return ""
    except PermissionError:
        return "not readable"
    except (OSError, ValueError):
        return "not reachable"
