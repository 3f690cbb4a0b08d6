"""The test of routes in a process of its own: converting a network holds Python for seconds.

The window goes on meanwhile, what is measured is not disturbed by it, and cancelling ends the
process at once.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Final

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import Image
from segstudio.core.prediction import ModelSpec, RunOptions
from segstudio.core.route_answer import RouteAnswer
from segstudio.models.download import Check, Report, no_check, no_report

_LOOK_EVERY_S: Final = 0.05
_PATIENCE_S: Final = 5.0

_log = logging.getLogger(__name__)


def fastest_apart(
    spec: ModelSpec,
    pixels: Image,
    options: RunOptions,
    check: Check = no_check,
    report: Report = no_report,
) -> RouteAnswer:
    """`routes.fastest` in another process.

    Args:
        spec: The model, one with weights of its own that are on disk.
        pixels: (H, W, 3) uint8 RGB.
        options: As the model is run.
        check: Called all the while; what it raises ends the process.
        report: Told (routes done, routes in all, which one).

    Raises:
        SegstudioError: if the model cannot be run exactly, or the process ended by itself.
    """
    with _process(spec, pixels, options) as answers:
        while True:
            check()
            if not answers.poll(_LOOK_EVERY_S):
                continue
            try:
                kind, told = answers.recv()
            except (EOFError, OSError) as error:
                raise SegstudioError(
                    f"The test of faster ways to run {spec.title} ended by itself.",
                    "There may be too little memory for it.",
                ) from error
            if kind == "done":
                return RouteAnswer.from_json(told)
            if kind == "failed":
                raise SegstudioError(told)
            report(*told)


@contextmanager
def _process(spec: ModelSpec, pixels: Image, options: RunOptions) -> Iterator[Connection]:
    """A process that tests, and what it says; it is ended when left."""
    context = multiprocessing.get_context("spawn")
    answers, telling = context.Pipe(duplex=False)
    process = context.Process(
        target=_test, args=(telling, spec, pixels, options), name="segstudio-routes", daemon=True
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


def _test(telling: Connection, spec: ModelSpec, pixels: Image, options: RunOptions) -> None:
    """The other process's work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
    warnings.simplefilter("ignore")
    try:
        from segstudio.models.routes import fastest
        from segstudio.models.segmenter import Segmenter

        def report(done: int, total: int, text: str) -> None:
            telling.send(("report", (done, total, text)))

        segmenter = Segmenter(spec, device=options.device)
        answer = fastest(segmenter, pixels, options, report=report)
        telling.send(("done", answer.to_json()))
    except OSError:
        return  # nobody listens any more
    except SegstudioError as error:
        _say(telling, str(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, the other side has to hear it
        _say(telling, f"{type(error).__name__}: {error}")


def _say(telling: Connection, failure: Any) -> None:
    try:
        telling.send(("failed", failure))
    except OSError:
        _log.info("Nobody heard: %s", failure)
