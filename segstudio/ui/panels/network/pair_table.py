"""Two networks' stages in rows of equal stride, each with its picture and its best partner."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView

from segstudio.app.stage_similarity import StageSimilarity
from segstudio.core.alignment import AlignedStages
from segstudio.core.features import LayerInfo
from segstudio.core.formatting import DASH
from segstudio.session.inspection import Traced
from segstudio.ui.plain import plain

Index = QModelIndex | QPersistentModelIndex
PICTURE: Final = QSize(44, 44)
_ROW_HEIGHT: Final = 48
_STRIDE, _FIRST, _SECOND, _CKA, _PARTNER = range(5)
_TIPS: Final = {
    _STRIDE: "Pixels of the network's input per position; ↓ on the way down, ↑ on the way up",
    _CKA: "Linear CKA of the two stages of this row: 1 alike, about 0 unrelated",
    _PARTNER: "The stage of the second network that is most like the first one's in this row",
}


@dataclass(frozen=True, eq=False)
class Pair:
    """What the table shows: two traced networks, and how alike their stages are if known."""

    first: Traced
    second: Traced
    rows: tuple[AlignedStages, ...]
    similarity: StageSimilarity | None


class PairModel(QAbstractTableModel):
    """One row for two stages of the same stride.

    Signals:
        wanted: (whether of the first network, stage id) whose picture is asked for.
    """

    wanted = Signal(bool, str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.pair: Pair | None = None
        self._pictures: dict[tuple[bool, str], QIcon] = {}
        self._asked: set[tuple[bool, str]] = set()

    def show_pair(self, pair: Pair | None) -> None:
        """Show other networks, or other figures of the same."""
        before, same = self.pair, False
        if before is not None and pair is not None:
            same = before.first is pair.first and before.second is pair.second
        if same:
            self.pair = pair
            self._changed()
            return
        self.beginResetModel()
        self.pair = pair
        self._pictures.clear()
        self._asked.clear()
        self.endResetModel()

    def forget_pictures(self) -> None:
        """The pictures are to look otherwise now: ask again."""
        self._asked.clear()
        self._changed()

    def put_picture(self, is_first: bool, stage: str, pixmap: QPixmap) -> None:
        self._pictures[is_first, stage] = QIcon(pixmap)
        self._changed()

    def stage_at(self, row: int, *, is_first: bool) -> LayerInfo | None:
        """The stage of one of the networks in a row."""
        if self.pair is None:
            return None
        aligned = self.pair.rows[row]
        stage = aligned.first if is_first else aligned.second
        traced = self.pair.first if is_first else self.pair.second
        return None if stage is None else traced.trace.layer(stage)

    def pair_at(self, row: int) -> tuple[str, str] | None:
        """The two stages that a row is about: its own, or the best partner of the first."""
        first = self.stage_at(row, is_first=True)
        second = self.stage_at(row, is_first=False)
        if first is not None and second is not None:
            return first.id, second.id
        partner = None if first is None else self._partner(first)
        return None if first is None or partner is None else (first.id, partner)

    def rowCount(self, parent: Index | None = None) -> int:
        inside = parent is not None and parent.isValid()
        return 0 if inside or self.pair is None else len(self.pair.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else 5

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or self.pair is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            names = ("Stride", self.pair.first.title, self.pair.second.title, "CKA", "Most similar")
            return names[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return _TIPS.get(section, "")
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self.pair is None or not index.isValid():
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            text = _TEXTS[index.column()](self, index.row())
            return plain(text) if role == Qt.ItemDataRole.ToolTipRole else text
        if role == Qt.ItemDataRole.DecorationRole and index.column() in (_FIRST, _SECOND):
            return self._picture(index.row(), is_first=index.column() == _FIRST)
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() in (_STRIDE, _CKA):
            return Qt.AlignmentFlag.AlignCenter
        return None

    def _picture(self, row: int, *, is_first: bool) -> QIcon | None:
        layer = self.stage_at(row, is_first=is_first)
        if layer is None:
            return None
        key = (is_first, layer.id)
        if key not in self._asked:  # only what is seen is asked for
            self._asked.add(key)
            self.wanted.emit(*key)
        return self._pictures.get(key)

    def _changed(self) -> None:
        if self.rowCount():
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, 4))

    def _stride_text(self, row: int) -> str:
        assert self.pair is not None
        aligned = self.pair.rows[row]
        return f"{aligned.stride} {'↓' if aligned.down else '↑'}"

    def _stage_text(self, row: int, *, is_first: bool) -> str:
        layer = self.stage_at(row, is_first=is_first)
        if layer is None:
            return ""
        channels, height, width = layer.shape
        return f"{layer.id}\n{channels} \u00d7 {height} \u00d7 {width}"

    def _value_text(self, row: int) -> str:
        first = self.stage_at(row, is_first=True)
        second = self.stage_at(row, is_first=False)
        if first is None or second is None or self.pair is None or self.pair.similarity is None:
            return ""
        value = self.pair.similarity.value(first.id, second.id)
        return DASH if math.isnan(value) else f"{value:.2f}"

    def _partner_text(self, row: int) -> str:
        first = self.stage_at(row, is_first=True)
        partner = None if first is None else self._partner(first)
        if first is None or partner is None or self.pair is None or self.pair.similarity is None:
            return ""
        return f"{partner}\n{self.pair.similarity.value(first.id, partner):.2f}"

    def _partner(self, first: LayerInfo) -> str | None:
        similarity = None if self.pair is None else self.pair.similarity
        return None if similarity is None else similarity.partner(first.id)


_TEXTS: Final[dict[int, Callable[[PairModel, int], str]]] = {
    _STRIDE: PairModel._stride_text,  # noqa: SLF001 - a table of the class's own methods
    _FIRST: lambda model, row: model._stage_text(row, is_first=True),  # noqa: SLF001
    _SECOND: lambda model, row: model._stage_text(row, is_first=False),  # noqa: SLF001
    _CKA: PairModel._value_text,  # noqa: SLF001
    _PARTNER: PairModel._partner_text,  # noqa: SLF001
}


class PairTable(QTableView):
    """Click a row to look at its two stages.

    Signals:
        opened: (stage of the first, stage of the second).
    """

    opened = Signal(str, str)

    def __init__(self, model: PairModel) -> None:
        super().__init__()
        self._pairs = model
        self.setModel(model)
        self.setAccessibleName("Stages aligned by stride")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setIconSize(PICTURE)
        self.setTabKeyNavigation(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setMinimumSectionSize(48)
        for column in (_FIRST, _SECOND, _PARTNER):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        for column in (_STRIDE, _CKA):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            self.setColumnWidth(column, 56)
        self.clicked.connect(lambda index: self._open(index.row()))
        self.activated.connect(lambda index: self._open(index.row()))

    def _open(self, row: int) -> None:
        pair = self._pairs.pair_at(row)
        if pair is not None:
            self.opened.emit(*pair)
