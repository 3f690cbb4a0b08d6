"""The report's sections about the stages: their table, and what their channels show."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.colour_maps import colour_table
from segstudio.core.features import LayerInfo
from segstudio.core.formatting import bytes_text, percent_text, short_text
from segstudio.inspection.report.findings import Findings
from segstudio.inspection.report.material import Material
from segstudio.inspection.report.stage_grid import channel_cells, tiled
from segstudio.report.markup import Markup, element, joined
from segstudio.report.page import Section, folded, paragraph
from segstudio.report.pictures import figure, indexed_picture
from segstudio.report.shape_table import field_text, pixels_text, remainder_text
from segstudio.report.tables import Cell, table
from segstudio.session.inspection import ColourMap, Look

SHOWN: Final = 40
"""Channels of a stage that are shown."""
_COLUMNS: Final = 10
_CELL_PX: Final = 96
_NAMED: Final = 5
_HEADERS: Final = (
    "stage", "role", "C x H x W", "stride", "receptive field", "parameters", "multiply-adds",
    "time, ms", "memory", "zeros", "dead", "checkerboard",
)  # fmt: skip
_OPTIONAL: Final = 10
"""The columns from here on may have nothing to say."""
_MEANINGS: Final = {
    10: "Dead channels say the same everywhere on this image.",
    11: "Checkerboard is the energy at the Nyquist frequency over that just below it, for decoder "
    "stages: 1 without such a pattern.",
}


def table_section(material: Material, found: Findings) -> Section:
    """The shape trace: one row for each stage; columns that say nothing are left out."""
    layers = material.trace.layers
    most = {
        "parameters": max(layer.parameters for layer in layers),
        "macs": max(layer.macs for layer in layers),
        "seconds": max(layer.seconds for layer in layers),
    }
    rows = [_row(layer, found, most) for layer in layers]
    rest = material.trace.remainder
    if rest is not None:
        sums = (f"{rest.parameters:,}", short_text(rest.macs), f"{rest.seconds * 1000:.1f}")
        rows.append([remainder_text(rest), *[""] * 4, *sums, *[""] * (len(_HEADERS) - 8)])
    kept = [i for i in range(len(_HEADERS)) if i < _OPTIONAL or any(row[i] for row in rows)]
    text = (
        "Each row is one stage as the image went through it. The receptive field is the largest "
        "square of photo pixels that one position can depend on; + means that some path reads the "
        "whole image besides. The stride is in photo pixels too."
    )
    for index, meaning in _MEANINGS.items():
        text += f" {meaning}" if index in kept else ""
    shown = table(
        [_HEADERS[i] for i in kept],
        [[row[i] for i in kept] for row in rows],
        numbers=range(3, len(kept)),
    )
    return Section("stages", "Stages", joined((paragraph(text, hint=True), shown)))


def sheets_section(
    material: Material, found: Findings, report: Callable[[int, int, str], None]
) -> Section:
    """The most telling channels of each stage."""
    name = material.class_names.get(material.class_id, str(material.class_id))
    by = (
        f"those that move the score of {name} most (gradient x activation)"
        if found.explanation is not None
        else "those that vary most"
    )
    text = paragraph(
        f"Up to {SHOWN} channels of each stage, {by}, the strongest first, row by row. Each goes "
        "from its own lowest value (dark) to its highest (yellow); grey channels say the same "
        "everywhere.",
        hint=True,
    )
    parts = []
    layers = material.trace.layers
    for number, layer in enumerate(layers):
        report(number, len(layers), f"Channels of {layer.id}")
        parts.append(_sheet(material, found, layer, number))
    return Section("channels", "Channels", joined((text, *parts)))


def _row(layer: LayerInfo, found: Findings, most: dict[str, float]) -> list[object]:
    figures = found.stages[layer.id]
    checkerboard = figures.checkerboard
    return [
        element("code", layer.id),
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


def _sheet(material: Material, found: Findings, layer: LayerInfo, number: int) -> Markup:
    order, weights = _order(found, layer)
    chosen = [int(i) for i in order[:SHOWN]]
    look = Look(ColourMap.VIRIDIS)
    cells = channel_cells(material, layer.id, _CELL_PX, chosen, look=look)
    levels, dead, _ = tiled(cells, _COLUMNS)
    palette = colour_table(look.colours.value).copy()
    palette[dead] = (150, 150, 150)
    alt = f"Channels of {layer.id}"
    image = indexed_picture(levels, palette, alt, transparent=255)
    channels = layer.shape[0]
    shown = f"{len(chosen)} of {channels} channels" if len(chosen) < channels else "all channels"
    caption = f"{shown}; first: {_named(chosen, weights)}"
    aside = f"{channels} x {layer.shape[1]} x {layer.shape[2]}, {layer.role.value}, {shown}"
    return folded(element("code", layer.id), aside, figure(image, caption), opened=number < 2)


def _order(found: Findings, layer: LayerInfo) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
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
