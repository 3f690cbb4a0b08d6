"""Which model is right: models and their figures, and what the figures say in words."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from segstudio.app.evaluating import Evaluating
from segstudio.app.segmenting import Segmenting
from segstudio.core.image_figures import leading_first, values_of_counts
from segstudio.core.measure import Where
from segstudio.session.session import Change, Session, What
from segstudio.ui.coalesce import Coalescer
from segstudio.ui.panels.evaluation import words
from segstudio.ui.panels.evaluation.distribution import DistributionView
from segstudio.ui.panels.evaluation.figure_rows import (
    OVER_IMAGES,
    FigureModel,
    FigureRow,
    table_text,
)
from segstudio.ui.panels.evaluation.image_gathering import gathered
from segstudio.ui.panels.evaluation.pair_bar import PairBar
from segstudio.ui.panels.evaluation.pair_choice import PairChoice
from segstudio.ui.panels.evaluation.pair_plot import PairPlot
from segstudio.ui.panels.evaluation.run_colors import run_color
from segstudio.ui.panels.evaluation.score_table import ScoreTable
from segstudio.ui.plain import PlainLabel

_EVERY_S = 0.25
_KEYS = (*(figure.key for figure in leading_first(Where.FOLDER)), *OVER_IMAGES.values())
_LEAST_CHART, _MOST_CHART = 190, 420
_NO_LIMIT = 16_777_215
"""Qt's."""
_COUNTING = "Counting how sure the difference is…"
_LATER = "How sure the difference is will be told when all images are through."
_NO_SCORES = (
    "There is no ground truth to measure against: choose a ground truth folder (File menu), or "
    "paint. Where the models differ and where they hesitate is in “Images” and “Queue” all the "
    "same."
)


class ResultsPage(QWidget):
    """The table of models; below it the comparison of two and the accuracy trap.

    Signals:
        range_requested: `ValueRange` of the figure that images are judged by: list these; None
            for all.
    """

    range_requested = Signal(object)

    def __init__(
        self, session: Session, evaluating: Evaluating, segmenting: Segmenting, pair: PairChoice
    ) -> None:
        super().__init__()
        self._session, self._segmenting, self._pair = session, segmenting, pair
        self._table = evaluating.table
        self.model = FigureModel(self)
        self.differences = PairPlot(session, evaluating.table, pair)
        self.distribution = DistributionView()
        self.overview = QWidget()
        self.table = ScoreTable(self.model, "Models and their figures")
        self.pair_bar = PairBar(evaluating.table, pair)
        self.verdict = _text("Comparison of two models")
        self.ranking = _text("Which model is best at what")
        self.trap = _text("What a guess would score")
        self.notes = _text("Notes on the figures")
        self.notes.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._lay_out()
        self._refresh = Coalescer(self, self._show, _EVERY_S)
        self.table.selectionModel().selectionChanged.connect(self._on_selection)
        self.table.doubleClicked.connect(self._choose_model)
        self._refit = Coalescer(self, self._fit, 0.0)
        self.table.horizontalScrollBar().rangeChanged.connect(self._refit.request)
        self.distribution.range_chosen.connect(self.range_requested)
        session.changed.connect(self._on_change)
        pair.changed.connect(self._refresh.request)
        self._show()

    def copied(self) -> str:
        """What the table shows, for the clipboard."""
        return table_text(self.model)

    def _lay_out(self) -> None:
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
        self._contents = QWidget()
        column = QVBoxLayout(self._contents)
        column.setContentsMargins(0, 0, 0, 6)
        column.setSpacing(6)
        column.addWidget(self.table)
        below = QVBoxLayout()
        below.setContentsMargins(10, 0, 10, 0)
        below.setSpacing(6)
        # in a row of its own: a layout is as wide as the narrowest limit in it, and would reckon
        # with the lines that the words take at that width
        bar = QHBoxLayout()
        bar.addWidget(self.pair_bar, 1000)
        bar.addStretch(1)
        below.addLayout(bar)
        self.pair_bar.setMaximumWidth(760)
        for words_of in (self.verdict, self.ranking, self.trap, self.notes):
            below.addWidget(words_of)
        column.addLayout(below)
        column.addStretch(1)
        self._scroll = scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self._contents)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll)
        whole.addWidget(self._make_overview(), 1)

    def _make_overview(self) -> QWidget:
        """What there is room for in a large window: differences by class, and the images."""
        row = QHBoxLayout(self.overview)
        row.setContentsMargins(10, 12, 10, 4)
        row.setSpacing(24)
        title = PlainLabel("Where the two models differ")
        self._images_title = PlainLabel()
        self._pair_part = _titled(title, self.differences)
        row.addWidget(self._pair_part, 1)
        row.addWidget(_titled(self._images_title, self.distribution), 1)
        self.distribution.setMaximumHeight(_MOST_CHART)
        self.overview.hide()
        return self.overview

    def _on_change(self, change: Change) -> None:
        if change.what & (What.EVALUATION | What.SCHEMA | What.MODELS):
            self._refresh.request()

    def _show(self) -> None:
        self.model.show_rows(self._rows(), has_background=self._table.has_background)
        self.pair_bar.refresh()
        table = self._table
        notes = [
            words.fairness_text(table),
            words.unscored_text(table),
            words.objects_text(table),
        ]
        for label, text in (
            (self.verdict, self._verdict()),
            (self.ranking, words.ranking_text(table)),
            (self.trap, words.trap_text(table) or self._why_no_scores()),
            (self.notes, " ".join(note for note in notes if note)),
        ):
            label.setText(text)
            label.setVisible(bool(text))
        self.differences.refresh()
        lead = leading_first(Where.IMAGES, has_background=table.has_background)[0]
        images = gathered(table, lead)
        self._images_title.setText(f"Images by {words.lead_name(table)}")
        self.distribution.show_values(images.figure, images.heads, images.values)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Words take more lines where it is narrow."""
        super().resizeEvent(event)
        self._fit()
        self._refit.request()  # the table knows only then whether it needs its scroll bar

    def _fit(self) -> None:
        """Keep the contents as high as their words need, and show charts where there is room."""
        self.table.setFixedHeight(self.table.whole_height())
        layout = self._contents.layout()
        assert layout is not None
        layout.activate()
        lines = max(layout.totalHeightForWidth(self.width()), layout.totalMinimumSize().height())
        self._contents.setMinimumHeight(lines)
        needed = max(self.distribution.minimumSizeHint().height(), _LEAST_CHART)
        has_room = self.height() - lines > needed and self._has_scores()
        self._scroll.setMinimumHeight(lines if has_room else 0)
        self._scroll.setMaximumHeight(lines if has_room else _NO_LIMIT)
        self._pair_part.setVisible(len(self._table.runs) > 1)
        self.overview.setVisible(has_room)

    def _has_scores(self) -> bool:
        return any(len(self._table.indices(run, scored=True)) for run in self._table.runs)

    def _why_no_scores(self) -> str:
        evaluation = self._session.evaluation
        is_told = bool(evaluation.runs) and not evaluation.running and not self._has_scores()
        return _NO_SCORES if is_told else ""

    def _verdict(self) -> str:
        pair, found = self._pair, self._pair.difference
        if found is not None:
            return words.pair_text(self._table, pair.first, pair.second, found)
        if self._session.evaluation.running:
            return _LATER if pair.first else ""
        return _COUNTING if pair.is_waiting else ""

    def _rows(self) -> list[FigureRow]:
        table, models = self._table, self._session.models
        rows = [
            FigureRow(
                run,
                table.title(run),
                len(table.indices(run, scored=True)),
                {key: table.figure(run, key) for key in _KEYS},
                run_color(table.runs, run),
                models[run].description if run in models else "",
            )
            for run in table.runs
        ]
        guess = words.guess_of(table)
        if guess is not None:
            images = max((len(table.indices(run, scored=True)) for run in table.runs), default=0)
            note = (
                f"What calling every pixel “{guess.name}” would score: the least a model must beat"
            )
            values = values_of_counts(guess.metrics, table.schema.foreground_ids)
            rows.append(FigureRow("", f"“{guess.name}” everywhere", images, values, note=note))
        return rows

    def _on_selection(self) -> None:
        """Two selected models are compared."""
        rows = [self.model.rows[i.row()] for i in self.table.selectionModel().selectedRows()]
        runs = [row.run for row in rows if row.run]
        if len(runs) == 2:
            scores = {run: self._table.figure(run, self._table.lead) for run in runs}
            first, second = sorted(runs, key=lambda run: scores[run])
            self._pair.choose(first, second)

    def _choose_model(self) -> None:
        """A double click makes a model the one that is run and shown."""
        row = self.model.rows[self.table.currentIndex().row()]
        if row.run in self._session.models:
            self._segmenting.choose(row.run)


def _titled(title: QLabel, widget: QWidget) -> QWidget:
    part = QWidget()
    column = QVBoxLayout(part)
    column.setContentsMargins(0, 0, 0, 0)
    font = title.font()
    font.setBold(True)
    title.setFont(font)
    column.addWidget(title)
    column.addWidget(widget, 20)
    column.addStretch(1)
    return part


def _text(name: str) -> QLabel:
    label = PlainLabel()
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setWordWrap(True)
    label.setAccessibleName(name)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
