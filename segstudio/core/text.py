"""Text for files that other programs read, and for terminals."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

# Besides control characters those that turn the direction of what follows.
_COMMANDS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def utf8(text: str) -> bytes:
    r"""Text as bytes of UTF-8, whatever file names it holds.

    The bytes of a name that are not UTF-8 (Python keeps them as lone surrogates) are written as
    `\udce9`: that is how JSON writes them, so that reading JSON gives the same name back, and
    everything else stays readable.
    """
    return text.encode("utf-8", "backslashreplace")


def printable(text: str) -> str:
    r"""Text that a terminal only shows: what would move its cursor or change it is `\x1b`."""
    return _COMMANDS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def cut_to_bytes(name: str, limit: int) -> str:
    """The beginning of a file name that takes at most `limit` bytes, whole characters only.

    File systems allow 255 bytes a name: 250 letters, but only 83 Chinese characters.
    """
    return name.encode("utf-8", "ignore")[:limit].decode("utf-8", "ignore")


def safe_cells(values: Iterable[Any]) -> list[Any]:
    """Cells of a table for spreadsheets: none of them is a formula, whatever names they hold.

    Spreadsheets run what begins with = + - @ (or a tab or a line end before them); such a text
    gets an apostrophe before it, as OWASP advises against CSV injection. Numbers stay numbers.
    """
    return [_safe_cell(value) if isinstance(value, str) else value for value in values]


def _safe_cell(text: str) -> str:
    if not text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text
