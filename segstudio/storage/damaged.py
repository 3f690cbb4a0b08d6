"""Files of the user's own that are damaged: moved out of the way, never lost in silence."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from segstudio.core.errors import SegstudioError
from segstudio.core.json_text import read_json
from segstudio.core.text import listed, printable

_log = logging.getLogger(__name__)
_MOST: Final = 5
"""How many damaged versions of one file are kept; then a new one replaces the oldest."""
_VALUE, _KEYS = 24, 4
"""How much of a value is shown, and of how many keys."""
Tell = Callable[[str], None]
"""Told what was damaged, where it is now and what follows from it: sentences for people."""


def not_told(_text: str) -> None:
    """A `Tell` for those who have nobody to tell."""


def set_aside(path: Path, why: object, follows: str, tell: Tell) -> None:
    """Keep a damaged file as `.damaged`, so that the next one written does not take its place.

    Args:
        path: The file.
        why: What is wrong with it.
        follows: What the program does without it, as the end of a sentence.
        tell: Is told.
    """
    try:
        kept = _place_for(path)
        path.replace(kept)
    except OSError as error:
        _log.warning("%s is damaged and could not be set aside: %s", path, error)
        tell(f"{path} is damaged ({why}): {follows}.")
        return
    _log.warning("%s is damaged (%s); it is kept as %s", path, why, kept)
    tell(f"{path} is damaged ({why}): {follows}. It is kept as {kept}.")


def refuse_unreadable(path: Path) -> None:
    """Make sure that what stands in a file was read before it is written anew.

    Raises:
        SegstudioError: if it is there and cannot be read: else its other entries were lost.
    """
    try:
        with path.open("rb") as file:
            file.read(1)
    except FileNotFoundError:
        return
    except OSError as error:
        raise SegstudioError(
            f"{path} cannot be read ({error.strerror or error}), so it is not written anew.",
            "Make it readable, or move it away; what was changed is kept until the program ends.",
        ) from error


def tell_unusable(path: Path, values: Mapping[str, object], follows: str, tell: Tell) -> None:
    """Tell of single values in a file that cannot be used, in one sentence; the rest of it counts.

    Args:
        path: The file, which stays.
        values: What stands there, by its key.
        follows: What the program does without them, as the end of a sentence.
        tell: Is told.
    """
    if not values:
        return
    shown = [f'"{printable(key)}" ({_short(value)})' for key, value in values.items()]
    what = "has a value" if len(values) == 1 else "has values"
    tell(f"{path} {what} that cannot be used, {listed(shown, _KEYS)}: {follows}.")


def _short(value: object) -> str:
    text = printable(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _VALUE else f"{text[:_VALUE]}\N{HORIZONTAL ELLIPSIS}"


def keep_copy(path: Path, left_out: int, entries: int, tell: Tell) -> None:
    """Keep a copy of a file whose next version will lack something; told once for each content.

    Args:
        path: The file, which stays.
        left_out: How many of its entries make no sense.
        entries: How many it has.
        tell: Is told.
    """
    count = f"{left_out} of {entries} entries" if entries > 1 else "The one entry"
    said = f"{count} in {path} cannot be understood and {'is' if left_out == 1 else 'are'} left out"
    try:
        kept = _place_for(path)
        if kept.exists() and _same(kept, path):
            return
        shutil.copyfile(path, kept)
    except OSError as error:
        _log.warning("%s could not be copied: %s", path, error)
        tell(f"{said}.")
        return
    _log.warning("%s; a copy is %s", said, kept)
    tell(f"{said}. A copy of the whole file is kept as {kept}.")


def _place_for(path: Path) -> Path:
    """Where a damaged version is kept: where its content is already, a free place, or the oldest's.

    Raises:
        OSError: if it cannot be read.
    """
    places = [path.with_suffix(".damaged")]
    places += [path.with_suffix(f".{number}.damaged") for number in range(2, _MOST + 1)]
    taken = [place for place in places if place.exists()]
    same = next((place for place in taken if _same(place, path)), None)
    free = next((place for place in places if place not in taken), None)
    return same or free or min(taken, key=lambda place: place.stat().st_mtime_ns)


def _same(first: Path, second: Path) -> bool:
    # by size first: a damaged file may be a huge one
    return (
        first.stat().st_size == second.stat().st_size and first.read_bytes() == second.read_bytes()
    )


def read_list(path: Path, follows: str, tell: Tell) -> list[Any]:
    """The list in a JSON file; empty if there is no file, or none that may be read.

    A file that holds no list is set aside; see `set_aside` for the arguments.
    """
    try:
        entries = read_json(path)
        if not isinstance(entries, list):
            raise TypeError("it holds no list")
    except (OSError, SegstudioError):
        return []
    except (ValueError, TypeError) as error:
        set_aside(path, error, follows, tell)
        return []
    return entries
