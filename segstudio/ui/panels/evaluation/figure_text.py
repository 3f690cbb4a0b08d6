"""Figures as people read them."""

from __future__ import annotations

import math

import numpy as np

from segstudio.core.class_sums import Numbers
from segstudio.core.measure import AnyFigure, Unit
from segstudio.ui.numbers import DASH, percent_text, ratio_text


def figure_text(column: AnyFigure, value: float) -> str:
    """A figure in its unit; a dash where it is not defined."""
    if math.isnan(value):
        return DASH
    if column.unit is Unit.PERCENT:
        return percent_text(value)
    if column.unit is Unit.PIXELS:
        return f"{value:.1f} px"
    if column.unit is Unit.SECONDS:
        return seconds_text(value)
    return ratio_text(value)


def marked_best(column: AnyFigure, values: Numbers) -> float:
    """Which of the models' (n,) values is marked as the best one.

    NaN if there are not two models, or if all that have a value have the same, as it is written.
    """
    known = values[~np.isnan(values)]
    if len(values) < 2 or (len(known) > 1 and len({figure_text(column, v) for v in known}) == 1):
        return math.nan
    return column.best(values)


def seconds_text(seconds: float) -> str:
    """A duration with two or three digits that matter."""
    if math.isnan(seconds):
        return DASH
    if seconds < 0.0995:
        return f"{1000 * seconds:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 9.95 else f"{seconds:.0f} s"
