"""`--screenshot`: run the default model on the first image and save the window's picture."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from segstudio.session.session import Change, What
from segstudio.studio import Studio
from segstudio.window.main_window import MainWindow

_TIMEOUT_SECONDS = 300
_SETTLE_MS = 600
"""Time for thumbnails and panels to be drawn after the score arrived."""


class Screenshot(QObject):
    """Waits for the image, runs the model, waits for the result and its score, saves, quits."""

    def __init__(self, window: MainWindow, studio: Studio, path: Path) -> None:
        super().__init__(window)
        self._window, self._studio, self._path = window, studio, path
        self._started = self._done = False
        studio.session.changed.connect(self._on_change)
        QTimer.singleShot(_TIMEOUT_SECONDS * 1000, self, self._give_up)

    def _on_change(self, change: Change) -> None:
        session = self._studio.session
        document = session.document
        if document is None or self._done:
            return
        if not self._started and change.what & What.DOCUMENT:
            self._started = True
            self._studio.segmenting.run_current()
        if document.predictions and self._is_scored():
            self._done = True
            QTimer.singleShot(_SETTLE_MS, self, self._save)

    def _is_scored(self) -> bool:
        session = self._studio.session
        document = session.document
        if document is None or not document.has_reference:
            return True
        return (session.index, session.view.run) in session.counts

    def _save(self) -> None:
        self._window.repaint()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._window.grab().save(str(self._path)):
            QApplication.exit(0)
        else:
            self._fail(f"the picture could not be written to {self._path}")

    def _give_up(self) -> None:
        if not self._done:
            self._fail("the model did not finish in time")

    def _fail(self, why: str) -> None:
        sys.stderr.write(f"error: {why}\n")
        QApplication.exit(1)
