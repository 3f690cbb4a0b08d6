"""The score of each class and model, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from segstudio.core.formatting import cell_text, count_text, ratio_text
from segstudio.evaluation.curve_charts import RunLook, legend_of
from segstudio.evaluation.figures_table import EvaluationTable
from segstudio.metrics.class_sums import Numbers
from segstudio.metrics.confusion import mean_of
from segstudio.metrics.image_figures import FolderFigures, figures_at
from segstudio.metrics.measure import Unit, Where
from segstudio.report.chart_data import Axis, Bars, ChartData

SCORES: Final = {f.key: f.name for f in figures_at(Where.CLASSES) if f.unit is Unit.RATIO}
"""What a bar can be as long as: figures of classes between 0 and 1."""
ORDERS: Final = {"class": "By class", "worst": "Worst first", "gap": "Largest gap first"}
_MEAN: Final = "Mean of the classes"
_THICK, _THIN, _GAP, _AXIS = 15, 8, 10, 28
"""Pixels: bars with and without a number, between classes, for the axis below."""
_NUMBER_ROOM: Final = 46
_MANY: Final = 40
"""Bars from which on they are thin."""
_SHARE: Final = 0.84


def class_chart(
    table: EvaluationTable, looks: Sequence[RunLook], score: str = "iou", order: str = "class"
) -> ChartData:
    """A bar for each class and model, and their means on top.

    Args:
        table: The figures.
        looks: The models to show.
        score: One of `SCORES`.
        order: One of `ORDERS`.
    """
    folders = [(look, f) for look in looks if (f := table.folder(look.run)) is not None]
    ids, title = table.class_ids, SCORES[score]
    if not folders:
        return ChartData(f"{title} of the classes", Axis(title), Axis(""))
    nothing = np.full(len(ids), np.nan)
    values = np.array([folder.values.by_class.get(score, nothing) for _, folder in folders])
    rows = _ordered(values, order)
    named = [_MEAN, *(table.schema.name_of(ids[row]) for row in rows)]
    shown = np.column_stack([[mean_of(line) for line in values], values[:, rows]])
    many = shown.size > _MANY
    pixels = _THIN if many else _THICK
    bars = tuple(
        _bars(look, shown[n], n, len(folders), named, _tips(look, folder, shown[n], rows, title),
              plain=many)
        for n, (look, folder) in enumerate(folders)
    )  # fmt: skip
    lines = [
        [name, *(cell_text(v, 4) for v in column)]
        for name, column in zip(named, shown.T, strict=True)
    ]
    return ChartData(
        f"{title} of the classes",
        Axis("", 0.0, 1.0),
        Axis("", -0.5, len(named) - 0.5, tuple((float(n), name) for n, name in enumerate(named))),
        bars,
        legend=legend_of([look for look, _ in folders]),
        header=("class", *(look.title for look, _ in folders)),
        rows=lines,
        can_zoom=False,
        from_top=True,
        room_right=0 if many else _NUMBER_ROOM,
        least_height=_AXIS + len(named) * (len(folders) * pixels + _GAP),
    )


def _ordered(values: Numbers, order: str) -> list[int]:
    """The classes' places in the order asked for; those without a value come last."""
    known = ~np.isnan(values)
    if order == "class":
        return list(range(values.shape[1]))
    filled = np.where(known, values, 0.0)
    if order == "worst":
        keys = filled.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    else:
        keys = -(np.where(known, values, -np.inf).max(axis=0)
                 - np.where(known, values, np.inf).min(axis=0))  # fmt: skip
    keys = np.where(known.any(axis=0), keys, np.inf)
    found: list[int] = np.argsort(keys, kind="stable").tolist()
    return found


def _bars(
    look: RunLook, values: Numbers, place: int, models: int, named: list[str],
    tips: tuple[str, ...], *, plain: bool,
) -> Bars:  # fmt: skip
    thickness = _SHARE / models
    middle = (place - (models - 1) / 2) * thickness
    return Bars(
        look.title,
        look.color,
        np.arange(len(named), dtype=np.float64) + middle,
        values,
        thickness * 0.9,
        tips=tips,
        texts=() if plain else tuple(f" {ratio_text(float(v))}" for v in values),
    )


def _tips(
    look: RunLook, folder: FolderFigures, values: Numbers, rows: list[int], title: str
) -> tuple[str, ...]:
    metrics = folder.metrics
    tips = [f"{look.title}\n{_MEAN}: {title} {ratio_text(float(values[0]))}"]
    for row, value in zip(rows, values[1:], strict=True):
        pixels = count_text(int(metrics.truth_pixels[row]))
        said = count_text(int(metrics.predicted_pixels[row]))
        tips.append(
            f"{look.title}\n{title} {ratio_text(float(value))}\n"
            f"{pixels} pixels annotated, {said} predicted"
        )
    return tuple(tips)
