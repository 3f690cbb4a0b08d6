"""Text for files that other programs read, and for terminals."""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

# Besides control characters those that turn the direction of what follows.
_COMMANDS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_BREAKS = "\n\t"
_FORMULA = re.compile("(^|;)(\\s*[-=+@\uff0b\uff0d\uff1d\uff20])")
SHOW_BYTES: Final = "segstudio.show-bytes"
"""How streams encode what `utf8` encodes: the name of an error handler of codecs."""


def utf8(text: str) -> bytes:
    r"""Text for people as bytes of UTF-8, whatever file names it holds.

    The bytes of a name that are not UTF-8 (Python keeps them as lone surrogates) are written as
    `\xe9`, as a shell takes them: `$'caf\xe9.png'`.
    """
    return text.encode("utf-8", SHOW_BYTES)


def utf8_json(text: str) -> bytes:
    r"""A JSON text as bytes of UTF-8, whatever file names it holds.

    The bytes of a name that are not UTF-8 are written as `\udce9`, so that who reads the JSON with
    Python gets the name with which the file can be opened. What would command a terminal is an
    escape as well.
    """
    outside_strings = "\n\r\t"
    return _COMMANDS.sub(
        lambda found: found[0] if found[0] in outside_strings else f"\\u{ord(found[0]):04x}", text
    ).encode()


def printable(text: str, *, lines: bool = False) -> str:
    r"""Text that is only shown: what would move a cursor or change a terminal is `\x1b`.

    So are the bytes of a name that are not UTF-8.

    Args:
        text: The text.
        lines: Whether it may have several lines, and tabs.
    """
    if text.isprintable():
        return text
    return _COMMANDS.sub(
        lambda found: found[0] if lines and found[0] in _BREAKS else _visible(found[0]), text
    )


def with_notes(words: str, *notes: str) -> str:
    """Words with notes in brackets: "Run (F5)"; notes that are empty are left out."""
    told = ", ".join(filter(None, notes))
    return f"{words} ({told})" if told else words


def listed(names: Sequence[str], most: int = 3) -> str:
    """Names one after the other: "a, b, c", and of more than `most` how many there are besides."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def enumerated(names: Sequence[str]) -> str:
    """Names as a sentence lists them: "A", "A and B", "A, B and C"."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def as_html(text: str, *, quote: bool = True) -> str:
    """Text for HTML that reads as it is, whatever names it holds: no markup, `printable`."""
    return html.escape(printable(text, lines=True), quote)


def _visible(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def _show_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end]
    return "".join(map(_visible, found)), error.end


codecs.register_error(SHOW_BYTES, _show_bytes)


def cut_to_bytes(name: str, limit: int) -> str:
    """The beginning of a file name that takes at most `limit` bytes, whole characters only.

    File systems allow 255 bytes a name: 250 letters, but only 83 Chinese characters.
    """
    return name.encode("utf-8", "ignore")[:limit].decode("utf-8", "ignore")


def safe_cells(values: Iterable[Any]) -> list[Any]:
    """Cells of a table for spreadsheets: none of them is a formula, whatever names they hold.

    Spreadsheets run what begins with = + - @ (or their wide forms); such a text gets an apostrophe
    before it, as OWASP advises against CSV injection. Where lists are parted by semicolons, as in
    most of Europe, a cell begins after each of them. Numbers stay numbers, and texts are `printable`.
    """
    return [_safe_cell(value) if isinstance(value, str) else value for value in values]


def _safe_cell(text: str) -> str:
    text = printable(text)
    try:
        float(text)
    except ValueError:
        return _FORMULA.sub(r"\1'\2", text)
    return text
