"""The diagram of a trace with its stages' pictures: as SVG, for a page, and as pixels."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import numpy as np

from segstudio.core.colour_maps import colour_table
from segstudio.core.features import LayerInfo, Role
from segstudio.core.labels import Image
from segstudio.inspection.report.material import Material
from segstudio.inspection.report.painter import paint
from segstudio.inspection.report.stage_grid import channel_cells
from segstudio.report import diagram_svg as svg
from segstudio.report.diagram import Diagram, Sizes, lay_out
from segstudio.report.pictures import fitted
from segstudio.session.inspection import Picture

Report = Callable[[int, int, str], None]
"""Told (steps done, steps in all, what happens now); may raise to stop."""

_SHARPNESS: Final = 2
"""Pixels of a picture for each unit of the diagram."""
_COLOUR: Final = re.compile(r'(fill|stroke)="(#[0-9a-f]{6})"')


def laid_out(material: Material) -> Diagram:
    """The whole network, unfolded, with pictures of the photo's shape."""
    window = material.placement.window
    return lay_out(material.trace, sizes=Sizes.for_aspect(window.width / window.height))


def diagram_svg(material: Material, report: Report) -> str:
    """The diagram as SVG text that needs no other file."""
    diagram = laid_out(material)
    return svg.diagram_svg(
        diagram,
        _pictures(material, diagram, report),
        title=_title(material),
        cut_skips=material.cut_skips,
    )


def diagram_png(material: Material, report: Report) -> Image:
    """The diagram as RGB (h, w, 3) uint8, at twice its size."""
    diagram = laid_out(material)
    pictures = _pictures(material, diagram, report)
    return paint(diagram, pictures, _title(material), material.cut_skips, _SHARPNESS)


def diagram_for_page(material: Material, report: Report) -> tuple[str, str]:
    """The diagram as SVG for a page that is light or dark.

    Returns:
        The SVG, and CSS that turns its light colours into its dark ones; the CSS is meant for
        elements within `.diagram`, on dark screens only.
    """
    diagram = laid_out(material)
    light, dark = (svg.diagram_svg(diagram, {}, dark=is_dark) for is_dark in (False, True))
    pairs = zip(_COLOUR.findall(light), _COLOUR.findall(dark), strict=True)
    # a colour may stand for several things; the ground, which comes first, is the page's own
    changed = {before: after[1] for before, after in pairs if before != after}
    rules = [
        f'.diagram [{name}="{before}"] {{ {name}: {after}; }}'
        for (name, before), after in changed.items()
    ]
    rules.append(".diagram svg > rect:first-of-type { fill: none; }")
    pictures = _pictures(material, diagram, report)
    return svg.diagram_svg(diagram, pictures), "\n".join(rules)


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
