"""Below the list of images: a note on one of them, how much is done, what their names share."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPalette
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from segstudio.folder.work_progress import WorkProgress
from segstudio.kit.elided import ElidedLabel
from segstudio.kit.plain import PlainLabel, plain
from segstudio.storage.image_ref import ImageRef

_LONGEST_NOTE = 500
_WIDEST_TITLE = 84


class ImagesFoot(QWidget):
    """Three lines, each hidden while it has nothing to say.

    Attributes:
        note: The field for a note.
        progress: How many images are done, and how many an hour.
        scored: Whose scores the list shows.
        shared: What the names of all listed images have in common.
        listed: How many are listed, if not all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.note = NoteField()
        self.progress, self.shared, self.listed = ElidedLabel(), ElidedLabel(), PlainLabel()
        self.scored = ElidedLabel(Qt.TextElideMode.ElideRight)
        self.scored.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.scored.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.scored.hide()
        self.progress.setAccessibleName("How many images are done")
        self.scored.setAccessibleName("Whose scores the list shows")
        self.shared.setAccessibleName("What all listed names have in common")
        self.listed.setAccessibleName("How many images are listed")
        self._scored = ("", "")
        self._note_line = _line(self.note, margin=8, height=36)
        self._progress_line = _line(self.progress, self.scored)
        self._names_line = _line(self.shared, self.listed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for line in (self._note_line, self._progress_line, self._names_line):
            line.hide()
            column.addWidget(line)
        self.note.ended.connect(self._note_line.hide)

    def show_names(self, *, shown: bool) -> None:
        """Show or hide the line on the listed names."""
        self._names_line.setVisible(shown)

    def show_progress(self, progress: WorkProgress) -> None:
        """Tell how much is done."""
        self._progress_line.setVisible(progress.total > 0)
        self.progress.show_text(progress.text, *progress.shorter)
        self.progress.setToolTip(plain(f"{progress.text}.\n{progress.details}"))

    def show_scored(self, title: str, tip: str) -> None:
        """Tell whose scores stand in the list; nothing if there are none."""
        if (title, tip) == self._scored:
            return
        self._scored = (title, tip)
        self.scored.ensurePolished()
        advance = self.scored.fontMetrics().horizontalAdvance(title)
        self.scored.setFixedWidth(min(advance + 1, _WIDEST_TITLE))
        self.scored.show_text(title)
        self.scored.setToolTip(plain(tip))
        self.scored.setVisible(bool(title))

    def write_note(self, ref: ImageRef, note: str) -> None:
        """Let the user write of an image."""
        self._note_line.show()
        self.note.begin(ref, note)


def _line(*widgets: QWidget, margin: int = 12, height: int = 28) -> QFrame:
    line = QFrame()
    line.setObjectName("imagesFoot")
    line.setFixedHeight(height)
    row = QHBoxLayout(line)
    row.setContentsMargins(margin, 0, margin, 0)
    row.setSpacing(8)
    for number, widget in enumerate(widgets):
        row.addWidget(widget, 0 if number else 1)
    return line


class NoteField(QLineEdit):
    """Takes one line on an image: Enter, and going elsewhere, keeps it; Esc leaves it as it was.

    Signals:
        written: The image, and what was typed of it.
        ended: Typing ended, either way.
        left: It ended by a key: what had the keys before shall have them again.
    """

    written = Signal(object, str)
    ended = Signal()
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._ref: ImageRef | None = None
        self.setMaxLength(_LONGEST_NOTE)
        self.setAccessibleName("Note on the image")

    def begin(self, ref: ImageRef, note: str) -> None:
        """Take the keys, for an image with this note."""
        self.keep()
        self._ref = ref
        self.setText(note)
        self.setPlaceholderText(f"Note on {ref.title}")
        self.setToolTip(plain(f"A line on {ref.title}.\nEnter keeps it, Esc leaves it as it was."))
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.selectAll()

    def keep(self) -> None:
        """End with what is typed."""
        ref, self._ref = self._ref, None
        if ref is not None:
            self.written.emit(ref, self.text())
            self.ended.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._ref = None
            self.ended.emit()
            self.left.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.keep()
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() not in (
            Qt.FocusReason.PopupFocusReason,
            Qt.FocusReason.ActiveWindowFocusReason,
        ):
            self.keep()
