"""The images as rows of a table: one figure of every model, sorted and filtered."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QAbstractTableModel, QObject, Qt
from PySide6.QtGui import QColor

from segstudio.core.class_sums import Numbers
from segstudio.core.image_figures import figures_at
from segstudio.core.measure import AnyFigure, Unit, Where
from segstudio.core.text import safe_cells
from segstudio.session.session import ImageState, Session
from segstudio.ui.icons import icon
from segstudio.ui.panels.evaluation.class_rows import RunHead
from segstudio.ui.panels.evaluation.figure_rows import BAR_ROLE, COLOR_ROLE, LEFT, RIGHT, Index
from segstudio.ui.panels.evaluation.figure_text import figure_text
from segstudio.ui.plain import plain

Indices = npt.NDArray[np.intp]
_NAME, _SPREAD = "Image", "Spread"
_SPREAD_TIP = "Best model minus worst: where it matters which one is used"


@dataclass(frozen=True, eq=False)
class ImageFiguresTable:
    """One figure of some images and models.

    Attributes:
        figure: Which one.
        heads: The models, R of them.
        names: Of all images of the folder.
        indices: (n,) the images, ascending.
        values: (R, n) the figure; NaN where it is not known.
    """

    figure: AnyFigure = figures_at(Where.IMAGES, has_background=False)[0]
    heads: tuple[RunHead, ...] = ()
    names: Sequence[str] = ()
    indices: Indices = field(default_factory=lambda: np.zeros(0, np.intp))
    values: Numbers = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def spread(self) -> Numbers:
        """(n,) largest minus smallest of the models' values; NaN with fewer than two."""
        known = ~np.isnan(self.values)
        high = np.where(known, self.values, -np.inf).max(axis=0, initial=-np.inf)
        low = np.where(known, self.values, np.inf).min(axis=0, initial=np.inf)
        spread: Numbers = np.full(len(self.indices), np.nan)
        np.subtract(high, low, out=spread, where=known.sum(axis=0) > 1)
        return spread


@dataclass(frozen=True)
class ValueRange:
    """Values of one model from `low` to below `high` (or up to it, if `closed`)."""

    run: str
    low: float
    high: float
    closed: bool = False

    def keeps(self, values: Numbers) -> npt.NDArray[np.bool_]:
        """(n,) which values lie within; NaN never does."""
        below = values <= self.high if self.closed else values < self.high
        return (values >= self.low) & below


class ImageModel(QAbstractTableModel):
    """Asks for nothing but small arrays; a row is made when it is drawn."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self.table = ImageFiguresTable()
        self.order: Indices = np.zeros(0, np.intp)
        """Positions in `table.indices` of the rows."""
        self._spread: Numbers = np.zeros(0)
        self._sorted = (1, Qt.SortOrder.AscendingOrder)
        self._text = ""
        self._marks: Collection[str] = ()
        self._range: ValueRange | None = None

    # -- what is shown -------------------------------------------------------------------------

    def show_table(self, table: ImageFiguresTable) -> None:
        same_columns = table.heads == self.table.heads
        before = self.table.indices[self.order]
        self.table, self._spread = table, table.spread
        order = self._ordered()
        if same_columns and np.array_equal(table.indices[order], before):
            self.order = order
            if len(order):
                last = self.index(len(order) - 1, self.columnCount() - 1)
                self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self.order = order
        self.endResetModel()

    def filter(self, text: str, marks: Collection[str], within: ValueRange | None) -> None:
        """List only images with this in their name, without these marks, in this range.

        Args:
            text: Part of the name, any case.
            marks: Of "reviewed", "edited": images that have one of them are left out.
            within: A range of one model's values, or None.
        """
        self._text, self._marks, self._range = text.casefold(), marks, within
        self._rebuild()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order the images by a column; those without a value come last."""
        self._sorted = (column, order)
        self._rebuild()

    def _rebuild(self) -> None:
        self.beginResetModel()
        self.order = self._ordered()
        self.endResetModel()

    def image_at(self, row: int) -> int:
        """The image of a row, -1 if there is none."""
        return int(self.table.indices[self.order[row]]) if 0 <= row < len(self.order) else -1

    def row_of(self, image: int) -> int:
        """The row of an image, -1 if it is not listed."""
        rows = np.flatnonzero(self.table.indices[self.order] == image)
        return int(rows[0]) if rows.size else -1

    def run_at(self, column: int) -> str:
        """The model of a column; "" for the name and the spread."""
        heads = self.table.heads
        return heads[column - 1].run if 0 < column <= len(heads) else ""

    def _ordered(self) -> Indices:
        kept = np.flatnonzero(self._kept())
        column, order = self._sorted
        values = self._column(column)
        if values is None:
            return kept[::-1] if order == Qt.SortOrder.DescendingOrder and column == 0 else kept
        chosen = values[kept]
        known = ~np.isnan(chosen)
        sign = -1 if order == Qt.SortOrder.DescendingOrder else 1
        ranked = kept[known][np.argsort(sign * chosen[known], kind="stable")]
        return np.concatenate([ranked, kept[~known]])

    def _kept(self) -> npt.NDArray[np.bool_]:
        table = self.table
        keep = np.ones(len(table.indices), np.bool_)
        if self._text:
            names = table.names
            keep &= np.array([self._text in names[i].casefold() for i in table.indices], np.bool_)
        if self._marks:
            keep &= np.array([not self._is_marked(int(i)) for i in table.indices], np.bool_)
        runs = [head.run for head in table.heads]
        if self._range is not None and self._range.run in runs:
            keep &= self._range.keeps(table.values[runs.index(self._range.run)])
        return keep

    def _is_marked(self, image: int) -> bool:
        state = self._session.state(image)
        return any(getattr(state, mark) for mark in self._marks)

    def _column(self, column: int) -> Numbers | None:
        heads = self.table.heads
        if 0 < column <= len(heads):
            row: Numbers = self.table.values[column - 1]
            return row
        return self._spread if column == len(heads) + 1 and len(heads) > 1 else None

    # -- for the view --------------------------------------------------------------------------

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.order)

    def columnCount(self, parent: Index | None = None) -> int:
        """The name, the models, and how far these lie apart."""
        if parent is not None and parent.isValid():
            return 0
        count = len(self.table.heads)
        return 1 + count + (count > 1)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        heads = self.table.heads
        head = heads[section - 1] if 0 < section <= len(heads) else None
        if role == Qt.ItemDataRole.DisplayRole:
            return head.short if head else (_SPREAD if section else _NAME)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(
                f"{self.table.figure.name} of {head.title}" if head else _SPREAD_TIP * (section > 0)
            )
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if section else LEFT
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not 0 <= index.row() < len(self.order):
            return None
        place, column = int(self.order[index.row()]), index.column()
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if column else LEFT
        if column == 0:
            return self._of_name(int(self.table.indices[place]), role)
        values = self._column(column)
        value = math.nan if values is None else float(values[place])
        figure = self.table.figure
        if role == Qt.ItemDataRole.DisplayRole:
            return figure_text(figure, value)
        if role == BAR_ROLE and figure.unit is Unit.RATIO and not math.isnan(value):
            return value if self.run_at(column) else None
        if role == COLOR_ROLE and self.run_at(column):
            return self._color(column)
        return None

    def _color(self, column: int) -> QColor:
        return self.table.heads[column - 1].color

    def _of_name(self, image: int, role: int) -> Any:
        state = self._session.state(image)
        if role == Qt.ItemDataRole.DisplayRole:
            return self.table.names[image]
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(f"{self.table.names[image]}{_mark_text(state)}")
        if role == Qt.ItemDataRole.DecorationRole:
            if state.reviewed:
                return icon("circle-check")
            return icon("pencil") if state.edited else None
        return None


def _mark_text(state: ImageState) -> str:
    marks = [name for name in ("reviewed", "edited") if getattr(state, name)]
    return f" ({', '.join(marks)})" if marks else ""


def image_table_text(model: ImageModel) -> str:
    """What is listed, cells parted by tabs, for spreadsheets."""
    table = model.table
    lines = ["\t".join(safe_cells([_NAME, *(head.title for head in table.heads)]))]
    for place in model.order.tolist():
        cells = ["" if math.isnan(v) else f"{v:.6g}" for v in table.values[:, place].tolist()]
        lines.append("\t".join(safe_cells([table.names[int(table.indices[place])], *cells])))
    return "\n".join(lines) + "\n"
