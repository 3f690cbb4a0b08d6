"""Ctrl+C on the command line: one line and exit code 130, wherever it comes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

STOPPED: Final = 130
"""The exit code of a program that Ctrl+C ended: 128 + SIGINT, as shells have it."""


class Stopped(BaseException):
    """The user pressed Ctrl+C.

    No `KeyboardInterrupt`, which libraries catch and turn into something else.
    """


class Stopping:
    """Whether Ctrl+C was pressed."""

    def __init__(self) -> None:
        self.asked = False

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Stop in order; a second time at once."""
        if self.asked:
            os._exit(STOPPED)
        self.asked = True
        raise Stopped


@contextmanager
def stopping_in_order() -> Iterator[Stopping]:
    """Let Ctrl+C raise `Stopped` in the main thread."""
    stopping = Stopping()
    if threading.current_thread() is not threading.main_thread():
        yield stopping
        return
    before = signal.signal(signal.SIGINT, stopping.on_signal)
    try:
        yield stopping
    finally:
        signal.signal(signal.SIGINT, before)
