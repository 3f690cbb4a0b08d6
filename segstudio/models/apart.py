"""Work in a process of its own: what holds Python for seconds, or may end the process it runs in."""

from __future__ import annotations

import logging
import multiprocessing
import signal
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

_log = logging.getLogger(__name__)

Work = Callable[[Report, Any], Any]
"""Runs in the other process: a function of a module, with what can be pickled."""


def done_apart(
    work: Work,
    given: Any,
    check: Check,
    report: Report = no_report,
    *,
    ended: SegstudioError,
    most_s: float | None = None,
    too_long: SegstudioError | None = None,
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

    Raises:
        SegstudioError: what the function raised, as one; or `ended`, or `too_long`.
    """
    start = time.monotonic()
    with _process(work, given) as answers:
        while True:
            check()
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
def _process(work: Work, given: Any) -> Iterator[Connection]:
    context = multiprocessing.get_context("spawn")
    answers, telling = context.Pipe(duplex=False)
    process = context.Process(
        target=_work, args=(telling, work, given), name="segstudio-apart", daemon=True
    )
    process.start()
    telling.close()  # so that its end is seen when the process is gone
    try:
        yield answers
    finally:
        process.terminate()
        process.join(_PATIENCE_S)
        if process.is_alive():
            process.kill()
            process.join()
        process.close()
        answers.close()


def _work(telling: Connection, work: Work, given: Any) -> None:
    """The other process."""
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
