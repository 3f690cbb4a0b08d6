"""Charts of a report as inline SVG: bars, scatter plots, lines. Colours and text follow the theme."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from segstudio.report.markup import Markup, element
from segstudio.report.style import SERIES

_CHARACTER: Final = 7.2
"""Width of a character at the charts' size of text, on average."""
_ROW: Final = 24
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 12, 44
_LONGEST_LABEL: Final = 40


@dataclass(frozen=True)
class Part:
    """A part of a bar.

    Attributes:
        value: Its length; NaN is drawn as nothing.
        color: A CSS colour; "" for the first of `SERIES`.
        name: What it is, for the tip.
    """

    value: float
    color: str = ""
    name: str = ""


@dataclass(frozen=True)
class Bar:
    """A bar of one or more parts that follow each other.

    Attributes:
        label: At its left.
        parts: From left to right.
        text: At its right; "" writes the parts' sum.
    """

    label: str
    parts: tuple[Part, ...]
    text: str = ""

    @classmethod
    def of(cls, label: str, value: float, text: str = "") -> Bar:
        """A bar of one part."""
        return cls(label, (Part(value),), text)


@dataclass(frozen=True)
class Series:
    """Points that belong together.

    Attributes:
        name: For the legend.
        points: (x, y); those with NaN are left out.
        labels: A tip for each point; may be empty.
        color: A CSS colour; "" for one of `SERIES` by the series' place.
    """

    name: str
    points: Sequence[tuple[float, float]]
    labels: Sequence[str] = ()
    color: str = ""


@dataclass(frozen=True)
class Axis:
    """An axis of a plot.

    Attributes:
        title: What it measures.
        low: Its start; None: from the data.
        high: Its end; None: from the data.
        write: Text of a value at a tick.
    """

    title: str = ""
    low: float | None = None
    high: float | None = None
    write: Callable[[float], str] = field(default=lambda value: f"{value:g}")


def bar_chart(
    bars: Sequence[Bar],
    *,
    title: str,
    highest: float | None = None,
    write: Callable[[float], str] = lambda value: f"{value:.3g}",
    width: int = 640,
) -> Markup:
    """Return horizontal bars, one a row; values below zero go to the left of the zero line.

    Args:
        bars: From top to bottom.
        title: What is measured, for readers who can't see it.
        highest: Value at the right end; None: the largest.
        write: Text of a value.
        width: Of the chart in pixels; it shrinks with the page.
    """
    labels = max((min(len(bar.label), _LONGEST_LABEL) for bar in bars), default=0) * _CHARACTER + 10
    texts = [bar.text or write(math.fsum(_known(bar))) for bar in bars]
    room = max((len(text) for text in texts), default=0) * _CHARACTER + 10
    lows = [math.fsum(v for v in _known(bar) if v < 0) for bar in bars]
    highs = [math.fsum(v for v in _known(bar) if v > 0) for bar in bars]
    low = min([0.0, *lows])
    high = highest if highest is not None else max([0.0, *highs])
    # texts stand beyond the bars at both ends where bars go both ways
    left = labels + (room if low < 0 else 0)
    span = max(width - left - room, 40)
    scale = span / (high - low) if high > low else 0.0
    zero = left - low * scale
    rows: list[Markup] = []
    for number, (bar, text) in enumerate(zip(bars, texts, strict=True)):
        rows += _bar_row(bar, text, number * _ROW, labels, zero, scale)
    height = len(bars) * _ROW
    axis = element("line", x1=zero, y1=0, x2=zero, y2=height, class_="axis")
    return _svg((width, height), title, *rows, axis)


def scatter_chart(
    series: Sequence[Series],
    *,
    title: str,
    x: Axis,
    y: Axis,
    size: tuple[int, int] = (640, 360),
    diagonal: bool = False,
) -> Markup:
    """Return points over two axes; `diagonal` draws where both values are the same.

    Args:
        series: In the order of the legend.
        title: What is shown, for readers who can't see it.
        x: The horizontal axis.
        y: The vertical axis.
        size: (width, height) in pixels; it shrinks with the page.
        diagonal: Draw the line of equal values.
    """
    plot = _Plot(series, x, y, size)
    drawn = list(plot.frame())
    if diagonal:
        low, high = max(plot.x_ends[0], plot.y_ends[0]), min(plot.x_ends[1], plot.y_ends[1])
        (x1, y1), (x2, y2) = plot.place(low, low), plot.place(high, high)
        drawn.append(
            element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_="axis", stroke_dasharray="4 4")
        )
    for number, one in enumerate(series):
        color = one.color or SERIES[number % len(SERIES)]
        for index, point in enumerate(one.points):
            if not _finite(point):
                continue
            cx, cy = plot.place(*point)
            tip = one.labels[index] if index < len(one.labels) else ""
            drawn.append(
                element("circle", _tip(tip), cx=cx, cy=cy, r=4, fill=color, fill_opacity=0.75)
            )
    return _svg(plot.size, title, *drawn, *plot.legend())


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    x: Axis,
    y: Axis,
    size: tuple[int, int] = (640, 320),
    dots: bool = False,
) -> Markup:
    """Return lines through the points of each series, in their order; a NaN breaks the line.

    Args:
        series: In the order of the legend; the first label is the tip of the line, else the name.
        title: What is shown, for readers who can't see it.
        x: The horizontal axis.
        y: The vertical axis.
        size: (width, height) in pixels; it shrinks with the page.
        dots: Mark the points.
    """
    plot = _Plot(series, x, y, size)
    drawn = list(plot.frame())
    for number, one in enumerate(series):
        color = one.color or SERIES[number % len(SERIES)]
        path, pen_down = [], False
        for point in one.points:
            if not _finite(point):
                pen_down = False
                continue
            cx, cy = plot.place(*point)
            path.append(f"{'L' if pen_down else 'M'}{cx:.1f} {cy:.1f}")
            pen_down = True
            if dots:
                drawn.append(element("circle", cx=cx, cy=cy, r=3, fill=color))
        drawn.append(
            element(
                "path", _tip(one.labels[0] if one.labels else one.name), d=" ".join(path), fill="none", stroke=color,
                stroke_width=2, stroke_linejoin="round",
            )
        )  # fmt: skip
    return _svg(plot.size, title, *drawn, *plot.legend())


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


class _Plot:
    """Where values lie in a chart with two axes, and what is drawn about them."""

    def __init__(self, series: Sequence[Series], x: Axis, y: Axis, size: tuple[int, int]) -> None:
        points = [p for one in series for p in one.points if _finite(p)]
        self._series, self._x, self._y = series, x, y
        self._named = sum(bool(one.name) for one in series) > 1
        self.size = (size[0], size[1] + (22 if self._named else 0))
        self._area = (_LEFT, _TOP, size[0] - _RIGHT, size[1] - _BOTTOM)
        self.x_ends = _ends([p[0] for p in points], x)
        self.y_ends = _ends([p[1] for p in points], y)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Pixels of the chart at two values."""
        left, top, right, bottom = self._area
        part_x = (x - self.x_ends[0]) / (self.x_ends[1] - self.x_ends[0])
        part_y = (y - self.y_ends[0]) / (self.y_ends[1] - self.y_ends[0])
        return left + part_x * (right - left), bottom - part_y * (bottom - top)

    def frame(self) -> list[Markup]:
        """Grid lines with their values, and the axes' titles."""
        left, top, right, bottom = self._area
        drawn = []
        for value in ticks(*self.x_ends):
            at = self.place(value, self.y_ends[0])[0]
            drawn += [
                element("line", x1=at, y1=top, x2=at, y2=bottom, class_="grid"),
                _text(self._x.write(value), at, bottom + 16, "middle", quiet=True),
            ]
        for value in ticks(*self.y_ends):
            at = self.place(self.x_ends[0], value)[1]
            drawn += [
                element("line", x1=left, y1=at, x2=right, y2=at, class_="grid"),
                _text(self._y.write(value), left - 8, at + 4, "end", quiet=True),
            ]
        if self._x.title:
            drawn.append(_text(self._x.title, (left + right) / 2, bottom + 34, "middle"))
        if self._y.title:
            middle = (top + bottom) / 2
            turn = f"rotate(-90 14 {middle:.1f})"
            drawn.append(_text(self._y.title, 14, middle, "middle", transform=turn))
        return drawn

    def legend(self) -> list[Markup]:
        """The series' names under the plot, where there are several."""
        if not self._named:
            return []
        drawn, at = [], float(self._area[0])
        for number, one in enumerate(self._series):
            color = one.color or SERIES[number % len(SERIES)]
            y = self.size[1] - 8
            drawn += [
                element("rect", x=at, y=y - 9, width=10, height=10, rx=2, fill=color),
                _text(one.name, at + 15, y, "start"),
            ]
            at += 15 + len(one.name) * _CHARACTER + 18
        return drawn


def _bar_row(
    bar: Bar, text: str, top: float, labels: float, zero: float, scale: float
) -> list[Markup]:
    label = bar.label
    if len(label) > _LONGEST_LABEL:
        label = f"{label[: _LONGEST_LABEL - 1]}…"
    drawn = [_text(label, labels - 8, top + 16, "end", tip=bar.label if label != bar.label else "")]
    right = left = zero
    for number, part in enumerate(bar.parts):
        if not math.isfinite(part.value) or part.value == 0:
            continue
        length = abs(part.value) * scale
        if part.value > 0:
            x, right = right, right + length
        else:
            left -= length
            x = left
        tip = f"{part.name}: {part.value:.3g}" if part.name else ""
        drawn.append(
            element(
                "rect", _tip(tip), x=x, y=top + 4, width=max(length, 0.5), height=_ROW - 8, rx=2,
                fill=part.color or SERIES[number % len(SERIES)],
            )
        )  # fmt: skip
    if left < zero and right == zero:
        drawn.append(_text(text, left - 6, top + 16, "end", quiet=True))
    else:
        drawn.append(_text(text, right + 6, top + 16, "start", quiet=True))
    return drawn


def _known(bar: Bar) -> list[float]:
    return [part.value for part in bar.parts if math.isfinite(part.value)]


def _finite(point: tuple[float, float]) -> bool:
    return math.isfinite(point[0]) and math.isfinite(point[1])


def _ends(values: Sequence[float], axis: Axis) -> tuple[float, float]:
    """Where an axis begins and ends: as asked for, else a little beyond the values."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = (high - low) * 0.05 or abs(high) * 0.05 or 0.5
    low = low - room if axis.low is None else axis.low
    high = high + room if axis.high is None else axis.high
    return (low, high) if high > low else (low, low + 1.0)


def _tip(text: str) -> Markup:
    return element("title", text) if text else Markup()


def _text(
    text: str,
    x: float,
    y: float,
    anchor: str,
    *,
    quiet: bool = False,
    tip: str = "",
    transform: str | None = None,
) -> Markup:
    return element(
        "text", _tip(tip), text, x=float(x), y=float(y), text_anchor=anchor,
        class_="quiet" if quiet else None, transform=transform,
    )  # fmt: skip


def _svg(size: tuple[int, int], title: str, *content: Markup) -> Markup:
    width, height = size
    return element(
        "svg",
        element("title", title),
        *content,
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        class_="chart",
    )
