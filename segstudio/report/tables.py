"""Tables of a report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from segstudio.report.markup import Markup, element, joined


@dataclass(frozen=True)
class Cell:
    """A cell with more than its text.

    Attributes:
        content: Text or markup.
        share: Length of a bar under it, 0..1; None for none.
    """

    content: object
    share: float | None = None


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    numbers: Sequence[int] = (),
    caption: object = "",
    strong: Sequence[int] = (),
) -> Markup:
    """Return a table that scrolls sideways where it is too wide for the page.

    Args:
        headers: Titles of the columns.
        rows: Cells by row: text, markup or `Cell`.
        numbers: Columns of numbers, which are aligned right.
        caption: Above the table.
        strong: Rows that stand out (a sum).

    Raises:
        ValueError: if a row has another number of cells than there are columns.
    """
    if any(len(row) != len(headers) for row in rows):
        raise ValueError(f"a row with another number of cells than {len(headers)}")
    aligned = set(numbers)
    head = element(
        "tr",
        *(
            element("th", title, scope="col", class_="number" if i in aligned else None)
            for i, title in enumerate(headers)
        ),
    )
    lines = [
        element(
            "tr",
            *(_cell(cell, is_number=i in aligned) for i, cell in enumerate(row)),
            class_="strong" if number in strong else None,
        )
        for number, row in enumerate(rows)
    ]
    body = element(
        "table",
        element("caption", caption) if caption else "",
        element("thead", head),
        element("tbody", *lines),
    )
    return element("div", body, class_="wide")


def prose(text: object) -> Markup:
    """A sentence in a cell: it is broken into lines where the others are not."""
    return element("span", text, class_="prose")


def wrapped(text: object) -> Markup:
    """A name in a cell that is broken into lines where it is long."""
    return element("span", text, class_="wrapped")


def swatch(color: Sequence[int], text: object = "") -> Markup:
    """A patch of a colour (r, g, b), with text after it."""
    r, g, b = (int(value) for value in color)
    patch = element("span", class_="swatch", style=f"background:rgb({r},{g},{b})")
    return joined((patch, text))


def legend(entries: Sequence[tuple[Sequence[int], str]], title: str = "") -> Markup:
    """What colours (r, g, b) mean, in a row; nothing without entries."""
    if not entries:
        return Markup()
    first = element("b", title) if title else ""
    shown = (element("span", swatch(*entry)) for entry in entries)
    return element("div", first, *shown, class_="legend")


def _cell(cell: object, *, is_number: bool) -> Markup:
    content, share = (cell.content, cell.share) if isinstance(cell, Cell) else (cell, None)
    classes = ["number"] if is_number else []
    style = None
    if share is not None and math.isfinite(share) and share > 0:
        classes.append("bar")
        style = f"background-size:{min(share, 1) * 100:.1f}% 3px"
    return element("td", content, class_=" ".join(classes) or None, style=style)
