"""Precision and recall of objects against the score from which on they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from segstudio.core.formatting import ratio_text
from segstudio.evaluation.evaluation_table import EvaluationTable
from segstudio.evaluation.ui.charts_runs import RunLook, legend_of
from segstudio.metrics.detection_curves import ScoreCurve
from segstudio.report.chart_data import Axis, ChartData, Corner, Points, Rule

Curves = Sequence[tuple[RunLook, ScoreCurve]]
_TOP: Final = 1.04
_LINES: Final = {"precision": "solid", "recall": "dash", "f1": "dot"}
_NAMES: Final = {"precision": "precision", "recall": "recall", "f1": "F1"}
_LINES_NOTE: Final = (("", "solid: precision, dashed: recall, dotted: F1"),)


def curves_of(
    table: EvaluationTable, looks: Sequence[RunLook], class_id: int | None = None
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
        rows=_rows(curves),
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
        rows=_rows(curves),
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


def _rows(curves: Curves) -> list[list[str]]:
    if not curves:
        return []
    columns = [curves[0][1].thresholds, *(getattr(c, part) for _, c in curves for part in _LINES)]
    return [
        [f"{row[0]:.2f}", *("" if np.isnan(v) else f"{v:.4f}" for v in row[1:])]
        for row in np.column_stack(columns)
    ]
