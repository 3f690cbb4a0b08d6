"""The diagram of a trace with its stages' pictures: as SVG, for a page, and as pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from markupsafe import Markup

from segstudio.core.colour_maps import colour_table
from segstudio.core.features import LayerInfo, Role
from segstudio.core.labels import Image
from segstudio.inspection.report.lettering import text_width
from segstudio.inspection.report.material import Material
from segstudio.inspection.report.painter import paint
from segstudio.inspection.report.stage_grid import channel_cells
from segstudio.report.diagram import Diagram, Sizes, lay_out
from segstudio.report.diagram_drawing import PAGE, diagram_drawing
from segstudio.report.drawing import svg_of
from segstudio.report.pictures import fitted
from segstudio.session.inspection import Picture

Report = Callable[[int, int, str], None]
"""Told (steps done, steps in all, what happens now); may raise to stop."""

_SHARPNESS: Final = 2
"""Pixels of a picture for each unit of the diagram."""


def laid_out(material: Material) -> Diagram:
    """The whole network, unfolded, with pictures of the photo's shape."""
    window = material.placement.window
    return lay_out(material.trace, sizes=Sizes.for_aspect(window.width / window.height))


def diagram_svg(material: Material, report: Report) -> str:
    """The diagram as SVG text that needs no other file."""
    diagram = laid_out(material)
    pictures = _pictures(material, diagram, report)
    cuts = material.cut_skips
    return svg_of(
        diagram_drawing(diagram, pictures, title=_title(material), cut_skips=cuts), pictures
    )


def diagram_png(material: Material, report: Report) -> Image:
    """The diagram as RGB (h, w, 3) uint8, at twice its size."""
    diagram = laid_out(material)
    pictures = _pictures(material, diagram, report)
    cuts, width = material.cut_skips, text_width
    drawn = diagram_drawing(diagram, pictures, title=_title(material), cut_skips=cuts, width=width)
    return paint(drawn, pictures, _SHARPNESS)


def diagram_for_page(material: Material, report: Report) -> Markup:
    """The diagram as SVG for an HTML page, in the colours of its style sheet."""
    diagram = laid_out(material)
    pictures = _pictures(material, diagram, report)
    return svg_of(diagram_drawing(diagram, pictures, tones=PAGE), pictures, inline=True)


def _title(material: Material) -> str:
    return f"{material.title} on {material.image}"


def _pictures(material: Material, diagram: Diagram, report: Report) -> dict[str, Image]:
    """Pictures RGB (h, w, 3) uint8 of the diagram's stages by node id."""
    pictures = {}
    for number, node in enumerate(diagram.nodes):
        report(number, len(diagram.nodes), f"Picture of {node.id}")
        px = round(_SHARPNESS * max(node.picture.width, node.picture.height))
        pictures[node.id] = _picture(material, node.layer, px)
    return pictures


def _picture(material: Material, layer: LayerInfo, px: int) -> Image:
    if layer.role is Role.INPUT and material.picture is not Picture.CHANNEL:
        return fitted(material.window, px)
    if material.picture is not Picture.CHANNEL:
        return material.work.summary(material.traced, layer, material.picture, material.look, px)
    channel = min(material.picture_channel, layer.shape[0] - 1)
    levels = channel_cells(material, layer.id, px, (channel,)).levels[0]
    return np.ascontiguousarray(colour_table(material.look.colours.value)[levels])
