"""What weights say of the open image as they are described, beside the form that describes them."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QRect, QSize, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from segstudio.core.prediction import ModelSpec
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.pixmaps import pixmap_of
from segstudio.kit.plain import PlainLabel
from segstudio.kit.segment_row import Segments
from segstudio.runs.describing import Preview, Previewing
from segstudio.session.session import Session

_WAIT_S = 0.15
"""While someone types, not each letter is tried."""
_PATIENCE_MS = 300
"""What takes longer is said to be under way."""
_TRYING = "Trying it on the open image…"
_NO_IMAGE = "Open an image to see here how the weights read it."
_ANSWER, _PHOTO = "Answer", "Photo"


class PreviewPane(QWidget):
    """The open image with the answer over it; the latest description is tried in the background."""

    def __init__(self, session: Session, previewing: Previewing) -> None:
        super().__init__()
        self._session, self._previewing = session, previewing
        self._spec: ModelSpec | None = None
        self._preview: Preview | None = None
        self.picture = _Picture()
        self.text = PlainLabel()
        self.text.setWordWrap(True)
        self.text.setAccessibleName("What the preview says")
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setMinimumHeight(4 * self.text.fontMetrics().lineSpacing())
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.layers = Segments(
            "Shown",
            {
                _ANSWER: "The image with what the weights say of it",
                _PHOTO: "The image alone",
            },
        )
        self.layers.chosen.connect(self._show)
        self._trying = Coalescer(self, self._try, _WAIT_S)
        self._waiting = QTimer(self)
        self._waiting.setSingleShot(True)
        self._waiting.setInterval(_PATIENCE_MS)
        self._waiting.timeout.connect(lambda: self.say(_TRYING))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        top = QHBoxLayout()
        top.addWidget(PlainLabel("Preview"))
        top.addStretch(1)
        top.addWidget(self.layers)
        column.addLayout(top)
        column.addWidget(self.picture, 1)
        column.addWidget(self.text)
        self.begin_anew()

    def ask(self, spec: ModelSpec) -> None:
        """Try a description soon."""
        self._spec = spec
        self._trying.request()

    def begin_anew(self) -> None:
        """Another image is open."""
        self._preview = None
        self.picture.show_picture(None)
        self.say(_NO_IMAGE if self._session.document is None else "")
        self._trying.request()

    def stop(self) -> None:
        """Nobody looks any more."""
        self._spec = None
        self._waiting.stop()
        self._previewing.stop()

    def say(self, text: str, *, is_wrong: bool = False) -> None:
        """Show words below the picture; what is wrong takes the answer off it."""
        role = QPalette.ColorRole.WindowText if is_wrong else QPalette.ColorRole.PlaceholderText
        self.text.setForegroundRole(role)
        self.text.setText(text)
        if is_wrong:
            self.stop()
            if self._preview is not None:
                self._preview = replace(self._preview, overlay=None)
            self._show()

    def _try(self) -> None:
        document = self._session.document
        if self._spec is None or document is None:
            return
        if not self._waiting.isActive() and self.text.text() != _TRYING:
            self._waiting.start()
        spec = self._spec
        options = self._session.model.options

        def told(preview: Preview) -> None:
            if self._spec is spec and self._session.document is document:
                self._waiting.stop()
                self._preview = preview
                self.say(preview.text)
                if preview.is_wrong:
                    self.text.setForegroundRole(QPalette.ColorRole.WindowText)
                self._show()

        self._previewing.ask(spec, document, options, told)

    def _show(self) -> None:
        preview = self._preview
        if preview is None:
            return
        shown = preview.photo
        if preview.overlay is not None and self.layers.text == _ANSWER:
            shown = preview.overlay
        self.picture.show_picture(pixmap_of(shown))


class _Picture(QWidget):
    """A picture as large as there is room, whole."""

    def __init__(self) -> None:
        super().__init__()
        self._pixmap: QPixmap | None = None
        self.setMinimumSize(240, 180)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Preview")

    def sizeHint(self) -> QSize:
        return QSize(400, 400)

    def show_picture(self, pixmap: QPixmap | None) -> None:
        """Show another one, or none."""
        self._pixmap = pixmap
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.Base))
        if self._pixmap is None:
            return
        size = self._pixmap.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRect(0, 0, size.width(), size.height())
        place.moveCenter(self.rect().center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(place, self._pixmap)
