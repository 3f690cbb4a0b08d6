"""A table whose cells are coloured by their values: a confusion matrix, say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from segstudio.report.markup import Markup, element

# one hue whose strength is the value: it reads on light and dark paper and in print
_RIGHT: Final = (0, 114, 178)
_WRONG: Final = (213, 94, 0)
_STRONGEST: Final = 0.9
_WHITE_FROM: Final = 0.6


@dataclass(frozen=True)
class Heat:
    """A cell.

    Attributes:
        text: What stands in it.
        share: How strong its colour is, 0..1; NaN for none.
        tip: Shown when the pointer rests on it.
        is_right: Whether it counts for the model (blue) or against it (orange).
    """

    text: str
    share: float
    tip: str = ""
    is_right: bool = False


def heat_table(
    corner: str,
    columns: Sequence[object],
    rows: Sequence[tuple[object, Sequence[Heat]]],
    caption: object = "",
) -> Markup:
    """Return the table; it scrolls sideways where it is too wide for the page.

    Args:
        corner: Title of the rows' names.
        columns: Titles of the columns.
        rows: (name, cells) from top to bottom.
        caption: Above the table.

    Raises:
        ValueError: if a row has another number of cells than there are columns.
    """
    if any(len(cells) != len(columns) for _, cells in rows):
        raise ValueError(f"a row with another number of cells than {len(columns)}")
    head = element(
        "tr",
        element("th", corner, scope="col"),
        *(element("th", title, scope="col", class_="number") for title in columns),
    )
    lines = [
        element("tr", element("th", name, scope="row"), *(_cell(cell) for cell in cells))
        for name, cells in rows
    ]
    body = element(
        "table",
        element("caption", caption) if caption else "",
        element("thead", head),
        element("tbody", *lines),
        class_="heat",
    )
    return element("div", body, class_="wide")


def _cell(cell: Heat) -> Markup:
    style = None
    if math.isfinite(cell.share) and cell.share > 0:
        # the square root keeps the small shares in sight that a model is judged by
        strength = math.sqrt(min(cell.share, 1.0)) * _STRONGEST
        r, g, b = _RIGHT if cell.is_right else _WRONG
        style = f"background:rgba({r},{g},{b},{strength:.3f})"
        if strength >= _WHITE_FROM:
            style += ";color:#fff"
    return element("td", cell.text, class_="number", title=cell.tip or None, style=style)
