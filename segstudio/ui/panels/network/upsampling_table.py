"""The checkerboard measure of every decoder stage and network, as numbers with bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QPainter, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from segstudio.app.checkerboards import ModelSpectra, StageSpectrum
from segstudio.app.upsampling import UpsamplingState
from segstudio.core.formatting import DASH
from segstudio.ui.plain import plain

Index = QModelIndex | QPersistentModelIndex
_BAR_ROLE: Final = Qt.ItemDataRole.UserRole
_ROW_HEIGHT: Final = 28
_STRIDE_WIDTH: Final = 48
_LEAST_WIDTH, _COLUMNS_SEEN = 62, 4
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class Figure(StrEnum):
    """Which number is shown."""

    EXCESS = "excess"
    SHARE = "share"


class SpectraModel(QAbstractTableModel):
    """A row for each stride, a column for each network."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._results: tuple[ModelSpectra, ...] = ()
        self._figure = Figure.EXCESS
        self._names: list[str] = []
        self.strides: tuple[int, ...] = ()

    def show_state(self, state: UpsamplingState, figure: Figure) -> None:
        """Show other results, or the other number."""
        if state.results == self._results and figure is self._figure:
            return
        self.beginResetModel()
        self._results, self._figure, self.strides = state.results, figure, state.strides
        self._names = short_titles([result.title for result in state.results])
        self.endResetModel()

    def cell(self, row: int, column: int) -> StageSpectrum | None:
        """The stage of a row and a network (its column, 1 for the first), or None."""
        if not 0 <= row < len(self.strides) or not 1 <= column <= len(self._results):
            return None
        return self._results[column - 1].at(self.strides[row])

    def model_at(self, column: int) -> str | None:
        """Id of a column's network; None for the strides' column."""
        inside = 1 <= column <= len(self._results)
        return self._results[column - 1].model if inside else None

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.strides)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else 1 + len(self._results)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if section == 0:
            tip = "Pixels of the network's input per position"
            return {Qt.ItemDataRole.DisplayRole: "Stride", Qt.ItemDataRole.ToolTipRole: tip}.get(
                Qt.ItemDataRole(role)
            )
        result = self._results[section - 1]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._names[section - 1]
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(f"{result.title}: {result.problem}" if result.problem else result.title)
        return _RIGHT if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if index.column() == 0:
            return str(self.strides[index.row()]) if role == Qt.ItemDataRole.DisplayRole else None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT
        found = self.cell(index.row(), index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return DASH if found is None else self._text(found)
        if role == Qt.ItemDataRole.ToolTipRole:
            problem = self._results[index.column() - 1].problem
            return plain(_tip(found) if found is not None else problem or "No stage of this stride")
        if role == _BAR_ROLE and found is not None:
            return self._value(found) / self._largest()
        return None

    def _value(self, found: StageSpectrum) -> float:
        """What a bar shows; an excess goes up to thousands, so its logarithm."""
        if self._figure is Figure.SHARE:
            return found.share
        return math.log(found.excess) if found.excess > 1 else 0.0

    def _text(self, found: StageSpectrum) -> str:
        if self._figure is Figure.SHARE:
            return f"{100 * found.share:.2f} %"
        return DASH if math.isnan(found.excess) else excess_text(found.excess)

    def _largest(self) -> float:
        values = [self._value(stage) for result in self._results for stage in result.stages]
        return max([*values, 1e-12])


def short_titles(titles: Sequence[str]) -> list[str]:
    """Titles without the words that all of them begin with."""
    words = [title.split(" ") for title in titles]
    if len(words) < 2:
        return list(titles)
    common = 0
    while all(len(w) > common + 1 and w[common] == words[0][common] for w in words):
        common += 1
    return [" ".join(w[common:]) for w in words]


def excess_text(value: float) -> str:
    """An excess with three digits."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _tip(found: StageSpectrum) -> str:
    return (
        f"{found.stage}\n"
        f"Energy at the Nyquist frequency: {excess_text(found.excess)} times that of the frequencies just "
        f"below it, {100 * found.share:.2f} % of all.\n"
        f"Most in channel {found.channel}: {100 * found.channel_share:.1f} %."
    )


class _Bars(QStyledItemDelegate):
    """A bar below the number."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        part = index.data(_BAR_ROLE)
        if isinstance(part, float):
            box: QRect = option.rect
            palette: QPalette = option.palette
            track = QRect(box.left() + 4, box.bottom() - 4, box.width() - 8, 3)
            painter.fillRect(track, palette.color(QPalette.ColorRole.Midlight))
            track.setWidth(round(track.width() * min(1.0, max(0.0, part))))
            painter.fillRect(track, QColor(_BAR))


_BAR: Final = "#d55e00"
"""The same in both themes."""


class SpectraTable(QTableView):
    """Click a row to see its maps.

    Signals:
        row_chosen: The stride.
        opened: (id of the network, stage id) on a double click.
    """

    row_chosen = Signal(int)
    opened = Signal(str, str)

    def __init__(self, model: SpectraModel) -> None:
        super().__init__()
        self._figures = model
        self.setModel(model)
        self.setItemDelegate(_Bars(self))
        self.setAccessibleName("Checkerboard by stage and model")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(_STRIDE_WIDTH)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.clicked.connect(lambda index: self._choose(index.row()))
        self.doubleClicked.connect(self._open)
        model.modelReset.connect(self._set_widths)

    def mark(self, stride: int) -> None:
        """Select the row of a stride."""
        if stride in self._figures.strides:
            row = self._figures.strides.index(stride)
            if row != self.currentIndex().row():
                self.setCurrentIndex(self._figures.index(row, 0))

    def currentChanged(self, current: Any, previous: Any) -> None:
        """The arrow keys choose, too."""
        super().currentChanged(current, previous)
        if self.hasFocus() and current.isValid():
            self._choose(current.row())

    def _choose(self, row: int) -> None:
        if row < len(self._figures.strides):
            self.row_chosen.emit(self._figures.strides[row])

    def _open(self, index: Index) -> None:
        found, model = (
            self._figures.cell(index.row(), index.column()),
            self._figures.model_at(index.column()),
        )
        if found is not None and model is not None:
            self.opened.emit(model, found.stage)

    def _set_widths(self) -> None:
        header = self.horizontalHeader()
        if header.count():
            header.setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
            self.setColumnWidth(0, _STRIDE_WIDTH)
            columns = min(header.count() - 1, _COLUMNS_SEEN)
            self.setMinimumWidth(_STRIDE_WIDTH + columns * _LEAST_WIDTH + 2)
