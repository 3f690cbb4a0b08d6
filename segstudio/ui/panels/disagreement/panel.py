"""The disagreement: where the models differ on the open image, and who is right there."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from segstudio.app.disagreement import Disagreement
from segstudio.core.formatting import count_text
from segstudio.session.disagreement import Disputes
from segstudio.session.session import Change, Session, What
from segstudio.ui.action_set import ActionSet
from segstudio.ui.coalesce import Coalescer
from segstudio.ui.elided import ElidedLabel
from segstudio.ui.empty import EmptyState, Switch
from segstudio.ui.panels.disagreement.answers import AnswersView
from segstudio.ui.panels.disagreement.choices import ChoicesButton
from segstudio.ui.panels.disagreement.rows import RegionsModel
from segstudio.ui.panels.disagreement.table import RegionTable

_SHOWN = What.DISAGREEMENT | What.DOCUMENT | What.PREDICTIONS | What.SCHEMA
_NO_IMAGE = "Open an image to see where models differ on it."
_NO_RUNS = "Run two models or more on this image to see where they differ."
_FEW_CHOSEN = "Choose two models or more to compare."
_WAITING = "Comparing…"


class DisagreementPanel(QWidget):
    """The regions by size; below who says what of the opened one.

    Signals:
        region_opened: The `Rect` of the region that the user wants to see.
    """

    region_opened = Signal(object)

    def __init__(self, session: Session, disagreement: Disagreement, actions: ActionSet) -> None:
        super().__init__()
        self._session, self._disagreement = session, disagreement
        self._opened = 0
        self.summary = ElidedLabel()
        self.summary.setAccessibleName("How much the models differ")
        self.show_layer = _button(actions["disagreement.show"])
        self.previous = _button(actions["disagreement.previous"])
        self.next = _button(actions["disagreement.next"])
        self.run_models = QPushButton(actions["compare.models"].icon(), "Run models…")
        self.run_models.setToolTip(actions["compare.models"].toolTip())
        self.run_models.clicked.connect(actions["compare.models"].trigger)
        self.choices = ChoicesButton(session, disagreement)
        self.model = RegionsModel(self)
        self.table = RegionTable(self.model)
        self.answers = AnswersView()
        self._lay_out()
        self._refresh = Coalescer(self, self._show)
        self.table.opened.connect(self._open)
        self.answers.asked.connect(disagreement.take)
        session.changed.connect(self._on_change)
        self._show()

    @property
    def empty_text(self) -> str:
        """The line shown instead of regions, "" while there are some."""
        return "" if self._switch.currentIndex() else self._switch.empty.label.text()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(8, 2, 4, 2)
        head.setSpacing(2)
        head.addWidget(self.summary, 1)
        for button in (self.previous, self.next, self.show_layer, self.choices):
            head.addWidget(button)
        contents = QWidget()
        column = QVBoxLayout(contents)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.table, 1)
        column.addWidget(self.answers)
        body = QWidget()
        self._switch = Switch(EmptyState("", self.run_models), contents)
        body.setLayout(self._switch)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(head)
        whole.addWidget(body, 1)

    def _on_change(self, change: Change) -> None:
        if change.what & What.DISAGREEMENT:
            self._follow()
        if change.what & _SHOWN:
            self._refresh.request()

    def _follow(self) -> None:
        """Another region is looked at: have it seen."""
        opened, disputes = self._session.disagreeing.opened, self._session.disagreement
        if opened == self._opened:
            return
        self._opened = opened
        region = None if disputes is None else disputes.region(opened)
        if region is not None:
            self.region_opened.emit(region.rect)

    def _open(self, number: int) -> None:
        self._opened = 0  # a second click goes there again
        self._disagreement.open(number)
        self._follow()

    def _show(self) -> None:
        session = self._session
        disputes, state = session.disagreement, session.disagreeing
        self.summary.show_text(_summary(disputes))
        filled, text = self._contents()
        self._switch.show_contents(filled, text)
        self.run_models.setVisible(text == _NO_RUNS)
        self.model.show(disputes, state, session.schema)
        self.table.show_models(0 if disputes is None else len(disputes.runs))
        self.table.show_opened(state.opened)
        region = None if disputes is None else disputes.region(state.opened)
        self.answers.show_region(disputes, region, state, session.schema)

    def _contents(self) -> tuple[bool, str]:
        """Whether there are regions to show, else what to say."""
        session = self._session
        disputes, document = session.disagreement, session.document
        if disputes is not None and disputes.regions:
            return True, ""
        if disputes is not None:
            return False, _no_regions(disputes)
        if session.disagreeing.waiting:
            return False, _WAITING
        if document is None:
            return False, _NO_IMAGE
        return False, _FEW_CHOSEN if len(document.predictions) > 1 else _NO_RUNS


def _summary(disputes: Disputes | None) -> str:
    if disputes is None:
        return ""
    share = 100 * disputes.pixels / max(1, disputes.values.size)
    shown = f"{share:.1f} %" if share >= 0.1 or not disputes.pixels else "under 0.1 %"
    return f"{len(disputes.runs)} models differ on {shown} of the pixels"


def _no_regions(disputes: Disputes) -> str:
    if not disputes.pixels:
        return f"The {len(disputes.runs)} models agree on every pixel."
    return (
        f"The models differ on {count_text(disputes.pixels)} pixels only, in "
        f"{count_text(disputes.unlisted)} regions too small to be listed."
    )


def _button(action: QAction) -> QToolButton:
    button = QToolButton()
    button.setDefaultAction(action)
    button.setIconSize(QSize(16, 16))
    button.setAutoRaise(True)
    return button
