"""How the images' figures are distributed: a histogram for each model, one below the other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from segstudio.core.formatting import count_text
from segstudio.evaluation.ui.class_rows import RunHead
from segstudio.evaluation.ui.figure_text import figure_text
from segstudio.evaluation.ui.image_rows import FigureRange
from segstudio.kit.plain import plain
from segstudio.metrics.class_sums import Numbers
from segstudio.metrics.image_figures import figures_at
from segstudio.metrics.measure import AnyFigure, Unit, Where

_BINS = 20
_MARGIN, _CAPTION, _SCALE = 8, 16, 18
_LEAST = 40
_FAINT = 70
_LEAST_SPAN = 0.2


@dataclass(frozen=True, eq=False)
class Histogram:
    """One model's images by their figure.

    Attributes:
        head: The model.
        counts: (B,) how many images lie in each bin.
        median: Of the known values; NaN if there is none.
        mean: Likewise.
    """

    head: RunHead
    counts: Numbers
    median: float
    mean: float


class DistributionView(QWidget):
    """Bars to look at; a click on one, or a drag over several, lists those images.

    Signals:
        range_chosen: A `FigureRange`, or None to list all again.
    """

    range_chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.histograms: tuple[Histogram, ...] = ()
        self.edges: Numbers = np.linspace(0, 1, _BINS + 1)
        self._figure = figures_at(Where.IMAGES)[0]
        self._range: FigureRange | None = None
        self._pressed: tuple[int, int] | None = None
        self.setAccessibleName("Distribution of the images")
        self.setMouseTracking(True)

    def show_values(self, figure: AnyFigure, heads: tuple[RunHead, ...], values: Numbers) -> None:
        """Show other values.

        Args:
            figure: What they are.
            heads: The models, R of them.
            values: (R, n), NaN where unknown.
        """
        self._figure, self.edges = figure, _edges(figure, values)
        found = []
        for head, row in zip(heads, values, strict=True):
            known = row[~np.isnan(row)]
            counts = np.histogram(known, self.edges)[0].astype(np.float64)
            middle = float(np.median(known)) if known.size else math.nan
            found.append(
                Histogram(head, counts, middle, float(known.mean()) if known.size else math.nan)
            )
        self.histograms = tuple(found)
        self.setMinimumHeight(_LEAST * len(found) + _SCALE)
        self.setAccessibleDescription("; ".join(self._said(h) for h in found))
        self.update()

    def mark(self, chosen: FigureRange | None) -> None:
        """Show which bars are listed alone."""
        self._range = chosen
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(260, 3 * _LEAST + _SCALE)

    def minimumSizeHint(self) -> QSize:
        return QSize(180, _LEAST * max(1, len(self.histograms)) + _SCALE)

    # -- places --------------------------------------------------------------------------------

    def bar(self, place: int, bin_: int) -> QRectF:
        """The column of a bin in the histogram of the place-th model, as high as can be."""
        field = self._field(place)
        step = field.width() / _BINS
        return QRectF(field.left() + bin_ * step, field.top(), step, field.height())

    def _field(self, place: int) -> QRectF:
        height = (self.height() - _SCALE) / max(1, len(self.histograms))
        return QRectF(
            _MARGIN, place * height + _CAPTION, self.width() - 2 * _MARGIN, height - _CAPTION
        )

    def _at(self, position: QPointF) -> tuple[int, int] | None:
        """The histogram and the bin at a place of the widget."""
        for place in range(len(self.histograms)):
            field = self._field(place)
            if field.adjusted(0, -_CAPTION, 0, 0).contains(position):
                step = field.width() / _BINS
                return place, min(_BINS - 1, max(0, int((position.x() - field.left()) / step)))
        return None

    # -- mouse ---------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = self._at(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """List the images of the bins from press to release; the same again lists all."""
        begun, self._pressed = self._pressed, None
        at = self._at(event.position())
        if begun is None or at is None:
            return
        first, last = sorted((begun[1], at[1] if at[0] == begun[0] else begun[1]))
        chosen = FigureRange(
            self.histograms[begun[0]].head.run,
            float(self.edges[first]),
            float(self.edges[last + 1]),
            closed=last == _BINS - 1,
        )
        self.range_chosen.emit(None if chosen == self._range else chosen)

    def event(self, event: QEvent) -> bool:
        """Tell how many images lie in the bin under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            at = self._at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), "" if at is None else plain(self._tip(*at)), self)
            return True
        return super().event(event)

    def _tip(self, place: int, bin_: int) -> str:
        found = self.histograms[place]
        low, high = (self._text(float(self.edges[bin_ + by])) for by in (0, 1))
        count = int(found.counts[bin_])
        noun = "image" if count == 1 else "images"
        return (
            f"{found.head.title}: {count_text(count)} {noun} from {low} to {high}. Click to list."
        )

    def _text(self, value: float) -> str:
        if self._figure.unit is Unit.RATIO and not math.isnan(value):
            return f"{value:.2f}"
        return figure_text(self._figure, value)

    def _said(self, found: Histogram) -> str:
        return f"{found.head.title}: median {self._text(found.median)}"

    # -- painting ------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        highest = max((h.counts.max(initial=0) for h in self.histograms), default=0)
        for place, found in enumerate(self.histograms):
            self._paint_histogram(painter, place, found, max(1.0, float(highest)))
        if self.histograms:
            self._paint_scale(painter)
        painter.end()

    def _paint_histogram(
        self, painter: QPainter, place: int, found: Histogram, highest: float
    ) -> None:
        field = self._field(place)
        palette = self.palette()
        caption = QRectF(field.left(), field.top() - _CAPTION, field.width(), _CAPTION)
        said = f"median {self._text(found.median)}"
        right = self.fontMetrics().horizontalAdvance(said) + _MARGIN
        name = self.fontMetrics().elidedText(
            found.head.short, Qt.TextElideMode.ElideRight, round(field.width() - right)
        )
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(palette.color(QPalette.ColorRole.WindowText))
        painter.drawText(caption, middle | Qt.AlignmentFlag.AlignLeft, name)
        painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
        painter.drawText(caption, middle | Qt.AlignmentFlag.AlignRight, said)
        for bin_, count in enumerate(found.counts.tolist()):
            box = self.bar(place, bin_)
            height = (box.height() - 2) * count / highest
            bar = QRectF(box.left() + 0.5, box.bottom() - height, box.width() - 1, height)
            painter.fillRect(bar, self._color(found.head, bin_))
        painter.setPen(QPen(palette.color(QPalette.ColorRole.Mid), 1))
        painter.drawLine(field.bottomLeft(), field.bottomRight())
        if not math.isnan(found.median):
            x = self._x(field, found.median)
            painter.setPen(QPen(palette.color(QPalette.ColorRole.WindowText), 1.5))
            painter.drawLine(QPointF(x, field.top()), QPointF(x, field.bottom()))

    def _color(self, head: RunHead, bin_: int) -> QColor:
        chosen = self._range
        color = QColor(head.color)
        if chosen is not None:
            middle = float(self.edges[bin_] + self.edges[bin_ + 1]) / 2
            if head.run != chosen.run or not chosen.low <= middle <= chosen.high:
                color.setAlpha(_FAINT)
        return color

    def _x(self, field: QRectF, value: float) -> float:
        low, high = float(self.edges[0]), float(self.edges[-1])
        return field.left() + (value - low) / (high - low) * field.width()

    def _paint_scale(self, painter: QPainter) -> None:
        field = self._field(len(self.histograms) - 1)
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        box = QRectF(field.left(), self.height() - _SCALE, field.width(), _SCALE)
        low, high = float(self.edges[0]), float(self.edges[-1])
        for share, side in (
            (0.0, Qt.AlignmentFlag.AlignLeft),
            (0.5, Qt.AlignmentFlag.AlignHCenter),
            (1.0, Qt.AlignmentFlag.AlignRight),
        ):
            text = self._text(low + share * (high - low))
            painter.drawText(box, side | Qt.AlignmentFlag.AlignVCenter, text)


def _edges(figure: AnyFigure, values: Numbers) -> Numbers:
    """(21,) borders of the bins: round numbers about the values; scores end at 1 at most."""
    if not np.isfinite(values).any():
        return np.linspace(0, 1, _BINS + 1)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if figure.lower_is_better:
        return np.linspace(0, _round_up(high), _BINS + 1)
    first = max(0.0, math.floor(10 * low) / 10)
    last = min(1.0, math.ceil(10 * high) / 10)
    if last - first < _LEAST_SPAN:
        first = max(0.0, last - _LEAST_SPAN)
    return np.linspace(first, max(last, first + _LEAST_SPAN), _BINS + 1)


def _round_up(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if value <= step * power)
