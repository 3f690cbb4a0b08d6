"""The models and their figures as rows of a table, in any order, the best figures bold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette

from segstudio.core.formatting import count_text
from segstudio.core.image_figures import PIXELS, TIME, leading_first
from segstudio.core.measure import AnyFigure, Unit, Where
from segstudio.core.metrics import FOREGROUND_MEANS, IMAGE_MEANS
from segstudio.core.text import safe_cells
from segstudio.ui.panels.evaluation.figure_text import figure_text, marked_best
from segstudio.ui.plain import plain
from segstudio.ui.swatch import swatch

Index = QModelIndex | QPersistentModelIndex
BAR_ROLE = Qt.ItemDataRole.UserRole + 1
"""The figure 0..1 that a cell's bar shows, or None."""
COLOR_ROLE = Qt.ItemDataRole.UserRole + 2
"""The model's colour."""
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_ALWAYS = frozenset(figure.key for m in (PIXELS, TIME) for figure in m.at(Where.FOLDER))
"""Figures whose columns stay although no model has a value."""
OVER_IMAGES = {figure: name for name, figure in (IMAGE_MEANS | FOREGROUND_MEANS).items()}
"""Keys of the means over images, which the tips of the figures of summed pixels tell."""
_NAME = "Model"
_IMAGES = "Images"
_TIPS = {
    _NAME: "Click to choose; with Ctrl a second one to compare it with",
    _IMAGES: "How many images have ground truth to measure against",
}


@dataclass(frozen=True)
class FigureRow:
    """One model, or what a guess without a model would score.

    Attributes:
        run: The model's id; "" for the guess.
        title: Name for people.
        images: How many images were counted.
        values: Figure by the key of its column; NaN or missing where it is not known.
        color: The model's.
        note: What a pointer on the name is told.
    """

    run: str
    title: str
    images: int
    values: Mapping[str, float] = field(default_factory=dict)
    color: QColor | None = None
    note: str = ""

    def value(self, column: AnyFigure) -> float:
        """The figure of a column; NaN where it is not known."""
        return self.values.get(column.key, math.nan)


class FigureModel(QAbstractTableModel):
    """A row for each model; the guess, which has no run, stays below all others."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.rows: list[FigureRow] = []
        self.columns: tuple[AnyFigure, ...] = ()
        self._has_counts = False
        self._best: dict[str, float] = {}
        self._order = (1, Qt.SortOrder.DescendingOrder)

    def show_rows(self, rows: Sequence[FigureRow], *, has_background: bool = False) -> None:
        """Show other figures; columns that nobody has a value for are left out.

        Args:
            rows: The models, and the guess.
            has_background: Whether one of the classes is: then the foreground leads.
        """
        offered = leading_first(Where.FOLDER, has_background=has_background)
        columns = tuple(c for c in offered if c.key in _ALWAYS or _is_known(c, rows))
        ordered = self._ordered(list(rows), columns)
        models = [row for row in ordered if row.run]
        has_counts = len({row.images for row in models}) > 1
        before = (self.columns, self._has_counts, [row.run for row in self.rows])
        same = (columns, has_counts, [row.run for row in ordered]) == before
        if not same:
            self.beginResetModel()
        self.rows, self.columns, self._has_counts = ordered, columns, has_counts
        self._best = {
            c.key: marked_best(c, np.array([row.value(c) for row in models])) for c in columns
        }
        if not same:
            self.endResetModel()
        elif ordered:
            self.dataChanged.emit(
                self.index(0, 0), self.index(len(ordered) - 1, self.columnCount() - 1)
            )

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order the models by a column; those without a value come last."""
        self._order = (column, order)
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        rows = [self.rows[index.row()].run for index in before]
        self.rows = self._ordered(self.rows, self.columns)
        places = {row.run: place for place, row in enumerate(self.rows)}
        self.changePersistentIndexList(
            before,
            [self.index(places[run], old.column()) for run, old in zip(rows, before, strict=True)],
        )
        self.layoutChanged.emit()

    def is_best(self, row: FigureRow, column: AnyFigure) -> bool:
        """Whether no other model has a better figure, as it is written, and some have a worse."""
        best = self._best.get(column.key, math.nan)
        if not row.run or math.isnan(best):
            return False
        return figure_text(column, row.value(column)) == figure_text(column, best)

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        """The name, the figures, and the number of images where it is not the same for all."""
        if parent is not None and parent.isValid():
            return 0
        return 1 + len(self.columns) + self._has_counts

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        column = self._figure(section)
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title if column else (_IMAGES if section else _NAME)
        if role == Qt.ItemDataRole.ToolTipRole:
            if column is None:
                return _TIPS[_IMAGES if section else _NAME]
            return column.tip
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if section else LEFT
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not 0 <= index.row() < len(self.rows):
            return None
        row, column = self.rows[index.row()], self._figure(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(self._tip(row, column) or "")
        if role == Qt.ItemDataRole.FontRole:
            return self._font(row, column)
        if role == Qt.ItemDataRole.ForegroundRole and not row.run:
            return QGuiApplication.palette().color(QPalette.ColorRole.PlaceholderText)
        return self._manner(row, column, index.column(), role)

    def _figure(self, section: int) -> AnyFigure | None:
        return self.columns[section - 1] if 0 < section <= len(self.columns) else None

    def _text(self, row: FigureRow, column: AnyFigure | None, section: int) -> str:
        if column is not None:
            return figure_text(column, row.value(column))
        return count_text(row.images) if section else row.title

    def _tip(self, row: FigureRow, column: AnyFigure | None) -> str | None:
        if column is None:
            return row.note or None
        if math.isnan(row.value(column)):
            return f"{column.name}: not counted, or not defined here"
        best = "; the best of these" if self.is_best(row, column) else ""
        over = row.values.get(OVER_IMAGES.get(column.key, ""), math.nan)
        if not math.isnan(over):
            best += f". Mean over images {figure_text(column, over)}"
        return f"{column.name} {figure_text(column, row.value(column))}{best}"

    def _font(self, row: FigureRow, column: AnyFigure | None) -> QFont | None:
        font = QFont()
        if not row.run:
            font.setItalic(True)
            return font
        if column is not None and self.is_best(row, column):
            font.setBold(True)
            return font
        return None

    def _manner(self, row: FigureRow, column: AnyFigure | None, section: int, role: int) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if section else LEFT
        if role == Qt.ItemDataRole.DecorationRole and section == 0 and row.color is not None:
            return swatch(row.color)
        if role == COLOR_ROLE:
            return row.color
        if role == BAR_ROLE and column is not None and column.unit in (Unit.RATIO, Unit.PERCENT):
            value = row.value(column)
            return None if math.isnan(value) else value
        return None

    def _ordered(self, rows: list[FigureRow], columns: tuple[AnyFigure, ...]) -> list[FigureRow]:
        section, order = self._order
        column = columns[section - 1] if 0 < section <= len(columns) else None
        models = [row for row in rows if row.run]
        guesses = [row for row in rows if not row.run]
        down = order == Qt.SortOrder.DescendingOrder
        if section == 0:
            return sorted(models, key=lambda r: r.title.casefold(), reverse=down) + guesses
        known = [row for row in models if column is None or not math.isnan(row.value(column))]
        unknown = [row for row in models if row not in known]
        known.sort(key=lambda r: r.images if column is None else r.value(column), reverse=down)
        return known + unknown + guesses


def _is_known(column: AnyFigure, rows: Sequence[FigureRow]) -> bool:
    return any(not math.isnan(row.value(column)) for row in rows)


def table_text(model: FigureModel) -> str:
    """What the table shows, cells parted by tabs, for spreadsheets."""
    titles = [model.headerData(s, Qt.Orientation.Horizontal) for s in range(model.columnCount())]
    lines = ["\t".join(titles)]
    for row in model.rows:
        values = [row.value(c) for c in model.columns]
        cells = ["" if math.isnan(v) else f"{v:.6g}" for v in values]
        lines.append("\t".join(safe_cells([row.title, *cells, str(row.images)])))
    return "\n".join(lines) + "\n"
