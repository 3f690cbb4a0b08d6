"""One figure of every image and model, taken from the table of the evaluation."""

from __future__ import annotations

import numpy as np

from segstudio.evaluation.figures_table import EvaluationTable
from segstudio.evaluation.ui.class_rows import RunHead
from segstudio.evaluation.ui.image_rows import ImageFiguresTable
from segstudio.evaluation.ui.run_colors import run_color
from segstudio.kit.model_titles import column_titles
from segstudio.metrics.class_sums import Numbers
from segstudio.metrics.image_figures import leading_first
from segstudio.metrics.measure import AnyFigure, Figure, Where

_CLASS = "class:"


def heads_of(table: EvaluationTable) -> tuple[RunHead, ...]:
    """The evaluated models with their names and colours."""
    titles = [table.title(run) for run in table.runs]
    return tuple(
        RunHead(run, title, short, run_color(table.runs, run))
        for run, title, short in zip(table.runs, titles, column_titles(titles), strict=True)
    )


def known_figures(table: EvaluationTable) -> list[AnyFigure]:
    """The figures that at least one image has, and the IoU of every class."""
    figures = leading_first(Where.IMAGES, has_background=table.has_background)
    known = [
        figure
        for figure in figures
        if any(table.has_counted(run, figure.key) for run in table.runs)
    ]
    return [*(known or figures[:1]), *(_class_figure(table, i) for i in table.class_ids)]


def class_key(class_id: int) -> str:
    """The key of the figure "IoU of this class"."""
    return f"{_CLASS}{class_id}"


def gathered(table: EvaluationTable, figure: AnyFigure) -> ImageFiguresTable:
    """The figure of all evaluated images and models."""
    heads = heads_of(table)
    of_runs = [table.indices(run) for run in table.runs]
    indices = np.unique(np.concatenate([np.zeros(0, np.intp), *of_runs]))
    whole = np.full((len(heads), len(indices)), np.nan)
    for row, (run, found) in enumerate(zip(table.runs, of_runs, strict=True)):
        whole[row, np.searchsorted(indices, found)] = _values(table, run, figure)
    return ImageFiguresTable(figure, heads, table.names, indices, whole)


def _values(table: EvaluationTable, run: str, figure: AnyFigure) -> Numbers:
    if not figure.key.startswith(_CLASS):
        return table.column(run, figure.key)
    ids, class_id = table.class_ids, int(figure.key.removeprefix(_CLASS))
    if class_id not in ids:
        return np.full(len(table.indices(run)), np.nan)
    return table.class_iou(run)[:, ids.index(class_id)].astype(np.float64)


def _class_figure(table: EvaluationTable, class_id: int) -> AnyFigure:
    name = f"IoU of {table.schema.name_of(class_id)}"
    return Figure(class_key(class_id), name, "TP / (TP + FP + FN) of this class alone.")
