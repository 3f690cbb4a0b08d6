"""The report's section about the skips: what they carry, and the mask without them."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from markupsafe import Markup

from segstudio.core.colour_maps import VIRIDIS, coloured
from segstudio.core.difference import (
    AGREE,
    DIFFERENCE_COLORS,
    ONLY_PREDICTION,
    ONLY_REFERENCE,
    WRONG_CLASS,
    difference,
)
from segstudio.core.features import CutHow, FeatureTrace, SkipEdge
from segstudio.core.formatting import change_text, percent_text, ratio_text
from segstudio.core.labels import Labels
from segstudio.core.render import difference_table
from segstudio.core.series_colors import SERIES, rgb_of
from segstudio.inspection.feature_pictures import sampling_of
from segstudio.inspection.report.trace_findings import (
    CutFigures,
    FloatArray,
    SkipMergeFigures,
    TraceFindings,
)
from segstudio.inspection.report.trace_material import TraceMaterial
from segstudio.metrics.cut_costs import ALL_SKIPS
from segstudio.report.charts import bar_list, chart_svg
from segstudio.report.diagram_graph import short_names
from segstudio.report.page import Section, section
from segstudio.report.pictures import blended, picture
from segstudio.report.tables import Cell, Table

SECTIONS: Final = "inspection/report/sections.html.j2"
_LONGEST: Final = 320
_MAP_PX: Final = 256
INSTEAD: Final = {
    CutHow.ZERO: "zeros",
    CutHow.MEAN: "each channel's mean",
    CutHow.SHUFFLE: "its own values in shuffled places",
}
"""What a cut skip carries."""
_CHANGES: Final = (
    (DIFFERENCE_COLORS[AGREE], "as before"),
    (DIFFERENCE_COLORS[ONLY_REFERENCE], "gone without the skip"),
    (DIFFERENCE_COLORS[ONLY_PREDICTION], "new without the skip"),
    (DIFFERENCE_COLORS[WRONG_CLASS], "another class"),
)


def skips_section(material: TraceMaterial, found: TraceFindings) -> Section:
    """What each skip carries, and what cutting it costs."""
    trace = material.trace
    problems = found.problems
    return section(
        SECTIONS,
        "skips",
        "Skips",
        network=trace.model,
        has_skips=bool(trace.skips),
        instead=INSTEAD[material.how],
        problems=[problems[key] for key in ("skips", "ablation") if key in problems],
        shares=_shares(trace, found) if found.merges else None,
        ablation=_ablation_table(trace, found) if found.cuts else None,
        drops=_drops(trace, found),
        changes=_CHANGES,
        by_skip=_by_skip(material, found),
    )


def _shares(trace: FeatureTrace, found: TraceFindings) -> dict[str, object]:
    """A bar for each skip, and what the colours mean."""
    names = ("from the skip", "from below", "from others")
    bars = [
        (
            _name(trace, join.edge.id),
            list(zip((join.share, join.below, join.others), SERIES, names, strict=False)),
            percent_text(join.share, 0),
        )
        for join in found.merges
    ]
    used = 3 if any(join.others > 0.0005 for join in found.merges) else 2
    colors = [rgb_of(color) for color in SERIES[:used]]
    chart = chart_svg(bar_list("Share of the response's energy", bars, 1.0))
    return {"legend": list(zip(colors, names, strict=False)), "chart": chart}


def _ablation_table(trace: FeatureTrace, found: TraceFindings) -> Table:
    joins = {join.edge.id: join for join in found.merges}
    is_scored = found.cuts[0].row.after is not None
    headers = ["skip", "kind", "C x H x W", "share", "changed pixels"]
    if is_scored:
        of = found.cuts[0].row.leads
        for figure in ("IoU", "Dice", "boundary IoU"):
            headers += [f"{of} {figure}", "change"]
    most = max((cut.row.changed_share for cut in found.cuts), default=0.0)
    rows: list[list[str | Cell]] = []
    whole = found.cuts[0].row.before
    if whole is not None:
        figures = [cell for value in whole.leading for cell in (ratio_text(value), "")]
        rows.append(["nothing cut", "", "", "", "", *figures])
    for cut in found.cuts:
        row, join = cut.row, joins.get(cut.row.name)
        share = row.changed_share
        cells: list[str | Cell] = [
            Cell(_name(trace, row.name), tip=row.name),
            "" if join is None else join.edge.kind.value,
            "" if join is None else _shape_words(join.edge),
            "" if join is None else percent_text(join.share, 0),
            Cell(percent_text(share, 2), share / most if most else 0.0),
        ]
        if row.before is not None and row.after is not None:
            drops = (row.lead_iou_drop, row.lead_dice_drop, row.lead_boundary_drop)
            for value, drop in zip(row.after.leading, drops, strict=True):
                cells += [ratio_text(value), change_text(-drop)]
        rows.append(cells)
    together = found.cuts[-1].row.name == ALL_SKIPS
    caption = "Each skip cut alone" + (", then all together." if together else ".")
    strong = [len(rows) - 1] if together else []
    return Table(headers, rows, range(3, len(headers)), caption, strong)


def _shape_words(edge: SkipEdge) -> str:
    shape = " x ".join(map(str, edge.shape))
    return f"{shape}, {edge.crop_text}" if edge.crop_text else shape


def _drops(trace: FeatureTrace, found: TraceFindings) -> Markup | None:
    """Loss of IoU and of boundary IoU by skip: why skips sharpen edges."""
    bars = []
    for cut in found.cuts:
        row = cut.row
        if math.isnan(row.lead_iou_drop):
            continue
        name = _name(trace, row.name)
        for value, what, color in (
            (row.lead_iou_drop, "IoU", SERIES[0]),
            (row.lead_boundary_drop, "boundary IoU", SERIES[1]),
        ):
            text = f"{change_text(-value)} {what}"
            bars.append((name if what == "IoU" else "", [(value, color, what)], text))
    of = found.cuts[0].row.leads if found.cuts else "mean"
    title = f"Loss of {of} IoU and {of} boundary IoU without each skip"
    return chart_svg(bar_list(title, bars)) if bars else None


def _name(trace: FeatureTrace, run: str) -> str:
    """A skip by the short names of its ends, as the diagram has them."""
    if run == ALL_SKIPS:
        return "all skips"
    edge, short = trace.skip(run), short_names(trace)
    return f"{short[edge.source]} -> {short[edge.target]}"


def _by_skip(
    material: TraceMaterial, found: TraceFindings
) -> list[tuple[str, list[tuple[Markup, str]], tuple[Markup, str] | None]]:
    """Per skip: what comes from the encoder and from below, both joined, the mask without it.

    The name is "" for all skips together; the mask comes with the number of pixels that changed.
    """
    joins = {join.edge.id: join for join in found.merges}
    cuts = {cut.row.name: cut for cut in found.cuts}
    listed = []
    for name in [*(edge.id for edge in material.trace.skips), ALL_SKIPS]:
        maps = [] if name not in joins else _maps(material, joins[name])
        without = None if name not in cuts else _without(material, cuts[name])
        if maps or without:
            listed.append(("" if name == ALL_SKIPS else name, maps, without))
    return listed


def _maps(material: TraceMaterial, join: SkipMergeFigures) -> list[tuple[Markup, str]]:
    captions = ("from the encoder", "from below", "joined")
    return [
        (picture(_coloured(material, join, values), f"{join.edge.id}: {caption}"), caption)
        for caption, values in zip(captions, join.maps, strict=True)
    ]


def _coloured(material: TraceMaterial, join: SkipMergeFigures, values: FloatArray) -> Labels:
    """A join's map in viridis, cropped to the photo where it lies as its target stage does."""
    target = material.trace.layer(join.edge.target)
    if values.shape == target.shape[1:]:
        values = sampling_of(material.input_geometry, target, _MAP_PX).take(values[None])[0]
    return coloured(values, float(values.min()), float(values.max()), VIRIDIS)


def _without(material: TraceMaterial, cut: CutFigures) -> tuple[Markup, str]:
    """The mask without a skip against the mask with it, over the photo; how much changed."""
    codes = difference(material.prediction.labels, cut.labels, None)
    image = blended(material.window, codes, difference_table(0.65))
    changed = int(np.count_nonzero(material.prediction.labels != cut.labels))
    name = "all skips" if cut.row.name == ALL_SKIPS else cut.row.name
    return picture(image, f"The mask without {name}", longest=_LONGEST), f"{changed:,}"
