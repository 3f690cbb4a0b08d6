"""Time and turns of the thread that owns the session."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

Cancel = Callable[[], None]
"""Forgets a call that was asked for; does nothing once it was made."""


class Clock(Protocol):
    """Calls functions later on the thread that owns the session."""

    def post(self, fn: Callable[[], None]) -> None:
        """Call `fn` soon; safe from any thread, and calls keep their order."""

    def call_later(self, seconds: float, fn: Callable[[], None]) -> Cancel:
        """Call `fn` once after that time; only from the owning thread."""
        ...


class ManualClock:
    """A clock that stands still until told: for tests and for programs without an event loop.

    What was posted waits until `run_posted` or `advance` is called.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._inbox: deque[Callable[[], None]] = deque()
        self._arrived = threading.Condition()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._cancelled: set[int] = set()
        self._numbers = itertools.count()

    def post(self, fn: Callable[[], None]) -> None:
        """Put `fn` into the inbox."""
        with self._arrived:
            self._inbox.append(fn)
            self._arrived.notify_all()

    def call_later(self, seconds: float, fn: Callable[[], None]) -> Cancel:
        """Call `fn` once the clock was advanced that far."""
        number = next(self._numbers)
        heapq.heappush(self._timers, (self.now + seconds, number, fn))
        return lambda: self._cancelled.add(number)

    def run_posted(self) -> int:
        """Call what was posted, and what that posts; returns how many calls were made."""
        calls = 0
        while True:
            with self._arrived:
                if not self._inbox:
                    return calls
                fn = self._inbox.popleft()
            fn()
            calls += 1

    def wait_posted(self, timeout: float) -> bool:
        """Wait in real time until something is posted; False if nothing came."""
        with self._arrived:
            return self._arrived.wait_for(lambda: bool(self._inbox), timeout)

    def advance(self, seconds: float) -> None:
        """Let time pass: calls what was posted and every timer that falls due, in order."""
        end = self.now + seconds
        self.run_posted()
        while self._timers and self._timers[0][0] <= end:
            due, number, fn = heapq.heappop(self._timers)
            self.now = max(self.now, due)
            if number in self._cancelled:
                self._cancelled.discard(number)
                continue
            fn()
            self.run_posted()
        self.now = end
