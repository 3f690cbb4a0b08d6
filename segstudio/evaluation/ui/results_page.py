"""Which model is right: models and their figures, and what the figures say in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QMenu,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.formatting import count_text
from segstudio.core.series_colors import run_color
from segstudio.core.text import as_html
from segstudio.evaluation.evaluating import Evaluating
from segstudio.evaluation.own_pixels import own_pixels_notes, started_in
from segstudio.evaluation.ui import words
from segstudio.evaluation.ui.distribution import DistributionView
from segstudio.evaluation.ui.figure_text import figure_text, marked_best
from segstudio.evaluation.ui.image_gathering import gathered
from segstudio.evaluation.ui.pair_bar import PairBar
from segstudio.evaluation.ui.pair_choice import PairChoice
from segstudio.evaluation.ui.pair_plot import PairPlot
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.icon_button import text_switch
from segstudio.kit.plain import PlainLabel, semibold, semibold_font
from segstudio.kit.swatch import swatch
from segstudio.kit.table import TableView
from segstudio.kit.table_model import Column, Emphasis, Side, TableModel
from segstudio.kit.turns import Parts
from segstudio.metrics.confusion import FOREGROUND_MEANS, IMAGE_MEANS
from segstudio.metrics.image_figures import PIXELS, TIME, leading_first, values_of_counts
from segstudio.metrics.measure import AnyFigure, Unit, Where
from segstudio.metrics.tally import lead_name
from segstudio.runs.segmenting import Segmenting
from segstudio.session.session import Change, Session, What

_ALWAYS = frozenset(figure.key for m in (PIXELS, TIME) for figure in m.at(Where.FOLDER))
"""Figures whose columns stay although no model has a value."""
OVER_IMAGES = {figure: name for name, figure in (IMAGE_MEANS | FOREGROUND_MEANS).items()}
"""Keys of the means over images, which the tips of the figures of summed pixels tell."""
_OF_GUESS = QColor(128, 128, 128)
_EVERY_S = 0.25
_KEYS = (*(figure.key for figure in leading_first(Where.FOLDER)), *OVER_IMAGES.values())
_LEAST_CHART, _MOST_CHART = 190, 420
_RIM, _BETWEEN, _AROUND = 12, 4, 10
"""Beside the words, between them, and all margins above and below them."""
_NO_LIMIT = 16_777_215
"""Qt's."""
_COUNTING = "Counting how sure the difference is…"
_LATER = "How sure the difference is will be told when all images are through."
_NO_SCORES = (
    "There is no ground truth to measure against: choose a ground truth folder (File menu), or "
    "paint. Where the models differ and where they hesitate is in “Images” and “Queue” all the "
    "same."
)


@dataclass(frozen=True)
class FigureRow:
    """One model, or what a guess without a model would score.

    Attributes:
        run: The model's id; "" for the guess.
        title: Name for people.
        images: How many images were counted.
        values: Figure by the key of its column; NaN or missing where it is not known.
        color: The model's.
        note: What a pointer on the name is told.
    """

    run: str
    title: str
    images: int
    values: Mapping[str, float] = field(default_factory=dict)
    color: QColor | None = None
    note: str = ""

    def value(self, column: AnyFigure) -> float:
        """The figure of a column; NaN where it is not known."""
        return self.values.get(column.key, math.nan)


class ResultsPage(QWidget):
    """The table of models; below it the comparison of two and the accuracy trap.

    Signals:
        range_requested: `ValueRange` of the figure that images are judged by: list these; None
            for all.
    """

    range_requested = Signal(object)

    def __init__(
        self,
        session: Session,
        evaluating: Evaluating,
        segmenting: Segmenting,
        pair: PairChoice,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._segmenting, self._pair = session, segmenting, pair
        self._table = evaluating.table
        self.model = TableModel(figure_columns(()), lambda row: row.run, self)
        self.differences = PairPlot(session, evaluating.table, pair)
        self.distribution = DistributionView()
        self.overview = QWidget()
        self.table = TableView(
            self.model, "Models and their figures", sorting=(1, Qt.SortOrder.DescendingOrder),
            choosing=QAbstractItemView.SelectionMode.ExtendedSelection,
        )  # fmt: skip
        self.pair_bar = PairBar(evaluating.table, pair)
        self.more = QToolButton()
        self.rest = text_switch("Notes", "What else the figures say, for which there is no room")
        self.rest.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.verdict = _text("Comparison of two models")
        self.ranking = _text("Which model is best at what")
        self.own = _text("Which figures say little")
        self.trap = _text("What a guess would score")
        self.notes = _text("Notes on the figures")
        self.notes.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._refresh = Coalescer(self, self._show, _EVERY_S)
        self._refit = Coalescer(self, self._fit, 0.0)

    def build(self) -> Parts[None]:
        """Make the rest of it."""
        self._lay_out()
        yield
        self._connect()
        self._show()

    def _connect(self) -> None:
        self.table.selectionModel().selectionChanged.connect(self._on_selection)
        self.table.doubleClicked.connect(self._choose_model)
        self.table.verbs = lambda row: (
            [("check", "Choose this model", self._choose_model)]
            if row.run in self._session.models
            else []
        )
        self.table.horizontalScrollBar().rangeChanged.connect(self._refit.request)
        self.distribution.range_chosen.connect(self.range_requested)
        self.rest.toggled.connect(self._refit.request)
        self._session.changed.connect(self._on_change)
        self._pair.changed.connect(self._refresh.request)

    def copied(self) -> str:
        """What the table shows, for the clipboard."""
        return self.model.text(self.model.rows)

    def _lay_out(self) -> None:
        self.table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # from the outside in: what gets another parent is styled anew with all that is in it
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        self._scroll = scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        whole.addWidget(scroll)
        self._contents = QWidget()
        scroll.setWidget(self._contents)
        column = QVBoxLayout(self._contents)
        column.setContentsMargins(0, 0, 0, 4)
        column.setSpacing(4)
        column.addWidget(self.table)
        below = QVBoxLayout()
        below.setContentsMargins(_RIM, 2, _RIM, 0)
        below.setSpacing(_BETWEEN)
        self._below = below
        column.addLayout(below)
        # in a row of its own: a layout is as wide as the narrowest limit in it, and would reckon
        # with the lines that the words take at that width
        bar = QHBoxLayout()
        below.addLayout(bar)
        bar.addWidget(self.pair_bar, 1000)
        bar.addStretch(1)
        bar.addWidget(self.rest)
        bar.addWidget(self.more)
        self._set_up_more()
        self.pair_bar.setMaximumWidth(760)
        for words_of in (self.verdict, self.ranking, self.own, self.trap, self.notes):
            below.addWidget(words_of)
        column.addStretch(1)
        whole.addWidget(self.overview, 1)
        self._lay_out_overview()

    def _set_up_more(self) -> None:
        """A menu of all figures; those that there is no room for are not checked."""
        menu = QMenu("Figures", self.more)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self._list_figures)
        self.more.setText("More")
        self.more.setToolTip("More figures: choose which ones the table shows")
        self.more.setAccessibleName("More figures")
        self.more.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setMenu(menu)

    def _list_figures(self) -> None:
        menu = self.more.menu()
        menu.clear()
        for place, column in enumerate(self.model.columns):
            if column.spare:
                action = menu.addAction(column.title)
                action.setToolTip(column.tip)
                action.setCheckable(True)
                action.setChecked(not self.table.isColumnHidden(place))
                action.toggled.connect(partial(self.table.show_column, place))

    def _lay_out_overview(self) -> None:
        """What there is room for in a large window: differences by class, and the images."""
        row = QHBoxLayout(self.overview)
        row.setContentsMargins(_RIM, 12, _RIM, 4)
        row.setSpacing(24)
        title = PlainLabel("Where the two models differ")
        self._images_title = PlainLabel()
        self._pair_part = _titled(title, self.differences)
        row.addWidget(self._pair_part, 1)
        row.addWidget(_titled(self._images_title, self.distribution), 1)
        self.distribution.setMaximumHeight(_MOST_CHART)
        self.overview.hide()

    def _on_change(self, change: Change) -> None:
        if change.what & (What.EVALUATION | What.STATES | What.SCHEMA | What.MODELS):
            self._refresh.request()

    def _show(self) -> None:
        rows = self._rows()
        columns = figure_columns(rows, has_background=self._table.has_background)
        self.model.show_rows(rows, columns)
        self.pair_bar.refresh()
        table = self._table
        unscored = words.unscored_models_text(table, self._session.models)
        notes = [
            unscored,
            words.fairness_text(table),
            words.unscored_text(table),
            words.stacks_text(table),
            words.objects_text(table),
        ]
        for label, text in (
            (self.verdict, self._verdict()),
            (self.ranking, words.ranking_text(table)),
            (self.own, self._own_pixels()),
            (self.trap, words.trap_text(table) or ("" if unscored else self._why_no_scores())),
            (self.notes, " ".join(note for note in notes if note)),
        ):
            label.setText(semibold(text))
        self.differences.refresh()
        lead = leading_first(Where.IMAGES, has_background=table.has_background)[0]
        images = gathered(table, lead)
        self._images_title.setText(f"Images by {lead_name(table.schema)}")
        self.distribution.show_values(images.figure, images.heads, images.values)
        self._fit()

    def hasHeightForWidth(self) -> bool:
        """The charts claim no height: else the page could never be made lower again."""
        return False

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), self._scroll.minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Words take more lines where it is narrow."""
        super().resizeEvent(event)
        self._fit()
        self._refit.request()  # the table knows only then whether it needs its scroll bar

    def _fit(self) -> None:
        """Keep the contents as high as their words need, and show charts where there is room."""
        self.table.setFixedHeight(self.table.whole_height())
        layout, overview = self._contents.layout(), self.overview.layout()
        assert layout is not None
        assert overview is not None
        self._pair_part.setVisible(len(self._table.runs) > 1)
        self._choose_words()
        layout.activate()
        lines = max(layout.totalHeightForWidth(self.width()), layout.totalMinimumSize().height())
        self._contents.setMinimumHeight(lines)
        needed = max(overview.totalMinimumHeightForWidth(self.width()), _LEAST_CHART)
        has_room = self.height() - lines >= needed and self._has_scores()
        self._scroll.setMinimumHeight(lines if has_room else 0)
        self._scroll.setMaximumHeight(lines if has_room else _NO_LIMIT)
        self.overview.setVisible(has_room)

    def _choose_words(self) -> None:
        """Show the sentences that there is room for, what matters most first; all if asked."""
        margins = self._below.contentsMargins()
        width = self.width() - margins.left() - margins.right()
        room = self.height() - self.table.height() - self.pair_bar.sizeHint().height() - _AROUND
        is_full = False
        first = (self.verdict, self.own) if self._has_scores() else (self.verdict, self.trap)
        rest = (label for label in (self.trap, self.ranking, self.notes) if label not in first)
        for label in (*first, *rest):
            needed = label.heightForWidth(width) + _BETWEEN
            # what comes after one that does not fit would be read as if that were not there
            is_full = is_full or bool(label.text() and label not in first and needed > room)
            room -= needed if label.text() else 0
            label.setVisible(bool(label.text()) and (self.rest.isChecked() or not is_full))
        self.rest.setVisible(is_full)

    def _own_pixels(self) -> str:
        if self._session.evaluation.originals:
            return ""
        notes = own_pixels_notes(started_in(self._session.states), self._table)
        return as_html(" ".join(notes))

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
                QColor(run_color(table.runs, run)),
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
        runs = [row.run for row in self.table.chosen_rows() if row.run]
        if len(runs) == 2:
            scores = {run: self._table.figure(run, self._table.lead) for run in runs}
            first, second = sorted(runs, key=lambda run: scores[run])
            self._pair.choose(first, second)

    def _choose_model(self) -> None:
        """A double click makes a model the one that is run and shown."""
        row = self.model.rows[self.table.currentIndex().row()]
        if row.run in self._session.models:
            self._segmenting.choose(row.run)


def figure_columns(
    rows: Sequence[FigureRow], *, has_background: bool = False
) -> list[Column[FigureRow]]:
    """The name, the figures, and the number of images where it is not the same for all.

    Args:
        rows: The models, and the guess, which has no run and stays below all others. Figures that
            nobody has a value for are left out.
        has_background: Whether one of the classes is: then the foreground leads.
    """
    models = [row for row in rows if row.run]
    columns: list[Column[FigureRow]] = [
        Column(
            "Model", lambda row: row.title,
            "Click to choose; with Ctrl a second one to compare it with",
            key=lambda row: row.title.casefold() if row.run else None,
            cell_tip=lambda row: row.note, emphasis=_emphasis,
            icon=lambda row: None if row.color is None else swatch(row.color), most=200,
        )
    ]  # fmt: skip
    columns += [
        _figure_column(figure, models, spare=at > 0)
        for at, figure in enumerate(leading_first(Where.FOLDER, has_background=has_background))
        if figure.key in _ALWAYS or any(not math.isnan(row.value(figure)) for row in rows)
    ]
    if len({row.images for row in models}) > 1:
        columns.append(
            Column(
                "Images", lambda row: count_text(row.images),
                "How many images have ground truth to measure against", lambda row: row.images,
                key=lambda row: row.images if row.run else None, side=Side.RIGHT,
                emphasis=_emphasis, spare=True,
            )
        )  # fmt: skip
    return columns


def _emphasis(row: FigureRow) -> Emphasis:
    return Emphasis.NONE if row.run else Emphasis.ASIDE


def _figure_column(
    figure: AnyFigure, models: Sequence[FigureRow], *, spare: bool
) -> Column[FigureRow]:
    best = marked_best(figure, np.array([row.value(figure) for row in models]))

    def text(row: FigureRow) -> str:
        return figure_text(figure, row.value(figure))

    def is_best(row: FigureRow) -> bool:
        """Whether no other model has a better figure, as it is written, and some have a worse."""
        return bool(row.run) and not math.isnan(best) and text(row) == figure_text(figure, best)

    def tip(row: FigureRow) -> str:
        if math.isnan(row.value(figure)):
            return f"{figure.name}: not counted, or not defined here"
        more = "; the best of these" if is_best(row) else ""
        over = row.values.get(OVER_IMAGES.get(figure.key, ""), math.nan)
        if not math.isnan(over):
            more += f". Mean over images {figure_text(figure, over)}"
        return f"{figure.name} {text(row)}{more}"

    def key(row: FigureRow) -> float | None:
        value = row.value(figure)
        return None if not row.run or math.isnan(value) else value

    is_part = figure.unit in (Unit.RATIO, Unit.PERCENT)
    return Column(
        figure.title, text, figure.tip, lambda row: row.value(figure), key=key, cell_tip=tip,
        side=Side.RIGHT, bar=(lambda row: row.value(figure)) if is_part else None,
        bar_color=lambda row: row.color or _OF_GUESS,
        emphasis=lambda row: Emphasis.STRONG if is_best(row) else _emphasis(row), spare=spare,
    )  # fmt: skip


def _titled(title: QLabel, widget: QWidget) -> QWidget:
    part = QWidget()
    column = QVBoxLayout(part)
    column.setContentsMargins(0, 0, 0, 0)
    title.setFont(semibold_font(title.font()))
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
