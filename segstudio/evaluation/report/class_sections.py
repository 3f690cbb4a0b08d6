"""The report's sections about the classes: scores, and what is taken for what."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from segstudio.core.formatting import change_text, counted, percent_text, ratio_text
from segstudio.core.schema import Color
from segstudio.core.series_colors import rgb_of, series_color
from segstudio.evaluation.curve_charts import RunLook
from segstudio.evaluation.report.material import EvaluatedRun, EvaluationMaterial
from segstudio.evaluation.report.wording import figure_text
from segstudio.metrics.image_figures import figures_at
from segstudio.metrics.measure import Where
from segstudio.report.chart_data import ChartData
from segstudio.report.charts import bar_list, chart_svg
from segstudio.report.page import Section, section
from segstudio.report.tables import Cell, Table

SECTIONS: Final = "evaluation/report/sections.html.j2"
_CHARTED = 30
_MATRIX_CLASSES = 20
_FEW_CLASSES = 10
_CONFUSIONS = 10
_REST = "others"


def classes_section(material: EvaluationMaterial) -> Section:
    """IoU of each class and model, then all figures of each model."""
    places = _present(material)
    missing = len(material.class_ids) - len(places)
    chart, is_cut = _chart(material, places)
    return section(
        SECTIONS,
        "classes",
        "Classes",
        missing=counted(missing, "class is", "classes are") if missing else "",
        legend=run_legend(material),
        chart=chart_svg(chart, (720, 0)),
        charted=_CHARTED if is_cut else 0,
        table=_iou_table(material, places),
        by_model=[(material.titles[r.id], _figures_table(material, r)) for r in material.ranked],
    )


def confusion_section(material: EvaluationMaterial) -> Section:
    """What each model takes for what."""
    by_model = [
        (
            material.titles[run.id],
            percent_text(run.folder.metrics.pixel_accuracy),
            _matrix(material, run),
            _confusions(material, run),
        )
        for run in material.ranked
    ]
    return section(SECTIONS, "confusion", "What is taken for what", by_model=by_model)


def looks_of(material: EvaluationMaterial) -> list[RunLook]:
    """How the models look in charts, the best one first."""
    return [
        RunLook(run.id, material.titles[run.id], series_color(number), "o")
        for number, run in enumerate(material.ranked)
    ]


def run_legend(
    material: EvaluationMaterial, shown: Container[str] | None = None
) -> list[tuple[Color, str]]:
    """The models' colours in the charts; of all models, or of those whose ids are shown."""
    entries = [
        (rgb_of(look.color), look.title)
        for look in looks_of(material)
        if shown is None or look.run in shown
    ]
    return entries if len(entries) > 1 else []


def _present(material: EvaluationMaterial) -> list[int]:
    """Places of the classes that have an IoU in some run."""
    table = np.stack([run.folder.metrics.iou for run in material.runs])
    return np.flatnonzero(~np.isnan(table).all(axis=0)).tolist()


def _chart(material: EvaluationMaterial, places: Sequence[int]) -> tuple[ChartData, bool]:
    """Bars of IoU by class, one for each model; and whether only the largest classes are there."""
    runs, shown = material.ranked, list(places)
    is_cut = len(shown) > _CHARTED
    if is_cut:
        pixels = runs[0].folder.metrics.truth_pixels
        shown = sorted(sorted(shown, key=lambda i: -int(pixels[i]))[:_CHARTED])
    bars = []
    for place in shown:
        name = material.name_of(material.class_ids[place])
        for number, run in enumerate(runs):
            value = float(run.folder.metrics.iou[place])
            part = value, series_color(number), material.titles[run.id]
            bars.append(("" if number else name, [part], ratio_text(value)))
    return bar_list("IoU of each class and model", bars, 1.0), is_cut


def _class_cell(material: EvaluationMaterial, class_id: int) -> Cell:
    r, g, b = material.schema.palette()[class_id].tolist()
    return Cell(material.name_of(class_id), color=(r, g, b))


def _iou_table(material: EvaluationMaterial, places: Sequence[int]) -> Table:
    runs = material.ranked
    metrics = [run.folder.metrics for run in runs]
    several = len(runs) > 1
    rows: list[list[str | Cell]] = []
    for place in places:
        values = [float(m.iou[place]) for m in metrics]
        best = ratio_text(max((v for v in values if not math.isnan(v)), default=math.nan))
        cells: list[str | Cell] = [
            _class_cell(material, material.class_ids[place]),
            f"{int(metrics[0].truth_pixels[place]):,}",
        ]
        for value in values:
            text = ratio_text(value)
            cells.append(Cell(text, value, look="b" if several and text == best else ""))
        rows.append(cells)
        if several:
            cells.append(change_text(values[0] - values[1]))
    means = {"mean": [m.mean_iou for m in metrics]}
    if material.has_background:
        means = {"mean of the foreground": [material.lead_of(m) for m in metrics], **means}
    for title, values in means.items():
        apart = [change_text(values[0] - values[1])] if several else []
        rows.append([title, f"{metrics[0].total:,}", *map(ratio_text, values), *apart])
    headers = ["class", "annotated pixels", *(material.titles[run.id] for run in runs)]
    headers += ["first two apart"] * several
    strong = range(len(rows) - len(means), len(rows))
    caption = "IoU of each class." + (" The best of each row is bold." if several else "")
    return Table(headers, rows, range(1, len(headers)), caption, strong)


def _figures_table(material: EvaluationMaterial, run: EvaluatedRun) -> Table:
    metrics, values = run.folder.metrics, run.folder.values.by_class
    figures = [
        f
        for f in figures_at(Where.CLASSES)
        if f.key in values and not np.isnan(values[f.key]).all()
    ]
    rows: list[list[str | Cell]] = [
        [
            _class_cell(material, class_id),
            *(figure_text(figure, float(values[figure.key][place])) for figure in figures),
            *(f"{int(n[place]):,}" for n in (metrics.truth_pixels, metrics.predicted_pixels)),
        ]
        for place, class_id in enumerate(material.class_ids)
        if not math.isnan(metrics.iou[place])
    ]
    headers = ["class", *(f.label for f in figures), "annotated pixels", "predicted pixels"]
    return Table(headers, rows, range(1, len(headers)))


def _matrix(material: EvaluationMaterial, run: EvaluatedRun) -> Table:
    names, small = _condensed(material, run.folder.matrix.counts)
    sums = small.sum(axis=1)
    digits = 1 if len(names) <= _FEW_CLASSES else 0
    rows: list[list[str | Cell]] = []
    for i, name in enumerate(names):
        if not sums[i]:
            continue
        cells = []
        for j, said in enumerate(names):
            share, pixels = float(small[i, j] / sums[i]), f"{int(small[i, j]):,} pixels"
            text = percent_text(share, digits) if small[i, j] else ""
            tip = f"{name}: {pixels} right" if i == j else f"{name} taken for {said}: {pixels}"
            cells.append(Cell(text, heat=share, is_right=i == j and name != _REST, tip=tip))
        rows.append([name, *cells])
    caption = ""
    if names[-1] == _REST:
        caption = f"The {len(names) - 1} largest classes; the {_REST} are added up."
    headers = ["annotated", *names]
    return Table(headers, rows, range(1, len(headers)), caption, is_heat=True)


def _condensed(
    material: EvaluationMaterial, counts: npt.NDArray[np.int64]
) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The confusion matrix of the largest classes that turn up; the others are one."""
    totals = counts.sum(axis=0) + counts.sum(axis=1)
    present = np.flatnonzero(totals)
    chosen = present
    if len(present) > _MATRIX_CLASSES:
        by_size = present[np.argsort(-totals[present], kind="stable")]
        chosen = np.sort(by_size[:_MATRIX_CLASSES])
    rest = np.setdiff1d(present, chosen)
    groups = [np.array([i]) for i in chosen] + ([rest] if rest.size else [])
    small = np.array([[counts[np.ix_(a, b)].sum() for b in groups] for a in groups], np.int64)
    names = [material.name_of(int(i)) for i in chosen] + ([_REST] if rest.size else [])
    return names, small


def _confusions(material: EvaluationMaterial, run: EvaluatedRun) -> Table:
    """The most frequent errors."""
    wrong = run.folder.matrix.counts.copy()
    sums = wrong.sum(axis=1)
    np.fill_diagonal(wrong, 0)
    rows = []
    for place in np.argsort(-wrong, axis=None, kind="stable")[:_CONFUSIONS]:
        truth, said = (int(i) for i in np.unravel_index(int(place), wrong.shape))
        pixels = int(wrong[truth, said])
        if not pixels:
            break
        share = percent_text(pixels / int(sums[truth]))
        rows.append([material.name_of(truth), material.name_of(said), f"{pixels:,}", share])
    headers = ("annotated as", "predicted as", "pixels", "of the class")
    return Table(headers, rows, (2, 3), "The most frequent errors.")
