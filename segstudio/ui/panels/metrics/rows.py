"""The rows of the metrics table, and how scores are drawn as bars."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    Qt,
)
from PySide6.QtGui import QColor, QPainter, QPalette
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from segstudio.app.scoring import ScoreRow
from segstudio.core.formatting import DASH, count_text, ratio_text
from segstudio.ui.plain import plain
from segstudio.ui.swatch import swatch

_PIXELS = 5
_Index = QModelIndex | QPersistentModelIndex
BAR_ROLE = Qt.ItemDataRole.UserRole + 1
"""The score 0..1 that a cell's bar shows, or None."""
COLOR_ROLE = Qt.ItemDataRole.UserRole + 2


@dataclass(frozen=True)
class _Column:
    title: str
    text: Callable[[ScoreRow], str]
    tip: str
    bar: Callable[[ScoreRow], float] | None = None


COLUMNS = (
    _Column("Class", lambda r: r.name, ""),
    _Column("IoU", lambda r: ratio_text(r.iou), "TP / (TP + FP + FN)", lambda r: r.iou),
    _Column("Dice", lambda r: ratio_text(r.dice), "2 TP / (2 TP + FP + FN)", lambda r: r.dice),
    _Column("Prec.", lambda r: ratio_text(r.precision), "Precision, TP / (TP + FP): of what "
            "the model calls this class, how much is right"),
    _Column("Recall", lambda r: ratio_text(r.recall), "Recall, TP / (TP + FN): of what is "
            "this class, how much the model found"),
    _Column("Pixels", lambda r: count_text(r.truth_pixels),
            "Pixels of this class in the annotation or ground truth"),
    _Column("Predicted", lambda r: count_text(r.predicted_pixels),
            "Pixels of this class in the prediction"),
)  # fmt: skip


class MetricsModel(QAbstractTableModel):
    """One row a class."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._rows: list[ScoreRow] = []

    @property
    def rows(self) -> list[ScoreRow]:
        return self._rows

    def show_rows(self, rows: list[ScoreRow]) -> None:
        """Show other scores; the table keeps its place if the classes are the same."""
        if rows == self._rows:
            return
        same = [r.class_id for r in rows] == [r.class_id for r in self._rows]
        if not same:
            self.beginResetModel()
        self._rows = rows
        if not same:
            self.endResetModel()
        elif rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(COLUMNS) - 1))

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's default
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's default
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section].title
        if role == Qt.ItemDataRole.ToolTipRole:
            return COLUMNS[section].tip
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: _Index, role: int = 0) -> Any:
        if not 0 <= index.row() < len(self._rows):
            return None
        row, column = self._rows[index.row()], COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(row)
        if role == BAR_ROLE:
            return None if column.bar is None else column.bar(row)
        if role == COLOR_ROLE:
            return QColor(*row.color)
        return self._manner(index, row, role)

    def _manner(self, index: _Index, row: ScoreRow, role: int) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() > 0:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return swatch(QColor(*row.color))
        if role == Qt.ItemDataRole.ToolTipRole:
            if index.column() == _PIXELS:
                return (
                    f"{count_text(row.truth_pixels)}; predicted: {count_text(row.predicted_pixels)}"
                )
            text = COLUMNS[index.column()].text(row)
            return (
                "Not defined: the class is missing where it is needed"
                if text == DASH
                else plain(text)
            )
        return None


class BarDelegate(QStyledItemDelegate):
    """Draws a bar of the class's colour under the number of a score."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        value = index.data(BAR_ROLE)
        if isinstance(value, float) and not math.isnan(value):
            box: QRect = option.rect
            palette: QPalette = option.palette
            if option.state & QStyle.StateFlag.State_Selected:
                painter.fillRect(box, palette.color(QPalette.ColorRole.Highlight))
            track = QRect(box.left() + 4, box.bottom() - 5, box.width() - 8, 4)
            painter.fillRect(track, palette.color(QPalette.ColorRole.Midlight))
            track.setWidth(round(track.width() * min(1.0, max(0.0, value))))
            painter.fillRect(track, _visible(index.data(COLOR_ROLE), palette))
        super().paint(painter, option, index)


def _visible(color: QColor, palette: QPalette) -> QColor:
    """The class's colour, or the text's where it would vanish (a black background class)."""
    near = abs(color.lightness() - palette.color(QPalette.ColorRole.Base).lightness()) < 30
    return palette.color(QPalette.ColorRole.PlaceholderText) if near else color
