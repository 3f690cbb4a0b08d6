"""The line at the bottom: what is under the pointer, the zoom, and what runs."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QStatusBar, QToolButton, QWidget

from segstudio.core.text import printable
from segstudio.kit.elided import ElidedLabel
from segstudio.kit.icons import icon
from segstudio.kit.plain import PlainLabel, plain

_JOB_TEXT_WIDTH = 300
_OFFLINE = "Works offline, on this computer"
"""True as long as no weights are downloaded, which happens when the user asks for it only."""


class JobStrip(QWidget):
    """The job that runs, how far it is, how many wait, and a button that cancels it."""

    def __init__(self) -> None:
        super().__init__()
        self._cancel: Callable[[], object] = lambda: None
        self._text = PlainLabel()
        self._text.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._full = ""
        self._bar = QProgressBar()
        self._bar.setFixedWidth(140)
        self._bar.setMaximumHeight(14)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName("Progress")
        self.button = QToolButton()
        self.button.setIcon(icon("x"))
        self.button.setIconSize(QSize(14, 14))
        self.button.setAutoRaise(True)
        self.button.setToolTip("Cancel")
        self.button.setAccessibleName("Cancel this job")
        self.button.clicked.connect(lambda: self._cancel())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 4, 0)
        row.setSpacing(6)
        row.addWidget(self._text)
        row.addWidget(self._bar)
        row.addWidget(self.button)
        self.hide()

    @property
    def text(self) -> str:
        return self._full if not self.isHidden() else ""

    def show_job(
        self, title: str, done: int, total: int, waiting: int, cancel: Callable[[], object]
    ) -> None:
        """Show a running job; `total` 0 means that its length is not known."""
        self._cancel = cancel
        more = f" (+{waiting} waiting)" if waiting else ""
        self._full = f"{printable(title)}{more}"
        metrics = self._text.fontMetrics()
        self._text.setText(
            metrics.elidedText(self._full, Qt.TextElideMode.ElideMiddle, _JOB_TEXT_WIDTH)
        )
        self._text.setToolTip(plain(self._full))
        if (self._bar.maximum(), self._bar.value()) != (total, done):
            self._bar.setRange(0, total)
            self._bar.setValue(done)
        self.show()


class StatusBar(QStatusBar):
    """Fixed places for each value, so that nothing jumps while the mouse moves."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeGripEnabled(False)
        self._position = self._place("Pointer", "88888, 88888")
        self._color = self._place("Pixel values", "888 888 888")
        self._annotation = self._place("Annotation class", "a long class name")
        self._prediction = self._place("Predicted class", "a long class name 100 %")
        self._network = ElidedLabel(Qt.TextElideMode.ElideRight)
        self._network.setAccessibleName("Network")
        self._network.setContentsMargins(6, 0, 6, 0)
        self.addWidget(self._network, 1)
        self.jobs = JobStrip()
        self._zoom = PlainLabel()
        self._zoom.setAccessibleName("Zoom")
        self._zoom.setContentsMargins(0, 0, 8, 0)
        self._zoom.setMinimumWidth(self.fontMetrics().horizontalAdvance("8888 %") + 8)
        self._zoom.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._start, self._offline = PlainLabel("No folder is open"), PlainLabel(_OFFLINE)
        for label in (self._start, self._offline):
            label.setContentsMargins(8, 0, 8, 0)
            label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.insertWidget(0, self._start)
        self.addPermanentWidget(self.jobs)
        self.addPermanentWidget(self._offline)
        self.addPermanentWidget(self._zoom)
        self._is_start, self._downloads = False, False
        self.show_start(shown=False)

    def show_start(self, *, shown: bool) -> None:
        """Say that no folder is open, instead of what there is to say of one."""
        self._is_start = shown
        self._start.setVisible(shown)
        places = (self._position, self._color, self._annotation, self._prediction, self._network)
        for place in (*places, self._zoom):
            place.setVisible(not shown)
        self.show_downloads(running=self._downloads)

    def show_downloads(self, *, running: bool) -> None:
        """Take the word that nothing leaves the computer away while something is fetched."""
        self._downloads = running
        self._offline.setVisible(self._is_start and not running)

    @property
    def texts(self) -> dict[str, str]:
        """What stands there now, by the accessible name of the place."""
        labels = (self._position, self._color, self._annotation, self._prediction, self._zoom)
        found = {label.accessibleName(): label.text() for label in labels}
        return found | {self._network.accessibleName(): self._network.whole}

    def show_pixel(self, position: str, color: str, annotation: str, prediction: str) -> None:
        """Show what lies under the pointer."""
        self._position.setText(position)
        self._color.setText(color)
        self._annotation.setText(annotation)
        self._prediction.setText(prediction)

    def clear_pixel(self) -> None:
        self.show_pixel("", "", "", "")

    def show_network(self, text: str) -> None:
        """Show what the network says at the pixel."""
        if text != self._network.whole:
            self._network.show_text(text)

    def show_zoom(self, text: str) -> None:
        self._zoom.setText(text)

    def _place(self, name: str, widest: str) -> QLabel:
        label = PlainLabel()
        label.setAccessibleName(name)
        label.setToolTip(f"{name} under the pointer" if name != "Pointer" else "Pixel x, y")
        label.setMinimumWidth(self.fontMetrics().horizontalAdvance(widest) + 8)
        label.setContentsMargins(6, 0, 0, 0)
        self.addWidget(label)
        return label
