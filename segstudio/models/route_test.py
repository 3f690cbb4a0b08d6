"""The test of routes in a process of its own: converting a network holds Python for seconds.

The window goes on meanwhile, what is measured is not disturbed by it, and cancelling ends the
process at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import Image
from segstudio.core.prediction import ModelSpec, RunOptions
from segstudio.core.progress import Check, Report, no_check, no_report
from segstudio.core.route_answer import RouteAnswer
from segstudio.models.apart import done_apart, wait_while_halted, worked_s

_NICE: Final = 5
"""What the user asked for comes first."""


def fastest_apart(
    spec: ModelSpec,
    pixels: Image,
    options: RunOptions,
    check: Check = no_check,
    report: Report = no_report,
    halted: Callable[[], bool] = lambda: False,
) -> RouteAnswer:
    """`routes.fastest` in another process.

    Args:
        spec: The model, one with weights of its own that are on disk.
        pixels: (H, W, 3) uint8 RGB, or what else the model gets.
        options: As the model is run.
        check: Called all the while; what it raises ends the process.
        report: Told (routes done, routes in all, which one).
        halted: Whether it has to stand still for now; what is timed does not count that.

    Raises:
        SegstudioError: if the model cannot be run exactly, or the process ended by itself.
    """
    ended = SegstudioError(
        f"The test of faster ways to run {spec.title} ended by itself.",
        "There may be too little memory for it.",
    )
    told = done_apart(_test, (spec, pixels, options), check, report, ended=ended, halted=halted)
    return RouteAnswer.from_json(told)


def _test(report: Report, given: tuple[ModelSpec, Image, RunOptions]) -> dict[str, Any]:
    """The other process's work."""
    from segstudio.models.routes import fastest
    from segstudio.models.segmenter import Segmenter

    if hasattr(os, "nice"):
        os.nice(_NICE)
    spec, pixels, options = given
    segmenter = Segmenter(spec, device=options.device)
    answer = fastest(segmenter, pixels, options, wait_while_halted, report, clock=worked_s)
    return answer.to_json()
