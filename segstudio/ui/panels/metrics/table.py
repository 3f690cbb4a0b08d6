"""The table of scores: as many columns as fit are seen without scrolling."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView

from segstudio.ui.panels.metrics.rows import COLUMNS, BarDelegate, MetricsModel

_NAME = 0
_SPARE = len(COLUMNS) - 1
"""The column that is left out where it does not fit; the tips of the one before tell it too."""
_LEAST_NAME = 84
_ROW_HEIGHT, _ROWS_SEEN = 26, 2
_PADDING = 4


class ScoreTable(QTableView):
    """Numbers get the room they need, the class names get the rest."""

    def __init__(self, model: MetricsModel) -> None:
        super().__init__()
        self.setModel(model)
        self.setItemDelegate(BarDelegate(self))
        self.setAccessibleName("Scores by class")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setIconSize(QSize(14, 14))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(30)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.setMinimumHeight(header.sizeHint().height() + _ROWS_SEEN * _ROW_HEIGHT)
        model.modelReset.connect(self.fit_columns)
        model.dataChanged.connect(self.fit_columns)

    def sizeHint(self) -> QSize:
        """No more than it must have: it takes what is left, and the panel need not scroll."""
        return QSize(super().sizeHint().width(), self.minimumHeight())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit_columns()

    def fit_columns(self) -> None:
        """Give every column its width."""
        header = self.horizontalHeader()
        needed = [
            max(header.sectionSizeHint(c), self.sizeHintForColumn(c)) + _PADDING
            for c in range(_NAME + 1, len(COLUMNS))
        ]
        room = self.viewport().width()
        name = room - sum(needed)
        self.setColumnHidden(_SPARE, name < _LEAST_NAME)
        if name < _LEAST_NAME:
            name = max(_LEAST_NAME, room - sum(needed[: _SPARE - 1]))
            needed.pop()
        for column, width in enumerate([name, *needed]):
            if header.sectionSize(column) != width:
                header.resizeSection(column, width)
