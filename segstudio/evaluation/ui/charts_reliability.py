"""Is a model right as often as it says? Accuracy against confidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from segstudio.core.formatting import count_text, percent_text, ratio_text
from segstudio.evaluation.evaluation_table import EvaluationTable
from segstudio.evaluation.ui.charts_runs import RunLook, legend_of
from segstudio.metrics.calibration import BINS, CALIBRATION, CalibrationBins, bin_edges
from segstudio.metrics.class_sums import Numbers
from segstudio.report.chart_data import Axis, Bars, ChartData, Points, Rule

_FEW: Final = 1000
"""Fewer pixels say little: their symbols are hollow."""
_FEW_NAMES: Final = 3
"""Of more models than these only the colours stand in the chart, beside the list of names."""
_SHARE_OPACITY: Final = 0.25


def calibrations(
    table: EvaluationTable, looks: Sequence[RunLook]
) -> list[tuple[RunLook, CalibrationBins]]:
    """The models that give a confidence, with their bins."""
    return [
        (look, bins)
        for look in looks
        if (folder := table.folder(look.run)) and (bins := folder.part(CALIBRATION)) is not None
    ]


def reliability_chart(found: Sequence[tuple[RunLook, CalibrationBins]]) -> ChartData:
    """A line for each model over 15 bins of confidence, and the share of pixels in each as bars.

    Below the diagonal a model is surer than it may be, above it too modest.
    """
    bars = tuple(_shares(look, b, n, len(found)) for n, (look, b) in enumerate(found))
    lines = tuple(_line(look, b) for look, b in found)
    is_long = len(found) > _FEW_NAMES
    notes = [
        (look.color, f"{'' if is_long else f'{look.title}: '}ECE {percent_text(b.ece)}")
        for look, b in found
    ]
    return ChartData(
        "Reliability: accuracy against confidence",
        Axis("Confidence", 0.0, 1.0),
        Axis("Accuracy", 0.0, 1.02),
        (*bars, *lines),
        (Rule((0.0, 0.0), (1.0, 1.0)),),
        legend=legend_of([look for look, _ in found]),
        notes=(*notes, ("", "bars: share of the pixels")),
        header=("model", "confidence from", "to", "pixels", "mean confidence", "accuracy"),
        rows=_rows(found),
    )


def _line(look: RunLook, bins: CalibrationBins) -> Points:
    accuracy, confidence = bins.accuracy, bins.confidence
    tips = tuple(
        f"{look.title}\nsays {ratio_text(c)}, is right in {ratio_text(a)} of the pixels\n"
        f"{count_text(n)} pixels"
        for a, c, n in zip(
            accuracy.tolist(), confidence.tolist(), bins.pixels.tolist(), strict=True
        )
    )
    return Points(
        look.title, look.color, confidence, accuracy, symbol=look.symbol, size=9, line="solid",
        tips=tips, hollow=bins.pixels < _FEW,
    )  # fmt: skip


def _shares(look: RunLook, bins: CalibrationBins, place: int, models: int) -> Bars:
    """How the pixels are spread over the bins, the models' bars beside each other."""
    total = max(int(bins.pixels.sum()), 1)
    shares: Numbers = bins.pixels / total
    width = 1 / BINS
    middles = bin_edges()[:-1] + width * (place + 0.5) / models
    tips = tuple(
        f"{look.title}\n{percent_text(s)} of the pixels have a confidence of {low:.2f} to {high:.2f}"
        for s, low, high in zip(shares.tolist(), bin_edges()[:-1], bin_edges()[1:], strict=True)
    )
    return Bars(
        look.title, look.color, middles, shares, 0.9 * width / models, upright=True,
        opacity=_SHARE_OPACITY, tips=tips,
    )  # fmt: skip


def _rows(found: Sequence[tuple[RunLook, CalibrationBins]]) -> list[list[str]]:
    edges = bin_edges()
    return [
        [
            look.title, f"{edges[n]:.3f}", f"{edges[n + 1]:.3f}", f"{bins.pixels[n]}",
            _number(bins.confidence[n]), _number(bins.accuracy[n]),
        ]
        for look, bins in found
        for n in range(BINS)
    ]  # fmt: skip


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.4f}"
