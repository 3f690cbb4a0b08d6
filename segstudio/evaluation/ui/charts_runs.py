"""How the evaluated models look in the charts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from segstudio.evaluation.evaluation_table import EvaluationTable
from segstudio.evaluation.ui.run_colors import run_color
from segstudio.kit.charts.look import SYMBOLS


@dataclass(frozen=True)
class RunLook:
    """One model.

    Attributes:
        run: Its id.
        title: Its name for people.
        color: "#rrggbb", as in the tables.
        symbol: pyqtgraph's, so that models differ by more than the colour.
    """

    run: str
    title: str
    color: str
    symbol: str


def looks_of(table: EvaluationTable, hidden: Collection[str] = ()) -> tuple[RunLook, ...]:
    """The evaluated models but the hidden ones, in order."""
    return tuple(
        RunLook(run, table.title(run), run_color(table.runs, run).name(), SYMBOLS[n % len(SYMBOLS)])
        for n, run in enumerate(table.runs)
        if run not in hidden
    )


def legend_of(looks: Collection[RunLook]) -> tuple[tuple[str, str, str], ...]:
    """The models for a chart's legend."""
    return tuple((look.color, look.symbol, look.title) for look in looks)
