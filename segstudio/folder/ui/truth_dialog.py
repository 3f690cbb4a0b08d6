"""Where the ground truth of the open folder lies, and how its files are called."""

from __future__ import annotations

from pathlib import Path

import shiboken6
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.errors import SegstudioError
from segstudio.folder.browsing import Browsing
from segstudio.kit.dialog import Dialog
from segstudio.kit.plain import PlainLabel
from segstudio.storage.mask_pattern import ChosenMasks, MaskPattern
from segstudio.storage.project import Project

_PAUSE_MS = 250
_HINT = (
    "Leave the names empty where they are the images' own, or end with _mask, _label, _gt and the "
    "like. Else write how they are made: {stem}_L.png, where {stem} is the image's name without "
    "its ending."
)


class TruthDialog(Dialog):
    """Asks for a folder and a pattern of names, and shows what would be found.

    Signals:
        chosen: The `ChosenMasks`; an empty one for what lies beside the images.
    """

    chosen = Signal(object)

    def __init__(self, project: Project, browsing: Browsing, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Ground truth")
        self._browsing = browsing
        known = project.masks
        folders = () if project.truth is None else project.truth.folders
        start = known.folder or next(iter(folders), project.images_root)
        self.folder = QLineEdit(str(start))
        self.folder.setAccessibleName("Folder of the masks")
        self.folder.setToolTip("Where the masks lie; they are looked for in its folders, too")
        self.browse = QPushButton("Browse…")
        self.browse.clicked.connect(self._browse)
        self.pattern = QLineEdit("" if known.pattern is None else known.pattern.text)
        self.pattern.setPlaceholderText("found automatically; or {stem}_L.png")
        self.pattern.setAccessibleName("Names of the masks")
        self.found = PlainLabel()
        self.found.setTextFormat(Qt.TextFormat.PlainText)
        self.found.setWordWrap(True)
        self.found.setMinimumHeight(self.found.fontMetrics().lineSpacing() * 2)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.use = self.buttons.addButton("Use", QDialogButtonBox.ButtonRole.AcceptRole)
        self.use.setDefault(True)
        self.beside = self.buttons.addButton(
            "Look beside the images", QDialogButtonBox.ButtonRole.ResetRole
        )
        self.beside.setToolTip("Forget what was chosen for this folder")
        self.beside.setVisible(bool(known or project.unused))
        self.beside.clicked.connect(self._look_beside)
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        self._lay_out()
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._look)
        for line in (self.folder, self.pattern):
            line.textChanged.connect(self._changed)
        self._look()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.folder, 1)
        row.addWidget(self.browse)
        form = QFormLayout()
        form.addRow("Folder", row)
        form.addRow("Names", self.pattern)
        hint = PlainLabel(_HINT)
        hint.setTextFormat(Qt.TextFormat.PlainText)
        hint.setWordWrap(True)
        column = QVBoxLayout(self)
        column.addLayout(form)
        for widget in (hint, self.found, self.buttons):
            column.addWidget(widget)
        self.resize(560, 210)

    @property
    def masks(self) -> ChosenMasks:
        """What is chosen now.

        Raises:
            SegstudioError: if there is no such folder, or the pattern is none.
        """
        folder = Path(self.folder.text().strip())
        if not self.folder.text().strip() or not folder.is_dir():
            raise SegstudioError(f"There is no folder {folder}.", "Choose the folder of the masks.")
        text = self.pattern.text().strip()
        return ChosenMasks(folder.absolute(), MaskPattern(text) if text else None)

    def _changed(self) -> None:
        self.found.setText("")
        self._pause.start()

    def _look(self) -> None:
        """Show how many images would have a mask, once the typing pauses."""
        self._pause.stop()
        try:
            masks = self.masks
        except SegstudioError as error:
            self.found.setText(str(error))
            self.use.setEnabled(False)
            return
        self.use.setEnabled(True)
        self._browsing.preview_masks(masks, lambda text: self._show(masks, text))

    def _show(self, masks: ChosenMasks, text: str) -> None:
        if not shiboken6.isValid(self):
            return
        try:
            current = self.masks
        except SegstudioError:
            return
        if masks == current:
            self.found.setText(text)

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder of the masks", self.folder.text())
        if folder:
            self.folder.setText(folder)

    def _look_beside(self) -> None:
        self.accept()
        self.chosen.emit(ChosenMasks())

    def _accept(self) -> None:
        try:
            masks = self.masks
        except SegstudioError as error:
            self.found.setText(str(error))
            return
        self.accept()
        self.chosen.emit(masks)
