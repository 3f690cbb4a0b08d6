"""Reads an HTML page as strictly as it needs: balanced tags, anchors, links, what it would load."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"br", "hr", "img", "meta", "link", "wbr"}
_LOADS = ("src", "srcset", "href", "data", "poster", "action", "background", "xlink:href")


@dataclass
class Outline:
    """What a page holds.

    Attributes:
        tags: Names of all elements in order.
        anchors: Ids of sections.
        links: Text by target.
        external: Whatever would be loaded from outside the page.
        policy: Its content security policy.
        words: (tag, text) of every element that is closed.
    """

    tags: list[str] = field(default_factory=list)
    anchors: list[str] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    external: list[str] = field(default_factory=list)
    policy: str = ""
    words: list[tuple[str, str]] = field(default_factory=list)

    def texts(self, tag: str) -> list[str]:
        return [text for name, text in self.words if name == tag]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found = Outline()
        self.open: list[tuple[str, list[str], dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.found.tags.append(tag)
        self._note_references(values)
        if tag == "section":
            self.found.anchors.append(values["id"])
        if tag == "meta" and values.get("http-equiv") == "Content-Security-Policy":
            self.found.policy = values["content"]
        if tag not in _VOID:
            self.open.append((tag, [], values))

    def handle_startendtag(self, tag, attrs):
        self.found.tags.append(tag)
        self._note_references(dict(attrs))

    def handle_endtag(self, tag):
        name, words, values = self.open.pop()
        assert name == tag, f"</{tag}> closes <{name}>"
        text = "".join(words)
        self.found.words.append((tag, text))
        if tag == "a":
            self.found.links[values["href"]] = text
        if tag == "style":
            self.found.external += re.findall(r"@import|url\([^)]*\)", text)

    def handle_data(self, data):
        for _, words, _ in self.open:
            words.append(data)

    def _note_references(self, values):
        for name in _LOADS:
            value = values.get(name)
            if value and not value.startswith(("data:", "#")):
                self.found.external.append(value)
        if "url(" in (values.get("style") or ""):
            self.found.external.append(values["style"])


def outline(text: str) -> Outline:
    """Parse a page; fails where tags are not balanced."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert not reader.open, f"never closed: {[tag for tag, *_ in reader.open]}"
    return reader.found
