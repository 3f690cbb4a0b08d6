"""The classes as rows of a table: how each model does on each of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QObject, Qt
from PySide6.QtGui import QColor, QFont

from segstudio.core.formatting import percent_text
from segstudio.core.image_figures import figures_at
from segstudio.core.measure import AnyFigure, Unit, Where
from segstudio.core.text import safe_cells
from segstudio.ui.panels.evaluation.figure_rows import BAR_ROLE, COLOR_ROLE, LEFT, RIGHT, Index
from segstudio.ui.panels.evaluation.figure_text import figure_text, marked_best
from segstudio.ui.plain import plain
from segstudio.ui.swatch import swatch

_FIXED = ("Class", "Pixels")
_TIPS = ("", "Share of the pixels of the ground truth")


@dataclass(frozen=True)
class ClassRow:
    """One class.

    Attributes:
        class_id: Of the folder's classes.
        name: For people.
        color: Of the class.
        share: Of the pixels of the ground truth, 0..1; NaN if unknown.
        values: The figure by model; NaN where it is not known.
    """

    class_id: int
    name: str
    color: QColor
    share: float
    values: Mapping[str, float] = field(default_factory=dict)

    def best(self, figure: AnyFigure) -> float:
        """The best of the models; NaN if none is better than another."""
        return marked_best(figure, np.array(list(self.values.values())))


@dataclass(frozen=True)
class RunHead:
    """The head of a model's column."""

    run: str
    title: str
    short: str
    color: QColor


class ClassModel(QAbstractTableModel):
    """A row for each class, a column for each model."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.rows: list[ClassRow] = []
        self.heads: tuple[RunHead, ...] = ()
        self.figure = figures_at(Where.CLASSES)[0]
        self._order = (-1, Qt.SortOrder.AscendingOrder)
        self._unsorted: list[ClassRow] = []

    def show_rows(
        self, rows: Sequence[ClassRow], heads: Sequence[RunHead], figure: AnyFigure
    ) -> None:
        same = (
            tuple(heads) == self.heads
            and [r.class_id for r in rows] == [r.class_id for r in self._unsorted]
            and figure == self.figure
        )
        if same:
            self._unsorted = list(rows)
            self.sort(*self._order)
            return
        self.beginResetModel()
        self._unsorted, self.heads, self.figure = list(rows), tuple(heads), figure
        self.rows = self._ordered()
        self.endResetModel()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order the classes by a column; the schema's order for column -1."""
        self._order = (column, order)
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        ids = [self.rows[index.row()].class_id for index in before]
        self.rows = self._ordered()
        places = {row.class_id: place for place, row in enumerate(self.rows)}
        after = [self.index(places[i], old.column()) for i, old in zip(ids, before, strict=True)]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def run_at(self, column: int) -> str:
        """The model of a column, "" for the first ones."""
        place = column - len(_FIXED)
        return self.heads[place].run if 0 <= place < len(self.heads) else ""

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(_FIXED) + len(self.heads)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        place = section - len(_FIXED)
        head = self.heads[place] if 0 <= place < len(self.heads) else None
        if role == Qt.ItemDataRole.DisplayRole:
            return head.short if head else _FIXED[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(f"{self.figure.name} of {head.title}") if head else _TIPS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if section else LEFT
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not 0 <= index.row() < len(self.rows):
            return None
        row, run = self.rows[index.row()], self.run_at(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            if run:
                return figure_text(self.figure, row.values.get(run, math.nan))
            return percent_text(row.share) if index.column() else row.name
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if index.column() else LEFT
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return swatch(row.color)
        return self._of_run(row, run, role) if run else None

    def _of_run(self, row: ClassRow, run: str, role: int) -> Any:
        value = row.values.get(run, math.nan)
        if role == Qt.ItemDataRole.FontRole and self._is_best(row, value):
            font = QFont()
            font.setBold(True)
            return font
        if role == Qt.ItemDataRole.ToolTipRole:
            if math.isnan(value):
                return "Not defined: the class is missing where it is needed"
            return "Double-click: the images, worst first"
        if role == BAR_ROLE and self.figure.unit is Unit.RATIO:
            return None if math.isnan(value) else value
        if role == COLOR_ROLE:
            return next(head.color for head in self.heads if head.run == run)
        return None

    def _is_best(self, row: ClassRow, value: float) -> bool:
        best = row.best(self.figure)
        if math.isnan(best):
            return False
        return figure_text(self.figure, value) == figure_text(self.figure, best)

    def _ordered(self) -> list[ClassRow]:
        column, order = self._order
        if not 0 <= column < self.columnCount():
            return list(self._unsorted)
        down = order == Qt.SortOrder.DescendingOrder
        if column == 0:
            return sorted(self._unsorted, key=lambda r: r.name.casefold(), reverse=down)
        run = self.run_at(column)

        def value(row: ClassRow) -> float:
            return row.values.get(run, math.nan) if run else row.share

        known = [row for row in self._unsorted if not math.isnan(value(row))]
        unknown = [row for row in self._unsorted if math.isnan(value(row))]
        return sorted(known, key=value, reverse=down) + unknown


def class_table_text(model: ClassModel) -> str:
    """What the table shows, cells parted by tabs, for spreadsheets."""
    lines = ["\t".join(safe_cells([*_FIXED, *(head.title for head in model.heads)]))]
    for row in model.rows:
        values = [row.share, *(row.values.get(head.run, math.nan) for head in model.heads)]
        cells = ("" if math.isnan(v) else f"{v:.6g}" for v in values)
        lines.append("\t".join(safe_cells([row.name, *cells])))
    return "\n".join(lines) + "\n"
