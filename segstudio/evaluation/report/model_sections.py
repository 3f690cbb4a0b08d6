"""The report's sections about the models as a whole: which is best, and whether that is sure."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from segstudio.core.formatting import change_text, percent_text, ratio_text
from segstudio.evaluation.report.findings import Compared, Findings
from segstudio.evaluation.report.material import Material
from segstudio.evaluation.report.wording import (
    caution,
    count,
    enumeration,
    figure_text,
    verdict,
)
from segstudio.metrics.bootstrap import Interval
from segstudio.metrics.confusion import Metrics
from segstudio.metrics.image_figures import leading_first, values_of_counts
from segstudio.metrics.measure import AnyFigure, Where
from segstudio.metrics.panoptic import PANOPTIC
from segstudio.report.intervals import IntervalScale, Range
from segstudio.report.markup import Markup, element, joined
from segstudio.report.page import Section, bullets, folded, note, paragraph
from segstudio.report.tables import prose, table, wrapped

_TRAP_GAP = 0.1
"""A pixel accuracy this near to the one of background alone says little."""


def key_figures(material: Material) -> list[tuple[str, str]]:
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


def models_section(material: Material, found: Findings) -> Section:
    """What the figures say in words, and all of them side by side."""
    parts: list[Markup] = [bullets(_sentences(material, found))]
    parts += [note(text) for text in _warnings(material)]
    parts.append(_models_table(material))
    title = "Which model is right" if len(material.runs) > 1 else "How right it is"
    return Section("models", title, joined(parts))


def differences_section(material: Material, found: Findings) -> Section:
    """Each two models on the same images, with confidence intervals."""
    first = found.compared[0].difference
    parts: list[Markup] = [
        paragraph(
            "Images are drawn with replacement, the same ones for both models, "
            f"{first.resamples:,} times. The interval holds the middle "
            f"{first.level * 100:g} % of the differences. If it holds 0, the difference may be one "
            "of the choice of images.",
            hint=True,
        )
    ]
    cautions = {text for c in found.compared if (text := caution(c.difference))}
    parts += [note(text) for text in sorted(cautions)]
    if len(found.compared) > 1:
        parts.append(
            paragraph(
                f"{len(found.compared)} pairs are compared: of 20 differences that do not exist, "
                "about one looks clear by chance.",
                hint=True,
            )
        )
    parts.append(_pairs_table(material, found))
    parts += [_by_class(material, compared, opened=number == 0) for number, compared in
              enumerate(found.compared)]  # fmt: skip
    return Section("differences", "Is the difference real?", joined(parts))


def _sentences(material: Material, found: Findings) -> list[Markup]:
    """The result in words."""
    best, titles = material.ranked[0], material.titles
    lead, images = material.lead_of(best.folder.metrics), count(len(material.images), "image")
    name = material.lead_name
    has = f"has the highest {name}," if len(material.runs) > 1 else f"has a {name} of"
    said = [joined((element("b", titles[best.id]), f" {has} {ratio_text(lead)} over {images}."))]
    for other_id, compared in found.with_best(best).items():
        difference = compared.difference
        words = verdict(difference.lead, difference.level)
        said.append(joined(("Against ", element("b", titles[other_id]), f": {words}.")))
    return [*said, *_objects(material), *_speed(material), *_trap(material)]


def _objects(material: Material) -> list[Markup]:
    """That another model is best where objects are counted."""
    panoptic = [run.folder.part(PANOPTIC) for run in material.runs]
    if not any(part is not None and part.things for part in panoptic):
        return []
    key = PANOPTIC.figures[0].foreground().key
    scores = {run: run.folder.values.means.get(key, math.nan) for run in material.ranked}
    best = max(
        (run for run, value in scores.items() if not math.isnan(value)), key=scores.__getitem__
    )
    if best is material.ranked[0]:
        return []
    text = f" is best at telling objects apart: PQ {ratio_text(scores[best])}."
    return [joined((element("b", material.titles[best.id]), text))]


def _speed(material: Material) -> list[Markup]:
    times = {r.id: r.folder.seconds_per_image for r in material.runs}
    known = {run: seconds for run, seconds in times.items() if seconds > 0}
    best = material.ranked[0]
    if len(known) < 2 or best.id not in known:
        return []
    fastest = min(known, key=lambda run: known[run])
    if fastest == best.id:
        return [joined((element("b", material.titles[best.id]), " is also the fastest."))]
    factor = known[best.id] / known[fastest]
    return [
        joined(
            (
                element("b", material.titles[fastest]),
                f" is the fastest: {factor:.1f} times as fast as ",
                element("b", material.titles[best.id]),
                ".",
            )
        )
    ]


def _trap(material: Material) -> list[Markup]:
    """What a mask of one class would score, and how little pixel accuracy says then."""
    if not material.baselines:
        return []
    class_id, empty = material.baselines[0]
    text = (
        f"{_everything(material, class_id)} would score a {material.lead_name} of "
        f"{ratio_text(material.lead_of(empty))} and "
        f"a pixel accuracy of {ratio_text(empty.pixel_accuracy)}."
    )
    accuracy = material.ranked[0].folder.metrics.pixel_accuracy
    if accuracy - empty.pixel_accuracy < _TRAP_GAP:
        text += (
            f" The best model's pixel accuracy is {ratio_text(accuracy)}: most of it comes by itself, "
            "so judge by IoU."
        )
    return [joined((text,))]


def _warnings(material: Material) -> list[str]:
    texts = []
    regions = [
        f"“{material.titles[run.id]}”" for run in material.runs if run.folder.regions_as_objects
    ]
    if regions:
        verb = "does" if len(regions) == 1 else "do"
        texts.append(
            f"{enumeration(regions)} {verb} not tell objects apart: connected regions stand for "
            "them in AP and PQ, so that touching objects count as one."
        )
    return [*texts, *material.left_out]


def _models_table(material: Material) -> Markup:
    """Figures by row, models by column, and what masks of one class would score."""
    runs = material.ranked
    baselines = {_everything(material, i): metrics for i, metrics in material.baselines}
    headers = ["figure", *(material.titles[r.id] for r in runs), *baselines, "what it tells"]
    rows: list[list[object]] = []
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
                prose(figure.meaning),
            ]
        )
    caption = "The best of each row is bold. " if len(runs) > 1 else ""
    return table(
        headers, rows, numbers=range(1, len(headers) - 1), caption=caption + "↓ less is better.",
    )  # fmt: skip


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


def _everything(material: Material, class_id: int) -> str:
    return f"Everything {material.name_of(class_id)}"


def _marked(figure: AnyFigure, value: float, best: float) -> object:
    text = figure_text(figure, value)
    # what is written alike is alike for the reader
    if text == figure_text(figure, best) != figure_text(figure, math.nan):
        return element("b", text)
    return text


def _of_baseline(material: Material, figure: AnyFigure, metrics: Metrics) -> str:
    values = values_of_counts(metrics, material.runs[0].folder.foreground_ids)
    return figure_text(figure, values[figure.key]) if figure.key in values else ""


def _pair_name(material: Material, compared: Compared) -> str:
    names = material.titles
    return f"{names[compared.second.id]} against {names[compared.first.id]}"


def _pairs_table(material: Material, found: Findings) -> Markup:
    leads = [c.difference.lead for c in found.compared]
    ranges = [_range(lead) for lead in leads]
    scale = IntervalScale(ranges)
    rows = [
        [
            wrapped(_pair_name(material, c)),
            f"{c.difference.images:,}",
            change_text(lead.difference),
            scale.strip(shown),
            percent_text(lead.share_above_zero),
            prose(verdict(lead, c.difference.level)),
        ]
        for c, lead, shown in zip(found.compared, leads, ranges, strict=True)
    ]
    rows.append(["", "", "", scale.axis(), "", ""])
    headers = ("models", "images", "difference", "with its interval", "draws better", "in words")
    return table(headers, rows, numbers=(1, 2, 4), caption=f"Difference of {material.lead_name}.")


def _by_class(material: Material, compared: Compared, *, opened: bool) -> Markup:
    """The difference of each class's IoU."""
    difference = compared.difference
    known = {i: v for i, v in difference.by_class.items() if not math.isnan(v.difference)}
    if not known:
        return Markup()
    ranges = {i: _range(v) for i, v in known.items()}
    scale = IntervalScale(list(ranges.values()))
    rows: list[list[object]] = [
        [
            wrapped(material.name_of(i)),
            change_text(v.difference),
            scale.strip(ranges[i]),
            prose(verdict(v, difference.level)),
        ]
        for i, v in known.items()
    ]
    rows.append(["", "", scale.axis(), ""])
    headers = ("class", "difference of IoU", "with its interval", "in words")
    aside = f"by class, {count(len(known), 'class', 'classes')}"
    body = table(headers, rows, numbers=(1,))
    return folded(_pair_name(material, compared), aside, body, opened=opened)


def _range(interval: Interval) -> Range:
    tip = f"{interval.difference:+.4f}"
    if not math.isnan(interval.low):
        tip += f" ({interval.low:+.4f} to {interval.high:+.4f})"
    return Range(interval.difference, interval.low, interval.high, interval.is_clear, tip)
