"""Tables of a report, as plain values for its templates."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from segstudio.core.schema import Color
from segstudio.core.series_colors import BLUE, VERMILION, rgb_of

# one hue whose strength is the value: it reads on light and dark paper and in print
_RIGHT: Final = rgb_of(BLUE)
_WRONG: Final = rgb_of(VERMILION)
_STRONGEST: Final = 0.9
_WHITE_FROM: Final = 0.6

Look = Literal["", "b", "code", "prose", "wrapped"]
"""Bold, code, a sentence, a long name; the latter two may be broken into lines."""


@dataclass(frozen=True)
class Cell:
    """A cell of a table, or another short text that does not look like its neighbours.

    Attributes:
        text: What stands in it, or a drawing.
        share: Length of a bar under it, 0..1; NaN for none.
        look: How the text looks.
        color: (r, g, b) of a patch before it.
        heat: How strong the cell's colour is, 0..1; NaN for none.
        is_right: Whether that counts for the model (blue) or against it (orange).
        tip: Shown when the pointer rests on it.
    """

    text: str
    share: float = math.nan
    look: Look = ""
    color: Color | None = None
    heat: float = math.nan
    is_right: bool = False
    tip: str = ""

    @property
    def style(self) -> str:
        """CSS of its bar or its colour."""
        if self.share > 0:
            return f"background-size:{min(self.share, 1) * 100:.1f}% 3px"
        if not self.heat > 0:
            return ""
        # the square root keeps the small shares in sight that a model is judged by
        strength = math.sqrt(min(self.heat, 1.0)) * _STRONGEST
        r, g, b = _RIGHT if self.is_right else _WRONG
        white = ";color:#fff" if strength >= _WHITE_FROM else ""
        return f"background:rgba({r},{g},{b},{strength:.3f}){white}"


@dataclass(frozen=True)
class Table:
    """A table; it scrolls sideways where it is too wide for the page.

    Attributes:
        headers: Titles of the columns.
        rows: Cells by row; a text becomes a cell.
        numbers: Columns of numbers, which are aligned right.
        caption: Above the table.
        strong: Rows that stand out (a sum).
        is_heat: Whether its cells are coloured by their values and its first column names the rows.

    Raises:
        ValueError: if a row has another number of cells than there are columns.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    numbers: Collection[int] = ()
    caption: str = ""
    strong: Collection[int] = ()
    is_heat: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        """Check the rows, and make cells of texts."""
        if any(len(row) != len(self.headers) for row in self.rows):
            raise ValueError(f"a row with another number of cells than {len(self.headers)}")
        rows = [[c if isinstance(c, Cell) else Cell(c) for c in row] for row in self.rows]
        object.__setattr__(self, "rows", rows)

    def classes(self, column: int, cell: Cell) -> str:
        """Classes of a cell's element."""
        return " ".join(["number"] * (column in self.numbers) + ["bar"] * (cell.share > 0))
