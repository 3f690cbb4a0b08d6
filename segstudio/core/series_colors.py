"""Colours that are told apart without a legend's help: of models, of series, of what is compared.

They stand on light and dark grounds alike, and colour-blind people tell them apart. Everything
that draws takes them from here, so that a model has one colour in views, tables, charts and reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

BLUE: Final = "#0072b2"
ORANGE: Final = "#e69f00"
GREEN: Final = "#009e73"
PINK: Final = "#cc79a7"
VERMILION: Final = "#d55e00"
SKY: Final = "#56b4e9"
YELLOW: Final = "#f0e442"
"""Those up to here by Okabe & Ito (2008); yellow is lost on white, so no series has it."""
NEUTRAL: Final = "#7f7f7f"
"""For what stands back."""
SERIES: Final = (BLUE, ORANGE, GREEN, PINK, VERMILION, SKY, "#9a40f5", "#94402a")


def series_color(place: int) -> str:
    """The colour of a series by its place."""
    return SERIES[place % len(SERIES)]


def run_color(runs: Sequence[str], run: str) -> str:
    """The colour of a run by its place among those that are evaluated."""
    return series_color(runs.index(run) if run in runs else 0)


def rgb_of(color: str) -> tuple[int, int, int]:
    """Red, green and blue (0..255) of "#rrggbb"."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
