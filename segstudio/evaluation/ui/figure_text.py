"""Figures as people read them."""

from __future__ import annotations

import math

import numpy as np

from segstudio.core.formatting import DASH, percent_text, ratio_text, seconds_text
from segstudio.metrics.class_sums import Numbers
from segstudio.metrics.measure import AnyFigure, Unit


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
