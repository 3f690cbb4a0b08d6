"""The list of models, grouped by family; in the tool bar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSize, Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QComboBox

from segstudio.kit.elided import ElidedCombo
from segstudio.kit.icons import icon
from segstudio.kit.plain import plain
from segstudio.models.families import FAMILIES

if TYPE_CHECKING:
    from segstudio.core.prediction import ModelSpec
    from segstudio.runs.segmenting import Segmenting
    from segstudio.session.session import Change, Session

_LETTERS = 23
"""About as wide as the longest title that comes with segstudio."""
_LEAST_PX = 80

_OTHERS = {"ensemble": "Ensemble"}
NAMED = "Named runs"
"""The heading of the user's own runs."""


def family_title(family: str) -> str:
    """The family's name for people."""
    known = FAMILIES.get(family)
    return known.title if known is not None else _OTHERS.get(family, family)


class ModelChooser(ElidedCombo):
    """Shows the chosen model and chooses another; an arrow marks weights not on disk yet."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Model")
        self.setToolTip("The model that Run uses")
        self.setMinimumContentsLength(_LETTERS)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setEnabled(False)
        self._session: Session | None = None
        self._shown: tuple[object, ...] = ()

    def minimumSizeHint(self) -> QSize:
        """In a narrow window the names are cut, so that the rest of the bar has room."""
        return QSize(_LEAST_PX, super().minimumSizeHint().height())

    def attach(self, session: Session, segmenting: Segmenting) -> None:
        """List the session's models; choosing one tells `segmenting`."""
        self._session = session
        self._fill()
        self.activated.connect(lambda: segmenting.choose(str(self.currentData())))
        session.changed.connect(self._on_change)
        self.setEnabled(True)

    def _on_change(self, change: Change) -> None:
        from segstudio.session.session import What

        if change.what & What.MODELS:
            self._fill()

    def _fill(self) -> None:
        if self._session is None:
            return
        models, available = self._session.models, self._session.model.available
        shown = (tuple(models), available)
        if shown != self._shown:
            self._shown = shown
            self.setModel(ModelItems(models, available, self))
            self.view().setMinimumWidth(self.view().sizeHintForColumn(0) + 24)
        self.setCurrentIndex(self.findData(self._session.model.chosen))
        spec = models.get(self._session.model.chosen)
        self.setToolTip(
            plain(f"The model that Run uses: {spec.title}" if spec else "Choose a model")
        )


class ModelItems(QStandardItemModel):
    """The user's named runs first, then the models by family, under headings."""

    def __init__(
        self, models: Mapping[str, ModelSpec], available: frozenset[str], parent: QObject
    ) -> None:
        super().__init__(parent)
        groups: dict[str, list[ModelSpec]] = {NAMED: []}
        for spec in models.values():
            named = spec.made_of is not None
            groups.setdefault(NAMED if named else family_title(spec.family), []).append(spec)
        for title, specs in groups.items():
            if specs:
                self.appendRow(_heading(title))
            for spec in specs:
                self.appendRow(_item(spec, here=spec.id in available))


def _heading(title: str) -> QStandardItem:
    heading = QStandardItem(title)
    heading.setFlags(Qt.ItemFlag.NoItemFlags)
    font = heading.font()
    font.setBold(True)
    heading.setFont(font)
    return heading


def _item(spec: ModelSpec, *, here: bool) -> QStandardItem:
    item = QStandardItem(icon(_icon_of(spec, here=here)), spec.title)
    item.setData(spec.id, Qt.ItemDataRole.UserRole)
    state = "Weights are on disk" if here else "Weights must be downloaded first"
    item.setToolTip(plain(f"{spec.description}\n{state}."))
    return item


def _icon_of(spec: ModelSpec, *, here: bool) -> str:
    if not here:
        return "download"
    if spec.made_of is None:
        return "check"
    return "layers-2" if spec.family == "ensemble" else "sliders-horizontal"
