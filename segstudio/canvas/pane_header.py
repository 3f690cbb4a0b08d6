"""The slim line over one of several views: its layer, its prediction, and how good that is."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QHBoxLayout,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from segstudio.canvas.layer_picker import Choices, LayerPicker
from segstudio.canvas.overlay import second_prediction
from segstudio.comparison.comparing import OF_A_RUN, Comparing, PaneScore
from segstudio.core.formatting import ratio_text, seconds_text
from segstudio.core.schema import LabelSchema
from segstudio.kit.icons import icon
from segstudio.kit.notes_mark import NotesMark
from segstudio.kit.plain import PlainLabel, plain
from segstudio.metrics.tally import lead_name, lead_short
from segstudio.runs.batch import model_of
from segstudio.session.session import Layer, Pane, Session, ViewState

_ROW_PX, _FIGURES_PX, _LINE_PX, _MARGIN_PX = 28, 22, 2, 6
_NARROW_BELOW = 250
"""In headers that are not so wide the figures have a row of their own."""
_NAMED_FROM = 420
"""The width from which on it is said what the figure in the first row is."""
_ONE_ROW_FROM = 760
"""The width from which on both layers of a wiped view are chosen in one row."""


class PaneHeader(QWidget):
    """Chooses what a view shows; a line above it marks the view that commands are about."""

    def __init__(self, session: Session, comparing: Comparing, number: int) -> None:
        super().__init__()
        self._session, self._comparing, self._number = session, comparing, number
        self.setBackgroundRole(QPalette.ColorRole.Window)
        self.setAutoFillBackground(True)
        self.setAccessibleName(f"View {number + 1}")
        self.picker = LayerPicker(comparing, f"View {number + 1}")
        self.picker.picked.connect(self._pick)
        self.best = PlainLabel()
        self.best.setToolTip("The best mean IoU of these views")
        self.best.setAccessibleName("Best")
        self.notes = NotesMark()
        self.score = PlainLabel()
        self.score.setAccessibleName("Mean IoU and seconds")
        self.run = _button("play", "Run this model on this image")
        self.run.clicked.connect(self._run)
        self.wipe = _button("flip-horizontal-2", "Wipe: compare with a second layer (Shift+C)")
        self.wipe.setCheckable(True)
        self.wipe.clicked.connect(lambda: comparing.toggle_wipe(number))
        self.against = LayerPicker(comparing, f"View {number + 1}, right of the line")
        self.against.picked.connect(lambda values: comparing.compare_with(**values))
        self.left, self.right = PlainLabel("Left"), PlainLabel("Right")
        self.score.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        first, figures, second = self._row(), self._row(), self._row()
        first.addWidget(self.left)
        first.addWidget(self.picker)
        first.addStretch(1)
        for widget in (self.run, self.notes, self.best, self.score):
            figures.addWidget(widget)
        figures.setContentsMargins(0, 0, 0, 0)
        self._figures = QWidget()
        self._figures.setLayout(figures)
        first.addWidget(self._figures)
        first.addWidget(self.wipe)
        self._first_row = first
        second.addWidget(self.right)
        second.addWidget(self.against)
        second.addStretch(1)
        self._first, self._second = _holder(first), _holder(second)
        self._rows = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self._rows.setContentsMargins(0, _LINE_PX, 0, 0)
        self._rows.setSpacing(0)
        self._rows.addWidget(self._first, 1)
        self._rows.addWidget(self._second, 1)
        self._is_narrow = False
        self._score = PaneScore()
        self._state = ""

    def show_all(self, score: PaneScore, choices: Choices) -> None:
        """Show what the view shows now, how good it is, and what could be shown."""
        view = self._session.view
        pane = view.all_panes[self._number]
        self.picker.show_pane(pane, self._second_of(pane), choices)
        wiped = view.wiped == self._number and view.against is not None
        for widget in (self.left, self._second):
            widget.setVisible(wiped)
        self.wipe.setChecked(wiped)
        if wiped and view.against is not None:
            self.against.show_pane(view.against, self._second_of(view.against), choices)
        self._state = self._state_of(pane)
        self.notes.show_notes(self._notes_on(view.of_pane(self._number)))
        can_run = model_of(pane.run) in self._session.models
        self.run.setVisible(self._state == "not run" and can_run)
        self._fit_rows()
        self._rows.activate()
        self.show_score(score)
        self.update()

    def show_score(self, score: PaneScore) -> None:
        self._score = score
        panes = self._session.view.all_panes
        if self._number >= len(panes):
            return  # made ahead, or not shown any more: Qt lays it out all the same
        # where two models are compared, the figures of one of them would mislead
        about_run = panes[self._number].layer in OF_A_RUN[:-1]
        self.best.setVisible(score.best and about_run and not self._state)
        pixels = icon("star").pixmap(QSize(14, 14), self.devicePixelRatioF())
        self.best.setPixmap(pixels)
        font = self.score.font()
        font.setBold(score.best and about_run)
        self.score.setFont(font)
        self.score.setText(self._score_text(score) if about_run else "")
        self.score.setToolTip(
            plain(
                _tip(score, self._session.schema) if about_run and not self._state else self._state
            )
        )

    def _score_text(self, score: PaneScore) -> str:
        """The figures, as many as there is room for."""
        if self._state:
            return self._state
        seconds = "" if score.seconds is None else seconds_text(score.seconds)
        if score.mean_iou is None:
            return seconds
        value = ratio_text(score.mean_iou)
        if self._is_narrow or self._first.width() >= _NAMED_FROM:
            value = f"{lead_short(self._session.schema)} {value}"
        return f"{value} \u00b7 {seconds}" if seconds else value

    def _state_of(self, pane: Pane) -> str:
        """Why there are no figures: "running …", "not run", or "" where there are some."""
        document = self._session.document
        if document is None or pane.layer not in OF_A_RUN or not pane.run:
            return ""
        if self._comparing.is_running(pane.run):
            return "running \u2026"
        return "" if pane.run in document.predictions else "not run"

    def _notes_on(self, view: ViewState) -> tuple[str, ...]:
        """What is to be known of the shown prediction."""
        document = self._session.document
        if document is None or view.layer not in OF_A_RUN:
            return ()
        prediction = document.predictions.get(view.run)
        return () if prediction is None else prediction.notes

    def _second_of(self, pane: Pane) -> str:
        document = self._session.document
        if document is None or pane.layer is not Layer.MODELS:
            return pane.second
        view = replace(self._session.view, run=pane.run, second=pane.second)
        other = second_prediction(document, view)
        return pane.second if other is None else other.run

    def _pick(self, values: dict[str, object]) -> None:
        self._comparing.activate(self._number)
        self._comparing.choose(self._number, **values)  # type: ignore[arg-type]

    def _run(self) -> None:
        run = self._session.view.all_panes[self._number].run
        self._comparing.choose(self._number, run=run)

    def _row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(_MARGIN_PX, 0, 4, 0)
        row.setSpacing(5)
        return row

    def _fit_rows(self) -> None:
        """Both layers of a wiped view in one row or two; figures below where there is no room."""
        two = not self._second.isHidden()
        wide = self.width() >= _ONE_ROW_FROM
        way = QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        if self._rows.direction() != way:
            self._rows.setDirection(way)
        narrow = self.width() < _NARROW_BELOW
        if narrow != self._is_narrow:
            self._is_narrow = narrow
            self._move_figures()
        height = header_height(self.width()) + (_ROW_PX if two and not wide else 0)
        if self.minimumHeight() != height:
            self.setFixedHeight(height)

    def _move_figures(self) -> None:
        """To the end of the first row, or into a row of their own."""
        left = _MARGIN_PX if self._is_narrow else 0
        layout = self._figures.layout()
        if layout is not None:
            layout.setContentsMargins(left, 0, 0, 0)
        if self._is_narrow:
            self._rows.insertWidget(1, self._figures, 1, Qt.AlignmentFlag.AlignLeft)
        else:
            self._first_row.insertWidget(self._first_row.count() - 1, self._figures)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_rows()
        self._rows.activate()
        self.show_score(self._score)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click on the header chooses its view."""
        self._comparing.activate(self._number)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Mark the view that commands are about."""
        super().paintEvent(event)
        view = self._session.view
        if view.panes and view.active_pane == self._number:
            painter = QPainter(self)
            accent = self.palette().color(QPalette.ColorRole.Accent)
            painter.fillRect(0, 0, self.width(), _LINE_PX, accent)
            painter.end()


def header_height(width: int) -> int:
    """How high a header is over a view of that width that shows one layer."""
    return _LINE_PX + _ROW_PX + (_FIGURES_PX if width < _NARROW_BELOW else 0)


def _tip(score: PaneScore, schema: LabelSchema) -> str:
    lines = []
    if score.mean_iou is not None:
        name = lead_name(schema)
        lines.append(f"{name[0].upper()}{name[1:]}, this image: {ratio_text(score.mean_iou)}")
    if score.seconds is not None:
        lines.append(f"Time of the run: {seconds_text(score.seconds)}")
    if score.best:
        lines.append("The best mean IoU of these views")
    return "\n".join(lines)


def _holder(row: QHBoxLayout) -> QWidget:
    holder = QWidget()
    holder.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    holder.setLayout(row)
    return holder


def _button(name: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setIcon(icon(name))
    button.setIconSize(QSize(15, 15))
    button.setAutoRaise(True)
    button.setFixedSize(22, 22)
    button.setToolTip(tip)
    button.setAccessibleName(tip.partition(" (")[0])
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
