"""Charts as drawings: in reports as inline SVG, and in files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
from markupsafe import Markup

from segstudio.core.series_colors import BLUE, NEUTRAL
from segstudio.report.chart_data import Axis, Bars, ChartData, Corner, Points, Rule
from segstudio.report.diagram_parts import Box, Point
from segstudio.report.primitives import (
    Disc,
    Drawing,
    Line,
    Polygon,
    Rectangle,
    ShapeGroup,
    Text,
    svg_of,
)


@dataclass(frozen=True, slots=True)
class Inks:
    """Colours of what is no data: titles, numbers, the grid, what lies behind."""

    ink: str
    quiet: str
    grid: str
    paper: str


PAGE: Final = Inks("var(--ink)", "var(--quiet)", "var(--line)", "var(--paper)")
"""For HTML pages with the style sheet of reports, which are light or dark."""
PAPER: Final = Inks("#1f2328", "#57606a", "#dfe3e8", "#ffffff")
"""For files."""
_LETTERS: Final = 12.0
_CHARACTER: Final = 7.2
"""Width of a character of this size, on average."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 12, 44
_LEGEND: Final = 22
_NOTE: Final = 15
_AXIS: Final = 20
_ALONG: Final = 0.4
"""Where on a line to compare with its text stands: between its start and its end."""
_CROWD: Final = 1500
_LONGEST_LABEL: Final = 40
_DASHES: Final = {"solid": (), "dash": (6.0, 4.0), "dot": (2.0, 3.0)}


def chart_svg(data: ChartData, size: tuple[int, int] = (640, 320)) -> Markup:
    """Return a chart as SVG for an HTML page, which may make it smaller; see `chart_drawing`."""
    return svg_of(chart_drawing(data, size), inline=True)


def chart_drawing(data: ChartData, size: tuple[int, int], inks: Inks = PAGE) -> Drawing:
    """A chart as a drawing: all of it, but for the rings of marked items.

    Args:
        data: The chart; where its vertical axis begins at the top it is a list of bars.
        size: (width, height) in pixels; a list of bars is as high as it needs.
        inks: Colours of what is no data.
    """
    width, height = size
    below = _legend(data, width, 0, inks)[1]
    plot = _List(data, width, inks) if data.from_top else _Plot(data, (width, height - below), inks)
    legend, height = _legend(data, width, plot.size[1], inks)
    return Drawing(data.title, width, height, [*plot.parts(), ShapeGroup(legend)])


def bar_list(
    title: str,
    bars: Sequence[tuple[str, Sequence[tuple[float, str, str]], str]],
    high: float | None = None,
    row_px: int = 24,
) -> ChartData:
    """Horizontal bars, one a row; values below zero go to the left of the zero line.

    Args:
        title: What is measured, for readers who can't see it.
        bars: From top to bottom: the label, the parts that follow each other as (value, colour,
            name), the text at the end; a part that is no number is left out.
        high: Value at the right end; None: the largest.
        row_px: Height of a row.
    """
    layers, lows, ends = [], [0.0], [0.0]
    for row, (_, parts, text) in enumerate(bars):
        sums = {1: 0.0, -1: 0.0}
        known = [part for part in parts if math.isfinite(part[0])]
        for number, (value, color, name) in enumerate(known):
            sign = 1 if value >= 0 else -1
            start, sums[sign] = sums[sign], sums[sign] + value
            layers.append(
                Bars(
                    name, color, np.array([float(row)]), np.array([sums[sign]]), 16 / row_px,
                    tips=(f"{name}: {value:.3g}",) if name else (),
                    texts=(text,) if number == len(known) - 1 else (), starts=np.array([start]),
                )
            )  # fmt: skip
        lows.append(sums[-1])
        ends.append(sums[1])
    names = tuple((float(row), label) for row, (label, *_) in enumerate(bars))
    return ChartData(
        title, Axis("", min(lows), max(ends) if high is None else high),
        Axis("", -0.5, len(bars) - 0.5, names), tuple(layers), can_zoom=False, from_top=True,
        least_height=len(bars) * row_px,
    )  # fmt: skip


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round values between two ends, about `wanted` of them: steps of 1, 2 or 5 times 10^n."""
    if not high > low:
        return [low]
    rough = (high - low) / max(wanted, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(f * power for f in (1, 2, 5, 10) if f * power >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    # rounded so that 0.1 + 0.2 is written as 0.3
    digits = max(0, 2 - math.floor(math.log10(step)))
    return [round(number * step, digits) for number in range(first, last + 1)]


class _List:
    """Bars in rows with names at their left and texts at their ends."""

    def __init__(self, data: ChartData, width: int, inks: Inks) -> None:
        self._data, self._inks = data, inks
        self._height = data.least_height
        longest = max((len(name) for _, name in data.y.ticks), default=0)
        self._labels = min(longest, _LONGEST_LABEL) * _CHARACTER + 10
        self._bars = [layer for layer in data.layers if isinstance(layer, Bars)]
        texts = [len(text) for bars in self._bars for text in bars.texts]
        self._has_axis = not texts
        self.size = width, self._height + (_AXIS if self._has_axis else 0)
        room = max(texts, default=0) * _CHARACTER + 10
        low, high = data.x.low, data.x.high
        # texts stand beyond the bars at both ends where bars go both ways
        left = self._labels + (room if low < 0 else 0)
        self._scale = max(width - left - room, 40) / (high - low) if high > low else 0.0
        self._zero = left - low * self._scale

    def parts(self) -> Iterator[ShapeGroup]:
        if self._has_axis:
            yield ShapeGroup(list(self._axis()))
        row_px = self._height / max(self._data.y.high - self._data.y.low, 1)
        for at, name in self._data.y.ticks:
            label = name
            if len(name) > _LONGEST_LABEL:
                label = f"{name[: _LONGEST_LABEL - 1]}…"
            place = (self._labels - 8, (at + 0.5) * row_px + 4)
            told = name if label != name else ""
            yield ShapeGroup([Text(place, label, self._inks.ink, _LETTERS, anchor="end")], told)
        for bars in self._bars:
            yield from self._layer(bars, row_px)
        line = ((self._zero, 0.0), (self._zero, float(self._height)))
        yield ShapeGroup([Line(line, self._inks.quiet)])

    def _axis(self) -> Iterator[Line | Text]:
        for value, text in _ticks_of(self._data.x):
            x = self._zero + value * self._scale
            yield Line(((x, 0.0), (x, self._height)), self._inks.grid)
            at = x, self._height + 14.0
            yield Text(at, text, self._inks.quiet, _LETTERS, anchor="middle")

    def _layer(self, bars: Bars, row_px: float) -> Iterator[ShapeGroup]:
        starts = np.zeros(len(bars.at)) if bars.starts is None else bars.starts
        for number, (at, start, end) in enumerate(zip(bars.at, starts, bars.values, strict=True)):
            tip = bars.tips[number] if bars.tips else ""
            middle = (at + 0.5) * row_px
            value = float(end) if math.isfinite(end) else 0.0
            left, right = (self._zero + x * self._scale for x in sorted((float(start), value)))
            if value != start:
                height = bars.thickness * row_px
                place = Box(left, middle - height / 2, max(right - left, 0.5), height)
                yield ShapeGroup([Rectangle(place, bars.color or self._inks.quiet, radius=2)], tip)
            if bars.texts:
                text, y = bars.texts[number], middle + 4
                shape = Text((right + 6, y), text, self._inks.quiet, _LETTERS)
                if value < 0:
                    shape = Text((left - 6, y), text, self._inks.quiet, _LETTERS, anchor="end")
                yield ShapeGroup([shape])


class _Plot:
    """Points and lines over two axes."""

    def __init__(self, data: ChartData, size: tuple[int, int], inks: Inks) -> None:
        self._data, self._inks = data, inks
        self.size = size
        self._more_lines = max((text.count("\n") for _, text in data.x.ticks), default=0)
        below = _BOTTOM + _NOTE * self._more_lines
        self._area = Box(_LEFT, _TOP, size[0] - _LEFT - _RIGHT, size[1] - _TOP - below)

    def parts(self) -> Iterator[ShapeGroup]:
        data = self._data
        yield ShapeGroup(list(self._frame()))
        crowded = any(isinstance(x, Points) and len(x.x) >= _CROWD for x in data.layers)
        # thousands of points would hide the lines to compare with
        rules = [
            self._rule(rule, self._inks.ink if crowded else self._inks.quiet) for rule in data.rules
        ]
        yield from () if crowded else rules
        for layer in data.layers:
            yield from self._points(layer) if isinstance(layer, Points) else self._bars(layer)
        yield from rules if crowded else ()
        yield ShapeGroup(list(self._notes()))

    def _rule(self, rule: Rule, ink: str) -> ShapeGroup:
        start, end = self._place(*rule.start), self._place(*rule.end)
        line = Line((start, end), ink, dashes=(4.0, 4.0))
        if not rule.text:
            return ShapeGroup([line])
        at = (
            start[0] + _ALONG * (end[0] - start[0]) + 6,
            start[1] + _ALONG * (end[1] - start[1]) + 4,
        )
        return ShapeGroup([line, Text(at, rule.text, self._inks.quiet, _LETTERS)])

    def _place(self, x: float, y: float) -> Point:
        """Pixels of the chart at two values."""
        area, across, up = self._area, self._data.x, self._data.y
        part_x = (x - across.low) / ((across.high - across.low) or 1.0)
        part_y = (y - up.low) / ((up.high - up.low) or 1.0)
        return area.left + part_x * area.width, area.bottom - part_y * area.height

    def _frame(self) -> Iterator[Line | Text]:
        """Grid lines with their values, and the axes' titles."""
        area, across, up = self._area, self._data.x, self._data.y
        for value, text in _ticks_of(across):
            x = self._place(value, up.low)[0]
            yield Line(((x, area.top), (x, area.bottom)), self._inks.grid)
            for line, part in enumerate(text.split("\n")):
                at = x, area.bottom + 16 + _NOTE * line
                yield Text(at, part, self._inks.quiet, _LETTERS, anchor="middle")
        for value, text in _ticks_of(up):
            y = self._place(across.low, value)[1]
            yield Line(((area.left, y), (area.right, y)), self._inks.grid)
            yield Text((area.left - 8, y + 4), text, self._inks.quiet, _LETTERS, anchor="end")
        x, y = area.centre
        below = area.bottom + 34 + _NOTE * self._more_lines
        yield Text((x, below), across.title, self._inks.ink, _LETTERS, anchor="middle")
        yield Text((14.0, y), up.title, self._inks.ink, _LETTERS, anchor="middle", upward=True)

    def _bars(self, bars: Bars) -> Iterator[ShapeGroup]:
        """Bars that stand upright."""
        starts = np.zeros(len(bars.at)) if bars.starts is None else bars.starts
        for number in np.flatnonzero(bars.values > starts).tolist():
            half = bars.thickness / 2
            left, top = self._place(bars.at[number] - half, bars.values[number])
            right, bottom = self._place(bars.at[number] + half, starts[number])
            place = Box(left, top, right - left, bottom - top)
            tip = bars.tips[number] if bars.tips else ""
            yield ShapeGroup(
                [Rectangle(place, bars.color or self._inks.quiet, opacity=bars.opacity)], tip
            )

    def _notes(self) -> Iterator[Rectangle | Text]:
        """Lines of text in a corner, with a patch of their colour."""
        area, notes, corner = self._area, self._data.notes, self._data.corner
        longest = max((len(text) for _, text in notes), default=0) * _CHARACTER
        left = area.left + 8
        if corner is Corner.LOWER_RIGHT:
            left = area.right - longest - 20
        y = area.top + 16
        if corner is not Corner.UPPER_LEFT:
            y = area.bottom - 8 - _NOTE * (len(notes) - 1)
        for number, (color, text) in enumerate(notes):
            base = y + _NOTE * number
            if color:
                yield Rectangle(Box(left, base - 9, 9, 9), color, radius=2)
            yield Text((left + (14 if color else 0), base), text, self._inks.ink, _LETTERS)

    def _points(self, layer: Points) -> Iterator[ShapeGroup]:
        known = np.isfinite(layer.x) & np.isfinite(layer.y)
        color = layer.color or self._inks.quiet
        places = [self._place(float(x), float(y)) for x, y in zip(layer.x, layer.y, strict=True)]
        if layer.line:
            dashes = _DASHES[layer.line]
            # what is not known breaks the line
            runs = groupby(range(len(places)), key=lambda n: bool(known[n]))
            pieces = [[places[n] for n in run] for is_known, run in runs if is_known]
            lines = [Line(piece, color, layer.width, dashes) for piece in pieces if piece[1:]]
            if lines:
                yield ShapeGroup(lines, layer.name)
        for number in np.flatnonzero(known).tolist() if layer.symbol else ():
            tip = layer.tips[number] if layer.tips else layer.name
            radius, place = layer.size / 2, places[number]
            shapes = [_symbol(layer.symbol, place, radius, color, layer.opacity)]
            if layer.hollow is not None and layer.hollow[number]:
                shapes.append(_symbol(layer.symbol, place, radius - 1.4, self._inks.paper))
            yield ShapeGroup(shapes, tip)


_CORNERS: Final = {"s": 4, "t": 3, "d": 4, "star": 5, "p": 5, "t1": 3}
_TURNS: Final = {"s": 0.125, "t": 0.5}


def _symbol(
    name: str, at: Point, radius: float, color: str, opacity: float = 1.0
) -> Disc | Polygon:
    """The symbols of pyqtgraph: disc, square, triangle down, diamond, star, pentagon, triangle."""
    if name not in _CORNERS:
        return Disc(at, radius, color, opacity)
    number, turn = _CORNERS[name], _TURNS.get(name, 0.0)
    inner = 0.4 if name == "star" else 0.0
    reaches = [(turn + n / number, 1.2) for n in range(number)]
    if inner:
        reaches += [(turn + (n + 0.5) / number, 1.2 * inner) for n in range(number)]
    points = [
        (
            at[0] + radius * reach * math.sin(2 * math.pi * part),
            at[1] - radius * reach * math.cos(2 * math.pi * part),
        )
        for part, reach in sorted(reaches)
    ]
    return Polygon(points, color, opacity)


def _legend(
    data: ChartData, room: int, top: int, inks: Inks
) -> tuple[list[Disc | Polygon | Text], int]:
    """What the series' colours mean, in lines below `top`; and where they end."""
    drawn: list[Disc | Polygon | Text] = []
    left, y = 10.0, top + _LEGEND - 8.0
    for color, symbol, name in data.legend:
        width = 15 + len(name) * _CHARACTER + 18
        if drawn and left + width > room:
            left, y = 10.0, y + _LEGEND
        drawn.append(_symbol(symbol, (left + 5, y - 4), 5, color or inks.quiet))
        drawn.append(Text((left + 15, y), name, inks.ink, _LETTERS))
        left += width
    return drawn, round(y + 8) if drawn else top


def _ticks_of(axis: Axis) -> Sequence[tuple[float, str]]:
    return axis.ticks or [(value, f"{value:g}") for value in ticks(axis.low, axis.high, 6)]


# -- intervals -------------------------------------------------------------------------------

_STRIP: Final = (260, 22)
_AXIS_HEIGHT: Final = 20
_MARGIN: Final = 14
_TICKS: Final = 3


@dataclass(frozen=True)
class IntervalMark:
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
    """The scale that the intervals of a table's rows share (a forest plot); zero is on it."""

    def __init__(self, ranges: Sequence[IntervalMark]) -> None:
        """Take the intervals; those that are not known do not count."""
        ends = [v for r in ranges for v in (r.low, r.high, r.value) if math.isfinite(v)]
        low, high = min([0.0, *ends]), max([0.0, *ends])
        room = (high - low) * 0.04 or 0.01
        self._low, self._high = low - room, high + room

    def strip(self, shown: IntervalMark) -> Markup:
        """One interval with its value as a dot and the line at zero."""
        width, height = _STRIP
        middle, zero = height / 2, self._place(0.0)
        drawn: list[Line | Disc] = [Line(((zero, 0), (zero, height)), PAGE.quiet)]
        if math.isfinite(shown.low) and math.isfinite(shown.high):
            color = BLUE if shown.stands_out else NEUTRAL
            a, b = self._place(shown.low), self._place(shown.high)
            drawn.append(Line(((a, middle), (b, middle)), color, 2))
            drawn += [Line(((x, middle - 5), (x, middle + 5)), color, 2) for x in (a, b)]
            drawn.append(Disc((self._place(shown.value), middle), 4.5, color))
        return svg_of(Drawing(shown.tip, width, height, [ShapeGroup(drawn)]), inline=True)

    def axis(self) -> Markup:
        """The values of the scale, to stand below the strips."""
        drawn: list[Line | Text] = []
        for value in ticks(self._low, self._high, _TICKS):
            x = self._place(value)
            drawn.append(Line(((x, 0), (x, 5)), PAGE.quiet))
            drawn.append(Text((x, 17), _signed(value), PAGE.quiet, _LETTERS, anchor="middle"))
        title = "The scale of the differences"
        return svg_of(Drawing(title, _STRIP[0], _AXIS_HEIGHT, [ShapeGroup(drawn)]), inline=True)

    def _place(self, value: float) -> float:
        part = (value - self._low) / (self._high - self._low)
        return _MARGIN + part * (_STRIP[0] - 2 * _MARGIN)


def _signed(value: float) -> str:
    return f"{value:+g}".replace("-", "\u2212") if value else "0"
