"""The report's sections about objects: how size matters, and where to put the score threshold."""

from __future__ import annotations

import math

import numpy as np

from segstudio.core.formatting import percent_text, ratio_text
from segstudio.evaluation.report.class_sections import run_legend
from segstudio.evaluation.report.material import EvaluatedRun, Material
from segstudio.metrics.detection_curves import ScoreCurve
from segstudio.metrics.object_size import SIDES, SIZES, SizeBins, bin_names
from segstudio.report.charts import Axis, Series, line_chart
from segstudio.report.markup import Markup, joined
from segstudio.report.page import Section, paragraph
from segstudio.report.pictures import Captioned, gallery
from segstudio.report.style import SERIES
from segstudio.report.tables import table, wrapped

_CHART = (480, 300)
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
    used = np.flatnonzero(objects)
    hint = paragraph(
        "Objects of the annotation by their size (the square root of their pixels): the mean IoU "
        "with the best predicted object, and how many have one with an IoU of 0.5 or more. Small "
        "objects are the hard ones: one pixel of outline is much of them.",
        hint=True,
    )
    charts = [
        Captioned(_size_chart(material, sizes, "mean_iou", "mean IoU of the objects")),
        Captioned(_size_chart(material, sizes, "recall", "objects found at IoU 0.5")),
    ]
    headers = ["size, pixels wide", "objects"]
    for run in runs:
        headers += [f"{material.titles[run.id]}, mean IoU", "found"]
    rows = []
    for place in used:
        row = [bin_names()[place], f"{int(objects[place]):,}"]
        for run in runs:
            found = sizes[run.id]
            row += [
                ratio_text(float(found.mean_iou[place])),
                percent_text(float(found.recall[place])),
            ]
        rows.append(row)
    listed = table(headers, rows, numbers=range(1, len(headers)))
    body = joined((hint, run_legend(material), gallery(charts, 420), listed))
    return Section(SIZES.key, "Object size", body)


def _size_chart(material: Material, sizes: dict[str, SizeBins], name: str, title: str) -> Markup:
    series = []
    for number, run in enumerate(material.ranked):
        if run.id not in sizes:
            continue
        values = getattr(sizes[run.id], name)
        points = [
            (_FIRST + place, float(value))
            for place, value in enumerate(values)
            if not math.isnan(value)
        ]
        color = SERIES[number % len(SERIES)]
        series.append(Series("", points, (material.titles[run.id],), color))
    return line_chart(
        series,
        title=f"{title} by size",
        x=Axis("width of the object, pixels", write=lambda v: f"{2**v:g}"),
        y=Axis(title, 0.0, 1.0),
        size=_CHART,
        dots=True,
    )


def _score_section(material: Material) -> Section:
    curves = {
        run.id: curve for run in material.ranked if (curve := run.folder.score_curve()) is not None
    }
    hint = paragraph(
        "A detection counts from a score on: raise the threshold and fewer are wrong (precision), "
        "but more objects are missed (recall). An object is found at an IoU of 0.5. The best F1 "
        "of these images is where both are worth the same.",
        hint=True,
    )
    charts = [
        Captioned(_score_chart(material, curves, name)) for name in ("precision", "recall", "f1")
    ]
    rows = []
    for run in material.ranked:
        if run.id not in curves:
            continue
        curve = curves[run.id]
        place = _place_of_best(curve)
        values = [
            math.nan if place is None else float(v[place])
            for v in (curve.f1, curve.precision, curve.recall)
        ]
        rows.append(
            [wrapped(material.titles[run.id]), ratio_text(curve.best, 2), *map(ratio_text, values)]
        )
    headers = ("model", "threshold of the best F1", "F1", "precision", "recall")
    listed = table(headers, rows, numbers=range(1, 5))
    body = joined((hint, run_legend(material, curves), gallery(charts, 340), listed))
    return Section("scores", "Score threshold", body)


def _place_of_best(curve: ScoreCurve) -> int | None:
    return None if np.isnan(curve.f1).all() else int(np.nanargmax(curve.f1))


def _score_chart(material: Material, curves: dict[str, ScoreCurve], name: str) -> Markup:
    series = []
    for number, run in enumerate(material.ranked):
        if run.id not in curves:
            continue
        curve = curves[run.id]
        values = getattr(curve, name)
        points = [(float(x), float(y)) for x, y in zip(curve.thresholds, values, strict=True)]
        color = SERIES[number % len(SERIES)]
        series.append(Series("", points, (material.titles[run.id],), color))
    title = "F1" if name == "f1" else name
    return line_chart(
        series,
        title=f"{title} against the score threshold",
        x=Axis("score threshold", 0.0, 1.0),
        y=Axis(title, 0.0, 1.0),
        size=(400, 280),
    )
