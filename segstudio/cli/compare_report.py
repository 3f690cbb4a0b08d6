"""What `segstudio compare` tells: one dictionary, for JSON and for the tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import combinations
from typing import Any, Final

import numpy as np

from segstudio.evaluation.class_figures import class_rows, difference_row, further_values
from segstudio.evaluation.figures_table import EvaluationTable
from segstudio.evaluation.folder_evaluation import FolderEvaluation
from segstudio.evaluation.report.facts import reference_text
from segstudio.metrics.bootstrap import RESAMPLES, SIGN, paired_difference
from segstudio.metrics.calibration import CALIBRATION
from segstudio.metrics.confusion import mean_of
from segstudio.metrics.image_figures import MEASURES, PIXELS, TIME, values_of_counts
from segstudio.metrics.measure import AnyFigure, AnyMeasure, Where

_SHOWN_IMAGES: Final = 10
_ALWAYS: Final[tuple[AnyFigure, ...]] = (*PIXELS.at(Where.FOLDER), CALIBRATION.figures[0])


def report_of(
    found: FolderEvaluation, wanted: Collection[AnyMeasure], *, bootstrap: bool
) -> dict[str, Any]:
    """All figures under their names, the best model first; those not wanted are left out.

    Args:
        found: The evaluation.
        wanted: What to tell besides IoU, Dice and accuracy.
        bootstrap: Whether to tell how sure the differences of the models are.
    """
    table = found.table
    order = sorted(table.runs, key=lambda run: _rank(table.figure(run, table.lead)))
    background = table.as_if_all_background()
    return {
        "folder": str(found.references.files.project.root),
        "images": _looked_at(found),
        "stacks": table.names.stacks,
        "stack_pages": table.stacks(),
        "scored_images": max(len(table.indices(run, scored=True)) for run in order),
        "held_against": reference_text(found.conditions, found.references),
        "ignore_index": table.schema.ignore_index,
        "foreground": list(table.schema.foreground_ids),
        "ranked_by": table.lead,
        **{m.key: m in wanted for m in MEASURES if m.choice},
        "models": [_model_row(table, run, wanted) for run in order],
        "all_background": None
        if background is None
        else values_of_counts(background, table.schema.foreground_ids),
        "differences": [
            _difference(table, first, second, bootstrap=bootstrap)
            for first, second in combinations(order, 2)
        ],
        "disagreement": _disagreement(table, order),
        "failed": [
            {"name": name, "error": str(error)}
            for name, error in (*found.trouble.failures, *found.trouble.unmeasured)
        ],
    }


def _looked_at(found: FolderEvaluation) -> int:
    """How many images the models were given, those that could not be read included."""
    table = found.table
    seen = table.looked_at().tolist()
    failed = {name for name, _ in (*found.trouble.failures, *found.trouble.unmeasured)}
    return len(seen) + len(failed - {table.names[i] for i in seen})


def _rank(value: float) -> float:
    return float("inf") if np.isnan(value) else -value


def _model_row(table: EvaluationTable, run: str, wanted: Collection[AnyMeasure]) -> dict[str, Any]:
    folder = table.folder(run)
    row: dict[str, Any] = {
        "id": run,
        "title": table.title(run),
        "images": len(table.indices(run, scored=True)),
        **{f.total: table.figure(run, f.key) for f in _ALWAYS},
        TIME.figures[0].total: mean_of(table.column(run, TIME.figures[0].key)),
        "classes": [] if folder is None else class_rows(folder, table.schema.name_of, wanted),
    }
    if folder is None:
        return row
    return {**row, **folder.image_means, **further_values(folder, wanted)}


def _difference(
    table: EvaluationTable, first: str, second: str, *, bootstrap: bool
) -> dict[str, Any]:
    """What separates two models on the images of both, the second minus the first."""
    indices = table.common(first, second)
    row: dict[str, Any] = {"first": first, "second": second}
    if not len(indices):
        return {**row, "sign": SIGN, "images": 0}
    difference = paired_difference(
        table.pairs(first, indices),
        table.pairs(second, indices),
        table.class_ids,
        foreground_ids=table.schema.foreground_ids,
        resamples=RESAMPLES if bootstrap else 0,
    )
    return {**row, **difference_row(difference, table.schema.name_of, sure=bootstrap)}


def _disagreement(table: EvaluationTable, order: Sequence[str]) -> dict[str, Any] | None:
    """The images on which the models differ most; None for a single model."""
    if len(order) < 2:
        return None
    indices, values = table.indices(order[0]), table.column(order[0], "disagreement")
    worst = np.argsort(-np.nan_to_num(values, nan=-1.0), kind="stable")[:_SHOWN_IMAGES]
    return {
        "mean_vote_entropy": mean_of(values),
        "images": [
            {
                "name": table.names[int(indices[i])],
                "vote_entropy": float(values[i]),
                **{
                    name: {run: table.value(int(indices[i]), run, name) for run in order}
                    for name in ("mean_iou_foreground", "mean_iou")
                },
            }
            for i in worst
            if values[i] > 0
        ],
    }
