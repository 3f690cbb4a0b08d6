"""The evaluation panel: models compared over the folder."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QApplication, QMenu, QPushButton, QVBoxLayout, QWidget

from segstudio.evaluation.ui.evaluation_actions import EXPORTS
from segstudio.evaluation.ui.header import EvaluationHeader
from segstudio.evaluation.ui.pages import Pages
from segstudio.kit.action_set import ActionSet
from segstudio.kit.empty import EmptyState, Switch
from segstudio.session.session import Change, What
from segstudio.studio import Studio

_NO_FOLDER = "Open a folder of images with ground truth to see which model is right, and where."
_READY = (
    "Which model is right, and where? Each chosen model is run on every image and held against "
    "the ground truth. What is computed stays on disk: stop and go on at any time."
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

    def __init__(self, studio: Studio, commands: ActionSet, pages: Pages) -> None:
        super().__init__()
        self._session = studio.session
        self.header = EvaluationHeader(studio.session, studio.evaluating, _menu(commands, self))
        self.pages = pages
        self.evaluate = _button("Evaluate", self.start)
        self.truth = _button("Choose ground truth…", lambda: commands.run("file.truth"))
        self.open_folder = _button("Open folder…", lambda: commands.run("file.open"))
        self.samples = _button("Open samples", lambda: commands.run("file.samples"))
        self._empty = EmptyState("", self.evaluate, self.truth, self.open_folder, self.samples)
        self._switch = Switch(self._empty, self.pages)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addLayout(self._switch, 1)
        self.header.copy_requested.connect(self._copy)
        self.header.models.chosen.connect(self._show)
        self.pages.currentChanged.connect(lambda: self.header.offer_copy(self.pages.has_copy))
        self.pages.open_requested.connect(self.open_requested)
        self._commands = commands
        commands.keymap_changed.connect(self._show_tips)
        self._show_tips()
        studio.session.changed.connect(self._on_change)
        self._show()

    @property
    def empty_text(self) -> str:
        """The line that is shown instead of the pages, "" while they are shown."""
        return "" if self._switch.currentIndex() else self._empty.label.text()

    def start(self) -> None:
        """Evaluate the models that are chosen."""
        self.header.begin()

    def _show_tips(self) -> None:
        """Buttons that do what an action does say its key."""
        for button, action in (
            (self.header.start, "evaluation.start"),
            (self.header.stop, "evaluation.cancel"),
        ):
            button.setToolTip(self._commands[action].toolTip())

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
        self._switch.show_contents(
            has_project and bool(evaluation.runs), _line(has_project, has_truth)
        )
        self.evaluate.setVisible(has_project)
        self.evaluate.setEnabled(count > 0)
        self.evaluate.setText(
            f"Evaluate {count} model{'' if count == 1 else 's'}" if count else "Evaluate"
        )
        self.truth.setVisible(has_project and not has_truth)
        self.open_folder.setVisible(not has_project)
        self.samples.setVisible(not has_project)


def _line(has_project: bool, has_truth: bool) -> str:
    """What is said before anything is evaluated."""
    if not has_project:
        return _NO_FOLDER
    return _READY if has_truth else _NO_TRUTH


def _menu(commands: ActionSet, parent: QWidget) -> QMenu:
    menu = QMenu("Save", parent)
    menu.setToolTipsVisible(True)
    for action_id in EXPORTS:
        menu.addAction(commands[action_id])
    return menu


def _button(text: str, run: object) -> QPushButton:
    button = QPushButton(text)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.clicked.connect(run)
    return button
