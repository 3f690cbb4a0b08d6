"""The shape trace: one row for every stage of the traced network, sortable, to copy and to save."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSortFilterProxyModel,
    Qt,
)
from PySide6.QtGui import QBrush, QColor, QKeyEvent, QKeySequence, QPainter, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFileDialog,
    QFrame,
    QHeaderView,
    QMenu,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from segstudio.app.inspecting import Inspecting
from segstudio.core.features import LayerInfo
from segstudio.core.formatting import DASH, bytes_text, count_text, short_text
from segstudio.core.shape_table import field_text, pixels_text, shape_csv
from segstudio.session.inspection import Traced
from segstudio.session.session import Change, Session, What
from segstudio.ui.icons import icon
from segstudio.ui.plain import plain

Index = QModelIndex | QPersistentModelIndex

_SORT_ROLE = Qt.ItemDataRole.UserRole
_SHARE_ROLE = Qt.ItemDataRole.UserRole + 1
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_ROW_HEIGHT = 24
_PADDING = 10
_BAR_ALPHA = 56


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        title: Its heading.
        tip: What it means.
        text: What a stage shows.
        value: What it is sorted by.
        is_share: A bar shows the part of the largest.
        is_number: Aligned right.
    """

    title: str
    tip: str
    text: Callable[[LayerInfo], str]
    value: Callable[[LayerInfo], Any]
    is_share: bool = False
    is_number: bool = True


def _field_area(layer: LayerInfo) -> float:
    field = layer.photo_field
    return -1.0 if field is None else float(field[0] * field[1])


COLUMNS: tuple[Column, ...] = (
    Column("Stage", "Name of the module whose result this is", lambda s: s.id, lambda s: s.id,
           is_number=False),
    Column("Role", "What the stage does", lambda s: s.role.value, lambda s: s.role.value,
           is_number=False),
    Column("H \u00d7 W", "Height and width of the result",
           lambda s: f"{s.shape[1]} \u00d7 {s.shape[2]}", lambda s: s.shape[1] * s.shape[2]),
    Column("Channels", "Channels of the result", lambda s: count_text(s.shape[0]),
           lambda s: s.shape[0]),
    Column("Stride", "Photo pixels per position",
           lambda s: pixels_text(s.photo_stride) if s.photo_stride else DASH,
           lambda s: s.photo_stride),
    Column("Parameters", "Weights between the stages before and this one",
           lambda s: count_text(s.parameters) if s.parameters else DASH, lambda s: s.parameters,
           is_share=True),
    Column("Multiply-adds", "For this image",
           lambda s: short_text(s.macs) if s.macs else DASH, lambda s: s.macs, is_share=True),
    Column("Receptive field",
           "Part of the photo, in its pixels, that a position can depend on; + means that some path "
           "reads the whole image besides",
           lambda s: field_text(s).replace(" x ", " \u00d7 "), _field_area),
    Column("Memory", "The activations as kept here (16 bits a value)", lambda s: bytes_text(s.nbytes),
           lambda s: s.nbytes, is_share=True),
    Column("Time", "In the traced forward pass", lambda s: f"{s.seconds * 1000:.1f} ms",
           lambda s: s.seconds, is_share=True),
)  # fmt: skip


class ShapeModel(QAbstractTableModel):
    """The stages of a trace."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.layers: tuple[LayerInfo, ...] = ()
        self._largest = [0.0] * len(COLUMNS)

    def show_layers(self, layers: tuple[LayerInfo, ...]) -> None:
        self.beginResetModel()
        self.layers = layers
        self._largest = [
            max((float(c.value(layer)) for layer in layers), default=0.0) if c.is_share else 0.0
            for c in COLUMNS
        ]
        self.endResetModel()

    def row_of(self, stage: str) -> int:
        """The row of a stage, -1 if there is none."""
        return next((i for i, layer in enumerate(self.layers) if layer.id == stage), -1)

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.layers)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        column = COLUMNS[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.tip
        if role == Qt.ItemDataRole.TextAlignmentRole and column.is_number:
            return _RIGHT
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        column, layer = COLUMNS[index.column()], self.layers[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            text = column.text(layer)
            return plain(text) if role == Qt.ItemDataRole.ToolTipRole else text
        if role == _SORT_ROLE:
            return column.value(layer)
        if role == _SHARE_ROLE:
            largest = self._largest[index.column()]
            return float(column.value(layer)) / largest if largest else None
        if role == Qt.ItemDataRole.TextAlignmentRole and column.is_number:
            return _RIGHT
        return None


class _ShareBars(QStyledItemDelegate):
    """A faint bar behind a number: its part of the column's largest."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        share = index.data(_SHARE_ROLE)
        if share:
            rect: QRect = option.rect.adjusted(2, 3, -2, -3)
            color = QColor(option.palette.color(QPalette.ColorRole.Highlight))
            color.setAlpha(_BAR_ALPHA)
            width = max(1, round(rect.width() * share))
            bar = QRect(rect.right() - width + 1, rect.top(), width, rect.height())
            painter.fillRect(bar, QBrush(color))
        super().paint(painter, option, index)


class ShapeTable(QTableView):
    """Click a heading to sort, a row to open the stage; Ctrl+C copies the selected rows."""

    def __init__(
        self, session: Session, inspecting: Inspecting, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._inspecting = session, inspecting
        self._traced: Traced | None = None
        self.rows = ShapeModel(self)
        self.sorted = QSortFilterProxyModel(self)
        self.sorted.setSourceModel(self.rows)
        self.sorted.setSortRole(_SORT_ROLE)
        self._set_up()
        self.clicked.connect(lambda _index: self._open())
        self.activated.connect(lambda _index: self._open())
        session.changed.connect(self._on_change)
        self._show()

    def _set_up(self) -> None:
        self.setModel(self.sorted)
        self.setItemDelegate(_ShareBars(self))
        self.setAccessibleName("Shape trace")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsMovable(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        # a third click brings the order of the forward pass back
        header.setSortIndicatorClearable(True)
        self.setSortingEnabled(True)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)

    # -- what it shows -------------------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        if change.what & (What.TRACE | What.INSPECTION):
            self._show()

    def _show(self) -> None:
        inspection = self._session.inspection
        if inspection.traced is not self._traced:
            self._traced = inspection.traced
            self.rows.show_layers(() if self._traced is None else self._traced.trace.layers)
            self._fit_columns()
        self._mark(inspection.stage)

    def _mark(self, stage: str) -> None:
        """Show which stage is opened."""
        row = self.rows.row_of(stage)
        if row < 0:
            self.clearSelection()
            return
        index = self.sorted.mapFromSource(self.rows.index(row, 0))
        if index.row() != self.currentIndex().row():
            self.setCurrentIndex(index)

    def _fit_columns(self) -> None:
        header = self.horizontalHeader()
        for column in range(len(COLUMNS)):
            width = max(header.sectionSizeHint(column), self.sizeHintForColumn(column))
            self.setColumnWidth(column, width + _PADDING)

    # -- what it does --------------------------------------------------------------------------

    def _open(self) -> None:
        index = self.sorted.mapToSource(self.currentIndex())
        if index.isValid():
            self._inspecting.open_stage(self.rows.layers[index.row()].id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ctrl+C copies; the arrows open the stage that they reach."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy(selected=True)
            return
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End):
            self._open()

    def contextMenuEvent(self, event: Any) -> None:
        menu = QMenu(self)
        copy = menu.addAction(icon("copy"), "Copy the table")
        save = menu.addAction(icon("download"), "Save the table as CSV…")
        for action in (copy, save):
            action.setEnabled(bool(self.rows.layers))
        chosen = menu.exec(event.globalPos())
        menu.deleteLater()
        if chosen is copy:
            self.copy()
        elif chosen is save:
            self.save()

    def copy(self, *, selected: bool = False) -> None:
        """Put the table (or its selected rows) on the clipboard, in the order shown."""
        layers = self.selected() if selected else self.shown()
        if layers:
            rest = None if selected or self._traced is None else self._traced.trace.remainder
            QApplication.clipboard().setText(shape_csv(layers, "\t", rest))

    def save(self) -> None:
        """Ask for a file and write the table as CSV, in the order shown."""
        path, _ = QFileDialog.getSaveFileName(
            self, "Save the shape trace", "shape-trace.csv", "CSV (*.csv)"
        )
        if path:
            self._inspecting.save_table(Path(path), self.shown())

    def shown(self) -> list[LayerInfo]:
        return [
            self.rows.layers[self.sorted.mapToSource(self.sorted.index(row, 0)).row()]
            for row in range(self.sorted.rowCount())
        ]

    def selected(self) -> list[LayerInfo]:
        """The selected stages in the order shown."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        shown = self.shown()
        return [shown[row] for row in rows]
