"""A report as a whole: head, key figures, contents, sections, notes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from segstudio.report.markup import Markup, element, escaped, joined
from segstudio.report.style import STYLE, on_dark_screens

# whatever a report held, nothing would be loaded from elsewhere and no script would run
_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Section:
    """One part of a report.

    Attributes:
        anchor: Its id in the document, unique, without spaces.
        title: Its heading, also in the contents.
        body: What it holds.
    """

    anchor: str
    title: str
    body: Markup


def page(
    title: str,
    subtitle: object,
    sections: Sequence[Section],
    *,
    figures: Iterable[tuple[str, str]] = (),
    footer: object = "",
    dark_style: str = "",
) -> str:
    """Return a whole HTML document that needs no other file and no network.

    Args:
        title: Of the window and at the top.
        subtitle: Text or markup under it.
        sections: In order; the contents list them.
        figures: (value, what it is) of the key figures at the top.
        footer: Text or markup at the end.
        dark_style: CSS that holds on dark screens only.
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(STYLE + on_dark_screens(dark_style))),
    )
    contents = [element("a", s.title, href=f"#{s.anchor}") for s in sections]
    header = element(
        "header",
        element("h1", title),
        element("p", subtitle, class_="subtitle"),
        tiles(figures),
        element("nav", *contents, aria_label="Contents") if len(sections) > 1 else "",
    )
    main = element(
        "main",
        *(
            element("section", element("h2", s.title), s.body, id=s.anchor, aria_label=s.title)
            for s in sections
        ),
    )
    body = element("body", header, main, element("footer", footer) if footer else "")
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def tiles(figures: Iterable[tuple[str, str]]) -> Markup:
    """Key figures as (value, what it is), in a row of tiles."""
    parts = [
        element("div", element("b", value), element("span", name), class_="tile")
        for value, name in figures
    ]
    return element("div", *parts, class_="tiles") if parts else Markup()


def paragraph(*content: object, hint: bool = False) -> Markup:
    """A paragraph; a hint is quieter."""
    return element("p", *content, class_="hint" if hint else None)


def note(*content: object) -> Markup:
    """What the reader should know before trusting what follows."""
    return element("div", *content, class_="note", role="note")


def folded(title: object, aside: object, *content: object, opened: bool = False) -> Markup:
    """Content that opens at a click on its title; `aside` stands beside the title."""
    summary = element("summary", title, element("span", aside))
    return element("details", summary, *content, open=opened)


def definitions(pairs: Mapping[str, object]) -> Markup:
    """Names with their values, in two columns."""
    rows = [joined((element("dt", name), element("dd", value))) for name, value in pairs.items()]
    return element("dl", *rows)


def bullets(items: Iterable[object]) -> Markup:
    """A list of points."""
    return element("ul", *(element("li", escaped(item)) for item in items))
