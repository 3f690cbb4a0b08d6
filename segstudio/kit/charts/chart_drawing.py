"""Draws the values of a chart with pyqtgraph."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetrics, QPen
from PySide6.QtWidgets import QGraphicsTextItem

from segstudio.core.text import as_html
from segstudio.kit.charts.cloud import MANY, Cloud
from segstudio.kit.charts.look import ChartColors
from segstudio.kit.elided import fitting
from segstudio.report.chart_data import Axis, Bars, ChartData, Corner, Numbers, Points, Rule

_STYLES: Final = {
    "solid": Qt.PenStyle.SolidLine,
    "dash": Qt.PenStyle.DashLine,
    "dot": Qt.PenStyle.DotLine,
}
_GRID_ALPHA: Final = 45
_CORNER: Final = 4
_ALONG: Final = 0.4
"""Where on a rule its text stands: between its start and its end."""
_LONGEST_NAME: Final = 180
_NUMBER_WIDTH: Final = 30
_TICK_LENGTH: Final = -4
_MARGINS: Final = (4, 8, 16, 4)
"""Left, top, right, bottom: the last number of an axis reaches beyond it."""
_BEYOND: Final = 0.012
"""What is seen beyond the ends of an axis, as a share of it, so that marks at the ends are seen."""
_BEHIND: Final = -1
_WORDS: Final = 5
_RING: Final = 8
"""How much larger than a symbol its ring is, in pixels."""


def dress(plot: Any, data: ChartData, look: ChartColors, font: QFont) -> None:
    """Give a plot its axes, paper and ink, and nothing in it.

    Args:
        plot: A `pyqtgraph.PlotItem`.
        data: Whose axes.
        look: Paper and ink.
        font: Of everything written.
    """
    plot.clear()
    if getattr(plot, "notes_item", None) is not None:
        plot.scene().removeItem(plot.notes_item)
        plot.notes_item = None
    plot.hideButtons()
    plot.setMenuEnabled(False)
    plot.showAxis("top", not data.x.ticks)
    plot.showAxis("right", not data.y.ticks)
    plot.getViewBox().setMouseEnabled(data.can_zoom, data.can_zoom)
    plot.getViewBox().invertY(data.from_top)
    _axis(plot.getAxis("bottom"), data.x, look, font)
    _axis(plot.getAxis("left"), data.y, look, font)
    _grid(plot.getAxis("top"), look)
    _grid(plot.getAxis("right"), look)
    plot.layout.setContentsMargins(*_MARGINS)


def draw(plot: Any, data: ChartData, look: ChartColors, font: QFont, density: float = 1.0) -> None:
    """Put a chart into a plot that was dressed for it.

    Args:
        plot: A `pyqtgraph.PlotItem`.
        data: The chart.
        look: Paper and ink.
        font: Of everything written.
        density: Device pixels for each logical one; Qt counts the width of such pens in the former.
    """
    crowded = any(isinstance(layer, Points) and len(layer.x) >= MANY for layer in data.layers)
    for rule in data.rules:
        _rule(plot, rule, look, font, density, in_front=crowded)
    for layer in data.layers:
        if isinstance(layer, Bars):
            _bars(plot, layer, look, font)
        else:
            _points(plot, layer, look, density)
    if data.notes:
        _notes(plot, data, look, font)


def show_all(plot: Any, data: ChartData) -> None:
    """Bring the whole of both axes into view, and the room for texts beyond them."""
    ranges = []
    for axis in (data.x, data.y):
        beyond = 0.0 if axis.ticks or data.room_right else _BEYOND * (axis.high - axis.low)
        ranges.append((axis.low - beyond, axis.high + beyond))
    room, width = data.room_right, max(plot.getViewBox().width(), 1.0)
    low, high = ranges[0]
    if 0 < room < width / 2:
        ranges[0] = low, high + (high - low) * room / (width - room)
    place_notes(plot, data)
    plot.getViewBox().setRange(xRange=ranges[0], yRange=ranges[1], padding=0.0)


def marks(data: ChartData, look: ChartColors) -> list[Any]:
    """The rings around the marked items, to be added to the plot."""
    rings = []
    for layer in data.layers:
        if isinstance(layer, Points) and data.marked:
            found = [n for n, key in enumerate(layer.keys) if key in data.marked]
            places = [(float(layer.x[n]), float(layer.y[n])) for n in found]
            known = [place for place in places if not np.isnan(place).any()]
            if known:
                rings.append(ring(look, known, layer.size))
    return rings


def place_notes(plot: Any, data: ChartData) -> None:
    """Put the notes where they belong at the plot's present size."""
    item = getattr(plot, "notes_item", None)
    if item is None:
        return
    box = plot.getViewBox()
    item.setTextWidth(-1)
    room = box.width() - 2 * _CORNER
    if item.boundingRect().width() > room > 0:
        item.setTextWidth(room)
    text = item.boundingRect()
    x = y = float(_CORNER)
    if data.corner != Corner.UPPER_LEFT:
        y = box.height() - text.height() - _CORNER
    if data.corner == Corner.LOWER_RIGHT:
        x = box.width() - text.width() - _CORNER
    item.setPos(x, y)


def ring(look: ChartColors, places: list[tuple[float, float]], size: int) -> Any:
    """Rings around places: what is pointed at, or open."""
    pen = _pen(look.accent, 2)
    return pg.ScatterPlotItem(
        pos=places, size=size + _RING, symbol="o", pen=pen, brush=None, antialias=True
    )


def _axis(axis: Any, about: Axis, look: ChartColors, font: QFont) -> None:
    axis.setStyle(
        tickFont=font, tickLength=_TICK_LENGTH, hideOverlappingLabels=False, maxTickLevel=0
    )
    axis.setZValue(_BEHIND)
    axis.setPen(pg.mkPen(look.faint))
    axis.setTickPen(pg.mkPen(look.faint))
    axis.setTextPen(pg.mkPen(look.ink if about.ticks else look.faint))
    axis.label.setFont(font)
    axis.setLabel(as_html(about.title), color=look.ink.name())
    # 0.95 is written so, not as 950 thousandths
    axis.setSIPrefixEnableRanges(())
    axis.enableAutoSIPrefix(False)
    if not about.ticks:
        axis.setTicks(None)
        axis.setStyle(autoExpandTextSpace=True, tickTextWidth=_NUMBER_WIDTH, tickTextHeight=18)
        return
    # the room for names is set at once: pyqtgraph finds it out only by drawing them
    metrics = QFontMetrics(font)
    is_left = axis.orientation == "left"
    longest = _LONGEST_NAME if is_left else 10 * _LONGEST_NAME
    texts = [fitting(metrics, text, longest) for _, text in about.ticks]
    axis.setTicks([[(at, text) for (at, _), text in zip(about.ticks, texts, strict=True)]])
    if is_left:
        room = {"tickTextWidth": 4 + max(metrics.horizontalAdvance(text) for text in texts)}
    else:
        lines = 1 + max(text.count("\n") for text in texts)
        room = {"tickTextHeight": lines * metrics.height() + 2}
    axis.setStyle(autoExpandTextSpace=False, **room)


def _grid(axis: Any, look: ChartColors) -> None:
    """The lines of a grid: an axis of its own, since one with a grid hides the numbers at its ends."""
    axis.setStyle(showValues=False, tickLength=0, maxTickLevel=0)
    axis.setZValue(_BEHIND)
    axis.setPen(pg.mkPen(None))
    axis.setTickPen(pg.mkPen(look.faint))
    axis.setGrid(_GRID_ALPHA)


def _bars(plot: Any, layer: Bars, look: ChartColors, font: QFont) -> None:
    known = ~np.isnan(layer.values)
    at, values = layer.at[known], layer.values[known]
    brush = QBrush(look.color(layer.color, layer.opacity))
    starts = np.zeros(len(at)) if layer.starts is None else layer.starts[known]
    if layer.upright:
        shape = {"x": at, "y0": starts, "height": values - starts, "width": layer.thickness}
    else:
        shape = {"y": at, "x0": starts, "width": values - starts, "height": layer.thickness}
    plot.addItem(pg.BarGraphItem(**shape, brush=brush, pen=pg.mkPen(None)))
    for middle, value, text in zip(layer.at, layer.values, layer.texts, strict=False):
        end = 0.0 if np.isnan(value) else float(value)
        place = (float(middle), end) if layer.upright else (end, float(middle))
        _word(plot, text, place, (0.5, 1.0) if layer.upright else (0.0, 0.5), look, font)


def _points(plot: Any, layer: Points, look: ChartColors, density: float) -> None:
    color = look.color(layer.color)
    if layer.line:
        pen = _pen(color, layer.width * density, _STYLES[layer.line])
        curve = pg.PlotCurveItem(layer.x, layer.y, pen=pen, connect="finite", antialias=True)
        plot.addItem(curve)
    if layer.symbol:
        plot.addItem(_symbols(layer, look))


def _symbols(layer: Points, look: ChartColors) -> Any:
    known = ~(np.isnan(layer.x) | np.isnan(layer.y))
    color, paper = look.color(layer.color, layer.opacity), QBrush(look.paper)
    pen = _pen(look.color(layer.color), 1.2)
    brush: Any = QBrush(color)
    if layer.symbol == "o" and layer.hollow is None and len(layer.x) >= MANY:
        return Cloud(layer.x[known], layer.y[known], layer.size, pen, brush)
    if layer.hollow is not None:
        brush = [paper if empty else QBrush(color) for empty in layer.hollow[known]]
    return pg.ScatterPlotItem(
        x=layer.x[known], y=layer.y[known], symbol=layer.symbol, size=layer.size, pen=pen,
        brush=brush, antialias=True,
    )  # fmt: skip


def _rule(
    plot: Any, rule: Rule, look: ChartColors, font: QFont, density: float, *, in_front: bool
) -> None:
    """A line to compare with; in front where thousands of points would hide it."""
    color = look.ink if in_front else look.faint
    pen = _pen(color, 1.2 * density, Qt.PenStyle.DashLine)
    ends: Numbers = np.array([rule.start, rule.end], np.float64)
    line = pg.PlotCurveItem(ends[:, 0], ends[:, 1], pen=pen, antialias=True)
    line.setZValue(_WORDS - 1 if in_front else 0)
    plot.addItem(line)
    if rule.text:
        (x0, y0), (x1, y1) = rule.start, rule.end
        place = x0 + _ALONG * (x1 - x0), y0 + _ALONG * (y1 - y0)
        _word(plot, rule.text, place, (0.0, 0.5), look, font)


def _notes(plot: Any, data: ChartData, look: ChartColors, font: QFont) -> None:
    """Lines of text in a corner, which stay there when the chart is enlarged."""
    lines = (
        (f'<span style="color:{color}">\u25a0</span> ' if color else "") + as_html(text)
        for color, text in data.notes
    )
    item = QGraphicsTextItem(plot.getViewBox())
    item.setFont(font)
    item.setDefaultTextColor(look.ink)
    item.setHtml("<br>".join(lines))
    item.setZValue(_WORDS)
    plot.notes_item = item  # what nobody holds is deleted, its parent notwithstanding
    place_notes(plot, data)


def _word(
    plot: Any,
    text: str,
    place: tuple[float, float],
    anchor: tuple[float, float],
    look: ChartColors,
    font: QFont,
) -> None:
    """A text beside a place; `anchor` says with which part of it: (0, 0.5) is its left middle."""
    item = pg.TextItem(text, color=look.ink, anchor=anchor)
    item.setFont(font)
    item.setPos(*place)
    item.setZValue(_WORDS)
    plot.addItem(item, ignoreBounds=True)


def _pen(color: QColor, width: float, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
    """A pen whose width is not stretched with the axes."""
    pen = QPen(color, width, style)
    pen.setCosmetic(True)
    return pen
