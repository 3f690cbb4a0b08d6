"""The report's sections about the images: how the scores are spread, and a list of them."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from segstudio.core.formatting import percent_text, ratio_text
from segstudio.evaluation.report.class_sections import run_legend
from segstudio.evaluation.report.material import SCORES, EvaluatedRun, Material
from segstudio.evaluation.report.wording import count
from segstudio.metrics.class_sums import Numbers, mean_of, ratios
from segstudio.metrics.image_figures import MEASURES
from segstudio.metrics.measure import Where
from segstudio.report.charts import Axis, Series, line_chart, scatter_chart
from segstudio.report.markup import Markup, joined
from segstudio.report.page import Section, folded, paragraph
from segstudio.report.pictures import Captioned, figure, gallery
from segstudio.report.style import SERIES
from segstudio.report.tables import table, wrapped

LISTED: Final = 500
"""Images in the report's list; files have all."""
_DOTS: Final = 1500
_SCATTERS: Final = 3
_BINS: Final = 20
_QUANTILES: Final = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_QUANTILE_NAMES: Final = ("lowest", "5 %", "25 %", "median", "75 %", "95 %", "highest")
_POOR: Final = 0.5
_Order = npt.NDArray[np.intp]


def spread_section(material: Material) -> Section:
    """How the mean IoU of the images is spread, and where two models part."""
    parts: list[Markup] = [
        paragraph(
            f"{_capital(material.lead_name)} of each image by itself. The mean over images counts every image alike, so "
            "it differs from the figure of the summed pixels. Look at the low end: two models with "
            "the same mean may fail on one image in a hundred, or in ten.",
            hint=True,
        ),
        _quantiles(material),
        run_legend(material),
        figure(_histogram(material)),
    ]
    if len(material.runs) > 1:
        parts += _scatters(material)
    return Section("images", "Image by image", joined(parts))


def list_section(material: Material) -> Section:
    """All images with their scores, the worst first."""
    order = worst_first(material)
    shown = order[:LISTED]
    number = len(material.images)
    text = f"By the mean of the models' {material.lead_name}, the lowest first."
    if number > len(shown):
        text += f" The list is cut at {LISTED} of {number:,} images; the CSV and JSON have all."
    body = (paragraph(text, hint=True), _list_table(material, shown))
    aside = f"the worst {LISTED}" if number > len(shown) else f"by {material.lead_name}"
    return Section(
        "list", "All images", folded(count(number, "image"), aside, *body, opened=number <= 20)
    )


def mean_of_runs(material: Material) -> Numbers:
    """(n,) mean of the models' `lead` score on each image; NaN where none has one."""
    scores = np.stack([run.column(material.lead) for run in material.runs])
    known = ~np.isnan(scores)
    number = known.sum(axis=0)
    total = np.where(known, scores, 0.0).sum(axis=0)
    return ratios(total, number.astype(np.float64))


def worst_first(material: Material) -> _Order:
    """Places of the images, those that the models are worst on first, those without score last."""
    return np.argsort(mean_of_runs(material), kind="stable")


def _quantiles(material: Material) -> Markup:
    rows = []
    for run in material.ranked:
        scores = run.column(material.lead)
        known = scores[~np.isnan(scores)]
        ends = np.quantile(known, _QUANTILES) if known.size else [math.nan] * len(_QUANTILES)
        poor = float((known < _POOR).mean()) if known.size else math.nan
        rows.append(
            [
                wrapped(material.titles[run.id]),
                ratio_text(mean_of(known)),
                *(ratio_text(float(value)) for value in ends),
                percent_text(poor),
            ]
        )
    headers = ("model", "mean over images", *_QUANTILE_NAMES, f"images below {_POOR:g}")
    return table(headers, rows, numbers=range(1, len(headers)))


def _histogram(material: Material) -> Markup:
    """Steps: the share of the images in each twentieth of mean IoU."""
    edges = np.linspace(0, 1, _BINS + 1)
    series, highest = [], 0.0
    for number, run in enumerate(material.ranked):
        scores = run.column(material.lead)
        known = scores[~np.isnan(scores)]
        if not known.size:
            continue
        shares = np.histogram(known, edges)[0] / known.size
        highest = max(highest, float(shares.max()))
        points = [(0.0, 0.0)]
        for left, right, share in zip(edges[:-1], edges[1:], shares, strict=True):
            points += [(float(left), float(share)), (float(right), float(share))]
        points.append((1.0, 0.0))
        color = SERIES[number % len(SERIES)]
        series.append(Series("", points, (material.titles[run.id],), color))
    return line_chart(
        series,
        title=f"Distribution of the images' {material.lead_name}",
        x=Axis(f"{material.lead_name} of an image", 0.0, 1.0),
        y=Axis("share of the images", 0.0, highest * 1.05 or 1.0, lambda v: percent_text(v, 0)),
        size=(720, 260),
    )


def _scatters(material: Material) -> list[Markup]:
    """The best model against each of the next ones, image by image."""
    best, *others = material.ranked
    items = [_scatter(material, other, best) for other in others[:_SCATTERS]]
    return [gallery(items, 420)]


def _scatter(material: Material, first: EvaluatedRun, second: EvaluatedRun) -> Captioned:
    x, y = first.column(material.lead), second.column(material.lead)
    known = np.flatnonzero(~np.isnan(x) & ~np.isnan(y))
    above, below = int((y > x)[known].sum()), int((y < x)[known].sum())
    shown = known
    text = ""
    if len(known) > _DOTS:
        shown = np.sort(np.random.default_rng(0).choice(known, _DOTS, replace=False))
        text = f" {_DOTS:,} of {len(known):,} images are drawn, chosen at random."
    names = material.titles[first.id], material.titles[second.id]
    series = Series(
        "",
        [(float(x[i]), float(y[i])) for i in shown],
        [f"{material.images[int(i)]}: {x[i]:.3f}, {y[i]:.3f}" for i in shown],
    )
    chart = scatter_chart(
        [series],
        title=f"{_capital(material.lead_name)} of each image, {names[1]} against {names[0]}",
        x=Axis(names[0], 0.0, 1.0),
        y=Axis(names[1], 0.0, 1.0),
        size=(480, 420),
        diagonal=True,
    )
    return Captioned(
        chart,
        f"{names[1]} is better on {count(above, 'image')} (above the line), {names[0]} on "
        f"{below:,}.{text}",
    )


def _list_table(material: Material, order: _Order) -> Markup:
    runs = material.ranked
    names = [n for n in _listed(material) if n in runs[0].columns]
    if len(runs) > 2:
        names = names[:1]
    columns = [(run, name) for run in runs for name in names]
    headers = [
        "image",
        *(
            material.titles[run.id] + (f", {SCORES[name]}" if len(names) > 1 else "")
            for run, name in columns
        ),
    ]
    scores = [run.column(name) for run, name in columns]
    rows = [
        [material.images[i], *(ratio_text(float(values[i])) for values in scores)] for i in order
    ]
    caption = f"{_capital(material.lead_name)}." if len(names) == 1 else ""
    return table(headers, rows, numbers=range(1, len(headers)), caption=caption)


def _listed(material: Material) -> list[str]:
    """The means over classes, over the foreground where that leads."""
    figures = [f for m in MEASURES for f in m.figures if f.is_mean and Where.IMAGES in f.where]
    leads = material.has_background
    return [f.foreground().key if leads and f.leads_foreground else f.key for f in figures]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
