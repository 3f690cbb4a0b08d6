"""Each image as a point: one model's score to the right, another's upwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from segstudio.core.formatting import count_text
from segstudio.core.text import printable
from segstudio.evaluation.curve_charts import RunLook
from segstudio.evaluation.figures_table import EvaluationTable
from segstudio.metrics.class_sums import Numbers
from segstudio.metrics.image_figures import DOUBT, figures_at, lower_is_better
from segstudio.metrics.measure import AnyFigure, Unit, Where
from segstudio.report.chart_data import Axis, ChartData, Corner, Lazy, Points, Rule

_NO_PAIR: Final = DOUBT.figures[1].key
"""The same for all models, so that no two can be held against each other."""
_CLASS: Final = "class:"
_BESIDE: Final = 0.02
"""Room around points on the edge, as a share of the axis."""
_MANY: Final = 1500
"""Points from which on they are small."""
_COLOR: Final = "#3b8bc4"
"""Of the points: each belongs to both models."""
_SAME: Final = 5e-4
"""Scores that are written alike are no better or worse."""


@dataclass(frozen=True, eq=False)
class ScatterAxes:
    """Two models' scores of the images that both have one of.

    Attributes:
        indices: (n,) the images.
        first: (n,) scores of the first model.
        second: (n,) scores of the second one.
        lower_is_better: Whether the smaller score is the better one.
    """

    indices: list[int]
    first: Numbers
    second: Numbers
    lower_is_better: bool

    @property
    def counts(self) -> tuple[int, int, int]:
        """On how many images the first is better, the second is, neither is."""
        sign = -1 if self.lower_is_better else 1
        ahead = sign * (self.first - self.second)
        first, second = int((ahead >= _SAME).sum()), int((ahead <= -_SAME).sum())
        return first, second, len(ahead) - first - second


def figure_name(table: EvaluationTable, figure: str) -> str:
    """The name of a figure for people."""
    if figure.startswith(_CLASS):
        return f"IoU of {table.schema.name_of(int(figure.removeprefix(_CLASS)))}"
    return _named(table)[figure].name


def figures_in(table: EvaluationTable, looks: Sequence[RunLook]) -> list[str]:
    """The figures that some image has, and the IoU of each class."""
    known = [
        figure
        for figure in _named(table)
        if figure != _NO_PAIR and any(table.has_counted(look.run, figure) for look in looks)
    ]
    return [*known, *(f"{_CLASS}{class_id}" for class_id in table.class_ids)]


def paired(table: EvaluationTable, first: str, second: str, figure: str) -> ScatterAxes:
    """The images on which both models have the figure."""
    columns = [_column(table, run, figure) for run in (first, second)]
    both, at_first, at_second = np.intersect1d(
        table.indices(first), table.indices(second), assume_unique=True, return_indices=True
    )
    x, y = columns[0][at_first], columns[1][at_second]
    known = ~(np.isnan(x) | np.isnan(y))
    return ScatterAxes(
        both[known].tolist(), x[known], y[known], lower_is_better=lower_is_better(figure)
    )


def image_chart(
    table: EvaluationTable,
    first: RunLook,
    second: RunLook,
    figure: str,
    opened: int = -1,
    said: str = "",
) -> ChartData:
    """A point for each image; those above the line are better with the second model.

    Args:
        table: The figures.
        first: The model of the horizontal axis.
        second: The model of the vertical axis.
        figure: One of `figures_in`.
        opened: Index of the open image, which is marked; -1 for none.
        said: What follows from all images together, "" if that is not known.
    """
    found, name = paired(table, first.run, second.run, figure), figure_name(table, figure)
    low, high = _ends(found, is_share=_is_share(table, figure))
    upper = int((found.second > found.first).sum()) * 2 > len(found.indices)
    indices, x, y = found.indices, found.first, found.second

    def tip(n: int) -> str:
        scores = f"{first.title}: {x[n]:.3f}\n{second.title}: {y[n]:.3f}"
        return f"{printable(table.names[indices[n]])}\n{scores}\nClick to open it"

    def row(n: int) -> list[str]:
        return [printable(table.names[indices[n]]), f"{x[n]:.4f}", f"{y[n]:.4f}"]

    points = Points(
        name, _COLOR, x, y,
        size=6 if len(indices) > _MANY else 9, opacity=0.55, tips=Lazy(len(indices), tip), keys=tuple(indices),
    )  # fmt: skip
    return ChartData(
        f"{name} of each image: {second.title} against {first.title}",
        Axis(first.title, low, high),
        Axis(second.title, low, high),
        (points,),
        (Rule((low, low), (high, high)),),
        notes=_notes(found, first, second, said),
        corner=Corner.LOWER_RIGHT if upper else Corner.UPPER_LEFT,
        header=("image", first.title, second.title),
        rows=Lazy(len(indices), row),
        marked=frozenset({opened}),
    )


def _notes(
    found: ScatterAxes, first: RunLook, second: RunLook, said: str
) -> tuple[tuple[str, str], ...]:
    """Which of the two is better on how many images."""
    ahead, behind, same = (count_text(n) for n in found.counts)
    lines = [
        (second.color, f"{second.title} better on {behind}"),
        (first.color, f"{first.title} better on {ahead}"),
    ]
    if found.counts[2]:
        lines.append(("", f"equal on {same}"))
    if said:
        lines.append(("", said))
    return tuple(lines)


def _column(table: EvaluationTable, run: str, figure: str) -> Numbers:
    if not figure.startswith(_CLASS):
        return table.column(run, figure)
    place = table.class_ids.index(int(figure.removeprefix(_CLASS)))
    return table.class_iou(run)[:, place].astype(np.float64)


def _named(table: EvaluationTable) -> dict[str, AnyFigure]:
    figures = figures_at(Where.IMAGES, has_background=table.has_background)
    return {figure.key: figure for figure in figures}


def _is_share(table: EvaluationTable, figure: str) -> bool:
    """Whether it lies between 0 and 1."""
    return figure.startswith(_CLASS) or _named(table)[figure].unit in (Unit.RATIO, Unit.PERCENT)


def _ends(found: ScatterAxes, *, is_share: bool) -> tuple[float, float]:
    values = np.concatenate([found.first, found.second])
    if is_share and (not values.size or values.max() - values.min() > 0.5):
        return -_BESIDE, 1 + _BESIDE
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    room = max((high - low) * 3 * _BESIDE, 1e-3)
    return low - room, high + room
