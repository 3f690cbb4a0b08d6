"""Making an ensemble: which models answer together, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFormLayout,
    QListWidget,
    QListWidgetItem,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.class_mapping import class_difference, ids_by_name
from segstudio.core.prediction import EnsembleMethod, ModelSpec, reads_stored
from segstudio.kit.model_titles import short_model_titles
from segstudio.kit.plain import plain
from segstudio.kit.row_height import RowHeight
from segstudio.runs.named_runs import NamedRuns
from segstudio.runs.ui.new_run_dialog import NewRunDialog
from segstudio.session.session import Session

_ID = Qt.ItemDataRole.UserRole
_ROW_HEIGHT = 22
_ROW_FLAGS = Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsSelectable
"""Of each model; what cannot be selected does not show that the keys are at it."""
_WORDS: Final[Mapping[EnsembleMethod, str]] = {
    "mean": "Mean",
    "vote": "Vote",
    "panoptic": "Panoptic",
}
"""How a suggested name begins."""
_NAMED = 3
"""So many members are named in a suggested name."""


class EnsembleDialog(NewRunDialog):
    """Asks for members and the way in which they answer; starts with the chosen model."""

    def __init__(self, session: Session, named_runs: NamedRuns, parent: QWidget) -> None:
        super().__init__("New ensemble", session, named_runs, parent)
        self.members = QListWidget()
        self.members.setAccessibleName("Models")
        self.members.setItemDelegate(RowHeight(_ROW_HEIGHT, self.members))
        self.mean = QRadioButton("Mean of the probabilities")
        self.mean.setToolTip("Sure models weigh more than unsure ones")
        self.vote = QRadioButton("Majority vote")
        self.vote.setToolTip("Each model has one vote at every pixel;\na tie goes to the lower id")
        self.panoptic = QRadioButton("Objects over classes (panoptic)")
        self.panoptic.setToolTip(
            "The objects that one model finds lie over the classes\nthat another gives to every pixel"
        )
        self.mean.setChecked(True)
        self._fill()
        self._lay_out()
        self.members.itemChanged.connect(self._check)
        for button in (self.mean, self.vote, self.panoptic):
            button.toggled.connect(self._check)
        self._check()

    def _fill(self) -> None:
        """All models, those whose weights are on disk first."""
        model = self._session.model
        specs = sorted(self._session.models.values(), key=lambda s: s.id not in model.available)
        for spec in specs:
            item = QListWidgetItem(spec.title)
            item.setData(_ID, spec.id)
            item.setFlags(_ROW_FLAGS | Qt.ItemFlag.ItemIsEnabled)
            chosen = spec.id == model.chosen
            item.setCheckState(Qt.CheckState.Checked if chosen else Qt.CheckState.Unchecked)
            self.members.addItem(item)
        self.members.setCurrentRow(0)

    def _lay_out(self) -> None:
        how = QVBoxLayout()
        how.addWidget(self.mean)
        how.addWidget(self.vote)
        how.addWidget(self.panoptic)
        form = QFormLayout()
        form.addRow("Name", self.name)
        form.addRow("Models", self.members)
        form.addRow("Answer", how)
        self._column(form)
        self.setMinimumSize(540, 420)

    @property
    def chosen(self) -> tuple[ModelSpec, ...]:
        rows = (self.members.item(row) for row in range(self.members.count()))
        ids = [str(item.data(_ID)) for item in rows if item.checkState() == Qt.CheckState.Checked]
        return tuple(self._session.models[i] for i in ids if i in self._session.models)

    @property
    def method(self) -> EnsembleMethod:
        """How the models answer together."""
        if self.panoptic.isChecked():
            return "panoptic"
        return "mean" if self.mean.isChecked() else "vote"

    def _check(self) -> None:
        chosen = self.chosen
        self._dim(chosen)
        suggested = f"{_WORDS[self.method]} of {_names(chosen)}" if chosen else "Ensemble"
        self._suggest(suggested)
        problem = self._title_problem()
        if self.method == "panoptic" and len(chosen) < 2:
            problem = "Choose a model that finds objects and one that labels every pixel."
        elif len(chosen) < 2:
            problem = "Choose two models or more."
        self._say(problem, f"Every image runs through {len(chosen)} models.")

    def _dim(self, chosen: tuple[ModelSpec, ...]) -> None:
        """Only models that fit those chosen can answer together with them."""
        self.members.blockSignals(True)
        for row in range(self.members.count()):
            item = self.members.item(row)
            spec = self._session.models[str(item.data(_ID))]
            misfit = self._misfit(spec, chosen)
            fits = not misfit
            item.setFlags(_ROW_FLAGS | Qt.ItemFlag.ItemIsEnabled if fits else _ROW_FLAGS)
            item.setToolTip(plain(misfit or spec.description))
        self.members.blockSignals(False)

    def _misfit(self, spec: ModelSpec, chosen: tuple[ModelSpec, ...]) -> str:
        """Why a model cannot answer with those chosen; "" if it can."""
        if chosen and reads_stored(spec) != reads_stored(chosen[0]):
            return (
                "It reads channels by number, those chosen read colours."
                if reads_stored(spec)
                else "It reads colours, those chosen read channels by number."
            )
        if self.method != "panoptic":
            if not chosen or ids_by_name(chosen[0].schema, spec.schema) is not None:
                return ""
            titles = (chosen[0].title, spec.title)
            difference = class_difference(chosen[0].schema, spec.schema, titles)
            return f"It tells other classes apart: {difference}."
        if spec.task == "panoptic":
            return "It gives objects over classes by itself."
        taken = any(spec.task == other.task and spec.id != other.id for other in chosen)
        return "A model of its kind is chosen already." if taken else ""

    def _made(self) -> str:
        ids = [spec.id for spec in self.chosen]
        return self._named_runs.add_ensemble(self.title, ids, self.method)


def _names(specs: tuple[ModelSpec, ...]) -> str:
    """The models' names, as short as they may be."""
    titles = short_model_titles([spec.title for spec in specs])
    more = len(titles) - _NAMED
    return " + ".join(titles[:_NAMED]) + (f" and {more} more" if more > 0 else "")
