"""The evaluation panel: models compared over the folder."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QMenu,
    QProgressBar,
    QPushButton,
    QTabBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.formatting import count_text, counted, left_text
from segstudio.core.pace import Pace
from segstudio.evaluation.evaluating import Evaluating
from segstudio.evaluation.ui.panel_actions import EXPORTS
from segstudio.evaluation.ui.panel_pages import EvaluationPages, EvaluationServices
from segstudio.evaluation.ui.run_choice import RunChoice
from segstudio.kit.action_set import ActionSet
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.empty import EmptyState, Switch
from segstudio.kit.fitting_row import WORD_ICON
from segstudio.kit.icons import icon
from segstudio.kit.key_tips import CommandTip
from segstudio.kit.plain import FaintLabel, plain
from segstudio.kit.turns import Parts
from segstudio.session.evaluation_state import Evaluation
from segstudio.session.session import Change, Session, What

_NO_FOLDER = "Open a folder of images with ground truth to see which model is right, and where."
_READY = (
    "Which model is right, and where? Each chosen model is run on every image and held against "
    "the ground truth. What is computed stays on disk: stop and go on at any time."
)
_WAITS = (
    "Looking for a faster way first: the models are tried on one image, and the quickest way that "
    "gives the same answers runs them on all. \u201cStart now\u201d runs them the plain way at once."
)
_NO_TRUTH = (
    "There is no ground truth for this folder. Choose its folder to measure models; without it "
    "they can still be compared with one another, and their doubts be seen."
)


class EvaluationPanel(QWidget):
    """Header and pages; or what to do first.

    Signals:
        open_requested: Position of an image or page (int, more than 32 bits) to show, and the `Rect` to go to or None.
    """

    open_requested = Signal(object, object)

    pages: EvaluationPages
    header: EvaluationHeader

    def __init__(self, session: Session, commands: ActionSet, parent: QWidget) -> None:
        super().__init__(parent)
        self._session, self._commands = session, commands
        self.hide()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)

    def build(self, evaluating: Evaluating, services: EvaluationServices) -> Parts[None]:
        """Make what it holds, where it stays: what gets another parent is styled anew."""
        session, commands = self._session, self._commands
        self.evaluate = _button("Evaluate", self.start)
        self.truth = _button("Choose ground truth…", lambda: commands.run("file.truth"))
        self.open_folder = _button("Open folder…", lambda: commands.run("file.open"))
        self.samples = _button("Open samples", lambda: commands.run("file.samples"))
        self._empty = EmptyState("", self.evaluate, self.truth, self.open_folder, self.samples)
        yield
        self.pages = pages = EvaluationPages(session, services)
        self._switch = Switch(self._empty, pages)
        self._column.addLayout(self._switch, 1)
        yield
        models = RunChoice(session, evaluating)
        yield
        self.header = EvaluationHeader(
            session, evaluating, models, commands.menu("Save", EXPORTS, self), pages.tabs_apart()
        )
        self._column.insertWidget(0, self.header)
        self._column.insertWidget(1, self.header.progress)
        yield
        yield from pages.parts_of_shown()
        yield
        self._connect()
        self._show()

    def _connect(self) -> None:
        self.header.copy_requested.connect(self._copy)
        self.header.progressed.connect(self._show_progress)
        self.header.models.chosen.connect(self._show)
        self.pages.currentChanged.connect(self._offer_copy)
        self.pages.page_built.connect(self._offer_copy)
        self.pages.open_requested.connect(self.open_requested)
        CommandTip(self._commands["evaluation.start"], self.header.start)
        CommandTip(self._commands["evaluation.cancel"], self.header.stop)
        CommandTip(self._commands["model.start_now"], self.header.now)
        self.header.now.clicked.connect(self._commands["model.start_now"].trigger)
        self._session.changed.connect(self._on_change)

    def _offer_copy(self) -> None:
        self.header.offer_copy(self.pages.has_copy)

    @property
    def empty_text(self) -> str:
        """The line that is shown instead of the pages, "" while they are shown."""
        return self._switch.empty_text

    def room_header(self) -> QWidget:
        """What stands in the bar of the room while this panel is in front."""
        return self.header

    @property
    def page_tabs(self) -> QWidget:
        """What gets the keys when the panel is opened."""
        return self.header.tabs

    def start(self) -> None:
        """Evaluate the models that are chosen."""
        self.header.begin()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_progress()

    def _show_progress(self) -> None:
        """That all is through is said where there is room for it."""
        progress = self.header.progress
        progress.setVisible(progress.matters or (progress.says and self.height() >= _ROOMY))

    def _copy(self) -> None:
        text = self.pages.copied()
        if text:
            QApplication.clipboard().setText(text)

    def _on_change(self, change: Change) -> None:
        if change.what & (What.EVALUATION | What.PROJECT | What.MODELS | What.STATES):
            self._show()

    def _show(self) -> None:
        session = self._session
        project, evaluation = session.project, session.evaluation
        has_project = project is not None
        # a folder's ground truth is known before it is known of each image
        has_truth = (project is not None and project.truth is not None) or any(
            s.has_truth or s.annotated for s in session.states.values()
        )
        count = len(self.header.models.runs)
        waits = evaluation.waiting
        self._switch.show_contents(
            has_project and bool(evaluation.runs),
            _WAITS if waits else _line(has_project, has_truth),
        )
        self.evaluate.setVisible(has_project and not waits)
        self.evaluate.setEnabled(count > 0)
        self.evaluate.setText(f"Evaluate {counted(count, 'model')}" if count else "Evaluate")
        self.truth.setVisible(has_project and not has_truth and not waits)
        self.open_folder.setVisible(not has_project)
        self.samples.setVisible(not has_project)


def _line(has_project: bool, has_truth: bool) -> str:
    """What is said before anything is evaluated."""
    if not has_project:
        return _NO_FOLDER
    return _READY if has_truth else _NO_TRUTH


def _button(text: str, run: object) -> QPushButton:
    button = QPushButton(text)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.clicked.connect(run)
    return button


_SHOWN = What.EVALUATION | What.MODELS | What.PROJECT | What.STATES
_EVERY_S = 0.2
_HEIGHT = 36
_ROOMY = 420
"""Height from which the panel says that all images are through."""


class EvaluationHeader(QWidget):
    """Tabs of the pages and controls of the evaluation, in one line.

    Attributes:
        progress: How far it is; stands elsewhere.

    Signals:
        copy_requested: The table in front shall go to the clipboard.
        progressed: What `progress` says is another now.
    """

    copy_requested = Signal()
    progressed = Signal()

    def __init__(
        self,
        session: Session,
        evaluating: Evaluating,
        models: RunChoice,
        export: QMenu,
        tabs: QTabBar,
    ) -> None:
        super().__init__()
        self._session, self._evaluating = session, evaluating
        self.tabs = tabs
        self._has_copy = True
        self.models = models
        self.start = _header_button("play", "Evaluate", "Evaluate the chosen models")
        self.stop = _header_button("circle-stop", "Stop", "Stop evaluating")
        self.now = _header_button("play", "Start now", "Start the plain way")
        self.again = QAction(icon("refresh-cw"), "Evaluate again, without what is on disk", self)
        self.progress = EvaluationProgress()
        self.copy = _header_button("copy", "", "Copy the table in front")
        self.export = _header_button("download", "", "Save the figures or a report")
        self.export.setMenu(export)
        self.export.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.export.setProperty("menuSign", "false")
        self._lay_out()
        self._refresh = Coalescer(self, self._show, _EVERY_S)
        self.start.clicked.connect(self.begin)
        self.stop.clicked.connect(evaluating.cancel)
        self.again.triggered.connect(lambda: self.begin(again=True))
        self.copy.clicked.connect(self.copy_requested)
        self.models.chosen.connect(self._show)
        self.models.measures_wanted.connect(lambda keys: evaluating.set_options(asked=keys))
        self.models.originals_wanted.connect(lambda on: evaluating.set_options(originals=on))
        session.changed.connect(self._on_change)
        self._show()

    def begin(self, _checked: bool = False, *, again: bool = False) -> None:
        """Evaluate the chosen models."""
        if self.models.runs and self._session.project is not None:
            self._evaluating.start(self.models.runs, again=again)

    def offer_copy(self, offered: bool) -> None:
        """Whether the page in front has something to copy."""
        self._has_copy = offered
        self._show()

    def _lay_out(self) -> None:
        self.setFixedHeight(_HEIGHT)
        more = QMenu(self)
        more.addAction(self.again)
        self.start.setMenu(more)
        self.start.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.tabs)
        row.addStretch(1)
        for widget in (self.models, self.start, self.now, self.stop):
            row.addWidget(widget)
        row.addWidget(self.copy)
        row.addWidget(self.export)

    def _on_change(self, change: Change) -> None:
        if change.what & _SHOWN:
            self._refresh.request()

    def _show(self) -> None:
        self.models.refresh()
        evaluation = self._session.evaluation
        can = bool(self.models.runs) and self._session.project is not None
        self.start.setVisible(not evaluation.busy)
        self.start.setEnabled(can)
        self.stop.setVisible(evaluation.busy)
        self.now.setVisible(evaluation.waiting)
        has_figures = any(evaluation.done.values())
        self.again.setEnabled(can)
        self.copy.setEnabled(has_figures and self._has_copy)
        self.export.setEnabled(has_figures)
        self.progress.show_state(evaluation)
        self.progressed.emit()


def _header_button(name: str, text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setIcon(icon(name))
    button.setIconSize(QSize(16, 16))
    button.setAutoRaise(True)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    if text:
        button.setText(text)
        button.setIconSize(WORD_ICON)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setToolTip(plain(tip))
    button.setAccessibleName(text or tip)
    return button


_LOOKING = "Looking for a faster way first…"
_LONGEST = "{0} of {0} images, 59 min left"


class EvaluationProgress(QWidget):
    """A bar and a line of text while images are evaluated, the line alone afterwards.

    Attributes:
        matters: Whether it says more than that all images are through.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._pace = Pace()
        self.matters = False
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(QSize(140, 8))
        self.bar.setAccessibleName("Images evaluated")
        self.label = FaintLabel(wraps=False)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 12, 4)
        row.setSpacing(8)
        row.addWidget(self.bar)
        row.addWidget(self.label)
        row.addStretch(1)

    @property
    def says(self) -> bool:
        """Whether there is anything to be read."""
        return bool(self.label.text())

    def show_state(self, evaluation: Evaluation) -> None:
        """Show how far it is."""
        done, whole = _through(evaluation)
        self.matters = evaluation.busy or done < whole or bool(_against(evaluation))
        self.bar.setVisible(evaluation.running)
        self.bar.setRange(0, max(1, whole))
        self.bar.setValue(done)
        self.label.setMinimumWidth(self._room(evaluation.total) if evaluation.running else 0)
        if evaluation.waiting:
            self.label.setText(_LOOKING)
            return
        if not evaluation.running:
            self._pace.forget()
            self.label.setText(f"{_at_rest(evaluation)}{_against(evaluation)}")
            return
        seconds = self._pace.left("", done, whole, self._now())
        left = "" if seconds is None else f", {left_text(seconds)}"
        self.label.setText(f"{_images(evaluation)}{left}")

    def _room(self, total: int) -> int:
        """Width of the text at its longest, so that it does not wander while it counts."""
        return self.label.fontMetrics().horizontalAdvance(_LONGEST.format(count_text(total)))


def _through(evaluation: Evaluation) -> tuple[int, int]:
    """Images times models: how many are done, and how many there are."""
    done = sum(evaluation.done.get(run, 0) for run in evaluation.runs)
    return done, evaluation.total * len(evaluation.runs)


def _images(evaluation: Evaluation) -> str:
    least = min((evaluation.done.get(run, 0) for run in evaluation.runs), default=0)
    noun = "image" if evaluation.total == 1 else "images"
    return f"{count_text(least)} of {count_text(evaluation.total)} {noun}"


def _against(evaluation: Evaluation) -> str:
    """Said with the figures as long as they are not measured against what is seen."""
    return (
        ", against the originals" if evaluation.originals and any(evaluation.done.values()) else ""
    )


def _at_rest(evaluation: Evaluation) -> str:
    done, whole = _through(evaluation)
    if not evaluation.runs or not whole:
        return ""
    if done < whole and evaluation.stopped:
        return f"Stopped at {_images(evaluation)}; Evaluate goes on from there"
    if done < whole:  # the others failed
        return f"{_images(evaluation)} evaluated"
    noun = "image" if evaluation.total == 1 else "images"
    return f"{count_text(evaluation.total)} {noun} evaluated"
