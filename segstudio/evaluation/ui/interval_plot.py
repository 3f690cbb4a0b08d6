"""Differences of two models with their confidence intervals, class by class, about zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from segstudio.core.formatting import change_text
from segstudio.kit.plain import plain
from segstudio.metrics.bootstrap import Interval

_ROW, _HEAD, _GAP, _DOT = 22, 22, 8, 4.0
_NAME_SHARE, _NAME_MOST = 0.3, 150
_LEAST_REACH = 0.01
_STEPS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True)
class IntervalRow:
    """One line.

    Attributes:
        name: What differs: "Mean IoU", or a class.
        interval: Of the difference.
        tip: What a pointer on it is told.
        strong: Whether the name is bold.
    """

    name: str
    interval: Interval
    tip: str
    strong: bool = False


class IntervalPlot(QWidget):
    """A dot for each difference, a line for its interval; grey where it may be nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[IntervalRow, ...] = ()
        self._titles = ("", "")
        self._colors = (QColor(), QColor())
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Differences of two models by class")

    def show_rows(
        self,
        rows: Sequence[IntervalRow],
        titles: tuple[str, str],
        colors: tuple[QColor, QColor],
    ) -> None:
        """Show other differences.

        Args:
            rows: From the top.
            titles: Of the first model (better left of zero), and of the second.
            colors: Of the two.
        """
        self.rows, self._titles, self._colors = tuple(rows), titles, colors
        self.setAccessibleDescription("; ".join(f"{row.name}: {row.tip}" for row in rows))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """All rows, the head, and the scale."""
        return QSize(320, self.minimumSizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(220, 2 * _HEAD + _ROW * len(self.rows))

    def row_at(self, y: float) -> IntervalRow | None:
        """The line at a height of the widget, or None."""
        place = int((y - _HEAD) // _ROW)
        return self.rows[place] if 0 <= place < len(self.rows) else None

    def event(self, event: QEvent) -> bool:
        """Tell what the line under the pointer says."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            row = self.row_at(event.pos().y())
            QToolTip.showText(event.globalPos(), plain(row.tip) if row else "", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.rows:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        field, reach = self._field(), self._reach()
        self._paint_head(painter, field)
        self._paint_scale(painter, field, reach)
        for place, row in enumerate(self.rows):
            self._paint_row(painter, field, reach, place, row)
        painter.end()

    def _field(self) -> QRectF:
        """Where dots and lines are drawn, without names and numbers."""
        left = min(_NAME_MOST, round(_NAME_SHARE * self.width())) + _GAP
        right = self.width() - self.fontMetrics().horizontalAdvance("+0.000") - 2 * _GAP
        return QRectF(left, _HEAD, max(20, right - left), _ROW * len(self.rows))

    def _reach(self) -> float:
        """The difference at the field's border."""
        ends = [abs(v) for row in self.rows for v in (row.interval.low, row.interval.high)]
        ends += [abs(row.interval.difference) for row in self.rows]
        return max([_LEAST_REACH, *(v for v in ends if not math.isnan(v))]) * 1.06

    def _paint_head(self, painter: QPainter, field: QRectF) -> None:
        middle = field.center().x()
        half = field.width() / 2 - _GAP
        for side, (title, color) in enumerate(zip(self._titles, self._colors, strict=True)):
            left = field.left() if side == 0 else middle + _GAP
            shown = self._head(side, title, round(half))
            painter.setPen(_legible(color, self.palette()))
            align = Qt.AlignmentFlag.AlignLeft if side == 0 else Qt.AlignmentFlag.AlignRight
            painter.drawText(
                QRectF(left, 0, half, _HEAD), align | Qt.AlignmentFlag.AlignVCenter, shown
            )

    def _head(self, side: int, title: str, width: int) -> str:
        """The head of the left (0) or right half: "◂ A better", "B better ▸", the name elided."""
        metrics = self.fontMetrics()
        room = width - metrics.horizontalAdvance(" better \u25b8")
        name = metrics.elidedText(title, Qt.TextElideMode.ElideRight, room)
        return f"\u25c2 {name} better" if side == 0 else f"{name} better \u25b8"

    def _paint_scale(self, painter: QPainter, field: QRectF, reach: float) -> None:
        faint = self.palette().color(QPalette.ColorRole.Mid)
        middle = field.center().x()
        step = next((s for s in _STEPS if reach / s < 3), _STEPS[-1])
        painter.setPen(QPen(faint, 1, Qt.PenStyle.DotLine))
        ticks = [n * step for n in range(-int(reach / step), int(reach / step) + 1)]
        for tick in ticks:
            x = middle + tick / reach * field.width() / 2
            painter.drawLine(QPointF(x, field.top()), QPointF(x, field.bottom()))
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.WindowText), 1))
        painter.drawLine(QPointF(middle, field.top()), QPointF(middle, field.bottom()))
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        for tick in ticks:
            x = middle + tick / reach * field.width() / 2
            box = QRectF(x - 30, field.bottom(), 60, _HEAD)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, _tick_text(tick, step))

    def _paint_row(
        self, painter: QPainter, field: QRectF, reach: float, place: int, row: IntervalRow
    ) -> None:
        y = field.top() + (place + 0.5) * _ROW
        text = self.palette().color(QPalette.ColorRole.WindowText)
        font = self.font()
        font.setBold(row.strong)
        painter.setFont(font)
        painter.setPen(text)
        name = QRect(0, round(y - _ROW / 2), round(field.left() - _GAP), _ROW)
        shown = painter.fontMetrics().elidedText(
            row.name, Qt.TextElideMode.ElideRight, name.width()
        )
        sides = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(name, sides | Qt.AlignmentFlag.AlignLeft, shown)
        number = QRectF(field.right(), y - _ROW / 2, self.width() - field.right() - 2, _ROW)
        found = row.interval
        if not found.is_clear:
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        painter.drawText(number, sides | Qt.AlignmentFlag.AlignRight, change_text(found.difference))
        painter.setFont(self.font())
        if not math.isnan(found.low):
            self._paint_interval(painter, field, reach, y, found)

    def _paint_interval(
        self, painter: QPainter, field: QRectF, reach: float, y: float, found: Interval
    ) -> None:
        color = self.palette().color(QPalette.ColorRole.PlaceholderText)
        if found.is_clear:
            color = self._colors[1 if found.difference > 0 else 0]

        def x(value: float) -> float:
            return field.center().x() + value / reach * field.width() / 2

        painter.setPen(QPen(color, 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(QPointF(x(found.low), y), QPointF(x(found.high), y))
        ground = self.palette().color(QPalette.ColorRole.Window)
        painter.setPen(QPen(color, 2))
        painter.setBrush(color if found.is_clear else ground)
        painter.drawEllipse(QPointF(x(found.difference), y), _DOT, _DOT)


def _tick_text(value: float, step: float) -> str:
    digits = 3 if step < 0.01 else 2 if step < 0.1 else 1
    return "0" if value == 0 else change_text(value, digits)


def _legible(color: QColor, palette: QPalette) -> QColor:
    """The colour, moved towards the text's so that letters in it can be read."""
    text = palette.color(QPalette.ColorRole.WindowText)
    mixed = [round(0.6 * a + 0.4 * b) for a, b in zip(_rgb(color), _rgb(text), strict=True)]
    return QColor(*mixed)


def _rgb(color: QColor) -> tuple[int, int, int]:
    return color.red(), color.green(), color.blue()
