"""Which models to run on the open image, side by side."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialogButtonBox,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.comparison.comparing import Comparing
from segstudio.core.prediction import ModelSpec
from segstudio.kit.dialog import Dialog
from segstudio.kit.plain import PlainLabel, plain
from segstudio.runs.batch import model_of
from segstudio.session.session import MAX_PANES, Session

_ID = Qt.ItemDataRole.UserRole
_ROW_PX = 22
_AROUND_PX, _MOST_PX = 190, 600
"""Height of what stands around the list, and the largest one that the dialog opens with."""


class SideBySideDialog(Dialog):
    """A list of models with check boxes; at most `MAX_PANES` can be checked.

    Signals:
        chosen: (ids of the models in the list's order, whether to run those again that have run).
    """

    chosen = Signal(object, bool)

    def __init__(
        self, session: Session, comparing: Comparing, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Run models side by side")
        self._session = session
        self._there = {model_of(key) for key, _, there in comparing.choices() if there}
        self.line = PlainLabel(
            f"Each chosen model gets a view of its own, up to {MAX_PANES}. They run one after the "
            "other; the best mean IoU is marked."
        )
        self.line.setWordWrap(True)
        self.list = QListWidget()
        self.list.setAccessibleName("Models")
        self.list.itemChanged.connect(self._count)
        self.list.itemDoubleClicked.connect(_flip)
        self.again = QCheckBox("Run those again that have run on this image")
        self.again.toggled.connect(self._count)
        self.count = PlainLabel()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.go: QPushButton = self.buttons.addButton("Run", QDialogButtonBox.ButtonRole.AcceptRole)
        self.go.setDefault(True)
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setSpacing(8)
        for widget in (self.line, self.list, self.count, self.again, self.buttons):
            column.addWidget(widget)
        self._fill()
        self.resize(460, min(_MOST_PX, _AROUND_PX + _ROW_PX * self.list.count()))

    @property
    def checked(self) -> list[str]:
        """Ids of the checked models, in the list's order."""
        items = (self.list.item(row) for row in range(self.list.count()))
        return [i.data(_ID) for i in items if i.checkState() is Qt.CheckState.Checked]

    def _fill(self) -> None:
        """All models; those that the views show, or else those that have run, are checked."""
        there = self._there
        available = self._session.model.available
        shown = {model_of(pane.run) for pane in self._session.view.all_panes}
        shown &= self._session.models.keys()
        wanted = shown if len(shown) > 1 else {*there, self._session.model.chosen}
        left = MAX_PANES
        for spec in _in_order(self._session.models.values(), available):
            here = spec.id in available
            check = spec.id in wanted and here and left > 0
            left -= check
            self.list.addItem(_item(spec, check=check, here=here, has_run=spec.id in there))
        self.list.setCurrentRow(0)
        self._count()

    def _count(self) -> None:
        """Say how many are checked; no more than there are views."""
        number = len(self.checked)
        full = number >= MAX_PANES
        self.list.blockSignals(True)
        for row in range(self.list.count()):
            item = self.list.item(row)
            usable = not full or item.checkState() is Qt.CheckState.Checked
            flags = item.flags()
            enabled = Qt.ItemFlag.ItemIsEnabled
            item.setFlags(flags | enabled if usable else flags & ~enabled)
        self.list.blockSignals(False)
        self.count.setText(_count_text(number, self._to_download()))
        self.go.setEnabled(number > 0)
        nothing_to_run = not self.again.isChecked() and set(self.checked) <= self._there
        self.go.setText("Show" if number and nothing_to_run else "Run")

    def _to_download(self) -> int:
        return len(set(self.checked) - self._session.model.available)

    def _accept(self) -> None:
        self.chosen.emit(self.checked, self.again.isChecked())
        self.accept()


def _in_order(specs: Iterable[ModelSpec], available: Collection[str]) -> list[ModelSpec]:
    """Named runs first, as in every list of models; what is to be downloaded last."""
    return sorted(specs, key=lambda s: (s.made_of is None, s.id not in available))


def _item(spec: ModelSpec, *, check: bool, here: bool, has_run: bool) -> QListWidgetItem:
    note = "has run on this image" if has_run else "" if here else "to be downloaded"
    item = QListWidgetItem(f"{spec.title}   ({note})" if note else spec.title)
    item.setData(_ID, spec.id)
    item.setSizeHint(QSize(0, _ROW_PX))
    flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable
    item.setFlags(flags | Qt.ItemFlag.ItemIsSelectable)  # else the row with the keys is not seen
    item.setCheckState(Qt.CheckState.Checked if check else Qt.CheckState.Unchecked)
    item.setToolTip(plain(spec.description))
    return item


def _flip(item: QListWidgetItem) -> None:
    if item.flags() & Qt.ItemFlag.ItemIsEnabled:
        on = item.checkState() is Qt.CheckState.Checked
        item.setCheckState(Qt.CheckState.Unchecked if on else Qt.CheckState.Checked)


def _count_text(number: int, to_download: int) -> str:
    text = f"{number} of {MAX_PANES} chosen"
    if to_download:
        text += f", {to_download} to be downloaded first"
    return text
