"""Work in a process of its own: what holds Python for seconds, or may end the process it runs in.

It can be halted for a while. Where the system stops processes it stands still at once, elsewhere
at its next `wait_while_halted`; `worked_s` is a clock that stands still meanwhile.
"""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Final

from segstudio.core.errors import SegstudioError, one_line
from segstudio.core.progress import Check, Report, no_report

_LOOK_EVERY_S: Final = 0.05
_PATIENCE_S: Final = 5.0
_PR_SET_PDEATHSIG: Final = 1

_log = logging.getLogger(__name__)

Work = Callable[[Report, Any], Any]
"""Runs in the other process: a function of a module, with what can be pickled."""


class _Halt(ctypes.Structure):
    """What both processes know: whether the other one is halted, and for how long it was."""

    _fields_ = (("now", ctypes.c_bool), ("seconds", ctypes.c_double))


_here: _Halt | Any = _Halt()
"""That of this process; never halted where it was not started by `done_apart`."""


def worked_s() -> float:
    """Seconds by a clock that stands still while this process is halted."""
    return time.perf_counter() - float(_here.seconds)


def wait_while_halted() -> None:
    """Go on when this process is not halted any more."""
    while _here.now:
        time.sleep(_LOOK_EVERY_S)


def _never() -> bool:
    return False


def done_apart(
    work: Work,
    given: Any,
    check: Check,
    report: Report = no_report,
    *,
    ended: SegstudioError,
    most_s: float | None = None,
    too_long: SegstudioError | None = None,
    halted: Callable[[], bool] = _never,
) -> Any:
    """What a function returns in another process, which is ended when this is left.

    Args:
        work: The function; gets a `Report` and `given`.
        given: What it works with.
        check: Called all the while; what it raises ends the process.
        report: Told what the function reports.
        ended: Raised if the process ends by itself.
        most_s: After so many seconds the process is ended; None for no limit.
        too_long: Raised then.
        halted: Whether the process has to stand still for now; asked all the while.

    Raises:
        SegstudioError: what the function raised, as one; or `ended`, or `too_long`.
    """
    start = time.monotonic()
    with _process(work, given) as (answers, hold):
        while True:
            check()
            hold(halted())
            if most_s is not None and time.monotonic() - start > most_s:
                raise too_long or ended
            if not answers.poll(_LOOK_EVERY_S):
                continue
            try:
                kind, told = answers.recv()
            except (EOFError, OSError) as error:
                raise ended from error
            if kind == "done":
                return told
            if kind == "failed":
                raise SegstudioError(*told)
            report(*told)


@contextmanager
def _process(work: Work, given: Any) -> Iterator[tuple[Connection, Callable[[bool], None]]]:
    """The other process: what it tells, and a function that halts it or lets it go on."""
    context = multiprocessing.get_context("spawn")
    answers, telling = context.Pipe(duplex=False)
    halt = context.RawValue(_Halt)
    process = context.Process(
        target=_work, args=(telling, halt, work, given), name="segstudio-apart", daemon=True
    )
    process.start()
    telling.close()  # so that its end is seen when the process is gone
    since = 0.0

    def hold(wanted: bool) -> None:
        nonlocal since
        if wanted == halt.now or process.exitcode is not None:
            return
        if wanted:
            halt.now, since = True, time.perf_counter()
            _send(process.pid, "SIGSTOP")
        else:
            halt.seconds += time.perf_counter() - since
            halt.now = False
            _send(process.pid, "SIGCONT")

    try:
        yield answers, hold
    finally:
        hold(False)  # or it would not hear that it shall end
        process.terminate()
        process.join(_PATIENCE_S)
        if process.is_alive():
            process.kill()
            process.join()
        process.close()
        answers.close()


def _send(pid: int | None, name: str) -> None:
    """Send a signal that not every system has, to a process that may just have ended."""
    number = getattr(signal, name, None)
    if number is None or pid is None:
        return
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        _log.debug("The process %d is gone", pid)


def _end_with_parent() -> None:
    """See that one that stands still does not outlive a program that was killed; Linux has that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


def _work(telling: Connection, halt: _Halt, work: Work, given: Any) -> None:
    """The other process."""
    global _here
    _here = halt
    _end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
    warnings.simplefilter("ignore")

    def report(done: int, total: int, text: str) -> None:
        telling.send(("report", (done, total, text)))

    try:
        telling.send(("done", work(report, given)))
    except BrokenPipeError:
        return  # nobody listens any more
    except SegstudioError as error:
        _say(telling, (error.message, error.hint))
    except Exception as error:  # noqa: BLE001 - whatever it is, the other side has to hear it
        _say(telling, (f"{type(error).__name__}: {one_line(error)}", ""))


def _say(telling: Connection, failure: tuple[str, str]) -> None:
    try:
        telling.send(("failed", failure))
    except OSError:
        _log.info("Nobody heard: %s", failure)
