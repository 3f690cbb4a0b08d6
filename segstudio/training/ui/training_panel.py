"""The training panel: what runs, how well it does, what it is worth in the end."""

from __future__ import annotations

import math
from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QTabBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.formatting import change_text, counted, left_text, ratio_text
from segstudio.jobs import JobRunner
from segstudio.kit.charts.chart import Chart
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.elided import ElidedLabel
from segstudio.kit.empty import Stacked
from segstudio.kit.fitting_row import WORD_ICON
from segstudio.kit.icon_button import icon_button
from segstudio.kit.icons import icon
from segstudio.kit.panel_header import on_panel_ground
from segstudio.kit.plain import FaintLabel, PlainLabel, plain, semibold_font
from segstudio.kit.row_menu import Verb
from segstudio.kit.swatch import swatch
from segstudio.kit.table import TableView
from segstudio.kit.table_model import Column, Side, TableModel
from segstudio.report.chart_data import ChartData
from segstudio.session.session import Change, Session, What
from segstudio.training.curves import class_names, loss_chart, score_chart
from segstudio.training.trainings import NewTraining, RunState, Training, Trainings
from segstudio.training.ui.epoch_strip import EpochStrip
from segstudio.training.ui.training_form import CropStrip, TrainingForm

_LEFT, _TALL, _ROW = 256, 520, 28
"""Width of the runs; from this height on curves and overlays stand below each other."""
_EVERY_S: Final = 0.2
_SHOWN: Final = What.TRAINING | What.PROJECT | What.STATES | What.MODELS | What.DOCUMENT
_SAYS_SOMETHING: Final = 5
"""A test of fewer rates is none."""
CURVES, OVERLAYS = "Curves", "Overlays"
_TAB_TIPS: Final = {
    CURVES: "Loss and scores, epoch by epoch",
    OVERLAYS: "What the network said of validation images after each epoch",
}
_STATES: Final = {
    RunState.STARTING: "begins",
    RunState.RUNNING: "running",
    RunState.PAUSED: "paused",
    RunState.STOPPING: "ends",
    RunState.DONE: "done",
    RunState.FAILED: "failed",
    RunState.INTERRUPTED: "interrupted",
}


class TrainingPanel(QWidget):
    """Runs at the left, curves and overlays of one of them at the right; or the form for a new one."""

    def __init__(self, session: Session, runs: Trainings, jobs: JobRunner) -> None:
        super().__init__()
        self._session, self._runs = session, runs
        on_panel_ground(self)
        self.header = TrainingHeader()
        self.form = TrainingForm(session, runs.trainable)
        self.crops = CropStrip(session, jobs)
        self.side = RunsSide(runs)
        self.status = StatusLine(runs)
        self.loss, self.score = TitledChart(), TitledChart()
        self.strip = EpochStrip(jobs)
        self.proof = ProofCard(runs)
        self._is_tall: bool | None = None
        self._lay_out()
        self._refresh = Coalescer(self, self._show, _EVERY_S)
        self.form.asked.connect(self._begin)
        self.form.cancel.clicked.connect(lambda: runs.want_new(wanted=False))
        self.side.new.clicked.connect(lambda: runs.want_new())
        self.header.tabs.currentChanged.connect(lambda: self._arrange())
        self.strip.moved.connect(lambda: self._show_charts())
        for titled in (self.loss, self.score):
            titled.chart.clicked.connect(lambda epoch: self.strip.slider.setValue(int(epoch)))
        session.changed.connect(self._on_change)
        self._show()

    @property
    def page_tabs(self) -> QWidget:
        """What gets the keys when the panel is opened."""
        return self.header.tabs

    def room_header(self) -> QWidget:
        """What stands in the bar of the room while this panel is in front."""
        return self.header

    def heightForWidth(self, _width: int) -> int:
        """None: the dock's frame would scroll a panel that is lower than it would like to be."""
        return -1

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)  # type: ignore[arg-type]
        self._arrange()

    # -- made once -----------------------------------------------------------------------------

    def _lay_out(self) -> None:
        charts = QHBoxLayout()
        charts.setSpacing(16)
        charts.addWidget(self.loss, 1)
        charts.addWidget(self.score, 1)
        self._charts = QWidget()
        self._charts.setLayout(charts)
        charts.setContentsMargins(0, 0, 0, 0)
        self._views = QGridLayout()
        self._views.setContentsMargins(16, 8, 16, 8)
        self._views.setHorizontalSpacing(16)
        self._views.setVerticalSpacing(8)
        self._views.setColumnStretch(0, 1)
        self._views.addWidget(self._charts, 0, 0)
        self._views.addWidget(self.strip, 1, 0)
        self._views.addWidget(self.proof, 0, 1)
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addWidget(self.status)
        right.addLayout(self._views, 1)
        watched = QWidget()
        watched.setLayout(right)
        asked = QWidget()
        asked_column = QVBoxLayout(asked)
        asked_column.setContentsMargins(0, 0, 0, 0)
        asked_column.setSpacing(0)
        asked_column.addWidget(self.form)
        asked_column.addWidget(self.crops, 1)
        form = QScrollArea()
        form.setFrameShape(QFrame.Shape.NoFrame)
        form.setWidgetResizable(True)
        form.setWidget(asked)
        self._stack = Stacked(form, watched)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.side)
        row.addLayout(self._stack, 1)

    # -- following -----------------------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        if change.what & _SHOWN:
            self._refresh.request()

    def _begin(self, request: NewTraining) -> None:
        self._runs.start(request)
        self._show()
        # the button that had the keys is gone
        keys = self.header.tabs if self.header.tabs.isVisible() else self.side.table
        keys.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show(self) -> None:
        run = self._runs.run
        shows_form = self._runs.asks or run is None
        self.form.refresh()
        self.crops.refresh()
        self.form.cancel.setVisible(run is not None)
        self.side.setVisible(bool(self._runs.runs))
        self.side.show_runs()
        self._stack.setCurrentIndex(0 if shows_form else 1)
        self.header.show_run(None if shows_form else run)
        if run is not None and not shows_form:
            self.status.show_run(run)
            self.strip.show_run(run)
            self.proof.show_run(run)
            self._show_charts()
        self._arrange()

    def _show_charts(self) -> None:
        run = self._runs.run
        if run is None:
            return
        before = [r for r in self._runs.runs if r.name != run.name and r.epochs]
        earlier = before[-1] if before else None
        names = class_names(run)
        class_at = 1 if len(names) == 2 else None
        self.loss.show_data(loss_chart(run, earlier, self.strip.epoch))
        self.score.show_data(score_chart(run, earlier, self.strip.epoch, class_at))

    def _arrange(self) -> None:
        """Both where there is room, else what the tabs say."""
        is_tall = self.height() >= _TALL
        if is_tall != self._is_tall:
            self._is_tall = is_tall
            for widget in (self._charts, self.proof):
                self._views.removeWidget(widget)
            # the proof stands beside what is shown: below the curves where there is room for both
            self._views.addWidget(self._charts, 0, 0, 1, 2 if is_tall else 1)
            self._views.addWidget(self.proof, 1 if is_tall else 0, 1, 1 if is_tall else 2, 1)
        self.header.tabs.setVisible(not is_tall and self._stack.currentIndex() == 1)
        shown = self.header.tabs.tabText(self.header.tabs.currentIndex())
        for row, part, share, title in (
            (0, self._charts, 3, CURVES),
            (1, self.strip, 2, OVERLAYS),
        ):
            is_shown = is_tall or shown == title
            part.setVisible(is_shown)
            self._views.setRowStretch(row, share if is_shown else 0)


class TitledChart(QWidget):
    """A chart with its title and the meaning of its colours above it."""

    def __init__(self) -> None:
        super().__init__()
        self.chart = Chart()
        self.title = PlainLabel()
        self.title.setFont(semibold_font(self.title.font()))
        self._signs: list[tuple[PlainLabel, FaintLabel]] = []
        self._row = QHBoxLayout()
        self._row.setSpacing(6)
        self._row.addWidget(self.title)
        self._row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(self._row)
        column.addWidget(self.chart, 1)
        self.setMinimumWidth(200)

    def show_data(self, data: ChartData) -> None:
        """Show another chart."""
        self.title.setText(data.title)
        while len(self._signs) < len(data.legend):
            sign, name = PlainLabel(), FaintLabel(wraps=False)
            self._signs.append((sign, name))
            self._row.addWidget(sign)
            self._row.addWidget(name)
        for place, (sign, name) in enumerate(self._signs):
            is_meant = place < len(data.legend)
            sign.setVisible(is_meant)
            name.setVisible(is_meant)
            if is_meant:
                color, _symbol, text = data.legend[place]
                sign.setPixmap(swatch(QColor(color)).pixmap(12, 12))
                name.setText(text)
        self.chart.show_data(data)


class TrainingHeader(QWidget):
    """In the bar of the room: which of two is shown where there is no room for both, and of what."""

    def __init__(self) -> None:
        super().__init__()
        self.tabs = QTabBar()
        self.tabs.setProperty("pages", True)
        self.tabs.setAccessibleName("Training")
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        for title, tip in _TAB_TIPS.items():
            self.tabs.setTabToolTip(self.tabs.addTab(title), tip)
        self.text = FaintLabel(wraps=False)
        self.setFixedHeight(36)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.tabs)
        row.addWidget(self.text)
        row.addStretch(1)

    def show_run(self, run: Training | None) -> None:
        started = None if run is None else run.started
        if started is None:
            self.text.setText("")
        elif started.start == "scratch":
            self.text.setText("A new network, from scratch")
        else:
            self.text.setText(f"Fine-tune {started.start}")


class StatusLine(QWidget):
    """How far a training is, and the buttons that pause and end it."""

    def __init__(self, runs: Trainings) -> None:
        super().__init__()
        self._runs = runs
        self.name = PlainLabel()
        self.name.setFont(semibold_font(self.name.font()))
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(QSize(134, 8))
        self.bar.setAccessibleName("Part of the time that is used")
        self.time = PlainLabel()
        self.note = ElidedLabel(Qt.TextElideMode.ElideNone)
        self.note.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.note.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.pause = _word_button("pause", "Pause", "Let it stand still; its place is kept")
        self.stop = _word_button(
            "circle-stop", "Stop, keep the best", "End now: the best epoch is kept and proven"
        )
        self.go_on = _word_button("play", "Go on", "Go on from the last checkpoint")
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 6, 16, 6)
        row.setSpacing(10)
        left: tuple[QWidget, ...] = (self.name, self.bar, self.time)
        right: tuple[QWidget, ...] = (self.note, self.pause, self.stop, self.go_on)
        for widget in (*left, *right):
            row.addWidget(widget, int(widget is self.note))
        self.pause.clicked.connect(runs.pause)
        self.stop.clicked.connect(runs.stop)
        self.go_on.clicked.connect(lambda: runs.go_on(runs.shown))

    def show_run(self, run: Training) -> None:
        self.name.setText(run.name)
        self.bar.setVisible(run.is_alive)
        self.bar.setRange(0, 1000)
        self.bar.setValue(round(1000 * run.fraction))
        self.time.setText(_time_text(run))
        moves = run.state in (RunState.RUNNING, RunState.PAUSED)
        self.note.show_text("low priority, painting stays quick" if moves else "")
        is_paused = run.state is RunState.PAUSED
        self.pause.setText("Resume" if is_paused else "Pause")
        self.pause.setIcon(icon("play" if is_paused else "pause"))
        self.pause.setVisible(moves)
        self.stop.setVisible(moves)
        self.go_on.setVisible(run.state is RunState.INTERRUPTED)


class RunsSide(QWidget):
    """The runs, and how the shown one was set up."""

    def __init__(self, runs: Trainings) -> None:
        super().__init__()
        self._runs = runs
        self.setFixedWidth(_LEFT)
        self.new = icon_button("plus", "Train another one")
        title = PlainLabel("Runs")
        title.setFont(semibold_font(title.font()))
        head = QHBoxLayout()
        head.setContentsMargins(12, 4, 6, 4)
        head.addWidget(title, 1)
        head.addWidget(self.new)
        self.model: TableModel[Training] = TableModel(_columns(), lambda r: r.name, self)
        self.table = TableView(self.model, "Trainings", row_height=_ROW)
        self.table.horizontalHeader().hide()
        self.set_up = SetUp()
        scrolled = QScrollArea()
        scrolled.setFrameShape(QFrame.Shape.NoFrame)
        scrolled.setWidgetResizable(True)
        scrolled.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scrolled.setWidget(self.set_up)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.table)
        column.addWidget(scrolled, 1)
        self.table.selectionModel().currentChanged.connect(self._choose)
        self.table.verbs = self._verbs_of

    def show_runs(self) -> None:
        """Show what the runs have come to."""
        runs = self._runs.runs
        self.model.show_rows(tuple(reversed(runs)), _columns())
        self.table.setFixedHeight(_ROW * min(max(1, len(runs)), 4) + 2)
        for place, run in enumerate(self.model.rows):
            if run.name == self._runs.shown and self.table.currentIndex().row() != place:
                self.table.setCurrentIndex(self.model.index(place, 0))
        self.set_up.show_run(self._runs.run)

    def _verbs_of(self, run: Training) -> list[Verb]:
        runs, name = self._runs, run.name
        use: list[Verb] = [("circle-check", f"Use {name}", lambda: runs.use(name))]
        on: list[Verb] = [("play", "Go on", lambda: runs.go_on(name))]
        out: list[Verb] = [("trash-2", "Forget this training", lambda: runs.remove(name))]
        is_cut = run.state is RunState.INTERRUPTED
        return [*use[: run.is_done], *on[:is_cut], *out[: not run.is_alive]]

    def _choose(self) -> None:
        place = self.table.currentIndex().row()
        if 0 <= place < len(self.model.rows):
            self._runs.show(self.model.rows[place].name)


class SetUp(QWidget):
    """How a run was set up and why, as names and values and a few sentences."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(1, 1)
        self._values: dict[str, QLabel] = {}
        self.why = FaintLabel()
        self.problem = FaintLabel()
        self.problem.setForegroundRole(QPalette.ColorRole.Text)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(10)
        column.addWidget(self.problem)
        column.addLayout(self._grid)
        column.addWidget(self.why)
        column.addStretch(1)

    def show_run(self, run: Training | None) -> None:
        rows = {} if run is None else _set_up_rows(run)
        for name, value in rows.items():
            self._label(name).setText(value)
        for name, label in self._values.items():
            if name not in rows:
                label.setText("")
        started = None if run is None else run.started
        notes = () if run is None else run.notes
        why = () if started is None else started.why
        self.why.setText("\n\n".join((*why, *notes)))
        self.problem.setText("" if run is None else run.problem)
        self.problem.setVisible(bool(run and run.problem))

    def _label(self, name: str) -> QLabel:
        if name not in self._values:
            row = len(self._values)
            self._grid.addWidget(FaintLabel(name, wraps=False), row, 0, Qt.AlignmentFlag.AlignTop)
            value = PlainLabel()
            value.setWordWrap(True)
            self._grid.addWidget(value, row, 1)
            self._values[name] = value
        return self._values[name]


class ProofCard(QFrame):
    """Start and result on images that were set aside, and the button that takes the result."""

    def __init__(self, runs: Trainings) -> None:
        super().__init__()
        self._runs = runs
        self.setFixedWidth(204)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.title = PlainLabel()
        self.title.setFont(semibold_font(self.title.font()))
        self.figures = PlainLabel()
        large = semibold_font(self.figures.font())
        large.setPixelSize(20)
        self.figures.setFont(large)
        self.text = FaintLabel()
        self.use = QPushButton("Use it")
        self.use.setToolTip(plain("Take the result into the list of models, and choose it"))
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(6)
        for widget in (self.title, self.figures, self.text):
            column.addWidget(widget)
        column.addStretch(1)
        column.addWidget(self.use)
        self.use.clicked.connect(lambda: runs.use(runs.shown))

    def show_run(self, run: Training) -> None:
        self.setVisible(run.state is RunState.DONE)
        self.use.setText(f"Use {run.name}")
        proof = run.proof
        self.title.setText(f"Proof of {run.name}" if proof else "No proof")
        if proof is None:
            best = run.best
            self.figures.setText("" if best is None else ratio_text(best.mean_iou, 2))
            self.text.setText("No images were set aside; the figure is of the validation images.")
        elif math.isnan(proof.before):
            self.figures.setText(ratio_text(proof.after, 2))
            self.text.setText(f"mean IoU on {counted(proof.images, 'image')} not seen")
        else:
            before, after = ratio_text(proof.before, 2), ratio_text(proof.after, 2)
            self.figures.setText(f"{before} → {after}")
            span = f"{change_text(proof.low, 2)}, {change_text(proof.high, 2)}"
            said = "" if proof.better else "\nNot surely better: the start stays."
            self.text.setText(
                f"{change_text(proof.difference, 2)} [{span}] mean IoU on "
                f"{counted(proof.images, 'image')} not seen{said}"
            )
        is_proposed = proof is None or proof.better
        self.use.setProperty("primary", is_proposed)
        self.use.style().unpolish(self.use)
        self.use.style().polish(self.use)


def _columns() -> tuple[Column[Training], ...]:
    return (
        Column("Run", lambda run: run.name, "The training", stretch=60),
        Column("Outcome", _outcome, "What it has come to", side=Side.RIGHT),
    )


def _outcome(run: Training) -> str:
    if run.state is RunState.DONE and run.proof is not None:
        proof = run.proof
        if math.isnan(proof.before):
            return f"proven {ratio_text(proof.after, 2)}"
        return f"{'proven ' if proof.better else ''}{change_text(proof.difference, 2)}"
    return _STATES[run.state]


def _set_up_rows(run: Training) -> dict[str, str]:
    started = run.started
    if started is None:
        return {}
    images = {name: len(names) for name, names in started.images.items()}
    rate = run.range_test.chosen if run.range_test else started.learning_rate
    tested = ", tested" if run.range_test and len(run.range_test.rates) >= _SAYS_SOMETHING else ""
    return {
        "Starts from": "scratch" if started.start == "scratch" else started.start,
        "Network": started.arch,
        "Learns from": counted(images.get("train", 0), "image"),
        "Validation": counted(images.get("validation", 0), "image"),
        "Held out": f"{counted(images.get('held_out', 0), 'image')}, unseen",
        "Crop": f"{started.crop} px, {started.batch} at a time",
        "Loss": started.loss,
        "Step size": f"{rate:.2g}{tested}" if rate else "is being tested",
        "Precision": f"{started.precision} on {started.device}",
    }


def _time_text(run: Training) -> str:
    minutes = None if run.started is None else run.started.budget.get("minutes")
    spent = f"{int(run.seconds // 60)}:{int(run.seconds % 60):02d}"
    epochs = counted(len(run.epochs), "epoch")
    if run.state is RunState.STARTING:
        return "reads the images and finds a way to learn from them"
    if not run.is_alive:
        return f"{_STATES[run.state]} after {spent}, {epochs}"
    whole = f" of {minutes:g} min" if minutes else ""
    if run.state is RunState.STOPPING:
        return f"{spent}{whole}, keeps the best and proves it"
    if run.state is RunState.PAUSED:
        return f"{spent}{whole}, paused"
    left = "" if math.isnan(run.left) else f", {left_text(run.left)}"
    return f"{spent}{whole}, {epochs}{left}"


def _word_button(picture: str, text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setIcon(icon(picture))
    button.setIconSize(WORD_ICON)
    button.setText(text)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setToolTip(plain(tip))
    button.setAccessibleName(text)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
