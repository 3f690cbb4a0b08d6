"""The list of regions: size, a coloured square for each answer, what the annotation says."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from segstudio.core.schema import Color
from segstudio.ui.panels.disagreement.rows import (
    ANNOTATION,
    PIXELS,
    VOTES,
    VOTES_ROLE,
    RegionsModel,
)
from segstudio.ui.swatch import swatch

_ROW_HEIGHT, _ROWS_SEEN = 24, 2
_MANY = 5
"""So many models need room below the list."""
_SWATCH, _GAP = 14, 4
_PIXELS_WIDTH, _LEAST_VOTES_WIDTH = 72, 60
_Index = QModelIndex | QPersistentModelIndex


class RegionTable(QTableView):
    """Opens a region when its row is clicked or reached by the arrow keys.

    Signals:
        opened: Number of the region.
    """

    opened = Signal(int)

    def __init__(self, model: RegionsModel) -> None:
        super().__init__()
        self._regions = model
        self.setModel(model)
        self.setItemDelegateForColumn(VOTES, VotesDelegate(self))
        self.setAccessibleName("Regions on which the models differ")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabKeyNavigation(False)
        self.setIconSize(QSize(14, 14))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        self.setMinimumHeight(_ROW_HEIGHT * (_ROWS_SEEN + 1) + 4)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.resizeSection(PIXELS, _PIXELS_WIDTH)
        header.resizeSection(VOTES, _LEAST_VOTES_WIDTH)
        header.setSortIndicator(PIXELS, Qt.SortOrder.DescendingOrder)
        self.setSortingEnabled(True)
        self.clicked.connect(self._tell)
        self.activated.connect(self._tell)

    def show_models(self, count: int) -> None:
        """Give so many votes room."""
        few = count < _MANY
        self.setMinimumHeight(round(_ROW_HEIGHT * (_ROWS_SEEN + (1 if few else 0.5))) + 4)
        width = max(_LEAST_VOTES_WIDTH, count * (_SWATCH + _GAP) + 2 * _GAP)
        if self.horizontalHeader().sectionSize(VOTES) != width:
            self.horizontalHeader().resizeSection(VOTES, width)

    def show_opened(self, number: int) -> None:
        """Select the region that is looked at."""
        row = self._regions.row_of(number)
        if row < 0:
            self.clearSelection()
            self.setCurrentIndex(QModelIndex())
        elif self.currentIndex().row() != row or not self.selectionModel().hasSelection():
            self.setCurrentIndex(self._regions.index(row, ANNOTATION))
            self.selectRow(row)

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        """Keys go from region to region, and open them."""
        index = super().moveCursor(action, modifiers)
        self._tell(index)
        return index

    def _tell(self, index: QModelIndex) -> None:
        region = self._regions.region(index.row())
        if region is not None:
            self.opened.emit(region.number)


class VotesDelegate(QStyledItemDelegate):
    """Draws a square for each model, in the colour of the class that it says."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        super().paint(painter, option, index)
        colors: tuple[Color, ...] = index.data(VOTES_ROLE) or ()
        box: QRect = option.rect
        top = box.top() + (box.height() - _SWATCH) // 2
        for number, color in enumerate(colors):
            x = box.left() + _GAP + number * (_SWATCH + _GAP)
            if x + _SWATCH <= box.right():
                swatch(QColor(*color)).paint(painter, x, top, _SWATCH, _SWATCH)
