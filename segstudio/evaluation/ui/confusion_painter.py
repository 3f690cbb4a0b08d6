"""Paints a confusion matrix: on the screen, and into pictures for documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QPen

from segstudio.core.formatting import percent_text
from segstudio.evaluation.ui.confusion_values import ConfusionValues, compact
from segstudio.kit.charts.look import ChartColors
from segstudio.kit.elided import fitting
from segstudio.kit.heat_map import HEAT, Cell, heat_colors

LEAST_CELL: Final = QSize(20, 18)
_LARGEST_CELL: Final = QSize(190, 110)
_TWO_LINES: Final = QSize(84, 44)
"""Cells of this size and above tell share and pixels."""
_ROW_LETTERS, _COLUMN_LETTERS = 18, 14
_PADDING: Final = 6
_AXIS: Final = 18
"""Room for the title of an axis."""
_SCALE: Final = 46
"""Room for the scale of colours at the right."""
_FEW: Final = 4
"""Of more classes than these, zeros are not written: what is there is seen better then."""
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class MatrixGrid:
    """Where the cells are.

    Attributes:
        left: Of the first column.
        top: Of the first row.
        width: Of a cell.
        height: Of a cell.
        size: Rows, and columns.
        slanted: Names of the columns stand upright, since they are longer than a cell is wide.
    """

    left: int
    top: int
    width: int
    height: int
    size: int
    slanted: bool

    @classmethod
    def of(cls, values: ConfusionValues, metrics: QFontMetrics, room: QSize) -> MatrixGrid:
        """Fit the cells into a room; they may reach beyond it if there are many."""
        names = [metrics.horizontalAdvance(name) + 4 for name in values.names]
        letter, size = metrics.averageCharWidth(), max(1, values.size)
        left = min(max(names, default=0), _ROW_LETTERS * letter) + _PADDING + _AXIS
        width = (room.width() - left - _SCALE - _PADDING) // size
        width = min(max(width, LEAST_CELL.width()), _LARGEST_CELL.width())
        slanted = max(names, default=0) > width
        longest = min(max(names, default=0), _COLUMN_LETTERS * letter)
        top = _AXIS + (longest if slanted else metrics.height()) + _PADDING
        height = (room.height() - top - _PADDING) // size
        height = min(max(height, LEAST_CELL.height()), _LARGEST_CELL.height())
        return cls(left, top, width, height, values.size, slanted)

    @property
    def whole(self) -> QSize:
        """How large everything is."""
        return QSize(
            self.left + self.size * self.width + _SCALE + _PADDING,
            self.top + self.size * self.height + _PADDING,
        )

    def rect_of(self, cell: Cell) -> QRect:
        row, column = cell
        return QRect(
            self.left + column * self.width, self.top + row * self.height, self.width, self.height
        )

    def cell_at(self, x: int, y: int) -> Cell | None:
        row, column = (y - self.top) // self.height, (x - self.left) // self.width
        return (row, column) if 0 <= row < self.size and 0 <= column < self.size else None


def paint_matrix(
    painter: QPainter,
    values: ConfusionValues,
    grid: MatrixGrid,
    look: ChartColors,
    marked: Cell | None = None,
) -> None:
    """Draw names, cells and the scale of colours.

    Args:
        painter: With the font of the text.
        values: What the cells say.
        grid: Where they are.
        look: Paper and ink.
        marked: The names of this cell's row and column stand out.
    """
    _paint_names(painter, values, grid, look, marked or (-1, -1))
    for row in range(values.size):
        for column in range(values.size):
            _paint_cell(painter, values, (row, column), grid, look)
    if values.size:
        _paint_scale(painter, values, grid, look)


def _paint_names(
    painter: QPainter, values: ConfusionValues, grid: MatrixGrid, look: ChartColors, marked: Cell
) -> None:
    metrics = painter.fontMetrics()
    painter.setPen(look.faint)
    across = QRect(grid.left, 0, grid.size * grid.width, _AXIS)
    painter.drawText(
        across, Qt.AlignmentFlag.AlignCenter, fitting(metrics, "Predicted", across.width())
    )
    down = QRect(0, 0, grid.size * grid.height, _AXIS)
    painter.save()
    painter.translate(0, grid.top + down.width())
    painter.rotate(-90)
    painter.drawText(
        down, Qt.AlignmentFlag.AlignCenter, fitting(metrics, "Annotated", down.width())
    )
    painter.restore()
    for row, name in enumerate(values.names):
        painter.setPen(look.accent if row == marked[0] else look.ink)
        box = QRect(_AXIS, grid.top + row * grid.height, grid.left - _AXIS - _PADDING, grid.height)
        painter.drawText(box, _RIGHT, fitting(metrics, name, box.width()))
    for column, name in enumerate(values.names):
        painter.setPen(look.accent if column == marked[1] else look.ink)
        _paint_column_name(painter, name, column, grid)


def _paint_column_name(painter: QPainter, name: str, column: int, grid: MatrixGrid) -> None:
    metrics, left = painter.fontMetrics(), grid.left + column * grid.width
    high = grid.top - _AXIS - _PADDING
    if not grid.slanted:
        box = QRect(left, _AXIS, grid.width, grid.top - _AXIS)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, name)
        return
    painter.save()
    painter.translate(left, grid.top - _PADDING)
    painter.rotate(-90)
    painter.drawText(QRect(0, 0, high, grid.width), _LEFT, fitting(metrics, name, high))
    painter.restore()


def _paint_cell(
    painter: QPainter, values: ConfusionValues, cell: Cell, grid: MatrixGrid, look: ChartColors
) -> None:
    box = grid.rect_of(cell).adjusted(0, 0, -1, -1)
    if not values.is_shown(cell):
        painter.fillRect(box, _blank(look))
        return
    fill, ink = heat_colors(values.strength(cell))
    painter.fillRect(box, fill)
    painter.setPen(ink)
    if box.width() >= _TWO_LINES.width() and box.height() >= _TWO_LINES.height():
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "\n".join(values.both(cell)))
        return
    if not values.counts[cell] and grid.size > _FEW:
        return
    metrics = painter.fontMetrics()
    text = values.text(cell)
    if metrics.horizontalAdvance(text) + 4 > box.width():
        text = values.text(cell, is_short=True)
    fits = metrics.horizontalAdvance(text) + 2 <= box.width()
    if fits and metrics.height() - 2 <= box.height():
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def _blank(look: ChartColors) -> QColor:
    """Where a cell says nothing."""
    color = QColor(look.faint)
    color.setAlpha(40)
    return color


def _paint_scale(
    painter: QPainter, values: ConfusionValues, grid: MatrixGrid, look: ChartColors
) -> None:
    """The colours from nothing to the highest value."""
    metrics = painter.fontMetrics()
    left = grid.left + grid.size * grid.width + _PADDING
    high = max(min(grid.size * grid.height, 220), 3 * metrics.height())
    bar = QRectF(left, grid.top + metrics.height(), 10, high - 2 * metrics.height())
    strip = QImage(HEAT[::-1].copy().data, 1, 256, 3, QImage.Format.Format_RGB888).copy()
    painter.drawImage(bar, strip)
    painter.setPen(QPen(look.faint))
    top = percent_text(values.highest) if values.as_shares else compact(round(values.highest))
    if top == "100.0 %":
        top = "100 %"
    painter.drawText(QPointF(left, bar.top() - 4), top)
    painter.drawText(QPointF(left, bar.bottom() + metrics.ascent()), "0")
