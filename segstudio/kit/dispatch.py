"""The bridge from other threads, and from later, to the GUI thread."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer, Signal

_SLICE_SECONDS = 0.008
"""How long one turn may run posted functions before input is looked at again."""


class Dispatcher(QObject):
    """The `Clock` of the window: runs functions on the thread that made it.

    `post` may be called from any thread. Functions run in the order they were posted; one that
    raises is given to `sys.excepthook` and the others still run. They also run while one of them
    waits in an event loop of its own, as a question to the user does.
    """

    _wake = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._queue: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        self._awake = False
        self._closed = False
        self._timers: set[QTimer] = set()
        self._wake.connect(self._drain, Qt.ConnectionType.QueuedConnection)

    def post(self, function: Callable[[], None]) -> None:
        """Call `function()` soon on the GUI thread."""
        with self._lock:
            if self._closed:
                return
            self._queue.append(function)
            wake, self._awake = not self._awake, True
        if wake:
            self._wake.emit()

    def call_later(self, seconds: float, function: Callable[[], None]) -> Callable[[], None]:
        """Call `function()` on the GUI thread after `seconds`; GUI thread only.

        Returns:
            A function that calls it off; harmless when it is too late.
        """
        timer = QTimer(self)
        timer.setSingleShot(True)
        self._timers.add(timer)

        def drop() -> None:
            if timer in self._timers:
                self._timers.discard(timer)
                timer.stop()
                timer.deleteLater()

        def fire() -> None:
            drop()
            function()

        timer.timeout.connect(fire)
        timer.start(max(0, round(seconds * 1000)))
        return drop

    def close(self) -> None:
        """Drop what waits and refuse what comes."""
        with self._lock:
            self._closed = True
            self._queue.clear()
        for timer in list(self._timers):
            timer.stop()
        self._timers.clear()

    def _drain(self) -> None:
        end = time.monotonic() + _SLICE_SECONDS
        with self._lock:
            self._awake = False
        while self._call_next() and time.monotonic() <= end:
            pass

    def _call_next(self) -> bool:
        """Call the function that waits longest; False if there is none.

        What waits behind it is called for before: the function may hold up this turn for long.
        """
        with self._lock:
            if not self._queue:
                return False
            function = self._queue.popleft()
            wake = bool(self._queue) and not self._awake
            self._awake = self._awake or wake
        if wake:
            self._wake.emit()
        try:
            function()
        except Exception:  # noqa: BLE001 - shown by the excepthook; the rest must still run
            sys.excepthook(*sys.exc_info())
        return True
