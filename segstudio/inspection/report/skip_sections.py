"""The report's section about the skips: what they carry, and the mask without them."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from segstudio.core.colour_maps import VIRIDIS, coloured
from segstudio.core.difference import (
    AGREE,
    DIFFERENCE_COLORS,
    ONLY_PREDICTION,
    ONLY_REFERENCE,
    WRONG_CLASS,
    difference,
)
from segstudio.core.features import CutHow, FeatureTrace
from segstudio.core.formatting import change_text, percent_text, ratio_text
from segstudio.core.labels import Labels
from segstudio.core.render import difference_table
from segstudio.inspection.feature_pictures import sampling_of
from segstudio.inspection.report.findings import CutFigures, Findings, FloatArray, JoinFigures
from segstudio.inspection.report.material import Material
from segstudio.metrics.cut_costs import ALL_SKIPS
from segstudio.report.charts import Bar, Part, bar_chart
from segstudio.report.diagram_graph import short_names
from segstudio.report.markup import Markup, element, joined
from segstudio.report.page import Section, note, paragraph
from segstudio.report.pictures import Captioned, blended, figure, gallery, picture
from segstudio.report.style import SERIES
from segstudio.report.tables import Cell, legend, table

_LONGEST: Final = 320
_MAP_PX: Final = 256
_CELL_PX: Final = 240
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


def skips_section(material: Material, found: Findings) -> Section:
    """What each skip carries, and what cutting it costs."""
    trace = material.trace
    if not trace.skips:
        text = f"{trace.model} has no skips on this image: there is nothing to cut."
        return Section("skips", "Skips", paragraph(text))
    parts: list[Markup] = [
        paragraph(
            "A skip hands features past the way down and up. Its share is the part of the "
            "response's energy (of the convolution that reads the join) that comes from the skip "
            f"alone. Cutting it puts {INSTEAD[material.how]} in its place; what the mask then loses "
            "is what the skip was good for.",
            hint=True,
        )
    ]
    parts += [note(found.problems[key]) for key in ("skips", "ablation") if key in found.problems]
    if found.joins:
        parts.append(_shares(trace, found))
    if found.cuts:
        parts += [_ablation_table(trace, found), _drops(trace, found)]
    parts += _pictures(material, found)
    return Section("skips", "Skips", joined(parts))


def _shares(trace: FeatureTrace, found: Findings) -> Markup:
    names = ("from the skip", "from below", "from others")
    bars = [
        Bar(
            _name(trace, join.edge.id),
            tuple(
                Part(value, SERIES[number], names[number])
                for number, value in enumerate((join.share, join.below, join.others))
            ),
            percent_text(join.share, 0),
        )
        for join in found.joins
    ]
    used = 3 if any(join.others > 0.0005 for join in found.joins) else 2
    colors = [tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in SERIES[:used]]
    chart = bar_chart(bars, title="Share of the response's energy", highest=1.0)
    return joined(
        (
            element("h3", "Share of the response's energy"),
            legend(list(zip(colors, names, strict=False))),
            figure(chart),
        )
    )


def _ablation_table(trace: FeatureTrace, found: Findings) -> Markup:
    joins = {join.edge.id: join for join in found.joins}
    is_scored = found.cuts[0].row.after is not None
    headers = ["skip", "kind", "C x H x W", "share", "changed pixels"]
    if is_scored:
        headers += ["mean IoU", "change", "mean Dice", "change", "boundary IoU", "change"]
    most = max((cut.row.changed_share for cut in found.cuts), default=0.0)
    rows: list[list[object]] = []
    whole = found.cuts[0].row.before
    if whole is not None:
        metrics = whole.metrics
        rows.append(
            [
                "nothing cut", "", "", "", "", ratio_text(metrics.mean_iou), "",
                ratio_text(metrics.mean_dice), "", ratio_text(whole.mean_boundary_iou), "",
            ]
        )  # fmt: skip
    for cut in found.cuts:
        row, join = cut.row, joins.get(cut.row.name)
        share = row.changed_share
        cells: list[object] = [
            element("span", _name(trace, row.name), title=row.name),
            "" if join is None else join.edge.kind.value,
            "" if join is None else " x ".join(map(str, join.edge.shape)),
            "" if join is None else percent_text(join.share, 0),
            Cell(percent_text(share, 2), share / most if most else 0.0),
        ]
        if row.before is not None and row.after is not None:
            after = row.after
            cells += [
                ratio_text(after.metrics.mean_iou), change_text(-row.mean_iou_drop),
                ratio_text(after.metrics.mean_dice), change_text(-row.mean_dice_drop),
                ratio_text(after.mean_boundary_iou), change_text(-row.mean_boundary_drop),
            ]  # fmt: skip
        rows.append(cells)
    together = found.cuts[-1].row.name == ALL_SKIPS
    caption = "Each skip cut alone" + (", then all together." if together else ".")
    strong = [len(rows) - 1] if together else []
    return table(headers, rows, numbers=range(3, len(headers)), caption=caption, strong=strong)


def _drops(trace: FeatureTrace, found: Findings) -> Markup:
    """Loss of IoU and of boundary IoU by skip: why skips sharpen edges."""
    bars = []
    for cut in found.cuts:
        row = cut.row
        if math.isnan(row.mean_iou_drop):
            continue
        name = _name(trace, row.name)
        for value, what, color in (
            (row.mean_iou_drop, "IoU", SERIES[0]),
            (row.mean_boundary_drop, "boundary IoU", SERIES[1]),
        ):
            text = f"{change_text(-value)} {what}"
            bars.append(Bar(name if what == "IoU" else "", (Part(value, color, what),), text))
    if not bars:
        return Markup()
    chart = bar_chart(bars, title="Loss of mean IoU and mean boundary IoU without each skip")
    return joined((element("h3", "What is lost without it"), figure(chart)))


def _name(trace: FeatureTrace, run: str) -> str:
    """A skip by the short names of its ends, as the diagram has them."""
    if run == ALL_SKIPS:
        return "all skips"
    edge, short = trace.skip(run), short_names(trace)
    return f"{short[edge.source]} -> {short[edge.target]}"


def _pictures(material: Material, found: Findings) -> list[Markup]:
    """Per skip: what comes from the encoder and from below, both joined, the mask without it."""
    joins = {join.edge.id: join for join in found.joins}
    cuts = {cut.row.name: cut for cut in found.cuts}
    parts: list[Markup] = []
    if cuts:
        parts.append(element("h3", "What each carries, and the mask without it"))
        parts.append(legend(_CHANGES))
    names = [edge.id for edge in material.trace.skips]
    for name in [*names, ALL_SKIPS]:
        shown = [] if name not in joins else _maps(material, joins[name])
        if name in cuts:
            shown.append(_without(material, cuts[name]))
        if shown:
            title = "all skips" if name == ALL_SKIPS else element("code", name)
            parts += [element("h4", title), gallery(shown, _CELL_PX)]
    return parts


def _maps(material: Material, join: JoinFigures) -> list[Captioned]:
    captions = ("from the encoder", "from below", "joined")
    return [
        Captioned(
            picture(_coloured(material, join, values), f"{join.edge.id}: {caption}"),
            f"{caption}, mean of channels",
        )
        for caption, values in zip(captions, join.maps, strict=True)
    ]


def _coloured(material: Material, join: JoinFigures, values: FloatArray) -> Labels:
    """A join's map in viridis, cropped to the photo where it lies as its target stage does."""
    target = material.trace.layer(join.edge.target)
    if values.shape == target.shape[1:]:
        values = sampling_of(material.placement, target, _MAP_PX).take(values[None])[0]
    return coloured(values, float(values.min()), float(values.max()), VIRIDIS)


def _without(material: Material, cut: CutFigures) -> Captioned:
    """The mask without a skip against the mask with it, over the photo."""
    codes = difference(material.prediction.labels, cut.labels, None)
    image = blended(material.window, codes, difference_table(0.65))
    changed = int(np.count_nonzero(material.prediction.labels != cut.labels))
    name = "all skips" if cut.row.name == ALL_SKIPS else cut.row.name
    caption = f"the mask without {'them' if cut.row.name == ALL_SKIPS else 'it'}: "
    return Captioned(
        picture(image, f"The mask without {name}", longest=_LONGEST),
        joined((caption, element("b", f"{changed:,} pixels"), " changed")),
    )
