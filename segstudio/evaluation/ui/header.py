"""The row on top of the evaluation panel: which models, start and stop, progress, export."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from segstudio.evaluation.evaluating import Evaluating
from segstudio.evaluation.ui.progress import EvaluationProgress
from segstudio.evaluation.ui.run_choice import RunChoice
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.icons import icon
from segstudio.session.session import Change, Session, What

_SHOWN = What.EVALUATION | What.MODELS | What.PROJECT | What.STATES
_EVERY_S = 0.2
_HEIGHT = 34


class EvaluationHeader(QWidget):
    """Controls of the evaluation.

    Signals:
        copy_requested: The table in front shall go to the clipboard.
    """

    copy_requested = Signal()

    def __init__(self, session: Session, evaluating: Evaluating, export: QMenu) -> None:
        super().__init__()
        self._session, self._evaluating = session, evaluating
        self._has_copy = True
        self.models = RunChoice(session, evaluating)
        self.start = _button("play", "Evaluate", "Evaluate the chosen models")
        self.stop = _button("circle-stop", "Stop", "Stop evaluating")
        self.again = QAction(icon("refresh-cw"), "Evaluate again, without what is on disk", self)
        self.progress = EvaluationProgress()
        self.copy = _button("copy", "", "Copy the table in front")
        self.export = _button("download", "Save", "Save the figures or a report")
        self.export.setMenu(export)
        self.export.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
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
        row.setContentsMargins(8, 3, 6, 3)
        row.setSpacing(6)
        for widget in (self.models, self.start, self.stop, self.progress):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self.copy)
        row.addWidget(self.export)

    def _on_change(self, change: Change) -> None:
        if change.what & _SHOWN:
            self._refresh.request()

    def _show(self) -> None:
        self.models.refresh()
        evaluation = self._session.evaluation
        can = bool(self.models.runs) and self._session.project is not None
        self.start.setVisible(not evaluation.running)
        self.start.setEnabled(can)
        self.stop.setVisible(evaluation.running)
        has_figures = any(evaluation.done.values())
        self.again.setEnabled(can)
        self.copy.setEnabled(has_figures and self._has_copy)
        self.export.setEnabled(has_figures)
        self.progress.show_state(evaluation)


def _button(name: str, text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setIcon(icon(name))
    button.setIconSize(QSize(16, 16))
    button.setAutoRaise(True)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    if text:
        button.setText(text)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setToolTip(tip)
    button.setAccessibleName(text or tip)
    return button
