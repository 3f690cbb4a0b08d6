"""A report as a whole: head, key figures, contents, sections, from templates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

import segstudio
from segstudio.core.formatting import change_text, percent_text, ratio_text
from segstudio.core.progress import Report
from segstudio.core.text import as_html

if TYPE_CHECKING:
    from jinja2 import Environment


def part_of(report: Report, start: int, end: int) -> Report:
    """Progress that takes its part of the whole, from `start` to `end` per cent."""

    def told(done: int, total: int, text: str) -> None:
        report(start + (end - start) * done // max(total, 1), 100, text)

    return told


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


def section(template: str, anchor: str, title: str, **values: object) -> Section:
    """A section whose body is the macro `anchor` of a template, called with values.

    Args:
        template: The file, from the folder of the package.
        anchor: Of the section, and the name of the macro.
        title: Of the section.
        **values: What the macro shows: text, which is escaped, numbers, plain objects.
    """
    macro = getattr(environment().get_template(template).module, anchor)
    return Section(anchor, title, macro(**values))


def page(
    title: str,
    names: Sequence[str],
    subtitle: str,
    sections: Sequence[Section],
    figures: Iterable[tuple[str, str]] = (),
) -> str:
    """Return a whole HTML document that needs no other file and no network.

    Args:
        title: Of the window and at the top.
        names: What it is about; the subtitle begins with them.
        subtitle: How that goes on.
        sections: In order; the contents list them.
        figures: (value, what it is) of the key figures at the top.
    """
    return environment().get_template("report/templates/page.html.j2").render(
        title=title, names=names, subtitle=subtitle, sections=sections, figures=list(figures),
        version=segstudio.__version__,
    )  # fmt: skip


@cache
def environment() -> Environment:
    """The templates of all reports; what they show is escaped unless it is markup already."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(Path(segstudio.__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_escaped,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "ratio": ratio_text,
        "percent": percent_text,
        "change": change_text,
        "attributes": _attributes,
    }
    return made


def _escaped(value: Any) -> Markup:
    # names may hold what moves a cursor or turns the direction of text, besides markup
    return value if hasattr(value, "__html__") else Markup(as_html(str(value)))


def _attributes(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Attributes of an element; those without a value are left out."""
    return Markup("").join(Markup(f' {name}="{as_html(value)}"') for name, value in pairs if value)
