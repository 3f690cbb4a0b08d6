"""What the panel's tables of figures have in common: their manners and their bars."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionHeader,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from segstudio.ui.panels.evaluation.figure_rows import BAR_ROLE, COLOR_ROLE, Index

_ROW_HEIGHT = 24
_PADDING = 4
_ROWS_MEASURED = 40
"""So many rows decide how wide a column is; all of them would take long."""
_ARROW, _MOST_HEAD = 26, 138
_ARROW_ROOM = "\u2003"
"""As wide as the arrow."""
_LEAST_NAME, _MOST_NAME, _MOST_SPARE = 110, 200, 40


class BarDelegate(QStyledItemDelegate):
    """Draws a thin bar in the model's colour under a figure between 0 and 1."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        value, color = index.data(BAR_ROLE), index.data(COLOR_ROLE)
        if not isinstance(value, float):
            return
        box: QRect = option.rect
        palette: QPalette = option.palette
        track = QRect(box.left() + 6, box.bottom() - 3, box.width() - 12, 2)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        ground = palette.color(QPalette.ColorRole.Midlight)
        painter.fillRect(track, _faded(ground) if selected else ground)
        track.setWidth(round(track.width() * min(1.0, max(0.0, value))))
        mark = color if isinstance(color, QColor) else palette.color(QPalette.ColorRole.Mid)
        painter.fillRect(track, palette.color(QPalette.ColorRole.BrightText) if selected else mark)


def _faded(color: QColor) -> QColor:
    faint = QColor(color)
    faint.setAlpha(90)
    return faint


class _Head(QHeaderView):
    """Keeps the arrow of the order clear of the text; Fusion draws it over the end of one."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setSectionsClickable(True)

    def initStyleOptionForIndex(self, option: QStyleOptionHeader, logicalIndex: int) -> None:
        """Leave room for the arrow where there is one."""
        super().initStyleOptionForIndex(option, logicalIndex)
        if self.isSortIndicatorShown() and self.sortIndicatorSection() == logicalIndex:
            option.text += _ARROW_ROOM


class ScoreTable(QTableView):
    """Rows of figures: numbers get the room they need, the first column what is left."""

    def __init__(self, model: QAbstractItemModel, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setItemDelegate(BarDelegate(self))
        self.setAccessibleName(name)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabKeyNavigation(False)
        self.setIconSize(QSize(14, 14))
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        header = _Head(self)
        self.setHorizontalHeader(header)
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setResizeContentsPrecision(_ROWS_MEASURED)
        self._fitted: tuple[bool, tuple[str, ...]] = (False, ())
        model.modelReset.connect(self._on_reset)

    def _on_reset(self) -> None:
        """Fit the columns if they are others now, or have rows for the first time."""
        shown = self.model().rowCount() > 0, self._heads()
        if shown != self._fitted:
            self._fitted = shown
            self.fit_columns()

    def _heads(self) -> tuple[str, ...]:
        model = self.model()
        columns = range(model.columnCount())
        return tuple(str(model.headerData(c, Qt.Orientation.Horizontal)) for c in columns)

    def fit_columns(self) -> None:
        """Give every column the room that its text needs, and some of what is left over."""
        widths = [
            max(self._head_width(column), self.sizeHintForColumn(column) + _PADDING)
            for column in range(self.model().columnCount())
        ]
        if not widths:
            return
        widths[0] = min(_MOST_NAME, max(_LEAST_NAME, widths[0]))
        spare = max(0, self.viewport().width() - sum(widths))
        more = min(_MOST_SPARE, spare // len(widths))
        for column, width in enumerate(widths):
            self.setColumnWidth(column, width + more)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.fit_columns()

    def _head_width(self, column: int) -> int:
        """Of the head's text, with the arrow of the order."""
        text = str(self.model().headerData(column, Qt.Orientation.Horizontal))
        return min(_MOST_HEAD, self.fontMetrics().horizontalAdvance(text) + _ARROW)

    def whole_height(self) -> int:
        """How high it is with all its rows."""
        bar = self.horizontalScrollBar()
        extra = bar.sizeHint().height() if bar.maximum() > 0 else 0
        rows = sum(self.rowHeight(row) for row in range(self.model().rowCount()))
        return self.horizontalHeader().sizeHint().height() + rows + extra + 2
