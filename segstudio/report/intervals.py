"""Values with their confidence intervals over one scale, for the rows of a table (a forest plot)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from segstudio.report.charts import ticks
from segstudio.report.markup import Markup, element
from segstudio.report.style import SERIES

_WIDTH: Final = 260
_HEIGHT: Final = 22
_AXIS_HEIGHT: Final = 20
_MARGIN: Final = 14
_TICKS: Final = 3


@dataclass(frozen=True)
class Range:
    """A value with the ends of its interval; drawn in grey unless it stands out.

    Attributes:
        value: In the middle of it.
        low: Lower end.
        high: Upper end.
        stands_out: Whether it is drawn in colour: zero lies outside, say.
        tip: Shown when the pointer rests on it.
    """

    value: float
    low: float
    high: float
    stands_out: bool = False
    tip: str = ""


class IntervalScale:
    """The scale that some intervals share; zero is on it."""

    def __init__(self, ranges: Sequence[Range]) -> None:
        """Take the intervals; those that are not known do not count."""
        ends = [v for r in ranges for v in (r.low, r.high, r.value) if math.isfinite(v)]
        low, high = min([0.0, *ends]), max([0.0, *ends])
        room = (high - low) * 0.04 or 0.01
        self._low, self._high = low - room, high + room

    def strip(self, shown: Range) -> Markup:
        """One interval with its value as a dot and the line at zero."""
        middle, zero = _HEIGHT / 2, self._place(0.0)
        drawn = [element("line", x1=zero, y1=0, x2=zero, y2=_HEIGHT, class_="axis")]
        if math.isfinite(shown.low) and math.isfinite(shown.high):
            color = SERIES[0] if shown.stands_out else SERIES[-1]
            a, b = self._place(shown.low), self._place(shown.high)
            drawn += [
                element("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=color, stroke_width=2)
                for x1, y1, x2, y2 in (
                    (a, middle, b, middle),
                    (a, middle - 5, a, middle + 5),
                    (b, middle - 5, b, middle + 5),
                )
            ]
            drawn.append(
                element("circle", cx=self._place(shown.value), cy=middle, r=4.5, fill=color)
            )
        return _svg(_HEIGHT, shown.tip, drawn)

    def axis(self) -> Markup:
        """The values of the scale, to stand below the strips."""
        drawn = []
        for value in ticks(self._low, self._high, _TICKS):
            x = self._place(value)
            drawn += [
                element("line", x1=x, y1=0, x2=x, y2=5, class_="axis"),
                element("text", _signed(value), x=x, y=17, text_anchor="middle", class_="quiet"),
            ]
        return _svg(_AXIS_HEIGHT, "The scale of the differences", drawn)

    def _place(self, value: float) -> float:
        part = (value - self._low) / (self._high - self._low)
        return _MARGIN + part * (_WIDTH - 2 * _MARGIN)


def _signed(value: float) -> str:
    return f"{value:+g}".replace("-", "\u2212") if value else "0"


def _svg(height: int, title: str, content: Sequence[Markup]) -> Markup:
    return element(
        "svg", element("title", title) if title else "", *content, class_="chart",
        viewBox=f"0 0 {_WIDTH} {height}", width=_WIDTH, height=height, role="img",
    )  # fmt: skip
