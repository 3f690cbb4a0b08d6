"""The report's sections with curves: object size, score threshold, confidence."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from segstudio.core.formatting import percent_text, ratio_text
from segstudio.evaluation.curve_charts import (
    Calibrations,
    Curves,
    calibrations,
    curves_of,
    reliability_chart,
    size_chart,
    threshold_chart,
    tradeoff_chart,
)
from segstudio.evaluation.report.class_sections import SECTIONS, looks_of, run_legend
from segstudio.evaluation.report.material import EvaluatedRun, EvaluationMaterial
from segstudio.evaluation.report.wording import calibration_text
from segstudio.metrics.calibration import CALIBRATION
from segstudio.metrics.detection_curves import ScoreCurve
from segstudio.metrics.object_size import SIZES, bin_names
from segstudio.report.chart_data import ChartData
from segstudio.report.charts import chart_svg
from segstudio.report.page import Section, section
from segstudio.report.tables import Cell, Table

_CHART = (480, 320)


def curve_sections(material: EvaluationMaterial) -> list[Section]:
    """What was counted of objects and of confidence; nothing if nothing was."""
    sections = []
    if any(_has_objects(run) for run in material.runs):
        sections.append(_size_section(material))
    curves = curves_of(material, looks_of(material))
    if curves:
        sections.append(_score_section(material, curves))
    found = calibrations(material, looks_of(material))
    if found:
        sections.append(_calibration_section(material, found))
    return sections


def _has_objects(run: EvaluatedRun) -> bool:
    sizes = run.folder.part(SIZES)
    return sizes is not None and bool(sizes.column("objects").any())


def _size_section(material: EvaluationMaterial) -> Section:
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
    looks = [look for look in looks_of(material) if look.run in sizes]
    charts = [size_chart(material, looks, measure) for measure in ("mean_iou", "recall")]
    table = Table(headers, rows, range(1, len(headers)))
    return _section(SIZES.key, "Object size", material, charts, table)


def _score_section(material: EvaluationMaterial, curves: Curves) -> Section:
    rows: list[list[str | Cell]] = []
    for look, curve in curves:
        place = _place_of_best(curve)
        values = [
            math.nan if place is None else float(v[place])
            for v in (curve.f1, curve.precision, curve.recall)
        ]
        name = Cell(look.title, look="wrapped")
        rows.append([name, ratio_text(curve.best, 2), *map(ratio_text, values)])
    headers = ("model", "threshold of the best F1", "F1", "precision", "recall")
    charts = [threshold_chart(curves), tradeoff_chart(curves)]
    table = Table(headers, rows, range(1, 5))
    return _section("scores", "Score threshold", material, charts, table)


def _section(
    anchor: str, title: str, material: EvaluationMaterial, charts: list[ChartData], table: Table
) -> Section:
    # the page has a list of the models already
    drawn = [chart_svg(replace(chart, legend=()), _CHART) for chart in charts]
    legend = run_legend(material)
    return section(SECTIONS, anchor, title, legend=legend, charts=drawn, table=table)


def _place_of_best(curve: ScoreCurve) -> int | None:
    return None if np.isnan(curve.f1).all() else int(np.nanargmax(curve.f1))


def _calibration_section(material: EvaluationMaterial, found: Calibrations) -> Section:
    """Accuracy against confidence."""
    rows: list[list[str | Cell]] = []
    for look, bins in found:
        pixels = int(bins.pixels.sum())
        right = int(bins.right.sum()) / pixels if pixels else float("nan")
        rows.append(
            [
                Cell(look.title, look="wrapped"),
                ratio_text(bins.ece),
                percent_text(right),
                percent_text(bins.mean_confidence),
                f"{bins.confident_errors:,}",
                Cell(calibration_text(right, bins.mean_confidence), look="prose"),
            ]
        )
    headers = (
        "model", "calibration error", "right", "mean confidence", "sure and wrong, pixels",
        "in words",
    )  # fmt: skip
    table, title = Table(headers, rows, range(1, 5)), "Is its confidence worth anything?"
    return _section(CALIBRATION.key, title, material, [reliability_chart(found)], table)
