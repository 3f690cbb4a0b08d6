"""What was painted but not saved when the program ended last time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from segstudio.annotation.recovering import Recovering
from segstudio.core.formatting import counted
from segstudio.core.labels import Image
from segstudio.kit.dialog import Dialog
from segstudio.kit.icons import icon
from segstudio.kit.pixmaps import pixmap_of
from segstudio.kit.plain import PlainLabel, plain
from segstudio.storage.journal import Recovered

RequestPreview = Callable[[Recovered, Callable[[Image | None], None]], None]
_PREVIEW = QSize(320, 260)
_ITEM = Qt.ItemDataRole.UserRole


class RecoveryDialog(Dialog):
    """The images with unsaved strokes, a preview, and what to do with each."""

    def __init__(
        self,
        items: Sequence[Recovered],
        recovering: Recovering,
        request_preview: RequestPreview,
        parent: QWidget,
    ) -> None:
        """Args:
        items: What was found.
        recovering: Restores and discards.
        request_preview: Makes the picture of an item in the background.
        parent: The window.
        """
        super().__init__(parent)
        self.setWindowTitle("Unsaved work found")
        self._recovering, self._ask_preview = recovering, request_preview
        self.list = QListWidget()
        self.list.setAccessibleName("Images with unsaved strokes")
        for item in items:
            self.list.addItem(_listed(item))
        self.preview = PlainLabel()
        self.preview.setFixedSize(_PREVIEW)
        self.preview.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.preview.setAccessibleName("Preview")
        self.restore = QPushButton(icon("history"), "Restore")
        self.discard = QPushButton(icon("trash-2"), "Discard")
        self.later = QPushButton("Decide later")
        self._lay_out()
        self.list.itemSelectionChanged.connect(self._show_preview)
        self.restore.clicked.connect(lambda: self._decide(restore=True))
        self.discard.clicked.connect(lambda: self._decide(restore=False))
        self.later.clicked.connect(self.reject)
        self.restore.setDefault(True)
        self.list.setCurrentRow(0)

    def _lay_out(self) -> None:
        text = PlainLabel(
            "segstudio ended last time before these strokes were saved. "
            "Restore puts them back into the annotation, as an edit that can be undone."
        )
        text.setWordWrap(True)
        middle = QHBoxLayout()
        middle.addWidget(self.list, 1)
        middle.addWidget(self.preview)
        buttons = QDialogButtonBox()
        buttons.addButton(self.restore, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.discard, QDialogButtonBox.ButtonRole.DestructiveRole)
        buttons.addButton(self.later, QDialogButtonBox.ButtonRole.RejectRole)
        column = QVBoxLayout(self)
        column.addWidget(text)
        column.addLayout(middle, 1)
        column.addWidget(buttons)
        self.resize(680, 400)

    def _row(self) -> QListWidgetItem | None:
        rows = self.list.selectedItems()
        return rows[0] if rows else None

    def _show_preview(self) -> None:
        row = self._row()
        if row is None:
            return
        item: Recovered = row.data(_ITEM)
        self.preview.setText("Reading…")
        self._ask_preview(item, lambda picture: self._keep_preview(item, picture))

    def _keep_preview(self, item: Recovered, picture: Image | None) -> None:
        if not isValid(self):  # closed before the picture came
            return
        row = self._row()
        if row is None or row.data(_ITEM) is not item:
            return
        if picture is None:
            self.preview.setText("The image cannot be read.")
            return
        self.preview.setPixmap(
            pixmap_of(picture).scaled(
                _PREVIEW,
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
        )

    def _decide(self, *, restore: bool) -> None:
        row = self._row()
        if row is None:
            return
        item: Recovered = row.data(_ITEM)
        if restore:
            self._recovering.restore(item)
        else:
            self._recovering.discard(item)
        self.list.takeItem(self.list.row(row))
        self.list.setCurrentRow(0)
        if self.list.count() == 0:
            self.accept()


def _listed(item: Recovered) -> QListWidgetItem:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(item.time))
    # A stroke is as many changes as the pointer made moves.
    changes = counted(item.strokes, "change")
    lost = f", {counted(item.damaged, 'damaged place')}" if item.damaged else ""
    row = QListWidgetItem(f"{item.title}\n{changes}{lost}, {when}")
    row.setToolTip(plain(str(item.image)))
    row.setData(_ITEM, item)
    return row
