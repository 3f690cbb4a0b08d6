"""HTML and SVG as text that is escaped unless it is markup already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from segstudio.core.text import as_html

_VOID: Final = frozenset({"br", "hr", "img", "meta", "link", "wbr"})

Attribute = str | int | float | bool | None


class Markup(str):
    """Text that is HTML or SVG: it goes into a document as it is."""

    __slots__ = ()


def escaped(text: object) -> Markup:
    """Text for a document: markup as it is, anything else with its special characters escaped."""
    return text if isinstance(text, Markup) else Markup(as_html(str(text)))


def joined(parts: Iterable[object], between: str = "") -> Markup:
    """Markup of the parts one after the other, each escaped unless it is markup."""
    return Markup(escaped(between).join(escaped(part) for part in parts))


def element(tag: str, *content: object, **attributes: Attribute) -> Markup:
    """Return an element with its content and attributes escaped.

    Args:
        tag: Its name.
        *content: Text (escaped) and markup, one after the other.
        **attributes: By name, with "_" for "-" and a last "_" dropped (`class_`, `text_anchor`).
            None and False are left out, True stands without a value.

    Raises:
        ValueError: if an element that has no content is given some.
    """
    opening = tag + "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in _VOID:
        if content:
            raise ValueError(f"<{tag}> has no content")
        return Markup(f"<{opening}>")
    return Markup(f"<{opening}>{joined(content)}</{tag}>")


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    written = name.removesuffix("_").replace("_", "-")
    if value is True:
        return f" {written}"
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return f' {written}="{as_html(text)}"'
