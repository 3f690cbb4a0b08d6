"""How the values of the folder's masks are read."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import (
    QComboBox,
    QDialogButtonBox,
    QFormLayout,
    QVBoxLayout,
    QWidget,
)

from segstudio.folder.mask_reading import MaskReading
from segstudio.kit.dialog import Dialog
from segstudio.kit.plain import PlainLabel
from segstudio.storage.truth import ReadAs, TruthIndex, Zero
from segstudio.storage.truth_kinds import KINDS

ZEROS: Final[tuple[tuple[Zero | None, str], ...]] = (
    (None, "Automatic"),
    ("background", "Background: no object"),
    ("class", "A class like the others"),
    ("object", "The object (black on white)"),
)


class MasksDialog(Dialog):
    """Asks what the masks hold; nothing changes before it is accepted."""

    def __init__(
        self, masks: MaskReading, index: TruthIndex, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Read masks as")
        self._masks = masks
        said = self._said = index.said
        found = "" if index.undecided else f"The masks are read as {index.in_words}."
        if not index.final:
            found += " They are still being looked at."
        self.line = PlainLabel(
            "\n".join(filter(None, [found, *(doubt.message for doubt in index.doubts)]))
        )
        self.line.setTextFormat(Qt.TextFormat.PlainText)
        self.line.setWordWrap(True)
        self._kinds = [None, *KINDS]
        choices = ["Automatic", *(kind.choice for kind in KINDS.values())]
        self.kind = _combo("Values", choices)
        self.kind.setCurrentIndex(self._kinds.index(said.kind))
        self._offer(index)
        self.zero = _combo("Class 0", [text for _, text in ZEROS])
        self.zero.setCurrentIndex([zero for zero, _ in ZEROS].index(said.zero))
        self.zero.setEnabled(not index.declared)
        if index.declared:
            self.zero.setToolTip("The class list of the folder says what class 0 is, by its name")
        form = QFormLayout()
        form.addRow("Values", self.kind)
        form.addRow("Class 0", self.zero)
        buttons = QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        self.buttons = QDialogButtonBox(buttons)
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(self.line)
        column.addLayout(form)
        column.addWidget(self.buttons)
        self.resize(460, self.sizeHint().height())

    def _offer(self, index: TruthIndex) -> None:
        """Offer only what at least one mask can be: else each image would refuse its own."""
        items = self.kind.model()
        assert isinstance(items, QStandardItemModel)
        for place, kind in enumerate(self._kinds):
            if kind is not None and kind != index.said.kind and not index.can_be(kind):
                items.item(place).setEnabled(False)
                items.item(place).setToolTip("No mask of this folder can be read so")

    def _accept(self) -> None:
        kind, zero = self._kinds[self.kind.currentIndex()], ZEROS[self.zero.currentIndex()][0]
        self.accept()
        ignored = self._said.ignored if kind == self._said.kind else None
        self._masks.read_as(ReadAs(kind, zero, ignored))


def _combo(name: str, texts: list[str]) -> QComboBox:
    combo = QComboBox()
    combo.setAccessibleName(name)
    combo.addItems(texts)
    return combo
