"""How large a pixel is: typed for the folder or for one image."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QComboBox,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.pixel_size import MICRON, UNITS, PixelSize, PixelSizes
from segstudio.kit.dialog import Dialog
from segstudio.kit.plain import PlainLabel
from segstudio.session.document import Document
from segstudio.session.session import Session

FOLDER, IMAGE = range(2)
"""What the size is of."""


class PixelSizeDialog(Dialog):
    """Width and height with a unit; what is said counts before what files tell."""

    def __init__(self, session: Session, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Size of a pixel")
        self._session, self._document = session, document
        self.across, self.down, self.unit = QLineEdit(), QLineEdit(), QComboBox()
        self.down.setPlaceholderText("as the width")
        self.unit.addItems(list(UNITS))
        self.scope = QComboBox()
        self.scope.addItems(["All images of this folder", f"{document.ref.title} only"])
        self.told = PlainLabel()
        self.told.setWordWrap(True)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.use = self.buttons.addButton("Use", QDialogButtonBox.ButtonRole.AcceptRole)
        self.use.setDefault(True)
        self.forget = self.buttons.addButton(
            "As in the file", QDialogButtonBox.ButtonRole.ResetRole
        )
        self.forget.setToolTip("Forget what was typed: the size that the file tells counts, if any")
        self._lay_out()
        self._fill()
        for field in (self.across, self.down):
            field.textChanged.connect(self._check)
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        self.forget.clicked.connect(self._forget)
        self._check()

    def _lay_out(self) -> None:
        width = QWidget()
        row = QHBoxLayout(width)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.across, 1)
        row.addWidget(self.unit)
        form = QFormLayout()
        rows = (
            ("Width", width, self.across), ("Height", self.down, self.down),
            ("Of", self.scope, self.scope),
        )  # fmt: skip
        for text, shown, field in rows:
            field.setAccessibleName(f"{text} of a pixel" if field is not self.scope else "Images")
            form.addRow(text, shown)
        self.unit.setAccessibleName("Unit")
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addLayout(form)
        column.addWidget(self.told)
        column.addWidget(self.buttons)
        self.setMinimumWidth(360)

    def _fill(self) -> None:
        """Show the size that counts now."""
        said, name = self._session.view.pixel_sizes, self._document.ref.name
        size = self._document.pixel_size(said)
        self.unit.setCurrentText(MICRON)
        self.scope.setCurrentIndex(IMAGE if name in said.images else FOLDER)
        self.forget.setEnabled(name in said.images or said.folder is not None)
        if size is not None:
            self.across.setText(f"{size.across:.6g}")
            if size.down != size.across:
                self.down.setText(f"{size.down:.6g}")
            self.across.selectAll()

    @property
    def typed(self) -> PixelSize | None:
        """What is typed; None if that is no size."""
        microns = UNITS[self.unit.currentText()]
        across = _number(self.across.text())
        down = _number(self.down.text()) if self.down.text().strip() else across
        if across is None or down is None:
            return None
        return PixelSize.known(across * microns, down * microns)

    def _check(self) -> None:
        size, picture = self.typed, self._document.picture
        self.use.setEnabled(size is not None)
        is_typed = self.across.text().strip() or self.down.text().strip()
        in_file = None if picture is None else picture.pixel_size
        name = self._document.ref.title
        if size is None and is_typed:
            self.told.setText("Write a number above 0, as 0.5.")
        elif in_file is None:
            self.told.setText(f"{name} does not tell how large its pixels are.")
        else:
            self.told.setText(f"{name} tells {in_file.size_text()}.")

    def _accept(self) -> None:
        size = self.typed
        if size is None:
            return
        said, name = self._session.view.pixel_sizes, self._document.ref.name
        others = {key: value for key, value in said.images.items() if key != name}
        if self.scope.currentIndex() == IMAGE:
            self._say(PixelSizes(said.folder, {**others, name: size}))
        else:
            self._say(PixelSizes(size, others))

    def _forget(self) -> None:
        """Take back what was said of what is chosen."""
        said, name = self._session.view.pixel_sizes, self._document.ref.name
        others = {key: value for key, value in said.images.items() if key != name}
        self._say(PixelSizes(said.folder if self.scope.currentIndex() == IMAGE else None, others))

    def _say(self, sizes: PixelSizes) -> None:
        self._session.set_view(pixel_sizes=sizes)
        self.accept()


def _number(text: str) -> float | None:
    """A number as people type it, also with a comma."""
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None
