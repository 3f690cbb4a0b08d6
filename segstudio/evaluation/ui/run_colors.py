"""One colour for each evaluated model, the same in tables and charts."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QColor

_COLORS = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#8c6bb1", "#7f7f7f",
)  # fmt: skip
"""Okabe and Ito's, told apart by colour-blind people too, and two more; on light and dark."""


def run_color(runs: Sequence[str], run: str) -> QColor:
    """The colour of a run by its place among those that are evaluated."""
    place = runs.index(run) if run in runs else 0
    return QColor(_COLORS[place % len(_COLORS)])
