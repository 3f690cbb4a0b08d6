"""The list of models, grouped by family; in the tool bar and in the model panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox

from segstudio.ui.elided import ElidedCombo
from segstudio.ui.icons import icon

if TYPE_CHECKING:
    from PySide6.QtGui import QStandardItemModel

    from segstudio.app.segmenting import Segmenting
    from segstudio.core.prediction import ModelSpec
    from segstudio.session.session import Change, Session

_LETTERS = 23
"""About as wide as the longest title that comes with segstudio."""

FAMILIES = {"unet": "U-Net", "deeplab": "DeepLab", "maskrcnn": "Mask R-CNN"}


def family_title(family: str) -> str:
    """The family's name for people."""
    return FAMILIES.get(family, family)


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
            self.setModel(_items(models, available, self))
            self.view().setMinimumWidth(self.view().sizeHintForColumn(0) + 24)
        self.setCurrentIndex(self.findData(self._session.model.chosen))
        spec = models.get(self._session.model.chosen)
        self.setToolTip(f"The model that Run uses: {spec.title}" if spec else "Choose a model")


def _items(
    models: dict[str, ModelSpec], available: frozenset[str], parent: QComboBox
) -> QStandardItemModel:
    from PySide6.QtGui import QStandardItem, QStandardItemModel

    items = QStandardItemModel(parent)
    families: dict[str, list[ModelSpec]] = {}
    for spec in models.values():
        families.setdefault(spec.family, []).append(spec)
    for family, specs in families.items():
        heading = QStandardItem(family_title(family))
        heading.setFlags(Qt.ItemFlag.NoItemFlags)
        font = heading.font()
        font.setBold(True)
        heading.setFont(font)
        items.appendRow(heading)
        for spec in specs:
            here = spec.id in available
            item = QStandardItem(icon("check" if here else "download"), spec.title)
            item.setData(spec.id, Qt.ItemDataRole.UserRole)
            state = "Weights are on disk" if here else "Weights must be downloaded first"
            item.setToolTip(f"{spec.description}\n{state}.")
            items.appendRow(item)
    return items
