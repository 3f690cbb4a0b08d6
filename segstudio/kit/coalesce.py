"""Many reasons to draw something anew, one drawing."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QObject, QTimer
from shiboken6 import isValid

_SHARE_SECONDS = 0.004
"""Once so much of a turn is spent, what else is due waits for the next: one notice reaches many."""


class Coalescer(QObject):
    """Calls a function once for all requests of a turn, and at most every `interval` seconds.

    What is due together is called in the order in which it became due, in as many turns as it takes.
    """

    def __init__(
        self, parent: QObject, function: Callable[[], None], interval: float = 0.03
    ) -> None:
        super().__init__(parent)
        self._function = function
        self._interval = interval
        self._last = 0.0
        self._is_due = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._fire)

    def request(self) -> None:
        """Have the function called soon."""
        if not (self._timer.isActive() or self._is_due):
            wait = self._last + self._interval - time.monotonic()
            self._timer.start(max(0, round(wait * 1000)))

    def _fire(self) -> None:
        self._is_due = True
        _Due.of_application().take(self)

    def call(self) -> None:
        """Call the function now: it is due."""
        self._is_due = False
        self._last = time.monotonic()
        self._function()


class _Due(QObject):
    """Calls what is due as long as the turn has time for it."""

    _shared: _Due | None = None

    def __init__(self, parent: QObject | None) -> None:
        super().__init__(parent)
        self._waiting: deque[Coalescer] = deque()
        self._spent = 0.0
        self._next = QTimer(self, singleShot=True, interval=0)
        self._next.timeout.connect(self._begin)

    @classmethod
    def of_application(cls) -> _Due:
        """The one that all share."""
        if cls._shared is None or not isValid(cls._shared):
            cls._shared = cls(QCoreApplication.instance())
        return cls._shared

    def take(self, due: Coalescer) -> None:
        """Call it in this turn, or after those that wait already."""
        self._waiting.append(due)
        self._go_on()

    @property
    def is_waiting(self) -> bool:
        """Whether something is left for the next turn."""
        return bool(self._waiting)

    def _begin(self) -> None:
        """Another turn has come."""
        self._spent = 0.0
        self._go_on()

    def _go_on(self) -> None:
        while self._waiting and self._spent < _SHARE_SECONDS:
            due = self._waiting.popleft()
            self._next.start()  # before the call, which may raise or have an event loop of its own
            began = time.monotonic()
            try:
                if isValid(due):
                    due.call()
            finally:
                self._spent += time.monotonic() - began


def due_is_waiting() -> bool:
    """Whether a call that is due was left for the next turn."""
    return _Due.of_application().is_waiting
