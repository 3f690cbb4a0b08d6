"""Which file of the ground truth is being corrected: a bar above the views, until it is answered."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QColor, QPalette, QResizeEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QPushButton

from segstudio.annotation.annotation_place import AnnotationPlace
from segstudio.kit.elided import ElidedLabel
from segstudio.kit.icons import tinted
from segstudio.kit.plain import PlainLabel, plain
from segstudio.kit.theme import tokens_of
from segstudio.session.document import Document
from segstudio.session.session import Session

_HEIGHT = 32
_BUSY_MS = 50
_PADDING, _SIGN, _MARGIN, _GAP = 24, 16, 12, 8
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
        self.setFixedHeight(_HEIGHT)
        self.setAccessibleName("Where corrections are saved")
        self._sign = PlainLabel()
        self.file = ElidedLabel()
        self.keep, self.instead = QPushButton(), QPushButton()
        self.revert = QPushButton("Revert to original")
        self.revert.setToolTip(plain(_REVERT_TIP))
        row = QHBoxLayout(self)
        row.setContentsMargins(_MARGIN, 0, _MARGIN, 0)
        row.setSpacing(_GAP)
        row.addWidget(self._sign)
        row.addWidget(self.file, 1)
        self._buttons = (self.instead, self.revert, self.keep)
        self.keep.setToolTip(plain(_KEEP_TIP))
        self.instead.setToolTip(plain(_INSTEAD_TIP))
        for button in self._buttons:
            button.setAutoDefault(False)
            button.setProperty("link", True)
            row.addWidget(button)
        self.keep.clicked.connect(place.keep_in_truth)
        self.instead.clicked.connect(place.save_to_annotations)
        self.revert.clicked.connect(place.revert)
        self._painting = QTimer(self, singleShot=True, interval=0)
        self._painting.timeout.connect(self._paint)
        self._refresh = QTimer(self, singleShot=True, interval=0)
        self._refresh.timeout.connect(self._show)
        self.hide()
        session.changed.connect(self._refresh_soon)
        self._paint()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:  # the theme's palette is set before it
            self._painting.start()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The buttons say less where there is little room."""
        super().resizeEvent(event)
        self._refresh_soon()

    def _refresh_soon(self) -> None:
        if not self._refresh.isActive():
            self._refresh.start(0)

    def _show(self) -> None:
        if QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            self._refresh.start(_BUSY_MS)
            return
        document, saving = self._session.document, self._session.saving
        may_change = saving.asked and not self._session.read_only
        wanted = may_change and document is not None and document.truth is not None
        if wanted and document is not None and document.place is not None:
            self._fill(document)
            self.show()
        elif not wanted:
            self.hide()

    def _fill(self, document: Document) -> None:
        place, elsewhere = document.place, self._session.saving.elsewhere
        assert place is not None
        paths = [path for path in place.files if path.suffix]
        if document.annotation.instances is None:
            paths = paths[:1]  # there are no ids to be saved
        files = " and ".join(map(self._place.shown, paths))
        is_painted = document.edited_at is not None
        what = f"Correcting {files}" if is_painted else f"Corrections go to {files}"
        fate = "the original is kept."
        if place.folder:
            what, fate = f"Corrections go to {files}", "the ground truth stays as it is."
        # where it is too long all the same, its own end tells more than its folder's
        names = " and ".join(path.name for path in paths)
        whole = f"{what}; {fate}"
        self.file.show_text(whole, what, what.replace(files, names))
        self.setAccessibleDescription(whole)
        self._word_buttons(self._texts(elsewhere=elsewhere, short=False))
        if self._room() < self.fontMetrics().horizontalAdvance(whole):
            self._word_buttons(self._texts(elsewhere=elsewhere, short=True))

    def _texts(self, *, elsewhere: bool, short: bool) -> tuple[str, str, str]:
        """What the buttons say; less if the file would not be read else."""
        folder = self._session.saving.folder
        keep = "Into the truth" if short else "Save into the ground truth"
        instead = f"To {folder}/" if short else f"Save to {folder}/ instead"
        return (
            "OK" if elsewhere else instead,
            "Revert" if short else "Revert to original",
            keep if elsewhere else "OK",
        )

    def _word_buttons(self, texts: tuple[str, str, str]) -> None:
        for button, text in zip(self._buttons, texts, strict=True):
            button.ensurePolished()  # its words are bolder than others
            button.setText(text)
            button.setMaximumWidth(button.fontMetrics().horizontalAdvance(text) + _PADDING)

    def _room(self) -> int:
        """How wide the file's name may be beside the sign and the buttons."""
        taken = _SIGN + sum(button.maximumWidth() for button in self._buttons)
        return self.width() - taken - 2 * _MARGIN - (len(self._buttons) + 1) * _GAP

    def _paint(self) -> None:
        """Ground, words and sign of a notice."""
        palette = QApplication.palette()
        tokens = tokens_of(palette)
        palette.setColor(QPalette.ColorRole.Window, QColor(tokens.doubt))
        for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.ButtonText):
            palette.setColor(role, QColor(tokens.on_doubt))
        for widget in (self, self.file, *self._buttons):
            widget.setPalette(palette)
        self._sign.setPixmap(tinted("info", QColor(tokens.warn), _SIGN, self.devicePixelRatioF()))
