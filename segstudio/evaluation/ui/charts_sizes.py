"""How well objects are found, against their size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from segstudio.core.formatting import count_text, ratio_text
from segstudio.evaluation.evaluation_table import EvaluationTable
from segstudio.evaluation.ui.charts_runs import RunLook, legend_of
from segstudio.metrics.class_sums import Numbers
from segstudio.metrics.object_size import SIZES, SizeBins, bin_names
from segstudio.report.chart_data import Axis, ChartData, Points

MEASURES: Final = {
    "mean_iou": "Mean IoU of the objects",
    "recall": "Share found (IoU of 0.5 or more)",
    "pixel_recall": "Share of their pixels found",
}
_FEW: Final = 10
"""Fewer objects say little: their symbols are hollow."""
_EDGE: Final = 0.4


def size_chart(
    table: EvaluationTable, looks: Sequence[RunLook], measure: str = "mean_iou"
) -> ChartData:
    """A line for each model over the sizes that occur.

    Args:
        table: The figures.
        looks: The models to show.
        measure: One of `MEASURES`.
    """
    title = MEASURES[measure]
    found = [
        (look, sizes)
        for look in looks
        if (folder := table.folder(look.run)) and (sizes := folder.part(SIZES)) is not None
    ]
    filled = np.flatnonzero(sum((s.column("objects") for _, s in found), np.zeros(1)))
    if not filled.size:
        return ChartData(title, Axis("Size"), Axis(title))
    bins = range(int(filled[0]), int(filled[-1]) + 1)
    names = bin_names()
    lines = tuple(_line(look, sizes, bins, measure) for look, sizes in found)
    counts = found[0][1].column("objects")
    ticks = tuple((float(b), f"{names[b]}\nn = {count_text(int(counts[b]))}") for b in bins)
    rows = [
        [names[b], *(f"{_values(s, measure)[b]:.4f}" for _, s in found), f"{int(counts[b])}"]
        for b in bins
    ]
    return ChartData(
        f"{title}, by size",
        Axis(
            "Size in pixels (root of the area), and number of objects",
            bins[0] - _EDGE,
            bins[-1] + _EDGE,
            ticks,
        ),
        Axis(_short(measure), 0.0, 1.04),
        lines,
        legend=legend_of([look for look, _ in found]),
        header=("size in pixels", *(look.title for look, _ in found), "objects"),
        rows=rows,
        can_zoom=False,
    )


def _line(look: RunLook, sizes: SizeBins, bins: range, measure: str) -> Points:
    values, counts, names = _values(sizes, measure), sizes.column("objects"), bin_names()
    tips = tuple(
        f"{look.title}\n{names[b]} pixels wide: {count_text(int(counts[b]))} objects\n"
        f"{_short(measure)} {ratio_text(float(values[b]))}"
        for b in bins
    )
    return Points(
        look.title, look.color, np.array(bins, np.float64), values[bins.start : bins.stop],
        symbol=look.symbol, size=10, line="solid", tips=tips,
        hollow=counts[bins.start : bins.stop] < _FEW,
    )  # fmt: skip


def _values(sizes: SizeBins, measure: str) -> Numbers:
    values: Numbers = getattr(sizes, measure)
    return values


def _short(measure: str) -> str:
    return {"mean_iou": "Mean IoU", "recall": "Found", "pixel_recall": "Pixels found"}[measure]
