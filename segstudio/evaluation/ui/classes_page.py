"""What each model is good at: figures by class, and where two models differ for sure."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.schema import LabelSchema
from segstudio.evaluation.evaluating import Evaluating
from segstudio.evaluation.ui.class_rows import ClassRow, class_columns
from segstudio.evaluation.ui.image_gathering import heads_of
from segstudio.evaluation.ui.pair_bar import PairBar
from segstudio.evaluation.ui.pair_choice import PairChoice
from segstudio.evaluation.ui.pair_plot import PairPlot
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.plain import PlainLabel, plain
from segstudio.kit.table import TableView
from segstudio.kit.table_model import UNSORTED, TableModel
from segstudio.metrics.image_figures import figures_at
from segstudio.metrics.measure import AnyFigure, Where
from segstudio.session.session import Change, Session, What

_EVERY_S = 0.25
_SHARES = (58, 42)
_FIRST_RUN = 2
"""The column of the first model."""


class ClassesPage(QWidget):
    """A table of classes and models; the differences of two models beside it.

    Signals:
        class_requested: str model, int class: list the images by it.
    """

    class_requested = Signal(str, int)

    def __init__(
        self,
        session: Session,
        evaluating: Evaluating,
        pair: PairChoice,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._pair = session, pair
        self._table = evaluating.table
        first = figures_at(Where.CLASSES)[0]
        self.model = TableModel(class_columns((), first), lambda row: row.class_id, self)
        self.table = TableView(self.model, "Figures by class", sorting=UNSORTED)
        self.figure = QComboBox()
        self.pair_bar = PairBar(evaluating.table, pair)
        self.differences = PairPlot(session, evaluating.table, pair)
        self._lay_out()
        self._refresh = Coalescer(self, self._show, _EVERY_S)
        self.figure.activated.connect(self._show)
        self.table.activated.connect(self._open)
        self.table.verbs = lambda _row: [("images", "List its images, the worst first", self._open)]
        session.changed.connect(self._on_change)
        pair.changed.connect(self._refresh.request)
        self._show()

    def copied(self) -> str:
        """What the table shows, for the clipboard."""
        return self.model.text(self.model.rows)

    def _lay_out(self) -> None:
        self.figure.setAccessibleName("Figure by class")
        self.figure.setToolTip("Which figure is shown")
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectItems)
        # from the outside in: what gets another parent is styled anew with all that is in it
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setChildrenCollapsible(False)
        whole.addWidget(self.splitter)
        left, right = QWidget(), QWidget()
        for part, share in zip((left, right), _SHARES, strict=True):
            self.splitter.addWidget(part)
            self.splitter.setStretchFactor(self.splitter.count() - 1, share)
        self.splitter.setSizes([10 * share for share in _SHARES])
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        top = QHBoxLayout()
        top.setContentsMargins(8, 6, 8, 0)
        column.addLayout(top)
        top.addWidget(PlainLabel("Show"))
        top.addWidget(self.figure)
        top.addStretch(1)
        column.addWidget(self.table, 1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QVBoxLayout(right)
        column.setContentsMargins(10, 6, 8, 4)
        column.addWidget(self.pair_bar)
        column.addWidget(scroll, 1)
        scroll.setWidget(self.differences)

    def _on_change(self, change: Change) -> None:
        if change.what & (What.EVALUATION | What.SCHEMA):
            self._refresh.request()

    def _show(self) -> None:
        figure = self._fill_figures()
        self.model.show_rows(self._rows(figure), class_columns(heads_of(self._table), figure))
        self.pair_bar.refresh()
        self.differences.refresh()

    def _fill_figures(self) -> AnyFigure:
        """Offer the figures that were counted; returns the chosen one."""
        table = self._table
        known = {key for run in table.runs for key in table.class_figures(run)}
        every = figures_at(Where.CLASSES)
        figures = [figure for figure in every if figure.key in known] or [every[0]]
        if [self.figure.itemData(i) for i in range(self.figure.count())] != figures:
            chosen = self.figure.currentData()
            self.figure.clear()
            for row, figure in enumerate(figures):
                self.figure.addItem(figure.name, figure)
                self.figure.setItemData(row, plain(figure.tip), Qt.ItemDataRole.ToolTipRole)
            self.figure.setCurrentIndex(figures.index(chosen) if chosen in figures else 0)
        return figures[max(0, self.figure.currentIndex())]

    def _rows(self, figure: AnyFigure) -> list[ClassRow]:
        table = self._table
        figures = {run: table.class_figures(run) for run in table.runs}
        nothing = np.full(len(table.class_ids), np.nan)
        folders = (table.folder(run) for run in table.runs)
        metrics = next((folder.metrics for folder in folders if folder is not None), None)
        shares = nothing if metrics is None else metrics.truth_pixels / max(1, metrics.total)
        return [
            ClassRow(
                class_id,
                table.schema.name_of(class_id),
                _color(table.schema, class_id),
                float(shares[place]),
                {run: float(f.get(figure.key, nothing)[place]) for run, f in figures.items()},
            )
            for place, class_id in enumerate(table.class_ids)
        ]

    def _open(self) -> None:
        """Ask for the images of the class that was double-clicked."""
        index = self.table.currentIndex()
        row = self.model.rows[index.row()]
        runs = self._table.runs
        if runs:
            place = index.column() - _FIRST_RUN
            self.class_requested.emit(runs[place if place >= 0 else 0], row.class_id)


def _color(schema: LabelSchema, class_id: int) -> QColor:
    found = schema.get(class_id)
    return QColor(128, 128, 128) if found is None else QColor(*found.color)
