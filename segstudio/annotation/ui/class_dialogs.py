"""Dialogs of the classes: what the pixels of a removed one become, and which count nowhere."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QComboBox,
    QDialogButtonBox,
    QFormLayout,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from segstudio.annotation.class_removal import ClassUse
from segstudio.core.formatting import count_text, counted
from segstudio.core.schema import LabelSchema
from segstudio.kit.dialog import Dialog
from segstudio.kit.plain import PlainLabel
from segstudio.kit.swatch import swatch

_NO_CLASS = -1


class RemoveClassDialog(Dialog):
    """Says where the class is used and asks which class its pixels become.

    Signals:
        confirmed: Id of that class.
    """

    confirmed = Signal(int)

    def __init__(self, use: ClassUse, schema: LabelSchema, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Remove class")
        self.text = PlainLabel(use_text(use))
        self.text.setWordWrap(True)
        self.into = QComboBox()
        self.into.setAccessibleName("Its pixels become")
        for spec in schema.classes:
            if spec.id != use.spec.id:
                self.into.addItem(
                    swatch(QColor(*spec.color)), f"{spec.name} (id {spec.id})", spec.id
                )
        self.into.setCurrentIndex(max(0, self.into.findData(0)))
        self.note = PlainLabel(
            "Ids of the other classes stay. Files are saved as corrections are; what another "
            "program wrote is kept. It can be undone."
        )
        self.note.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.remove = QPushButton("Remove class")
        buttons.addButton(self.remove, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.button(QDialogButtonBox.StandardButton.Cancel).setDefault(True)
        buttons.accepted.connect(self._confirm)
        buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.addRow("Its pixels become", self.into)
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addWidget(self.text)
        if use.pixels or use.unread:
            column.addLayout(form)
            column.addWidget(self.note)
        column.addWidget(buttons)
        self.setMinimumWidth(420)

    def _confirm(self) -> None:
        self.confirmed.emit(int(self.into.currentData()))
        self.accept()


def use_text(use: ClassUse) -> str:
    """Where a class is used, in a sentence or two."""
    pixels = counted(use.pixels, "pixel")
    number = len({ref.name for ref in use.images})
    images = counted(number, "image")
    if any(ref.page for ref in use.images):
        images += f" ({counted(len(use.images), 'page')})"
    text = f"“{use.spec.name}” (id {use.spec.id}) is on {pixels} of {images}."
    if use.unread:
        count = len(use.unread)
        named = f"{use.unread[0]}{', ...' if count > 1 else ''}"
        text += f" {count_text(count)} cannot be read, or the masks cannot ({named})."
    return text


class IgnoredClassDialog(Dialog):
    """Asks for the class id that stands for "nobody knows", or for none.

    Signals:
        confirmed: The id (int), or None where all pixels count.
    """

    confirmed = Signal(object)

    def __init__(self, schema: LabelSchema, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Pixels that don't count")
        text = PlainLabel(
            "Pixels with this class id in the masks count in no score and are not trained on. "
            "Data sets often mark borders with 255; others call it the ignore index."
        )
        text.setWordWrap(True)
        self.ignore = QSpinBox()
        self.ignore.setRange(_NO_CLASS, 255)
        self.ignore.setSpecialValueText("none, all count")
        self.ignore.setValue(_NO_CLASS if schema.ignore_index is None else schema.ignore_index)
        self.ignore.setAccessibleName("Class id that doesn't count")
        self.ignore.setToolTip("A value of the mask files, 0 to 255; below 0: all pixels count")
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.accepted.connect(self._confirm)
        self.buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.addRow("Class id", self.ignore)
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addWidget(text)
        column.addLayout(form)
        column.addWidget(self.buttons)
        self.setMinimumWidth(380)
        self.ignore.selectAll()

    def _confirm(self) -> None:
        value = self.ignore.value()
        self.accept()
        self.confirmed.emit(None if value == _NO_CLASS else value)
