"""The classes as rows of a table: how each model does on each of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtGui import QColor

from segstudio.core.formatting import percent_text
from segstudio.evaluation.ui.figure_text import figure_text, marked_best
from segstudio.kit.swatch import swatch
from segstudio.kit.table_model import Column, Emphasis, Side
from segstudio.metrics.measure import AnyFigure, Unit


@dataclass(frozen=True)
class ClassRow:
    """One class.

    Attributes:
        class_id: Of the folder's classes.
        name: For people.
        color: Of the class.
        share: Of the pixels of the ground truth, 0..1; NaN if unknown.
        values: The figure by model; NaN where it is not known.
    """

    class_id: int
    name: str
    color: QColor
    share: float
    values: Mapping[str, float] = field(default_factory=dict)

    def best(self, figure: AnyFigure) -> float:
        """The best of the models; NaN if none is better than another."""
        return marked_best(figure, np.array(list(self.values.values())))


@dataclass(frozen=True)
class RunHead:
    """The head of a model's column."""

    run: str
    title: str
    short: str
    color: QColor


def class_columns(heads: Sequence[RunHead], figure: AnyFigure) -> list[Column[ClassRow]]:
    """The class, its share of the pixels, and a figure of each model; the best one bold."""
    return [
        Column("Class", lambda row: row.name, "A class of the folder's list", icon=lambda row: swatch(row.color), most=200),
        Column("Pixels", lambda row: percent_text(row.share),
               "Share of the pixels of the ground truth", lambda row: row.share, side=Side.RIGHT),
        *(_run_column(head, figure) for head in heads),
    ]  # fmt: skip


def _run_column(head: RunHead, figure: AnyFigure) -> Column[ClassRow]:
    def value(row: ClassRow) -> float:
        return row.values.get(head.run, math.nan)

    def text(row: ClassRow) -> str:
        return figure_text(figure, value(row))

    def tip(row: ClassRow) -> str:
        if math.isnan(value(row)):
            return "Not defined: the class is missing where it is needed"
        return "Double-click: the images, worst first"

    def emphasis(row: ClassRow) -> Emphasis:
        best = row.best(figure)
        is_best = not math.isnan(best) and text(row) == figure_text(figure, best)
        return Emphasis.STRONG if is_best else Emphasis.NONE

    return Column(
        head.short, text, f"{figure.name} of {head.title}", value, cell_tip=tip, side=Side.RIGHT,
        emphasis=emphasis, bar=value if figure.unit is Unit.RATIO else None,
        bar_color=lambda _row: head.color,
    )  # fmt: skip
