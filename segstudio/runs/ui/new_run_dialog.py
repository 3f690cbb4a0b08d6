"""What dialogs that make a run share: its name, what is missing, and the buttons."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.errors import SegstudioError
from segstudio.kit.dialog import Dialog
from segstudio.kit.icons import icon
from segstudio.kit.plain import FaintLabel
from segstudio.runs.kept_weights import free_title
from segstudio.runs.named_runs import NamedRuns
from segstudio.session.session import Session


class NewRunDialog(Dialog):
    """Asks for the name of a run; what it is made of is up to subclasses.

    Signals:
        created: (id of the new run, whether it shall run on the open image at once).
    """

    created = Signal(str, bool)

    def __init__(
        self, title: str, session: Session, named_runs: NamedRuns, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self._session, self._named_runs = session, named_runs
        self.name = QLineEdit()
        self.name.setAccessibleName("Name")
        self.note = FaintLabel()
        self.note.setAccessibleName("What it does, or what is missing")
        self.note.setMinimumHeight(2 * self.note.fontMetrics().lineSpacing())
        self.buttons = _Buttons(session)
        self.name.textChanged.connect(self._check)
        self.buttons.asked.connect(self._create)
        self.buttons.rejected.connect(self.reject)

    def _column(self, form: QFormLayout, *below: QWidget) -> None:
        """Lay out the form with what stands below it."""
        form.setHorizontalSpacing(14)
        form.setVerticalSpacing(8)
        column = QVBoxLayout(self)
        column.setSpacing(8)
        column.addLayout(form)
        for widget in (*below, self.note, self.buttons):
            column.addWidget(widget)

    @property
    def title(self) -> str:
        """The name typed, or else the suggested one."""
        return self.name.text().strip() or self.name.placeholderText()

    def _suggest(self, words: str) -> None:
        self.name.setPlaceholderText(free_title(words, self._titles()))

    def _title_problem(self) -> str:
        """Why the name will not do, "" if it will."""
        taken = {title.casefold() for title in self._titles()}
        if self.title.casefold() in taken:
            return f"There is a model called {self.title} already."
        return ""

    def _titles(self) -> Iterable[str]:
        return [spec.title for spec in self._session.models.values()]

    def _check(self) -> None:
        """Say what the run will do, or what is missing."""
        raise NotImplementedError

    def _say(self, problem: str, words: str = "") -> None:
        self.note.setText(problem or words)
        self.buttons.allow(not problem)

    def _create(self, run_now: bool) -> None:
        try:
            run = self._made()
        except SegstudioError as error:
            self._say(f"{error.message} {error.hint}".strip())
            return
        if run is not None:
            self.created.emit(run, run_now)
            self.accept()

    def _made(self) -> str | None:
        """Make the run and give its id; None where nothing can be made yet."""
        raise NotImplementedError


class _Buttons(QDialogButtonBox):
    """Create, Create and run, Cancel.

    Signals:
        asked: Create; True to run it on the open image at once.
    """

    asked = Signal(bool)

    def __init__(self, session: Session) -> None:
        super().__init__(QDialogButtonBox.StandardButton.Cancel)
        self.create_ = QPushButton("Create")
        self.run = QPushButton(icon("play"), "Create and run")
        self.run.setToolTip("Run it on the open image at once")
        self.run.setDefault(True)
        self.run.setVisible(session.document is not None)
        self.create_.setAutoDefault(session.document is None)
        for button in (self.create_, self.run):
            self.addButton(button, QDialogButtonBox.ButtonRole.AcceptRole)
        self.create_.clicked.connect(lambda: self.asked.emit(False))
        self.run.clicked.connect(lambda: self.asked.emit(True))

    def allow(self, allowed: bool) -> None:
        """Whether what is asked for can be created."""
        for button in (self.create_, self.run):
            button.setEnabled(allowed)
