"""Class names in the YAML of training programs, as far as lists of names go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from segstudio.core.schema import Color

_KEY: Final = re.compile(
    r"""(\s*)['"]?(?:names['"]?\s*:\s*(.*)"""
    r"""|(?:classes|class_names|labels|label_map)['"]?\s*:\s*([\[{#].*|))"""
)
"""`names:`; of the other keys a class may be called so, unless a list follows."""
_BY_ID: Final = re.compile(r"""(?:-(?:\s+|$)|['"]?(\d{1,6})['"]?\s*:(?:\s+|$))(.*)""")
"""`- cell`, `1: cell`."""
_BY_NAME: Final = re.compile(r"(.+?)\s*:\s+(\d{1,6})")
"""`cell: 1`."""
_OPENS: Final = frozenset("[{,:-")
"""What a quotation may follow; elsewhere a quotation mark is an apostrophe."""

Named = tuple[int | None, str, Color | None]
"""An id if the file says it, a name, no colour."""


def named_in_yaml(lines: Sequence[str]) -> list[Named] | None:
    """The entries under `names:` (or `classes:` and the like), None if there is no such key.

    As a list or by id, on one line or on several; names may be in quotation marks.

    Raises:
        ValueError: if a list is not closed, or has something else among its names.
    """
    for at, line in enumerate(lines):
        if (found := _KEY.fullmatch(line.rstrip())) is not None:
            first = without_comment(found[2] or found[3] or "").strip()
            if first:
                return list(_on_one_line(first, lines[at + 1 :]))
            block = list(_block(lines[at + 1 :], len(found[1])))
            if block or found[2] is not None:
                return [_entry(item) for item in block]
    return None


def without_comment(text: str) -> str:
    """A line without its comment, which begins with a # after a space and outside of quotes."""
    for at, (char, quoted) in enumerate(_characters(text)):
        if char == "#" and not quoted and (at == 0 or text[at - 1].isspace()):
            return text[:at]
    return text


def _characters(text: str) -> Iterator[tuple[str, bool]]:
    """The characters, and whether each is inside of quotation marks or one of them."""
    quote = last = before = ""
    for char in text:
        if quote:
            yield char, True
            if char == quote and not (quote == '"' and last == "\\"):
                quote = ""
        else:
            if char in "\"'" and (before == "" or before in _OPENS or last == char):
                quote = char
            yield char, bool(quote)
        last = char
        before = before if char.isspace() else char


def _block(lines: Sequence[str], indent: int) -> Iterator[str]:
    """The lines that belong to a key: further in, or items at its own place."""
    for line in lines:
        text = without_comment(line).strip()
        if not text:
            continue
        inside = len(line) - len(line.lstrip())
        if inside < indent or (inside == indent and not text.startswith("-")):
            return
        yield text


def _on_one_line(first: str, further: Sequence[str]) -> Iterator[Named]:
    text = first
    if text[0] not in "[{":
        yield None, _unquoted(text), None
        return
    for line in further:
        if text.endswith(("]", "}")):
            break
        text += f" {without_comment(line).strip()}"
    if not text.endswith("]" if text[0] == "[" else "}"):
        raise ValueError("its list of names is not closed")
    inner, part = text[1:-1], ""
    for char, quoted in (*_characters(inner), (",", False)):
        if char != "," or quoted:
            part += char
            continue
        if part.strip():
            yield _entry(part.strip()) if text[0] == "{" else (None, _unquoted(part.strip()), None)
        part = ""


def _entry(text: str) -> Named:
    if (found := _BY_ID.fullmatch(text)) is not None:
        return None if found[1] is None else int(found[1]), _unquoted(found[2]), None
    if (found := _BY_NAME.fullmatch(text)) is not None:
        return int(found[2]), _unquoted(found[1]), None
    raise ValueError(f"“{text}” has no id")


def _unquoted(name: str) -> str:
    if len(name) > 1 and name[0] == name[-1] == "'":
        return name[1:-1].replace("''", "'")
    if len(name) > 1 and name[0] == name[-1] == '"':
        return name[1:-1].replace('\\"', '"')
    return name
