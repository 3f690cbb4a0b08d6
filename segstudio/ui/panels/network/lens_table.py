"""What the head would say from each stage: a small table; a click opens the stage."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from segstudio.app.explanations import LensRow
from segstudio.core.formatting import DASH, percent_text, ratio_text
from segstudio.ui.plain import plain

_COLUMNS = ("Stage", "Agrees", "Mean IoU", "Class IoU")
_TIPS = (
    "A stage that the head can read has as many channels as the head expects",
    "Share of the pixels on which the head says from this stage what the network says",
    "Of what the head says from this stage, against the annotation",
    "Of the class that is asked about",
)


class LensTable(QTableWidget):
    """Stages on the way to the head.

    Signals:
        chosen: Id of the stage that was clicked.
    """

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__(0, len(_COLUMNS))
        self.setAccessibleName("Logit lens by stage")
        self.setHorizontalHeaderLabels(list(_COLUMNS))
        for column, tip in enumerate(_TIPS):
            item = self.horizontalHeaderItem(column)
            if item is not None:
                item.setToolTip(plain(tip))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(22)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        self.cellClicked.connect(self._clicked)
        self.cellActivated.connect(self._clicked)

    def show_rows(self, rows: Sequence[LensRow], class_id: int | None) -> None:
        """Show the stages; `class_id` is the folder's class whose IoU is shown, or None."""
        self.clearContents()
        self.clearSpans()
        self.setRowCount(len(rows))
        for index, row in enumerate(rows):
            for column, text in enumerate(_texts(row, class_id)):
                item = QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                if row.view is None:
                    item.setFlags(Qt.ItemFlag.NoItemFlags)
                    item.setForeground(self.palette().color(QPalette.ColorRole.PlaceholderText))
                item.setData(Qt.ItemDataRole.UserRole, row.stage)
                self.setItem(index, column, item)
            if row.view is None:
                self.setSpan(index, 1, 1, len(_COLUMNS) - 1)
        frame = 2 * self.frameWidth()
        header = self.horizontalHeader().sizeHint().height()
        self.setFixedHeight(header + 22 * max(1, len(rows)) + frame)

    def _clicked(self, row: int, _column: int) -> None:
        item = self.item(row, 0)
        if item is not None and item.flags() & Qt.ItemFlag.ItemIsEnabled:
            self.chosen.emit(str(item.data(Qt.ItemDataRole.UserRole)))


def _texts(row: LensRow, class_id: int | None) -> tuple[str, ...]:
    if row.view is None:
        return (row.stage, f"{row.channels} channels: not the head's")
    metrics = row.view.metrics
    if metrics is None:
        return (row.stage, percent_text(row.view.agreement), DASH, DASH)
    own = math.nan
    if class_id in metrics.class_ids:
        own = float(metrics.iou[metrics.class_ids.index(class_id)])
    return (
        row.stage, percent_text(row.view.agreement), ratio_text(metrics.mean_iou), ratio_text(own),
    )  # fmt: skip
