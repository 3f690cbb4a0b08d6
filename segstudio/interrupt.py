"""Ctrl+C while the program starts and ends: one line and its exit code, or the result's.

Imported before all else, so what is not loaded already is not imported here: `signal` takes longer
to load than Python to start.
"""

import _signal  # type: ignore[import-not-found]
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STOPPED = 130
"""The exit code of a program that Ctrl+C ended: 128 + SIGINT, as shells have it."""


def end_at_once() -> "Any":
    """Let Ctrl+C end the program: there is nothing to finish, only to load.

    Returns:
        What happened on Ctrl+C before; None if this thread may not say.
    """
    return _on_ctrl_c(_say_and_end)


def nothing_left(*, to_wait_for: bool = False) -> None:
    """All that the program had to say is said: Ctrl+C changes neither that nor the exit code.

    Args:
        to_wait_for: Whether what was begun may still be at work: Ctrl+C ends that, without a word.
    """
    # a function of Python's would be taken out, and the signal be deadly, before the process ends
    _on_ctrl_c(_end if to_wait_for else _signal.SIG_IGN)


def restore(before: "Any") -> None:
    """Give back what `end_at_once` returned, where the process goes on."""
    if before is not None:
        _on_ctrl_c(before)


def say_and_end() -> None:
    """Say that the program was stopped, and end it on the spot."""
    os.write(2, b"error: stopped\n")
    os._exit(STOPPED)


def _on_ctrl_c(handler: "Any") -> "Any":
    try:
        return _signal.signal(_signal.SIGINT, handler)
    except ValueError:  # not the main thread, which alone may say what signals do
        return None


def _say_and_end(_number: int, _frame: object) -> None:
    say_and_end()


def _end(_number: int, _frame: object) -> None:
    os._exit(STOPPED)
