"""The report's sections about the models as a whole: which is best, and whether that is sure."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from segstudio.core.formatting import change_text, counted, percent_text, ratio_text
from segstudio.core.text import enumerated
from segstudio.evaluation.report.class_sections import SECTIONS
from segstudio.evaluation.report.findings import Compared, EvaluationFindings
from segstudio.evaluation.report.material import EvaluationMaterial
from segstudio.evaluation.report.wording import caution, figure_text, verdict
from segstudio.metrics.bootstrap import Interval
from segstudio.metrics.confusion import Metrics
from segstudio.metrics.image_figures import leading_first, values_of_counts
from segstudio.metrics.measure import AnyFigure, Where
from segstudio.metrics.panoptic import PANOPTIC
from segstudio.report.charts import IntervalMark, IntervalScale
from segstudio.report.page import Section, section
from segstudio.report.tables import Cell, Table

_TRAP_GAP = 0.1
"""A pixel accuracy this near to the one of background alone says little."""


def key_figures(material: EvaluationMaterial) -> list[tuple[str, str]]:
    """(value, what it is) for the top of the report."""
    best = material.ranked[0]
    iou, dice = best.folder.metrics.mean_over(best.folder.foreground_ids)
    runs = len(material.runs)
    of = " of the foreground" if material.has_background else ""
    by = ", by " if of else " of "
    found = [
        (ratio_text(iou), f"mean IoU{of}{by}{material.titles[best.id]}"),
        (ratio_text(dice), f"its mean Dice{of}"),
        (f"{len(material.images):,}", "images" if len(material.images) != 1 else "image"),
        (str(runs), "models" if runs != 1 else "model"),
    ]
    if not math.isnan(best.folder.seconds_per_image):
        found.append((f"{best.folder.seconds_per_image:.2f} s", "per image"))
    return found


def models_section(material: EvaluationMaterial, found: EvaluationFindings) -> Section:
    """What the figures say in words, and all of them side by side."""
    best, titles = material.ranked[0], material.titles
    differences = {run: c.difference for run, c in found.with_best(best).items()}
    return section(
        SECTIONS,
        "models",
        "Which model is right" if len(material.runs) > 1 else "How right it is",
        best=titles[best.id],
        several=len(material.runs) > 1,
        lead=material.lead_of(best.folder.metrics),
        lead_name=material.lead_name,
        images=counted(len(material.images), "image"),
        against=[(titles[run], verdict(d.lead, d.level)) for run, d in differences.items()],
        objects=_best_with_objects(material),
        fastest=_fastest(material),
        trap=_trap(material),
        warnings=_warnings(material),
        figures=_models_table(material),
    )


def differences_section(material: EvaluationMaterial, found: EvaluationFindings) -> Section:
    """Each two models on the same images, with confidence intervals."""
    first = found.compared[0].difference
    return section(
        SECTIONS,
        "differences",
        "Is the difference real?",
        resamples=f"{first.resamples:,}",
        level=f"{first.level * 100:g}",
        cautions=sorted({text for c in found.compared if (text := caution(c.difference))}),
        number=len(found.compared),
        pairs=_pairs_table(material, found),
        by_class=[one for c in found.compared if (one := _by_class(material, c)) is not None],
    )


def _best_with_objects(material: EvaluationMaterial) -> tuple[str, float] | None:
    """Another model that is best where objects are counted, with its PQ."""
    panoptic = [run.folder.part(PANOPTIC) for run in material.runs]
    if not any(part is not None and part.things for part in panoptic):
        return None
    key = PANOPTIC.figures[0].foreground().key
    scores = {run: run.folder.values.means.get(key, math.nan) for run in material.ranked}
    best = max(
        (run for run, value in scores.items() if not math.isnan(value)), key=scores.__getitem__
    )
    return None if best is material.ranked[0] else (material.titles[best.id], scores[best])


def _fastest(material: EvaluationMaterial) -> tuple[str, str] | None:
    """The fastest model, and how many times as fast as the best one it is; "" where that is it."""
    times = {r.id: r.folder.seconds_per_image for r in material.runs}
    known = {run: seconds for run, seconds in times.items() if seconds > 0}
    best = material.ranked[0].id
    if len(known) < 2 or best not in known:
        return None
    fastest = min(known, key=lambda run: known[run])
    factor = "" if fastest == best else f"{known[best] / known[fastest]:.1f}"
    return material.titles[fastest], factor


def _trap(material: EvaluationMaterial) -> dict[str, object] | None:
    """What a mask of one class would score, and how little pixel accuracy says then."""
    if not material.baselines:
        return None
    class_id, empty = material.baselines[0]
    accuracy = material.ranked[0].folder.metrics.pixel_accuracy
    return {
        "everything": _everything(material, class_id),
        "lead": material.lead_of(empty),
        "accuracy": empty.pixel_accuracy,
        "best_accuracy": accuracy,
        "is_near": accuracy - empty.pixel_accuracy < _TRAP_GAP,
    }


def _warnings(material: EvaluationMaterial) -> list[str]:
    texts = []
    regions = [
        f"“{material.titles[run.id]}”" for run in material.runs if run.folder.regions_as_objects
    ]
    if regions:
        verb = "does" if len(regions) == 1 else "do"
        texts.append(
            f"{enumerated(regions)} {verb} not tell objects apart: connected regions stand for "
            "them in AP and PQ, so that touching objects count as one."
        )
    return [*material.doubts, *texts, *material.left_out]


def _models_table(material: EvaluationMaterial) -> Table:
    """Figures by row, models by column, and what masks of one class would score."""
    runs = material.ranked
    baselines = {_everything(material, i): metrics for i, metrics in material.baselines}
    headers = ["figure", *(material.titles[r.id] for r in runs), *baselines, "what it tells"]
    rows: list[list[str | Cell]] = []
    for figure in _figures(has_background=material.has_background):
        values = [run.folder.values.means.get(figure.key, math.nan) for run in runs]
        if all(math.isnan(value) for value in values):
            continue
        best = figure.best(np.array(values)) if len(runs) > 1 else math.nan
        arrow = " ↓" if figure.lower_is_better else ""
        rows.append(
            [
                figure.label + arrow,
                *(_marked(figure, value, best) for value in values),
                *(_of_baseline(material, figure, metrics) for metrics in baselines.values()),
                Cell(figure.meaning, look="prose"),
            ]
        )
    caption = ("The best of each row is bold. " if len(runs) > 1 else "") + "↓ less is better."
    return Table(headers, rows, range(1, len(headers) - 1), caption)


def _figures(*, has_background: bool) -> list[AnyFigure]:
    """Those of the foreground first; after mean IoU its mean over images."""
    found: list[AnyFigure] = []
    for figure in leading_first(Where.FOLDER, has_background=has_background):
        found.append(figure)
        if figure.key.startswith("mean_iou"):
            found.append(
                replace(
                    figure,
                    key=f"image_{figure.key}",
                    label=f"{figure.label}, mean over images",
                    meaning="Every image counts alike, however many pixels or objects it has.",
                )
            )
    return found


def _everything(material: EvaluationMaterial, class_id: int) -> str:
    return f"Everything {material.name_of(class_id)}"


def _marked(figure: AnyFigure, value: float, best: float) -> Cell:
    text = figure_text(figure, value)
    # what is written alike is alike for the reader
    is_best = text == figure_text(figure, best) != figure_text(figure, math.nan)
    return Cell(text, look="b" if is_best else "")


def _of_baseline(material: EvaluationMaterial, figure: AnyFigure, metrics: Metrics) -> str:
    values = values_of_counts(metrics, material.runs[0].folder.foreground_ids)
    return figure_text(figure, values[figure.key]) if figure.key in values else ""


def _pair_name(material: EvaluationMaterial, compared: Compared) -> str:
    names = material.titles
    return f"{names[compared.second.id]} against {names[compared.first.id]}"


def _pairs_table(material: EvaluationMaterial, found: EvaluationFindings) -> Table:
    leads = [c.difference.lead for c in found.compared]
    ranges = [_range(lead) for lead in leads]
    scale = IntervalScale(ranges)
    rows: list[list[str | Cell]] = [
        [
            Cell(_pair_name(material, c), look="wrapped"),
            f"{c.difference.images:,}",
            change_text(lead.difference),
            scale.strip(shown),
            percent_text(lead.share_above_zero),
            Cell(verdict(lead, c.difference.level), look="prose"),
        ]
        for c, lead, shown in zip(found.compared, leads, ranges, strict=True)
    ]
    rows.append(["", "", "", scale.axis(), "", ""])
    headers = ("models", "images", "difference", "with its interval", "draws better", "in words")
    return Table(headers, rows, (1, 2, 4), f"Difference of {material.lead_name}.")


def _by_class(material: EvaluationMaterial, compared: Compared) -> tuple[str, str, Table] | None:
    """The difference of each class's IoU under a title; None where none is known."""
    difference = compared.difference
    known = {i: v for i, v in difference.by_class.items() if not math.isnan(v.difference)}
    if not known:
        return None
    ranges = {i: _range(v) for i, v in known.items()}
    scale = IntervalScale(list(ranges.values()))
    rows: list[list[str | Cell]] = [
        [
            Cell(material.name_of(i), look="wrapped"),
            change_text(v.difference),
            scale.strip(ranges[i]),
            Cell(verdict(v, difference.level), look="prose"),
        ]
        for i, v in known.items()
    ]
    rows.append(["", "", scale.axis(), ""])
    headers = ("class", "difference of IoU", "with its interval", "in words")
    aside = f"by class, {counted(len(known), 'class', 'classes')}"
    return _pair_name(material, compared), aside, Table(headers, rows, (1,))


def _range(interval: Interval) -> IntervalMark:
    tip = f"{interval.difference:+.4f}"
    if not math.isnan(interval.low):
        tip += f" ({interval.low:+.4f} to {interval.high:+.4f})"
    return IntervalMark(interval.difference, interval.low, interval.high, interval.is_clear, tip)
