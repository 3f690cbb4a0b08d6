"""Making a named run: a model, or a file of weights, with options of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QWidget,
)

from segstudio.core.prediction import ModelSpec, Variant
from segstudio.kit.file_dialogs import ask_weights
from segstudio.kit.icons import icon
from segstudio.kit.model_titles import short_model_titles
from segstudio.runs.named_runs import NamedRuns, described
from segstudio.runs.own_weights import OwnWeights
from segstudio.runs.ui.model_chooser import ModelItems
from segstudio.runs.ui.new_run_dialog import NewRunDialog
from segstudio.runs.ui.run_options import OptionControls, cost, short_words
from segstudio.session.session import Change, Session, What


class RunDialog(NewRunDialog):
    """Asks for name, model and options; starts from those of the chosen model."""

    def __init__(
        self, session: Session, named_runs: NamedRuns, own_weights: OwnWeights, parent: QWidget
    ) -> None:
        super().__init__("New run", session, named_runs, parent)
        self._own_weights = own_weights
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
        self._lay_out()
        self._fill()
        self._start_from(session.models.get(session.model.chosen))
        self.base.currentIndexChanged.connect(self._check)
        self.options.changed.connect(self._check)
        self.file.clicked.connect(self._choose_file)
        self.listen(session.changed, self._on_change)
        self._check()

    def _lay_out(self) -> None:
        model = QHBoxLayout()
        model.addWidget(self.base, 1)
        model.addWidget(self.file)
        form = QFormLayout()
        form.addRow("Name", self.name)
        form.addRow("Model", model)
        own = (form.labelForField(self.name), form.labelForField(model))
        widest = max(label.sizeHint().width() for label in self.options.labels)
        for label in (*own, *self.options.labels):
            label.setMinimumWidth(widest)
        self._column(form, self.options)
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

    def _check(self) -> None:
        spec, overrides = self._spec, self.options.overrides
        if spec is None:
            self._say("Choose a model.")
            return
        self.options.show_instances(spec.finds_objects)
        overrides = self.options.overrides
        self._suggest(self._suggested(spec, overrides))
        problem = self._title_problem()
        if not self.options.scales:
            problem = "Choose at least one size to average over; 1 x is the image as it is."
        elif not overrides and not spec.own_file:
            problem = f"Change an option: as it is, it answers like {spec.title}."
        self._say(problem, _words(spec, overrides))

    def _suggested(self, spec: ModelSpec, overrides: Mapping[str, Any]) -> str:
        models = self._session.models
        plain = (s for s in models.values() if s.made_of is None and s.id != spec.id)
        title = short_model_titles([spec.title], [other.title for other in plain])[0]
        return f"{title} ({short_words(overrides)})" if overrides else f"{title} run"

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

    def _made(self) -> str | None:
        spec = self._spec
        if spec is None:
            return None
        return self._named_runs.add_variant(self.title, spec.id, **self.options.overrides)


def _words(spec: ModelSpec, overrides: Mapping[str, Any]) -> str:
    if not overrides:
        return ""
    times = cost(overrides)
    slower = "" if 0.9 < times < 1.1 else f" About {times:.2g} times the work of a plain run."
    return f"{spec.title} with {described(dict(overrides))}.{slower}"
