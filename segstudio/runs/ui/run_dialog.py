"""Making a named run: a model, or a file of weights, with options of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import ModelSpec, Variant
from segstudio.kit.dialog import Dialog
from segstudio.kit.file_dialogs import ask_weights
from segstudio.kit.icons import icon
from segstudio.kit.model_titles import short_model_titles
from segstudio.kit.plain import PlainLabel
from segstudio.runs.kept_weights import free_title
from segstudio.runs.named_runs import NamedRuns, described
from segstudio.runs.own_weights import OwnWeights
from segstudio.runs.ui.model_chooser import ModelItems
from segstudio.runs.ui.run_options import OptionControls, cost, short_words
from segstudio.session.session import Change, Session, What


class RunDialog(Dialog):
    """Asks for name, model and options; starts from those of the chosen model.

    Signals:
        created: (id of the new run, whether it shall run on the open image at once).
    """

    created = Signal(str, bool)

    def __init__(
        self, session: Session, named_runs: NamedRuns, own_weights: OwnWeights, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("New run")
        self._session, self._named_runs, self._own_weights = session, named_runs, own_weights
        self.name = QLineEdit()
        self.name.setAccessibleName("Name")
        self.base = QComboBox()
        self.base.setAccessibleName("Model")
        self.base.setToolTip("The model that this run is of")
        self.base.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.file = QPushButton(icon("folder-open"), "Choose file…")
        self.file.setToolTip("Use the weights of a file of yours")
        self.file.setAutoDefault(False)
        self.options = OptionControls(session.model.options)
        self.note = line("What it does, or what is missing")
        self.buttons = CreateButtons(session)
        self._lay_out()
        self._fill()
        self._start_from(session.models.get(session.model.chosen))
        self.name.textChanged.connect(self._check)
        self.base.currentIndexChanged.connect(self._check)
        self.options.changed.connect(self._check)
        self.file.clicked.connect(self._choose_file)
        self.buttons.asked.connect(self._create)
        self.buttons.rejected.connect(self.reject)
        self.listen(session.changed, self._on_change)
        self._check()

    def _lay_out(self) -> None:
        model = QHBoxLayout()
        model.addWidget(self.base, 1)
        model.addWidget(self.file)
        form = QFormLayout()
        form.setHorizontalSpacing(14)
        form.setVerticalSpacing(8)
        form.addRow("Name", self.name)
        form.addRow("Model", model)
        own = (form.labelForField(self.name), form.labelForField(model))
        widest = max(label.sizeHint().width() for label in self.options.labels)
        for label in (*own, *self.options.labels):
            label.setMinimumWidth(widest)
        column = QVBoxLayout(self)
        column.setSpacing(8)
        column.addLayout(form)
        for widget in (self.options, self.note, self.buttons):
            column.addWidget(widget)
        self.setMinimumWidth(540)

    def _fill(self) -> None:
        """List the models; the one that was chosen stays so."""
        chosen = self.base.currentData()
        model = self._session.model
        # a variant's own options would win over those set here, so its model is offered instead
        bases = {
            i: spec
            for i, spec in self._session.models.items()
            if not isinstance(spec.made_of, Variant)
        }
        self.base.setModel(ModelItems(bases, model.available, self.base))
        self.base.setCurrentIndex(max(0, self.base.findData(chosen)) if chosen else -1)

    def _start_from(self, spec: ModelSpec | None) -> None:
        base, overrides = spec, {}
        if spec is not None and isinstance(spec.made_of, Variant):
            base, overrides = spec.made_of.base, dict(spec.made_of.overrides)
        at = -1 if base is None else self.base.findData(base.id)
        self.base.setCurrentIndex(at if at >= 0 else 1)
        self.options.show_options(overrides, self._session.model.options)

    @property
    def _spec(self) -> ModelSpec | None:
        return self._session.models.get(str(self.base.currentData()))

    @property
    def title(self) -> str:
        """The name typed, or else the suggested one."""
        return self.name.text().strip() or self.name.placeholderText()

    def _check(self) -> None:
        spec, overrides = self._spec, self.options.overrides
        if spec is None:
            self._say("Choose a model.")
            return
        self.options.show_instances(_has_instances(spec))
        overrides = self.options.overrides
        self.name.setPlaceholderText(self._suggested(spec, overrides))
        problem = title_problem(self.title, self._session.models)
        if not self.options.scales:
            problem = "Choose at least one size to average over; 1 x is the image as it is."
        elif not overrides and not spec.own_file:
            problem = f"Change an option: as it is, it answers like {spec.title}."
        self._say(problem, _words(spec, overrides))

    def _suggested(self, spec: ModelSpec, overrides: Mapping[str, Any]) -> str:
        models = self._session.models
        plain = (s for s in models.values() if s.made_of is None and s.id != spec.id)
        title = short_model_titles([spec.title], [other.title for other in plain])[0]
        words = f"{title} ({short_words(overrides)})" if overrides else f"{title} run"
        return free_title(words, [spec.title for spec in models.values()])

    def _say(self, problem: str, words: str = "") -> None:
        self.note.setText(problem or words)
        self.buttons.allow(not problem)

    def _choose_file(self) -> None:
        path = ask_weights(self, "Weights")
        if path is not None:
            self.use_file(path)

    def use_file(self, path: Path) -> None:
        """Read a file of weights; its model is chosen here when it is there."""
        self._own_weights.open(path)

    def _on_change(self, change: Change) -> None:
        if not change.what & What.MODELS:
            return
        chosen = self._session.model.chosen
        is_new = self.base.findData(chosen) < 0
        self._fill()
        at = self.base.findData(chosen)
        if is_new and at >= 0:  # the model of a file that was read
            self.base.setCurrentIndex(at)
        self._check()

    def _create(self, run_now: bool) -> None:
        spec = self._spec
        if spec is None:
            return
        try:
            run = self._named_runs.add_variant(self.title, spec.id, **self.options.overrides)
        except SegstudioError as error:
            self._say(f"{error.message} {error.hint}".strip())
            return
        self.created.emit(run, run_now)
        self.accept()


class CreateButtons(QDialogButtonBox):
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


def line(name: str) -> QLabel:
    """Faint text with room for two lines."""
    label = PlainLabel()
    label.setWordWrap(True)
    label.setAccessibleName(name)
    label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    label.setMinimumHeight(2 * label.fontMetrics().lineSpacing())
    return label


def title_problem(title: str, models: Mapping[str, ModelSpec]) -> str:
    """Why a name will not do, "" if it will."""
    if any(spec.title.casefold() == title.casefold() for spec in models.values()):
        return f"There is a model called {title} already."
    return ""


def _words(spec: ModelSpec, overrides: Mapping[str, Any]) -> str:
    if not overrides:
        return ""
    times = cost(overrides)
    slower = "" if 0.9 < times < 1.1 else f" About {times:.2g} times the work of a plain run."
    return f"{spec.title} with {described(dict(overrides))}.{slower}"


def _has_instances(spec: ModelSpec) -> bool:
    return spec.finds_objects
