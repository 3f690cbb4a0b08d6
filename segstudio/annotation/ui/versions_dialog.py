"""The versions of an image's masks that other programs wrote: look at them, restore one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.annotation.annotation_place import AnnotationPlace
from segstudio.kit.dialog import Dialog
from segstudio.kit.icons import icon
from segstudio.kit.plain import PlainLabel, plain
from segstudio.storage.originals import Version

_VERSION = Qt.ItemDataRole.UserRole


class VersionsDialog(Dialog):
    """Lists the versions, the latest first; stays open, so that several can be looked at."""

    def __init__(
        self, versions: Sequence[Version], place: AnnotationPlace, parent: QWidget
    ) -> None:
        """Args:
        versions: The oldest first.
        place: Shows and restores.
        parent: The window.
        """
        super().__init__(parent)
        self.setWindowTitle("Versions of the mask")
        self._place = place
        self.list = QListWidget()
        self.list.setAccessibleName("Versions that other programs wrote")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.show_layer = QPushButton(icon("layers"), "Show as layer")
        self.show_layer.setToolTip("Shown in the layer Original of the first view")
        self.restore = QPushButton(icon("history"), "Restore")
        self.restore.setToolTip("Make it the annotation; can be undone")
        for version in reversed(versions):
            self.list.addItem(self._item(version))
        self._lay_out(bool(versions))
        self.show_layer.clicked.connect(lambda: place.show_version(self._chosen))
        self.restore.clicked.connect(lambda: place.restore(self._chosen))
        self.list.setCurrentRow(0)
        self.resize(560, 300)

    @property
    def _chosen(self) -> Version:
        version: Version = self.list.currentItem().data(_VERSION)
        return version

    def _item(self, version: Version) -> QListWidgetItem:
        when = "as it is now"
        if version.kept_at:
            when = f"kept {datetime.fromisoformat(version.kept_at).astimezone():%Y-%m-%d %H:%M}"
        item = QListWidgetItem(f"{self._place.shown(version.path)}   ({when})")
        item.setData(_VERSION, version)
        item.setToolTip(plain(f"{version.path}\nSHA-256 {version.digest}"))
        return item

    def _lay_out(self, any_there: bool) -> None:
        text = PlainLabel(
            "Each version that another program wrote was kept before it was replaced."
            if any_there
            else "No other program wrote a mask of this image."
        )
        text.setTextFormat(Qt.TextFormat.PlainText)
        text.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        for button in (self.show_layer, self.restore):
            button.setEnabled(any_there)
            button.setAutoDefault(False)
            buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.close)
        column = QVBoxLayout(self)
        column.addWidget(text)
        column.addWidget(self.list, 1)
        column.addWidget(buttons)
