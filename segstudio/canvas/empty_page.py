"""What the canvas shows before anything is open."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from segstudio.kit.plain import LinkLabel

_NOTHING = (
    'Drop a folder here, <a href="open">open one</a>, or <a href="samples">open the samples</a>'
)
_NO_IMAGES = (
    'There are no images in this folder. <a href="open">Open another one</a>, '
    'or <a href="samples">open the samples</a>'
)


class EmptyPage(QWidget):
    """Says what to do, with links, or why the selected image is not seen.

    Signals:
        open_requested: The user wants to choose a folder.
        samples_requested: The user wants the samples.
    """

    open_requested = Signal()
    samples_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._line = LinkLabel(_NOTHING)
        self._line.setAlignment(Qt.AlignmentFlag.AlignCenter)
        font = self._line.font()
        font.setPointSizeF(font.pointSizeF() * 1.25)
        self._line.setFont(font)
        self._line.linkActivated.connect(self._follow)
        layout = QVBoxLayout(self)
        layout.addWidget(self._line)

    @property
    def line(self) -> QLabel:
        return self._line

    def show_no_images(self, *, folder_open: bool) -> None:
        """Say that nothing is open, or that the open folder has no images."""
        self._say(_NO_IMAGES if folder_open else _NOTHING, Qt.TextFormat.RichText)

    def show_reading(self, name: str) -> None:
        """Say that the first image is being read."""
        self._say(f"Reading {name}…")

    def show_unreadable(self, message: str, hint: str) -> None:
        """Say why the selected image cannot be shown."""
        self._say(f"{message}\n\n{hint}" if hint else message)

    def _say(self, text: str, kind: Qt.TextFormat = Qt.TextFormat.PlainText) -> None:
        self._line.setTextFormat(kind)
        self._line.setText(text)

    def _follow(self, link: str) -> None:
        (self.samples_requested if link == "samples" else self.open_requested).emit()
