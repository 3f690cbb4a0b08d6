"""Ctrl+C on the command line: one line and exit code 130, wherever it comes."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from segstudio import interrupt

STOPPED = interrupt.STOPPED

_OUT_OF_THERE_S = 0.02
"""So long the main thread has to leave the place that lets no error through."""


class Stopped(BaseException):
    """The user pressed Ctrl+C.

    No `KeyboardInterrupt`, which libraries catch and turn into something else.
    """


class Stopping:
    """Whether Ctrl+C was pressed."""

    def __init__(self) -> None:
        self.asked = self.over = False

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Stop in order; a second time at once."""
        if self.asked:
            interrupt.say_and_end()
        self.asked = True
        raise Stopped

    def nothing_left(self) -> None:
        """What is printed from here on is not stopped any more, nor what follows."""
        self.over = True
        if threading.current_thread() is threading.main_thread():
            interrupt.nothing_left(to_wait_for=self.asked)

    def on_unraisable(self, lost: sys.UnraisableHookArgs) -> None:
        """`Stopped` came where Python lets nothing through, as in a destructor: once more then."""
        if not issubclass(lost.exc_type, Stopped):
            sys.__unraisablehook__(lost)
        elif not self.over:
            self.asked = False
            _thread.start_new_thread(_stop_again, ())


def _stop_again() -> None:
    """Send the main thread another Ctrl+C: a signal, where there are any, ends what it waits for."""
    time.sleep(_OUT_OF_THERE_S)
    main = threading.main_thread().ident
    if sys.platform == "win32" or main is None:
        _thread.interrupt_main()
    else:
        signal.pthread_kill(main, signal.SIGINT)


@contextmanager
def stopping_in_order() -> Iterator[Stopping]:
    """Let Ctrl+C raise `Stopped` in the main thread.

    After `Stopping.nothing_left` it stays without effect: whoever goes on gives it another one.
    """
    stopping = Stopping()
    if threading.current_thread() is not threading.main_thread():
        yield stopping
        return
    hook, sys.unraisablehook = sys.unraisablehook, stopping.on_unraisable
    before = signal.signal(signal.SIGINT, stopping.on_signal)
    try:
        yield stopping
    finally:
        if not stopping.over:
            signal.signal(signal.SIGINT, before)
        sys.unraisablehook = hook
