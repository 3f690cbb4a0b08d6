"""Files of the user's own that are damaged: moved out of the way, never lost in silence."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from segstudio.core.errors import SegstudioError
from segstudio.core.json_text import read_json

_log = logging.getLogger(__name__)
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
    kept = path.with_suffix(".damaged")
    try:
        path.replace(kept)
    except OSError as error:
        _log.warning("%s is damaged and could not be set aside: %s", path, error)
        tell(f"{path} is damaged ({why}): {follows}.")
        return
    _log.warning("%s is damaged (%s); it is kept as %s", path, why, kept)
    tell(f"{path} is damaged ({why}): {follows}. It is kept as {kept}.")


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
