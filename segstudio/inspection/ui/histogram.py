"""How often a stage's or a channel's values occur, and which of them get the ends of the colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFont,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from segstudio.core.colour_maps import DIVERGING, colour_table
from segstudio.core.series_colors import VERMILION
from segstudio.inspection.ui.channel_order import value_text
from segstudio.kit.focus_ring import FocusRing

_HEIGHT, _LEAST_HEIGHT = 104, 84
_MARGIN = 7
_STRIP, _LABELS = 7, 15
_REACH = 6
"""Pixels from a handle within which the pointer takes it."""
_KEY_STEP, _SMALL_STEP = 0.05, 0.005
"""Shares of the axis by which a key moves a handle, and with Shift."""
_RADIUS, _RADIUS_OF_KEYS = 3.0, 5.0


class HistogramView(QWidget):
    """Bars whose height grows with the logarithm of the counts, over a strip of the colours.

    The two handles are the values that get the ends of the colours. They can be dragged; by keyboard
    left and right move the one that up and down choose.

    Signals:
        range_dragged: The ends (low, high) that a handle was dragged or moved to.
    """

    range_dragged = Signal(float, float)

    def __init__(self) -> None:
        super().__init__()
        self._counts: NDArray[np.int64] | None = None
        self._low, self._high = 0.0, 1.0
        self._ends: tuple[float, float] | None = None
        self._colours = "viridis"
        self._value: float | None = None
        self._held: int | None = None
        self._chosen = 1
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._ring = FocusRing(self)
        self.setMouseTracking(True)
        self.setMinimumHeight(_LEAST_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Histogram")
        self.setToolTip(
            "How often values occur (logarithmic).\nDrag the handles to set the range of the colours;"
            "\nor move one with Left and Right (Shift: finely),\nand take the other with Up or Down."
        )

    # -- what is shown -----------------------------------------------------------------------

    def show_counts(self, counts: NDArray[np.int64] | None, low: float, high: float) -> None:
        """Show counts in equal steps from low to high; None while there are none."""
        self._counts, self._low, self._high = counts, low, high
        self.update()

    def show_colours(self, colours: str, ends: tuple[float, float] | None) -> None:
        """Show the colour map and the values that get its ends, None if they are not known."""
        self._colours, self._ends = colours, ends
        self.update()

    def show_value(self, value: float | None) -> None:
        if value != self._value:
            self._value = value
            self.update()

    @property
    def span(self) -> tuple[float, float]:
        """The values at the left and the right: all counts, and both ends if they are near."""
        low, high = self._low, self._high
        if self._ends is not None:
            width = high - low if high > low else float("inf")
            low = max(min(low, self._ends[0]), low - width)
            high = min(max(high, self._ends[1]), high + width)
        return (low, high) if high > low else (low - 0.5, low + 0.5)

    def sizeHint(self) -> QSize:
        return QSize(200, _HEIGHT)

    # -- drawing -----------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        palette = self.palette()
        plot = self._plot()
        painter.fillRect(plot, palette.base())
        if self._counts is not None:
            self._draw_bars(painter, plot, palette)
            self._draw_zero(painter, plot, palette)
        self._draw_strip(painter, QRectF(plot.left(), plot.bottom() + 1, plot.width(), _STRIP))
        self._draw_handles(painter, plot, palette)
        self._draw_numbers(painter, plot, palette)
        painter.end()

    def _plot(self) -> QRectF:
        return QRectF(_MARGIN, 2, self.width() - 2 * _MARGIN, self.height() - _STRIP - _LABELS - 5)

    def _x_of(self, value: float) -> float:
        low, high = self.span
        plot = self._plot()
        return plot.left() + (value - low) / (high - low) * plot.width()

    def _draw_bars(self, painter: QPainter, plot: QRectF, palette: QPalette) -> None:
        counts = self._counts
        assert counts is not None
        heights = np.log1p(counts) / max(float(np.log1p(counts.max())), 1e-9)
        color = palette.color(QPalette.ColorRole.Accent)
        color.setAlpha(200)
        edges = np.linspace(self._low, self._high, len(counts) + 1)
        if self._high <= self._low:  # one value alone
            edges = np.array([self._low - 0.02, self._low + 0.02])
            heights = np.array([float(counts.any())])
        for left, right, height in zip(edges[:-1], edges[1:], heights, strict=True):
            if height > 0:
                x0, x1 = self._x_of(float(left)), self._x_of(float(right))
                tall = max(1.0, float(height) * (plot.height() - 2))
                painter.fillRect(QRectF(x0, plot.bottom() - tall, x1 - x0 + 0.3, tall), color)

    def _draw_zero(self, painter: QPainter, plot: QRectF, palette: QPalette) -> None:
        low, high = self.span
        if low < 0 < high:
            painter.setPen(
                QPen(palette.color(QPalette.ColorRole.PlaceholderText), 1, Qt.PenStyle.DotLine)
            )
            x = self._x_of(0.0)
            painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))

    def _draw_strip(self, painter: QPainter, box: QRectF) -> None:
        """The colour that every value of the axis gets."""
        if self._ends is None:
            return
        low, high = self.span
        values = np.linspace(low, high, 256)
        first, last = self._ends
        levels = np.clip((values - first) / max(last - first, 1e-30) * 255, 0, 255)
        row = np.ascontiguousarray(colour_table(self._colours)[(levels + 0.5).astype(np.uint8)])
        image = QImage(row.data, 256, 1, 3 * 256, QImage.Format.Format_RGB888)
        painter.drawImage(box, image)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Mid), 1))
        painter.drawRect(box.adjusted(0, 0, -1, -1))

    def _draw_handles(self, painter: QPainter, plot: QRectF, palette: QPalette) -> None:
        if self._ends is not None:
            painter.setPen(QPen(palette.color(QPalette.ColorRole.Text), 1.4))
            painter.setBrush(palette.text())
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for at, value in enumerate(self._ends):
                is_chosen = self.hasFocus() and at == self._chosen
                radius = _RADIUS_OF_KEYS if is_chosen else _RADIUS
                x = min(max(self._x_of(value), plot.left()), plot.right())
                painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom() + _STRIP))
                painter.drawEllipse(QPointF(x, plot.top() + radius), radius, radius)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        if self._value is not None:
            x = min(max(self._x_of(self._value), plot.left()), plot.right())
            painter.setPen(QPen(QColor(VERMILION), 2))
            painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))

    def _draw_numbers(self, painter: QPainter, plot: QRectF, palette: QPalette) -> None:
        font = QFont(self.font())
        font.setPixelSize(10)
        painter.setFont(font)
        painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
        low, high = self.span
        box = QRectF(plot.left(), self.height() - _LABELS, plot.width(), _LABELS)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(box, middle | Qt.AlignmentFlag.AlignLeft, value_text(low))
        painter.drawText(box, middle | Qt.AlignmentFlag.AlignRight, value_text(high))
        share = (0 - low) / (high - low)
        if 0.2 < share < 0.8:
            around = QRectF(self._x_of(0.0) - 20, box.top(), 40, box.height())
            painter.drawText(around, Qt.AlignmentFlag.AlignCenter, "0")

    # -- dragging ----------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = self._handle_at(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the handle, or show that there is one."""
        x = event.position().x()
        if self._held is None:
            over = self._handle_at(x) is not None
            self.setCursor(Qt.CursorShape.SizeHorCursor if over else Qt.CursorShape.ArrowCursor)
            return
        self._drag(x)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self._held = None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right move a handle, up and down choose which."""
        keys, key = Qt.Key, event.key()
        if self._ends is None or key not in (
            keys.Key_Left,
            keys.Key_Right,
            keys.Key_Up,
            keys.Key_Down,
        ):
            super().keyPressEvent(event)
            return
        if key in (keys.Key_Up, keys.Key_Down):
            self._chosen = 1 - self._chosen
            self.update()
            return
        low, high = self.span
        is_fine = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        step = (high - low) * (_SMALL_STEP if is_fine else _KEY_STEP)
        step = step if key == keys.Key_Right else -step
        self._move(self._chosen, min(max(self._ends[self._chosen] + step, low), high))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.update()

    def _handle_at(self, x: float) -> int | None:
        if self._ends is None:
            return None
        plot = self._plot()
        distances = [
            abs(min(max(self._x_of(value), plot.left()), plot.right()) - x) for value in self._ends
        ]
        nearest = 0 if distances[0] < distances[1] else 1
        return nearest if distances[nearest] <= _REACH else None

    def _drag(self, x: float) -> None:
        if self._ends is None or self._held is None:
            return
        plot, (low, high) = self._plot(), self.span
        share = min(max((x - plot.left()) / plot.width(), 0.0), 1.0)
        self._move(self._held, low + share * (high - low))

    def _move(self, handle: int, value: float) -> None:
        """Put a handle at a value; the two stay apart."""
        if self._ends is None:
            return
        low, high = self.span
        first, last = self._ends
        least = (high - low) / 200
        if self._colours == DIVERGING:  # its ends lie equally far from zero
            far = max(abs(value), least)
            first, last = -far, far
        elif handle == 0:
            first = min(value, last - least)
        else:
            last = max(value, first + least)
        self.range_dragged.emit(first, last)
