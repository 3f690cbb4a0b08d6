"""Curves of evaluated models, for the window and for reports: by confidence, size, score."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from segstudio.core.formatting import cell_text, count_text, percent_text, ratio_text
from segstudio.metrics.calibration import BINS, CALIBRATION, CalibrationBins, bin_edges
from segstudio.metrics.class_sums import Numbers
from segstudio.metrics.detection_curves import ScoreCurve
from segstudio.metrics.image_figures import FolderFigures
from segstudio.metrics.object_size import SIZES, SizeBins, bin_names
from segstudio.report.chart_data import Axis, Bars, ChartData, Corner, Points, Rule

MEASURES: Final = {
    "mean_iou": "Mean IoU of the objects",
    "recall": "Share found (IoU of 0.5 or more)",
    "pixel_recall": "Share of their pixels found",
}
_SHORT: Final = {"mean_iou": "Mean IoU", "recall": "Found", "pixel_recall": "Pixels found"}
_FEW_PIXELS: Final = 1000
_FEW_OBJECTS: Final = 10
"""Fewer say little: their symbols are hollow."""
_FEW_NAMES: Final = 3
"""Of more models than these only the colours stand in the chart, beside the list of names."""
_SHARE_OPACITY: Final = 0.25
_EDGE: Final = 0.4
_TOP: Final = 1.04
_LINES: Final = {"precision": "solid", "recall": "dash", "f1": "dot"}
_NAMES: Final = {"precision": "precision", "recall": "recall", "f1": "F1"}
_LINES_NOTE: Final = (("", "solid: precision, dashed: recall, dotted: F1"),)


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


class Folders(Protocol):
    """Has the figures of models over the images of a folder."""

    def folder(self, run: str) -> FolderFigures | None:
        """Those of one model."""


def legend_of(looks: Collection[RunLook]) -> tuple[tuple[str, str, str], ...]:
    """The models for a chart's legend."""
    return tuple((look.color, look.symbol, look.title) for look in looks)


Curves = Sequence[tuple[RunLook, ScoreCurve]]
Calibrations = Sequence[tuple[RunLook, CalibrationBins]]


def calibrations(table: Folders, looks: Sequence[RunLook]) -> list[tuple[RunLook, CalibrationBins]]:
    """The models that give a confidence, with their bins."""
    return [
        (look, bins)
        for look in looks
        if (folder := table.folder(look.run)) and (bins := folder.part(CALIBRATION)) is not None
    ]


def reliability_chart(found: Calibrations) -> ChartData:
    """A line for each model over 15 bins of confidence, and the share of pixels in each as bars.

    Below the diagonal a model is surer than it may be, above it too modest.
    """
    bars = tuple(_shares(look, b, n, len(found)) for n, (look, b) in enumerate(found))
    lines = tuple(_reliability(look, b) for look, b in found)
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
        rows=_bin_rows(found),
    )


def _reliability(look: RunLook, bins: CalibrationBins) -> Points:
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
        tips=tips, hollow=bins.pixels < _FEW_PIXELS,
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


def _bin_rows(found: Calibrations) -> list[list[str]]:
    edges = bin_edges()
    return [
        [
            look.title, f"{edges[n]:.3f}", f"{edges[n + 1]:.3f}", f"{bins.pixels[n]}",
            cell_text(bins.confidence[n], 4), cell_text(bins.accuracy[n], 4),
        ]
        for look, bins in found
        for n in range(BINS)
    ]  # fmt: skip


def size_chart(table: Folders, looks: Sequence[RunLook], measure: str = "mean_iou") -> ChartData:
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
    lines = tuple(_size_line(look, sizes, bins, measure) for look, sizes in found)
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
        Axis(_SHORT[measure], 0.0, 1.04),
        lines,
        legend=legend_of([look for look, _ in found]),
        header=("size in pixels", *(look.title for look, _ in found), "objects"),
        rows=rows,
        can_zoom=False,
    )


def _size_line(look: RunLook, sizes: SizeBins, bins: range, measure: str) -> Points:
    values, counts, names = _values(sizes, measure), sizes.column("objects"), bin_names()
    tips = tuple(
        f"{look.title}\n{names[b]} pixels wide: {count_text(int(counts[b]))} objects\n"
        f"{_SHORT[measure]} {ratio_text(float(values[b]))}"
        for b in bins
    )
    return Points(
        look.title, look.color, np.array(bins, np.float64), values[bins.start : bins.stop],
        symbol=look.symbol, size=10, line="solid", tips=tips,
        hollow=counts[bins.start : bins.stop] < _FEW_OBJECTS,
    )  # fmt: skip


def _values(sizes: SizeBins, measure: str) -> Numbers:
    values: Numbers = getattr(sizes, measure)
    return values


def curves_of(
    table: Folders, looks: Sequence[RunLook], class_id: int | None = None
) -> list[tuple[RunLook, ScoreCurve]]:
    """The models that rank objects by a score, with their curves.

    Args:
        table: The figures.
        looks: The models to show.
        class_id: Objects of this class only; None: of all.
    """
    found = []
    for look in looks:
        folder = table.folder(look.run)
        curve = (
            None if folder is None else folder.score_curve(None if class_id is None else [class_id])
        )
        if curve is not None and not np.isnan(curve.recall).all():
            found.append((look, curve))
    return found


def threshold_chart(curves: Curves, in_use: float | None = None) -> ChartData:
    """Precision, recall and F1 of each model against the score threshold.

    Args:
        curves: Of the models.
        in_use: The threshold that objects are shown from now; None draws no line for it.
    """
    layers = []
    for look, curve in curves:
        tips = _tips(look, curve)
        for part, line in _LINES.items():
            layers.append(
                Points(
                    f"{look.title}, {_NAMES[part]}", look.color, curve.thresholds,
                    getattr(curve, part), symbol="", line=line, tips=tips,
                )
            )  # fmt: skip
        layers.append(_best(look, curve))
    rules = () if in_use is None else (Rule((in_use, 0.0), (in_use, _TOP), "in use"),)
    return ChartData(
        "Precision, recall and F1 of objects at IoU 0.5",
        Axis("Objects with at least this score", 0.0, 1.0),
        Axis("Precision, recall, F1", 0.0, _TOP),
        tuple(layers),
        rules,
        notes=_LINES_NOTE + _best_notes(curves),
        corner=Corner.LOWER_LEFT,
        legend=legend_of([look for look, _ in curves]),
        header=("score", *(f"{look.title} {_NAMES[p]}" for look, _ in curves for p in _LINES)),
        rows=_score_rows(curves),
    )


def tradeoff_chart(curves: Curves) -> ChartData:
    """Precision against recall, a line for each model; the symbol is where F1 is best."""
    layers = []
    for look, curve in curves:
        layers.append(
            Points(look.title, look.color, curve.recall, curve.precision, symbol="", line="solid",
                   tips=_tips(look, curve))
        )  # fmt: skip
        best = _best(look, curve)
        place = int(np.nanargmax(curve.f1)) if not np.isnan(curve.f1).all() else 0
        layers.append(
            Points(best.name, look.color, curve.recall[[place]], curve.precision[[place]],
                   symbol=look.symbol, size=11, tips=best.tips)
        )  # fmt: skip
    return ChartData(
        "Precision against recall of objects at IoU 0.5",
        Axis("Recall (share of the objects that are found)", 0.0, 1.02),
        Axis("Precision", 0.0, _TOP),
        tuple(layers),
        notes=_best_notes(curves),
        corner=Corner.LOWER_LEFT,
        legend=legend_of([look for look, _ in curves]),
        header=("score", *(f"{look.title} {_NAMES[p]}" for look, _ in curves for p in _LINES)),
        rows=_score_rows(curves),
    )


def _best_notes(curves: Curves) -> tuple[tuple[str, str], ...]:
    """Where F1 is best."""
    return tuple(
        (look.color, f"{look.title}: best F1 {np.nanmax(curve.f1):.3f} from {curve.best:.2f} on")
        for look, curve in curves
        if not np.isnan(curve.best)
    )


def _tips(look: RunLook, curve: ScoreCurve) -> tuple[str, ...]:
    return tuple(
        f"{look.title}\nscore of {t:.2f} or more\nprecision {ratio_text(p)}, recall "
        f"{ratio_text(r)}, F1 {ratio_text(f)}"
        for t, p, r, f in zip(
            curve.thresholds.tolist(), curve.precision.tolist(), curve.recall.tolist(),
            curve.f1.tolist(), strict=True,
        )
    )  # fmt: skip


def _best(look: RunLook, curve: ScoreCurve) -> Points:
    """The threshold with the best F1."""
    known = not np.isnan(curve.f1).all()
    place = int(np.nanargmax(curve.f1)) if known else 0
    best, score = ratio_text(float(curve.f1[place])), float(curve.thresholds[place])
    return Points(
        f"{look.title}, best F1", look.color, curve.thresholds[[place]], curve.f1[[place]],
        symbol=look.symbol, size=11, tips=(f"{look.title}\nbest F1 {best} at a score of {score:.2f}",),
    )  # fmt: skip


def _score_rows(curves: Curves) -> list[list[str]]:
    if not curves:
        return []
    columns = [curves[0][1].thresholds, *(getattr(c, part) for _, c in curves for part in _LINES)]
    return [
        [f"{row[0]:.2f}", *(cell_text(v, 4) for v in row[1:])] for row in np.column_stack(columns)
    ]
