"""The report's sections about the stages: figures, channels, where a class comes from."""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from segstudio.core.colour_maps import MAGMA, colour_table, levels_of
from segstudio.core.features import LayerInfo
from segstudio.core.formatting import bytes_text, percent_text, ratio_text, short_text
from segstudio.core.labels import Image
from segstudio.core.progress import Report
from segstudio.core.render import overlay_rgb
from segstudio.core.series_colors import SERIES
from segstudio.inspection.report.skip_sections import SECTIONS
from segstudio.inspection.report.stage_grid import channel_cells, tiled
from segstudio.inspection.report.trace_findings import Explanation, FloatArray, TraceFindings
from segstudio.inspection.report.trace_material import TraceMaterial
from segstudio.report.charts import bar_list, chart_svg
from segstudio.report.page import Section, section
from segstudio.report.pictures import blended, fitted, indexed_picture, picture
from segstudio.report.shape_table import field_text, pixels_text, remainder_text
from segstudio.report.tables import Cell, Table
from segstudio.session.inspection import ColourMap, StageLook

SHOWN: Final = 40
"""Channels of a stage that are shown."""
_COLUMNS: Final = 10
_CELL_PX: Final = 96
_LONGEST: Final = 320
_COVER: Final = 0.85
_NAMED: Final = 5
_HEADERS: Final = (
    "stage", "role", "C x H x W", "stride", "receptive field, H x W", "parameters", "multiply-adds",
    "time, ms", "memory", "zeros", "dead", "checkerboard",
)  # fmt: skip
_DEAD, _CHECKERBOARD = 10, 11
"""The columns from here on may have nothing to say."""


def table_section(material: TraceMaterial, found: TraceFindings) -> Section:
    """The shape trace: one row for each stage; columns that say nothing are left out."""
    layers = material.trace.layers
    most = {
        "parameters": max(layer.parameters for layer in layers),
        "macs": max(layer.macs for layer in layers),
        "seconds": max(layer.seconds for layer in layers),
    }
    rows = [_row(layer, found, most) for layer in layers]
    kept = [i for i in range(len(_HEADERS)) if i < _DEAD or any(row[i] for row in rows)]
    rest = material.trace.remainder
    if rest is not None:
        sums = (f"{rest.parameters:,}", short_text(rest.macs), f"{rest.seconds * 1000:.1f}")
        rows.append([remainder_text(rest), *[""] * 4, *sums, *[""] * (len(_HEADERS) - 8)])
    table = Table(
        [_HEADERS[i] for i in kept], [[row[i] for i in kept] for row in rows], range(3, len(kept))
    )
    has_dead, has_checkerboard = _DEAD in kept, _CHECKERBOARD in kept
    return section(
        SECTIONS, "stages", "Stages", table=table, has_dead=has_dead,
        has_checkerboard=has_checkerboard,
    )  # fmt: skip


def sheets_section(material: TraceMaterial, found: TraceFindings, report: Report) -> Section:
    """The most telling channels of each stage."""
    sheets = []
    layers = material.trace.layers
    for number, layer in enumerate(layers):
        report(number, len(layers), f"Channels of {layer.id}")
        sheets.append(_sheet(material, found, layer))
    return section(
        SECTIONS, "channels", "Channels", shown=SHOWN, name=_class_name(material),
        is_explained=found.explanation is not None, sheets=sheets,
    )  # fmt: skip


def why_sections(material: TraceMaterial, found: TraceFindings) -> list[Section]:
    """Grad-CAM at every stage, and what the head says from each stage that it can read."""
    sections = []
    if found.explanation is not None or "explanation" in found.problems:
        name, explanation = _class_name(material), found.explanation
        sections.append(
            section(
                SECTIONS, "why", f"Why {name}", name=name,
                over="" if explanation is None else explanation.over,
                stages=[] if explanation is None else _cams(material, explanation),
                problem=found.problems["explanation"] if explanation is None else "",
            )
        )  # fmt: skip
    if found.logit_lens:
        sections.append(_lens_section(material, found))
    return sections


def _class_name(material: TraceMaterial) -> str:
    return material.class_names.get(material.class_id, str(material.class_id))


def _row(layer: LayerInfo, found: TraceFindings, most: dict[str, float]) -> list[str | Cell]:
    figures = found.stages[layer.id]
    checkerboard = figures.checkerboard
    return [
        Cell(layer.id, look="code"),
        layer.role.value,
        " x ".join(map(str, layer.shape)),
        pixels_text(layer.photo_stride) if layer.photo_stride else "",
        field_text(layer),
        Cell(f"{layer.parameters:,}", _share(layer.parameters, most["parameters"])),
        Cell(short_text(layer.macs), _share(layer.macs, most["macs"])),
        Cell(f"{layer.seconds * 1000:.1f}", _share(layer.seconds, most["seconds"])),
        bytes_text(layer.nbytes),
        percent_text(figures.sparsity, 0),
        str(figures.dead) if figures.dead else "",
        "" if math.isnan(checkerboard) else f"{checkerboard:.2f}",
    ]


def _share(value: float, most: float) -> float:
    return value / most if most else 0.0


def _sheet(
    material: TraceMaterial, found: TraceFindings, layer: LayerInfo
) -> tuple[str, str, Markup, str]:
    """The stage, what it is in short, its channels as a picture, and the picture's caption."""
    order, weights = _order(found, layer)
    chosen = [int(i) for i in order[:SHOWN]]
    look = StageLook(ColourMap.VIRIDIS)
    cells = channel_cells(material, layer.id, _CELL_PX, chosen, look=look)
    levels, dead, _ = tiled(cells, _COLUMNS)
    palette = colour_table(look.colours.value).copy()
    palette[dead] = (150, 150, 150)
    image = indexed_picture(levels, palette, f"Channels of {layer.id}", transparent=255)
    channels = layer.shape[0]
    shown = f"{len(chosen)} of {channels} channels" if len(chosen) < channels else "all channels"
    aside = f"{channels} x {layer.shape[1]} x {layer.shape[2]}, {layer.role.value}, {shown}"
    return layer.id, aside, image, f"{shown}; first: {_named(chosen, weights)}"


def _order(found: TraceFindings, layer: LayerInfo) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Channels with the most telling first, and the share of each in the whole."""
    explanation = found.explanation
    weights = found.stages[layer.id].variance
    if explanation is not None and layer.id in explanation.influence:
        weights = np.abs(explanation.influence[layer.id])
    weights = np.nan_to_num(weights)
    order = np.argsort(-weights, kind="stable")
    total = float(weights.sum())
    return order, weights / total if total > 0 else weights


def _named(chosen: list[int], weights: NDArray[np.float32]) -> str:
    first = chosen[:_NAMED]
    return ", ".join(f"{channel} ({percent_text(float(weights[channel]))})" for channel in first)


def _cams(material: TraceMaterial, explanation: Explanation) -> list[tuple[Markup, str, str]]:
    photo = fitted(material.window, _LONGEST)
    plain = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.uint8)
    grey = np.repeat(plain[..., None], 3, axis=2)
    pictures = []
    for stage, cam in explanation.cams.items():
        layer = material.trace.layer(stage)
        highest = float(cam.max())
        image = _heated(grey, material.input_geometry.on_photo(cam, layer), highest)
        about = f"{layer.role.value}, {layer.shape[1]} x {layer.shape[2]}"
        about += "" if highest > 0 else ": nothing speaks for the class"
        pictures.append((picture(image, f"Grad-CAM at {stage}"), stage, about))
    return pictures


def _heated(grey: Image, values: FloatArray, highest: float) -> Image:
    """Values (h, w) of the window over a smaller grey photo; low ones are transparent."""
    height, width = grey.shape[:2]
    small = np.asarray(
        cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA), np.float32
    )
    levels = levels_of(small, 0.0, highest if highest > 0 else 1.0)
    table = np.empty((256, 4), np.uint8)
    table[:, :3] = colour_table(MAGMA)
    table[:, 3] = np.rint(np.linspace(0, 1, 256) ** 0.6 * _COVER * 255)
    return blended(grey, levels, table)


def _lens_section(material: TraceMaterial, found: TraceFindings) -> Section:
    stages, bars, leads = [], [], "mean"
    for one in found.logit_lens:
        image = overlay_rgb(material.window, one.labels, material.prediction.schema)
        value = math.nan if one.scores is None else one.scores.leading[0]
        iou = "" if one.scores is None else ratio_text(value)
        leads = leads if one.scores is None else one.scores.leads
        shown = picture(image, f"Read from {one.stage}", longest=_LONGEST)
        stages.append((shown, one.stage, iou))
        if iou:
            bars.append((one.stage, [(value, SERIES[0], "")], iou))
    title = f"{leads.capitalize()} IoU of the head read from each stage"
    chart = chart_svg(bar_list(title, bars, 1.0)) if len(bars) > 1 else None
    return section(SECTIONS, "lens", "Logit lens", stages=stages, chart=chart, leads=leads)
