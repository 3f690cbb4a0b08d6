"""Ways of upsampling compared: the checkerboard measure, and what it is seen by."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Final

from PySide6.QtCore import QModelIndex, QSize, Qt
from PySide6.QtGui import QAction, QColor, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QMenu,
    QProgressBar,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.formatting import DASH, counted, percent_text
from segstudio.core.series_colors import VERMILION
from segstudio.core.short_names import TITLE_CUTS, shared_parts
from segstudio.inspection.checkerboards import MeasuredStages, ModelSpectra, StageSpectrum
from segstudio.inspection.ui.spectra_view import ShownSpectrum, SpectraView
from segstudio.inspection.ui.watched_page import WatchedPage
from segstudio.inspection.upsampling import Upsampling, UpsamplingState
from segstudio.kit.empty import EmptyState, Switch
from segstudio.kit.plain import FaintLabel, in_menu, plain
from segstudio.kit.table import TableView
from segstudio.kit.table_model import Column, Side, TableModel
from segstudio.session.session import Session, What


class CheckerboardFigure(StrEnum):
    """Which number is shown."""

    EXCESS = "excess"
    SHARE = "share"


_PLACES: Final = (
    ("After the stage", MeasuredStages.OUTPUT, "In the result of each decoder stage"),
    (
        "After upsampling",
        MeasuredStages.UPSAMPLED,
        "In what comes from below where a skip joins, before the convolutions smooth it",
    ),
)
_FIGURES: Final = (
    (
        "Excess",
        CheckerboardFigure.EXCESS,
        "Energy at the Nyquist frequency over that just below it: 1 is none",
    ),
    ("Share", CheckerboardFigure.SHARE, "Part of all energy that lies at the Nyquist frequency"),
)
_STRONGEST: Final = (
    ("Mean", False, "Mean of the channels"),
    ("Worst channel", True, "The channel with the largest part at the Nyquist frequency"),
)
_STRIDE_WIDTH, _LEAST_WIDTH, _COLUMNS_SEEN = 48, 62, 4
_BAR: Final = QColor(VERMILION)
"""The same in both themes."""
_SHARES: Final = (4, 6)
"""How the table and the pictures share the room."""
_BESIDE_FROM: Final = 1.3
"""Width to height from which the pictures stand beside the table."""
_NOTHING: Final = "Choose models to compare."
_HELP: Final = (
    "A checkerboard is energy at the Nyquist frequency, the finest a map can hold: light at the "
    "border of the spectrum. 1 is none."
)


class UpsamplingPage(WatchedPage):
    """A table of stages and models with bars; the chosen row's maps and spectra beside it."""

    kinds = What.TRACE | What.INSPECTION | What.MODELS

    def __init__(
        self, session: Session, upsampling: Upsampling, parent: QWidget | None = None
    ) -> None:
        super().__init__(session, upsampling.watch, parent)
        self._upsampling = upsampling
        self.models = QPushButton("Models")
        self.menu = QMenu(self.models)
        self.measured = _combo("Where the checkerboard is measured", _PLACES)
        self.figure = _combo("Which measure", _FIGURES)
        self.pictures = _combo("Which picture of the stage", _STRONGEST)
        self.progress = QProgressBar()
        self.strides: TableModel[int] = TableModel((), lambda stride: stride, self)
        self.table = TableView(self.strides, "Checkerboard by stage and model", row_height=28)
        self.view = SpectraView()
        self.note = FaintLabel()
        self._lay_out()
        self._connect()
        self._show()

    def _lay_out(self) -> None:
        self.models.setMenu(self.menu)
        self.models.setToolTip("The models to compare")
        self.menu.setToolTipsVisible(True)
        self.progress.setTextVisible(False)
        self.progress.setFixedSize(QSize(64, 8))
        self.progress.setRange(0, 0)
        self.progress.setAccessibleName("Measuring")
        row = QHBoxLayout()
        row.setSpacing(6)
        for widget in (self.models, self.measured, self.figure, self.pictures):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self.progress)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setChildrenCollapsible(False)
        for part, share in zip((self.table, self.view), _SHARES, strict=True):
            self.splitter.addWidget(part)
            self.splitter.setStretchFactor(self.splitter.count() - 1, share)
        self._empty = EmptyState(_NOTHING)
        holder = QWidget()
        self._switch = Switch(self._empty, self.splitter)
        holder.setLayout(self._switch)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(holder, 1)
        column.addWidget(self.note)

    def _connect(self) -> None:
        upsampling = self._upsampling
        self.menu.aboutToShow.connect(self._fill_menu)
        self.menu.triggered.connect(self._choose_models)
        self.measured.activated.connect(
            lambda: upsampling.measure_at(MeasuredStages(self.measured.currentData()))
        )
        self.figure.activated.connect(self._show)
        self.pictures.activated.connect(self._show)
        self.table.reached.connect(upsampling.look_at)
        self.table.doubleClicked.connect(self._open)
        self.table.verbs = lambda _row: [
            ("layers", "Open the stage", lambda: self._open(self.table.currentIndex()))
        ]
        self._session.changed.connect(self._on_change)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the pictures below the table where the page is upright."""
        super().resizeEvent(event)
        upright = self.width() < _BESIDE_FROM * self.height()
        wanted = Qt.Orientation.Vertical if upright else Qt.Orientation.Horizontal
        if self.splitter.orientation() != wanted:
            self.splitter.setOrientation(wanted)
            self.splitter.setSizes([100 * share for share in _SHARES])

    def _show(self) -> None:
        state = self._upsampling.state
        self.progress.setVisible(state.running)
        self.measured.setCurrentIndex(self.measured.findData(state.measured))
        columns = spectra_columns(state, CheckerboardFigure(self.figure.currentData()))
        self.strides.show_rows(state.strides, columns)
        self.table.choose(state.shown_stride)
        seen = min(len(state.results), _COLUMNS_SEEN)
        self.table.setMinimumWidth(_STRIDE_WIDTH + seen * _LEAST_WIDTH + 2)
        names = _own_titles(state)
        self.view.show_columns(
            [self._column(result, name) for result, name in zip(state.results, names, strict=True)]
        )
        count = len(self._upsampling.models)
        self.models.setText(counted(count, "model"))
        self._switch.show_contents(bool(state.results), self._why_nothing())
        said = [f"{result.title}: {result.problem}." for result in state.results if result.problem]
        self.note.setText("\n".join([state.problem, *said] if state.problem else said) or _HELP)

    def _open(self, index: QModelIndex) -> None:
        """Open the stage of a cell in its network."""
        stride, results = self.table.row_at(index), self._upsampling.state.results
        if stride is not None and 0 < index.column() <= len(results):
            result = results[index.column() - 1]
            found = result.at(stride)
            if found is not None:
                self._upsampling.open_stage(result.model, found.stage)

    def _why_nothing(self) -> str:
        state = self._upsampling.state
        if state.running:
            return "Measuring…"
        return state.problem or _NOTHING

    def _column(self, result: ModelSpectra, name: str) -> ShownSpectrum:
        found = result.at(self._upsampling.state.shown_stride)
        if found is None:
            return ShownSpectrum(name, result.problem or "no stage of this stride")
        upsampled = self._upsampling.state.measured is MeasuredStages.UPSAMPLED
        place = f"into {found.stage}" if upsampled else found.stage
        if self.pictures.currentData():
            caption = f"{place}, channel {found.channel}"
            return ShownSpectrum(name, caption, found.strongest, found.spectrum)
        return ShownSpectrum(name, f"{place}, mean", found.mean, found.spectrum)

    def _fill_menu(self) -> None:
        self.menu.clear()
        chosen = self._upsampling.models
        for spec in self._session.models.values():
            if spec.id not in self._session.model.available:
                continue
            action = QAction(in_menu(spec.title), self.menu)
            action.setCheckable(True)
            action.setChecked(spec.id in chosen)
            action.setData(spec.id)
            action.setToolTip(plain(spec.description))
            self.menu.addAction(action)

    def _choose_models(self, _action: QAction) -> None:
        self._upsampling.choose_models(
            str(action.data()) for action in self.menu.actions() if action.isChecked()
        )


def _combo(name: str, entries: tuple[tuple[str, object, str], ...]) -> QComboBox:
    combo = QComboBox()
    combo.setAccessibleName(name)
    combo.setToolTip(name)
    for row, (text, data, tip) in enumerate(entries):
        combo.addItem(text, data)
        combo.setItemData(row, plain(tip), Qt.ItemDataRole.ToolTipRole)
    return combo


def spectra_columns(state: UpsamplingState, figure: CheckerboardFigure) -> list[Column[int]]:
    """A column of numbers with bars for each network; rows are strides."""

    def measure(stage: StageSpectrum) -> float:
        # an excess goes up to thousands, so its logarithm
        if figure is CheckerboardFigure.SHARE:
            return stage.share
        return math.log(stage.excess) if stage.excess > 1 else 0.0

    largest = max([measure(s) for result in state.results for s in result.stages] + [1e-12])

    def column(result: ModelSpectra, title: str) -> Column[int]:
        def text(stride: int) -> str:
            stage = result.at(stride)
            if stage is None or (figure is CheckerboardFigure.EXCESS and math.isnan(stage.excess)):
                return DASH
            share = figure is CheckerboardFigure.SHARE
            return percent_text(stage.share, 2) if share else excess_text(stage.excess)

        def tip(stride: int) -> str:
            stage = result.at(stride)
            return (result.problem or "No stage of this stride") if stage is None else _tip(stage)

        def bar(stride: int) -> float:
            stage = result.at(stride)
            return math.nan if stage is None else measure(stage) / largest

        head = f"{result.title}: {result.problem}" if result.problem else result.title
        return Column(
            title, text, head, cell_tip=tip, side=Side.RIGHT, bar=bar,
            bar_color=lambda _stride: _BAR, stretch=_LEAST_WIDTH,
        )  # fmt: skip

    names = _own_titles(state)
    tip = "Pixels of the network's input per position"
    return [
        Column("Stride", str, tip, sample="Stride"),
        *(column(result, name) for result, name in zip(state.results, names, strict=True)),
    ]


def _own_titles(state: UpsamplingState) -> list[str]:
    """Titles of the models without what all of them share."""
    titles = [result.title for result in state.results]
    shared = shared_parts(titles, TITLE_CUTS)
    return [shared.own(title) for title in titles]


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
