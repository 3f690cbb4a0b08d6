"""The report's sections about the images: how the scores are spread, and a list of them."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from segstudio.core.formatting import counted, percent_text, ratio_text
from segstudio.core.series_colors import SERIES, series_color
from segstudio.evaluation.report.class_sections import SECTIONS, run_legend
from segstudio.evaluation.report.material import SCORES, EvaluatedRun, EvaluationMaterial
from segstudio.metrics.class_sums import Numbers
from segstudio.metrics.confusion import mean_of, ratios
from segstudio.metrics.image_figures import MEASURES
from segstudio.metrics.measure import Where
from segstudio.report.chart_data import Axis, ChartData, Points, Rule
from segstudio.report.charts import chart_svg, ticks
from segstudio.report.page import Section, section
from segstudio.report.tables import Cell, Table

LISTED: Final = 500
"""Images in the report's list; files have all."""
_DOTS: Final = 1500
_SCATTERS: Final = 3
_BINS: Final = 20
_QUANTILES: Final = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_QUANTILE_NAMES: Final = ("lowest", "5 %", "25 %", "median", "75 %", "95 %", "highest")
_POOR: Final = 0.5
_Order = npt.NDArray[np.intp]


def spread_section(material: EvaluationMaterial) -> Section:
    """How the mean IoU of the images is spread, and where two models part."""
    # the best model against each of the next ones
    best, *others = material.ranked
    return section(
        SECTIONS,
        "images",
        "Image by image",
        lead_name=_capital(material.lead_name),
        quantiles=_quantiles(material),
        legend=run_legend(material),
        histogram=chart_svg(_histogram(material), (720, 260)),
        scatters=[_scatter(material, other, best) for other in others[:_SCATTERS]],
    )


def list_section(material: EvaluationMaterial) -> Section:
    """All images with their scores, the worst first."""
    order, number = worst_first(material)[:LISTED], len(material.images)
    return section(
        SECTIONS,
        "list",
        "All images",
        lead_name=material.lead_name,
        number=counted(number, "image"),
        cut=LISTED,
        is_cut=number > len(order),
        table=_list_table(material, order),
        opened=number <= 20,
    )


def mean_of_runs(material: EvaluationMaterial) -> Numbers:
    """(n,) mean of the models' `lead` score on each image; NaN where none has one."""
    scores = np.stack([run.column(material.lead) for run in material.runs])
    known = ~np.isnan(scores)
    number = known.sum(axis=0)
    total = np.where(known, scores, 0.0).sum(axis=0)
    return ratios(total, number.astype(np.float64))


def worst_first(material: EvaluationMaterial) -> _Order:
    """Places of the images, those that the models are worst on first, those without score last."""
    return np.argsort(mean_of_runs(material), kind="stable")


def _quantiles(material: EvaluationMaterial) -> Table:
    rows: list[list[str | Cell]] = []
    for run in material.ranked:
        scores = run.column(material.lead)
        known = scores[~np.isnan(scores)]
        ends = np.quantile(known, _QUANTILES) if known.size else [math.nan] * len(_QUANTILES)
        poor = float((known < _POOR).mean()) if known.size else math.nan
        name = Cell(material.titles[run.id], look="wrapped")
        texts = [ratio_text(float(value)) for value in (mean_of(known), *ends)]
        rows.append([name, *texts, percent_text(poor)])
    headers = ("model", "mean over images", *_QUANTILE_NAMES, f"images below {_POOR:g}")
    return Table(headers, rows, range(1, len(headers)))


def _histogram(material: EvaluationMaterial) -> ChartData:
    """Steps: the share of the images in each twentieth of mean IoU."""
    edges = np.linspace(0, 1, _BINS + 1)
    steps, highest = [], 0.0
    for number, run in enumerate(material.ranked):
        scores = run.column(material.lead)
        known = scores[~np.isnan(scores)]
        if not known.size:
            continue
        shares = np.histogram(known, edges)[0] / known.size
        highest = max(highest, float(shares.max()))
        up = np.concatenate([[0.0], np.repeat(shares, 2), [0.0]])
        title, color = material.titles[run.id], series_color(number)
        steps.append(Points(title, color, np.repeat(edges, 2), up, symbol="", line="solid"))
    top = highest * 1.05 or 1.0
    return ChartData(
        f"Distribution of the images' {material.lead_name}",
        Axis(f"{material.lead_name} of an image"),
        Axis(
            "share of the images", 0.0, top, tuple((v, percent_text(v, 0)) for v in ticks(0, top))
        ),
        tuple(steps),
    )


def _scatter(
    material: EvaluationMaterial, first: EvaluatedRun, second: EvaluatedRun
) -> tuple[Markup, tuple[str, str], str, str, tuple[str, str] | None]:
    """The chart, the models' names, on how many images the second and the first are better.

    Last how many images are drawn of how many, if not all are.
    """
    x, y = first.column(material.lead), second.column(material.lead)
    known = np.flatnonzero(~np.isnan(x) & ~np.isnan(y))
    above, below = int((y > x)[known].sum()), int((y < x)[known].sum())
    shown, drawn = known, None
    if len(known) > _DOTS:
        shown = np.sort(np.random.default_rng(0).choice(known, _DOTS, replace=False))
        drawn = f"{_DOTS:,}", f"{len(known):,}"
    names = material.titles[first.id], material.titles[second.id]
    tips = [f"{material.images[int(i)]}: {x[i]:.3f}, {y[i]:.3f}" for i in shown]
    dots = Points("", SERIES[0], x[shown], y[shown], size=8, opacity=0.75, tips=tips)
    chart = ChartData(
        f"{_capital(material.lead_name)} of each image, {names[1]} against {names[0]}",
        Axis(names[0]),
        Axis(names[1]),
        (dots,),
        (Rule((0.0, 0.0), (1.0, 1.0)),),
    )
    return chart_svg(chart, (480, 420)), names, counted(above, "image"), f"{below:,}", drawn


def _list_table(material: EvaluationMaterial, order: _Order) -> Table:
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
    return Table(headers, rows, range(1, len(headers)), caption)


def _listed(material: EvaluationMaterial) -> list[str]:
    """The means over classes, over the foreground where that leads."""
    figures = [f for m in MEASURES for f in m.figures if f.is_mean and Where.IMAGES in f.where]
    leads = material.has_background
    return [f.foreground().key if leads and f.leads_foreground else f.key for f in figures]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
