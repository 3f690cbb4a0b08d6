"""The report's sections about objects: how size matters, and where to put the score threshold."""

from __future__ import annotations

import math

import numpy as np
from markupsafe import Markup

from segstudio.core.formatting import percent_text, ratio_text
from segstudio.evaluation.report.class_sections import SECTIONS, run_legend
from segstudio.evaluation.report.material import EvaluatedRun, Material
from segstudio.metrics.detection_curves import ScoreCurve
from segstudio.metrics.object_size import SIDES, SIZES, SizeBins, bin_names
from segstudio.report.chart_data import Axis, ChartData, Points
from segstudio.report.charts import chart_svg, series_color, ticks
from segstudio.report.page import Section, section
from segstudio.report.tables import Cell, Table

# a bin reaches from one power of two to the next; it is drawn in its middle
_FIRST = math.log2(SIDES[0]) - 0.5


def object_sections(material: Material) -> list[Section]:
    """What was counted of objects; nothing if nothing was."""
    sections = []
    if any(_has_objects(run) for run in material.runs):
        sections.append(_size_section(material))
    if any(run.folder.score_curve() is not None for run in material.runs):
        sections.append(_score_section(material))
    return sections


def _has_objects(run: EvaluatedRun) -> bool:
    sizes = run.folder.part(SIZES)
    return sizes is not None and bool(sizes.column("objects").any())


def _size_section(material: Material) -> Section:
    runs = [run for run in material.ranked if _has_objects(run)]
    sizes = {run.id: found for run in runs if (found := run.folder.part(SIZES)) is not None}
    objects = sizes[runs[0].id].column("objects")
    headers = ["size, pixels wide", "objects"]
    for run in runs:
        headers += [f"{material.titles[run.id]}, mean IoU", "found"]
    rows = []
    for place in np.flatnonzero(objects):
        row = [bin_names()[place], f"{int(objects[place]):,}"]
        for found in sizes.values():
            row.append(ratio_text(float(found.mean_iou[place])))
            row.append(percent_text(float(found.recall[place])))
        rows.append(row)
    charts = [
        _size_chart(material, sizes, name, title)
        for name, title in (
            ("mean_iou", "mean IoU of the objects"), ("recall", "objects found at IoU 0.5"),
        )
    ]  # fmt: skip
    table = Table(headers, rows, range(1, len(headers)))
    legend = run_legend(material)
    return section(SECTIONS, SIZES.key, "Object size", legend=legend, charts=charts, table=table)


def _size_chart(material: Material, sizes: dict[str, SizeBins], name: str, title: str) -> Markup:
    lines = []
    for number, run in enumerate(material.ranked):
        if run.id in sizes:
            y = np.asarray(getattr(sizes[run.id], name), np.float64)
            x = _FIRST + np.flatnonzero(~np.isnan(y))
            lines.append(_line(material, number, x, y[~np.isnan(y)], "o"))
    ends = [float(end) for line in lines for end in line.x] or [0.0, 1.0]
    room = (max(ends) - min(ends)) * 0.05 or 0.5
    low, high = min(ends) - room, max(ends) + room
    widths = tuple((value, f"{2**value:g}") for value in ticks(low, high))
    across = Axis("width of the object, pixels", low, high, widths)
    return chart_svg(ChartData(f"{title} by size", across, Axis(title), tuple(lines)), (480, 300))


def _score_section(material: Material) -> Section:
    curves = {
        run.id: curve for run in material.ranked if (curve := run.folder.score_curve()) is not None
    }
    rows: list[list[str | Cell]] = []
    for run, curve in curves.items():
        place = _place_of_best(curve)
        values = [
            math.nan if place is None else float(v[place])
            for v in (curve.f1, curve.precision, curve.recall)
        ]
        name = Cell(material.titles[run], look="wrapped")
        rows.append([name, ratio_text(curve.best, 2), *map(ratio_text, values)])
    headers = ("model", "threshold of the best F1", "F1", "precision", "recall")
    charts = [_score_chart(material, curves, name) for name in ("precision", "recall", "f1")]
    return section(
        SECTIONS, "scores", "Score threshold", legend=run_legend(material, curves), charts=charts,
        table=Table(headers, rows, range(1, 5)),
    )  # fmt: skip


def _place_of_best(curve: ScoreCurve) -> int | None:
    return None if np.isnan(curve.f1).all() else int(np.nanargmax(curve.f1))


def _score_chart(material: Material, curves: dict[str, ScoreCurve], name: str) -> Markup:
    lines = tuple(
        _line(material, number, curves[run.id].thresholds, getattr(curves[run.id], name), "")
        for number, run in enumerate(material.ranked)
        if run.id in curves
    )
    title = "F1" if name == "f1" else name
    told = f"{title} against the score threshold"
    return chart_svg(ChartData(told, Axis("score threshold"), Axis(title), lines), (400, 280))


def _line(material: Material, number: int, x: object, y: object, symbol: str) -> Points:
    title, color = material.titles[material.ranked[number].id], series_color(number)
    at, values = np.asarray(x, np.float64), np.asarray(y, np.float64)
    return Points(title, color, at, values, symbol=symbol, size=6, line="solid")
