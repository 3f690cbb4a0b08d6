"""The report's sections about the classes: scores, and what is taken for what."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence

import numpy as np
import numpy.typing as npt

from segstudio.core.formatting import change_text, percent_text, ratio_text
from segstudio.evaluation.report.material import EvaluatedRun, Material
from segstudio.evaluation.report.wording import count, figure_text
from segstudio.metrics.image_figures import figures_at
from segstudio.metrics.measure import Where
from segstudio.report.charts import Bar, Part, bar_chart
from segstudio.report.heat_table import Heat, heat_table
from segstudio.report.markup import Markup, element, joined
from segstudio.report.page import Section, folded, paragraph
from segstudio.report.pictures import figure
from segstudio.report.style import SERIES
from segstudio.report.tables import Cell, swatch, table
from segstudio.report.tables import legend as color_legend

_CHARTED = 30
_MATRIX_CLASSES = 20
_FEW_CLASSES = 10
_CONFUSIONS = 10
_REST = "others"


def classes_section(material: Material) -> Section:
    """IoU of each class and model, then all figures of each model."""
    runs = material.ranked
    ids = _present(material)
    parts: list[Markup] = []
    missing = len(material.class_ids) - len(ids)
    text = "IoU of each class, from the summed pixels of all images."
    if missing:
        text += (
            f" {count(missing, 'class is', 'classes are')} neither annotated nor predicted in any "
            "image and count in no mean."
        )
    parts.append(paragraph(text, hint=True))
    parts += [_chart(material, ids), _iou_table(material, ids)]
    parts += [
        folded(material.titles[run.id], "all figures by class", _figures_table(material, run))
        for run in runs
    ]
    return Section("classes", "Classes", joined(parts))


def confusion_section(material: Material) -> Section:
    """What each model takes for what."""
    parts: list[Markup] = [
        paragraph(
            "Rows are the annotation, columns the prediction; each row adds up to 100 %. Blue is "
            "right, orange is wrong; the stronger, the more. The pixels are in the tips.",
            hint=True,
        )
    ]
    for number, run in enumerate(material.ranked):
        body = [_matrix(material, run), _confusions(material, run)]
        accuracy = percent_text(run.folder.metrics.pixel_accuracy)
        title = material.titles[run.id]
        parts.append(folded(title, f"{accuracy} of the pixels right", *body, opened=number < 2))
    return Section("confusion", "What is taken for what", joined(parts))


def _present(material: Material) -> list[int]:
    """Places of the classes that have an IoU in some run."""
    table = np.stack([run.folder.metrics.iou for run in material.runs])
    return np.flatnonzero(~np.isnan(table).all(axis=0)).tolist()


def _chart(material: Material, places: Sequence[int]) -> Markup:
    """Bars of IoU by class, one for each model."""
    runs = material.ranked
    shown = list(places)
    text = ""
    if len(shown) > _CHARTED:
        pixels = runs[0].folder.metrics.truth_pixels
        shown = sorted(sorted(shown, key=lambda i: -int(pixels[i]))[:_CHARTED])
        text = f"The {_CHARTED} classes with the most annotated pixels; all are in the table."
    bars = []
    for place in shown:
        name = material.name_of(material.class_ids[place])
        for number, run in enumerate(runs):
            value = float(run.folder.metrics.iou[place])
            part = Part(value, SERIES[number % len(SERIES)], material.titles[run.id])
            bars.append(Bar(name if number == 0 else "", (part,), ratio_text(value)))
    chart = bar_chart(bars, title="IoU of each class and model", highest=1.0, width=720)
    return joined((run_legend(material), figure(chart, text)))


def run_legend(material: Material, shown: Container[str] | None = None) -> Markup:
    """The models' colours in the charts; of all models, or of those whose ids are shown."""
    entries = [
        (_rgb(SERIES[number % len(SERIES)]), material.titles[run.id])
        for number, run in enumerate(material.ranked)
        if shown is None or run.id in shown
    ]
    return color_legend(entries) if len(entries) > 1 else Markup()


def _iou_table(material: Material, places: Sequence[int]) -> Markup:
    runs = material.ranked
    metrics = [run.folder.metrics for run in runs]
    palette = material.schema.palette()
    several = len(runs) > 1
    rows: list[list[object]] = []
    for place in places:
        class_id = material.class_ids[place]
        values = [float(m.iou[place]) for m in metrics]
        best = max((v for v in values if not math.isnan(v)), default=math.nan)
        cells: list[object] = [
            swatch(palette[class_id].tolist(), material.name_of(class_id)),
            f"{int(metrics[0].truth_pixels[place]):,}",
            *(
                Cell(_bold(ratio_text(v), several and ratio_text(v) == ratio_text(best)), v)
                for v in values
            ),
        ]
        if several:
            cells.append(change_text(values[0] - values[1]))
        rows.append(cells)
    means = {"mean": [m.mean_iou for m in metrics]}
    if material.has_background:
        means = {"mean of the foreground": [material.lead_of(m) for m in metrics], **means}
    for title, values in means.items():
        last: list[object] = [title, f"{metrics[0].total:,}", *(ratio_text(v) for v in values)]
        if several:
            last.append(change_text(values[0] - values[1]))
        rows.append(last)
    headers = ["class", "annotated pixels", *(material.titles[run.id] for run in runs)]
    if several:
        headers.append("first two apart")
    return table(
        headers, rows, numbers=range(1, len(headers)), strong=range(len(rows) - len(means), len(rows)),
        caption="IoU of each class." + (" The best of each row is bold." if several else ""),
    )  # fmt: skip


def _figures_table(material: Material, run: EvaluatedRun) -> Markup:
    metrics, values = run.folder.metrics, run.folder.values.by_class
    figures = [
        f
        for f in figures_at(Where.CLASSES)
        if f.key in values and not np.isnan(values[f.key]).all()
    ]
    palette = material.schema.palette()
    rows = [
        [
            swatch(palette[class_id].tolist(), material.name_of(class_id)),
            *(figure_text(figure, float(values[figure.key][place])) for figure in figures),
            *(f"{int(n[place]):,}" for n in (metrics.truth_pixels, metrics.predicted_pixels)),
        ]
        for place, class_id in enumerate(material.class_ids)
        if not math.isnan(metrics.iou[place])
    ]
    headers = ["class", *(f.label for f in figures), "annotated pixels", "predicted pixels"]
    return table(headers, rows, numbers=range(1, len(headers)))


def _matrix(material: Material, run: EvaluatedRun) -> Markup:
    counts = run.folder.matrix.counts
    names, small = _condensed(material, counts)
    sums = small.sum(axis=1)
    digits = 1 if len(names) <= _FEW_CLASSES else 0
    rows: list[tuple[object, list[Heat]]] = []
    for i, name in enumerate(names):
        if not sums[i]:
            continue
        shares = small[i] / sums[i]
        cells = [
            Heat(
                percent_text(float(shares[j]), digits) if small[i, j] else "",
                float(shares[j]),
                f"{name} taken for {names[j]}: {int(small[i, j]):,} pixels"
                if i != j
                else f"{name}: {int(small[i, j]):,} pixels right",
                is_right=i == j and name != _REST,
            )
            for j in range(len(names))
        ]
        rows.append((name, cells))
    caption = ""
    if names[-1] == _REST:
        caption = f"The {len(names) - 1} largest classes; the {_REST} are added up."
    return heat_table("annotated", names, rows, caption)


def _condensed(
    material: Material, counts: npt.NDArray[np.int64]
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


def _confusions(material: Material, run: EvaluatedRun) -> Markup:
    """The most frequent errors."""
    wrong = run.folder.matrix.counts.copy()
    sums = wrong.sum(axis=1)
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_CONFUSIONS]
    rows = []
    for place in order:
        truth, said = (int(i) for i in np.unravel_index(int(place), wrong.shape))
        pixels = int(wrong[truth, said])
        if not pixels:
            break
        rows.append(
            [
                material.name_of(truth),
                material.name_of(said),
                f"{pixels:,}",
                percent_text(pixels / int(sums[truth])),
            ]
        )
    if not rows:
        return paragraph("No pixel is wrong.")
    headers = ("annotated as", "predicted as", "pixels", "of the class")
    return table(headers, rows, numbers=(2, 3), caption="The most frequent errors.")


def _bold(text: str, bold: bool) -> object:
    return element("b", text) if bold else text


def _rgb(color: str) -> tuple[int, int, int]:
    return (int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16))
