"""Which file of the ground truth is being corrected: a bar above the views, until it is answered."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QPalette, QResizeEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QPushButton, QVBoxLayout

from segstudio.app.annotation_place import AnnotationPlace
from segstudio.session.document import Document
from segstudio.session.session import Session
from segstudio.ui.elided import ElidedLabel
from segstudio.ui.icons import tinted
from segstudio.ui.plain import PlainLabel

_HEIGHT = 34
_BUSY_MS = 50
_PADDING = 24
_NARROW = 560
"""Below this width the buttons say less, so that the file is still read."""
_KEEP_TIP = "Corrections go into the ground truth's own files. Asked once in this folder."
_INSTEAD_TIP = (
    "Corrections go to a folder of their own and the ground truth stays as it is; "
    "what was saved since the folder was opened moves there."
)
_REVERT_TIP = "Take the mask as it was before segstudio changed it; can be undone"


class CorrectionBar(QFrame):
    """Says which file is corrected and that its original is kept, and lets the user choose.

    It comes and goes only while no mouse button is down, so that the picture never moves under a
    stroke.
    """

    def __init__(self, session: Session, place: AnnotationPlace) -> None:
        super().__init__()
        self._session, self._place = session, place
        self.setAutoFillBackground(True)
        self.setBackgroundRole(QPalette.ColorRole.AlternateBase)
        self.setFixedHeight(_HEIGHT)
        self.setAccessibleName("Where corrections are saved")
        self._sign = PlainLabel()
        self.file, self.fate = ElidedLabel(), ElidedLabel(Qt.TextElideMode.ElideRight)
        self.keep, self.instead = QPushButton(), QPushButton()
        self.revert = QPushButton("Revert to original")
        self.revert.setToolTip(_REVERT_TIP)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 8, 0)
        row.setSpacing(8)
        row.addWidget(self._sign)
        lines = QVBoxLayout()
        lines.setSpacing(0)
        lines.addWidget(self.file)
        lines.addWidget(self.fate)
        row.addLayout(lines, 1)
        for button in (self.keep, self.instead, self.revert):
            button.setAutoDefault(False)
            row.addWidget(button)
        self.keep.clicked.connect(place.keep_in_truth)
        self.instead.clicked.connect(place.save_to_annotations)
        self.revert.clicked.connect(place.revert)
        self._refresh = QTimer(self, singleShot=True, interval=0)
        self._refresh.timeout.connect(self._show)
        self.hide()
        session.changed.connect(self._refresh_soon)
        self._draw_sign()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:  # the theme's palette is set before it
            self._draw_sign()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Say less where there is little room."""
        super().resizeEvent(event)
        if (event.size().width() < _NARROW) != (event.oldSize().width() < _NARROW):
            self._refresh_soon()

    def _refresh_soon(self) -> None:
        if not self._refresh.isActive():
            self._refresh.start(0)

    def _show(self) -> None:
        if QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            self._refresh.start(_BUSY_MS)
            return
        document, saving = self._session.document, self._session.saving
        wanted = saving.asked and document is not None and document.truth is not None
        if wanted and document is not None and document.place is not None:
            self._fill(document)
            self.show()
        elif not wanted:
            self.hide()

    def _fill(self, document: Document) -> None:
        place, elsewhere = document.place, self._session.saving.elsewhere
        assert place is not None
        files = " and ".join(self._place.shown(path) for path in place.files if path.suffix)
        what, fate = f"Correcting {files}", "The original is kept."
        if place.folder:
            what, fate = f"Corrections go to {files}", "The ground truth stays as it is."
        self.file.show_text(what)
        self.fate.show_text(fate)
        self.setAccessibleDescription(f"{what}. {fate}")
        narrow, folder = self.width() < _NARROW, self._session.saving.folder
        keep = "Into the truth" if narrow else "Save into the ground truth"
        instead = f"To {folder}/" if narrow else f"Save to {folder}/ instead"
        self.keep.setText(keep if elsewhere else "OK")
        self.keep.setToolTip(_KEEP_TIP)
        self.instead.setText("OK" if elsewhere else instead)
        self.revert.setText("Revert" if narrow else "Revert to original")
        self.instead.setToolTip(_INSTEAD_TIP)
        for button in (self.keep, self.instead, self.revert):
            button.setMaximumWidth(self.fontMetrics().horizontalAdvance(button.text()) + _PADDING)

    def _draw_sign(self) -> None:
        ink = QApplication.palette().color(QPalette.ColorRole.WindowText)
        self._sign.setPixmap(tinted("pencil", ink, 16, self.devicePixelRatioF()))
