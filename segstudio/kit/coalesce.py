"""Many reasons to draw something anew, one drawing."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer


class Coalescer(QObject):
    """Calls a function once for all requests of a turn, and at most every `interval` seconds."""

    def __init__(
        self, parent: QObject, function: Callable[[], None], interval: float = 0.03
    ) -> None:
        super().__init__(parent)
        self._function = function
        self._interval = interval
        self._last = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._fire)

    def request(self) -> None:
        """Have the function called soon."""
        if not self._timer.isActive():
            wait = self._last + self._interval - time.monotonic()
            self._timer.start(max(0, round(wait * 1000)))

    def _fire(self) -> None:
        self._last = time.monotonic()
        self._function()
