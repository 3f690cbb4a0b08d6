"""What a chart shows, as plain values: axes, and layers of bars, points and lines."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar, overload

import numpy as np
import numpy.typing as npt

from segstudio.core.text import safe_cells

Numbers = npt.NDArray[np.float64]
Keys = tuple[Hashable, ...]
"""What each item of a layer stands for; empty if nothing comes of a click."""


T = TypeVar("T")


class Lazy(Sequence[T]):
    """Items that are made when they are asked for: texts of which few are ever read."""

    def __init__(self, length: int, make: Callable[[int], T]) -> None:
        self._length, self._make = length, make

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self._make(n) for n in range(*index.indices(self._length))]
        if not -self._length <= index < self._length:
            raise IndexError(index)
        return self._make(index % self._length)


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        title: What it measures.
        low: Its start.
        high: Its end.
        ticks: (value, text) where the axis has names instead of numbers.
    """

    title: str
    low: float = 0.0
    high: float = 1.0
    ticks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars from zero to their values; those without a number are left out.

    Attributes:
        name: What they belong to.
        color: "#rrggbb"; "" for the theme's faint colour.
        at: (n,) middles on the axis of names.
        values: (n,) where they end.
        thickness: In units of the axis of names.
        upright: Upwards, or else to the right.
        opacity: 0..1.
        tips: A text for each, shown under the pointer; may be empty.
        keys: What each stands for.
        texts: A text at the end of each; may be empty.
        starts: (n,) where they begin; None for zero.
    """

    name: str
    color: str
    at: Numbers
    values: Numbers
    thickness: float
    upright: bool = False
    opacity: float = 1.0
    tips: Sequence[str] = ()
    keys: Keys = ()
    texts: tuple[str, ...] = ()
    starts: Numbers | None = None


@dataclass(frozen=True, eq=False)
class Points:
    """Symbols, in lines if they are to be joined.

    Attributes:
        name: What they belong to.
        color: "#rrggbb"; "" for the theme's faint colour.
        x: (n,) those that are no numbers are left out, and break the line.
        y: (n,)
        symbol: pyqtgraph's letter ("o", "s", "t", ...); "" draws the line alone.
        size: Of the symbols in pixels.
        line: "" for none, "solid", "dash" or "dot".
        width: Of the line in pixels.
        opacity: Of the symbols, 0..1.
        tips: A text for each, shown under the pointer; may be empty.
        keys: What each stands for.
        hollow: (n,) bool: which symbols are rings; None for none.
    """

    name: str
    color: str
    x: Numbers
    y: Numbers
    symbol: str = "o"
    size: int = 7
    line: str = ""
    width: float = 2.0
    opacity: float = 1.0
    tips: Sequence[str] = ()
    keys: Keys = ()
    hollow: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Rule:
    """A faint line from one place to another, with a word beside it: what to compare with."""

    start: tuple[float, float]
    end: tuple[float, float]
    text: str = ""


class Corner(StrEnum):
    """Where in a chart there is room for a few lines of text."""

    UPPER_LEFT = "upper left"
    LOWER_LEFT = "lower left"
    LOWER_RIGHT = "lower right"


Layer = Bars | Points


@dataclass(frozen=True, eq=False)
class ChartData:
    """One chart.

    Attributes:
        title: What is shown, for the picture and for screen readers.
        x: The horizontal axis.
        y: The vertical axis.
        layers: From back to front.
        rules: Lines to compare with.
        legend: (colour, symbol, name) of what the layers' colours mean.
        notes: (colour, text) of lines in a corner of the chart; "" for no colour.
        corner: Which corner.
        header: Names of the columns of `rows`.
        rows: The values, for people who want them as numbers.
        can_zoom: Whether the wheel enlarges and dragging moves.
        from_top: The vertical axis begins at the top, as lists do.
        room_right: Pixels that are kept free at the right, for texts beside bars.
        least_height: Below this height in pixels it cannot be read.
        marked: Keys of the items that have a ring.
    """

    title: str
    x: Axis
    y: Axis
    layers: tuple[Layer, ...] = ()
    rules: tuple[Rule, ...] = ()
    legend: tuple[tuple[str, str, str], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    corner: Corner = Corner.UPPER_LEFT
    header: tuple[str, ...] = ()
    rows: Sequence[Sequence[str]] = field(default_factory=list)
    can_zoom: bool = True
    from_top: bool = False
    room_right: int = 0
    least_height: int = 120
    marked: frozenset[Hashable] = frozenset()

    @property
    def table(self) -> str:
        """The values as lines with tabs between them, for a spreadsheet."""
        lines = [self.header, *self.rows] if self.header else list(self.rows)
        return "".join("\t".join(safe_cells(line)) + "\n" for line in lines)


@dataclass(frozen=True)
class Hit:
    """An item of a layer: which one, and where it is marked, (x, y) on the axes."""

    layer: int
    item: int
    place: tuple[float, float]


def hit(
    data: ChartData, place: tuple[float, float], pixel: tuple[float, float], reach_px: float = 12
) -> Hit | None:
    """The item at a place, the nearest one where there are several.

    Points lie over bars, whatever their order, as the smaller things to aim at.

    Args:
        data: The chart.
        place: (x, y) on the axes.
        pixel: How far apart two neighbouring pixels are on each axis, both above 0.
        reach_px: How far a point may be away.
    """
    found: tuple[float, Hit] | None = None
    for number, layer in enumerate(data.layers):
        if isinstance(layer, Points) and layer.tips:
            near = _nearest(layer, place, pixel)
            if near is not None and near[0] <= reach_px and (found is None or near[0] <= found[0]):
                item = near[1]
                where = (float(layer.x[item]), float(layer.y[item]))
                found = near[0], Hit(number, item, where)
    if found is not None:
        return found[1]
    bars = (n for n in reversed(range(len(data.layers))) if isinstance(data.layers[n], Bars))
    return next((h for n in bars if (h := _bar_at(data, n, place, pixel)) is not None), None)


def _nearest(
    layer: Points, place: tuple[float, float], pixel: tuple[float, float]
) -> tuple[float, int] | None:
    """(pixels away, item) of the nearest point."""
    away = np.hypot((layer.x - place[0]) / pixel[0], (layer.y - place[1]) / pixel[1])
    if not away.size or np.isnan(away).all():
        return None
    item = int(np.nanargmin(away))
    return float(away[item]), item


def _bar_at(
    data: ChartData, number: int, place: tuple[float, float], pixel: tuple[float, float]
) -> Hit | None:
    layer = data.layers[number]
    if not isinstance(layer, Bars) or not layer.tips:
        return None
    across, along = (0, 1) if layer.upright else (1, 0)
    over = np.flatnonzero(np.abs(layer.at - place[across]) <= layer.thickness / 2)
    for item in over.tolist():
        value = float(layer.values[item])
        end = 0.0 if math.isnan(value) else value
        # short bars can be pointed at too
        start = 0.0 if layer.starts is None else float(layer.starts[item])
        least, most = sorted((start, end))
        reach = 12 * pixel[along]
        if least - reach <= place[along] <= most + reach:
            middle = float(layer.at[item])
            return Hit(number, item, (middle, end) if layer.upright else (end, middle))
    return None
