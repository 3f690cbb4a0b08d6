"""The diagram of a trace with its stages' pictures: as SVG, for a page, and as pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from markupsafe import Markup

from segstudio.core.colour_maps import colour_table
from segstudio.core.features import LayerInfo, Role
from segstudio.core.labels import Image
from segstudio.core.progress import Report
from segstudio.inspection.report.lettering import text_width, write
from segstudio.inspection.report.stage_grid import channel_cells
from segstudio.inspection.report.trace_material import TraceMaterial
from segstudio.report.diagram import Diagram, Sizes, lay_out
from segstudio.report.diagram_drawing import PAGE, diagram_drawing
from segstudio.report.diagram_parts import Box, Point
from segstudio.report.pictures import fitted
from segstudio.report.primitives import (
    Drawing,
    Line,
    Polygon,
    Raster,
    Rectangle,
    Shape,
    Text,
    fitted_box,
    rounded,
    svg_of,
)
from segstudio.session.inspection import MapPicture

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage
    from PIL.ImageDraw import ImageDraw

_SHARPNESS: Final = 2
"""Pixels of a picture for each unit of the diagram."""
_FINE: Final = 3
"""Lines are drawn this much larger and made smaller again, which smooths their edges."""
_AREA: Final = 80_000_000
"""Pixels of the larger drawing; beyond, the picture becomes coarser."""
_CURVE_STEPS: Final = 6


def laid_out(material: TraceMaterial) -> Diagram:
    """The whole network, unfolded, with pictures of the photo's shape."""
    window = material.input_geometry.window
    return lay_out(material.trace, sizes=Sizes.for_aspect(window.width / window.height))


def diagram_svg(material: TraceMaterial, report: Report) -> str:
    """The diagram as SVG text that needs no other file."""
    diagram = laid_out(material)
    pictures = _pictures(material, diagram, report)
    cuts = material.cut_skips
    return svg_of(
        diagram_drawing(diagram, pictures, title=_title(material), cut_skips=cuts), pictures
    )


def diagram_png(material: TraceMaterial, report: Report) -> Image:
    """The diagram as RGB (h, w, 3) uint8, at twice its size."""
    diagram = laid_out(material)
    pictures = _pictures(material, diagram, report)
    cuts, width = material.cut_skips, text_width
    drawn = diagram_drawing(diagram, pictures, title=_title(material), cut_skips=cuts, width=width)
    return paint(drawn, pictures, _SHARPNESS)


def diagram_for_page(material: TraceMaterial, report: Report) -> Markup:
    """The diagram as SVG for an HTML page, in the colours of its style sheet."""
    diagram = laid_out(material)
    pictures = _pictures(material, diagram, report)
    return svg_of(diagram_drawing(diagram, pictures, tones=PAGE), pictures, inline=True)


def _title(material: TraceMaterial) -> str:
    return f"{material.title} on {material.image}"


def _pictures(material: TraceMaterial, diagram: Diagram, report: Report) -> dict[str, Image]:
    """Pictures RGB (h, w, 3) uint8 of the diagram's stages by node id."""
    pictures = {}
    for number, node in enumerate(diagram.nodes):
        report(number, len(diagram.nodes), f"Picture of {node.id}")
        px = round(_SHARPNESS * max(node.picture.width, node.picture.height))
        pictures[node.id] = _picture(material, node.layer, px)
    return pictures


def _picture(material: TraceMaterial, layer: LayerInfo, px: int) -> Image:
    if layer.role is Role.INPUT and material.picture is not MapPicture.CHANNEL:
        return fitted(material.window, px)
    if material.picture is not MapPicture.CHANNEL:
        return material.work.summary(material.traced, layer, material.picture, material.look, px)
    channel = min(material.picture_channel, layer.shape[0] - 1)
    levels = channel_cells(material, layer.id, px, (channel,)).levels[0]
    return np.ascontiguousarray(colour_table(material.look.colours.value)[levels])


def paint(drawing: Drawing, pictures: Mapping[str, Image], scale: float = 2.0) -> Image:
    """Return a drawing as RGB (h, w, 3) uint8.

    Args:
        drawing: What to draw; none of its shapes is transparent.
        pictures: RGB (h, w, 3) uint8 by the names of the drawing's pictures.
        scale: Pixels for each unit of the drawing; less where the picture would be huge.
    """
    from PIL import Image as pil

    limit = math.sqrt(_AREA / (drawing.width * drawing.height)) / _FINE
    scale = min(scale, limit)
    shapes = [shape for part in drawing.parts for shape in part.shapes]
    width, height = drawing.width * scale, drawing.height * scale
    fine = pil.new("RGB", (round(width * _FINE), round(height * _FINE)))
    pen = _Pen(fine, scale * _FINE, {})
    pen.draw(shape for shape in shapes if not isinstance(shape, Text | Raster))
    smooth = fine.resize((round(width), round(height)), pil.Resampling.BOX)
    # letters are smooth by themselves
    _Pen(smooth, scale, pictures).draw(s for s in shapes if isinstance(s, Text | Raster))
    found: Image = np.array(smooth, np.uint8)
    return found


class _Pen:
    """Draws in the units of a drawing."""

    def __init__(self, image: PilImage, scale: float, pictures: Mapping[str, Image]) -> None:
        from PIL import ImageDraw as drawing

        self._image, self._scale, self._pictures = image, scale, pictures
        self._draw: ImageDraw = drawing.Draw(image)

    def draw(self, shapes: Iterator[Shape]) -> None:
        """Draw shapes, from back to front."""
        for shape in shapes:
            match shape:
                case Rectangle(box, fill, stroke, width, radius):
                    if shape.dashes:
                        self._line(
                            (*_corners(box), (box.left, box.top)), stroke, width, shape.dashes
                        )
                    else:
                        place, line = self._place(box), self._thick(width) if stroke else 0
                        self._draw.rounded_rectangle(
                            place, radius * self._scale, fill or None, stroke or None, line
                        )
                case Line(points, stroke, width, dashes, radius):
                    self._line(_curved(points, radius), stroke, width, dashes)
                case Polygon(points, fill):
                    self._draw.polygon([self._at(point) for point in points], fill)
                case Text(at, text, colour, size, anchor=anchor):
                    side = {"start": "ls", "middle": "ms", "end": "rs"}[anchor]
                    write(self._draw, self._at(at), text, size * self._scale, colour, anchor=side)
                case Raster(box, name):
                    self._paste(box, self._pictures[name])

    def _line(
        self, points: Sequence[Point], colour: str, width: float, dashes: Sequence[float]
    ) -> None:
        for piece in _dashed(points, dashes) if dashes else (points,):
            places = [self._at(point) for point in piece]
            self._draw.line(places, colour, self._thick(width), "curve")

    def _paste(self, box: Box, pixels: Image) -> None:
        from PIL import Image as pil

        left, top, right, bottom = self._place(fitted_box(box, pixels.shape[1] / pixels.shape[0]))
        size = (max(1, round(right - left)), max(1, round(bottom - top)))
        smaller = size[0] < pixels.shape[1]
        method = cv2.INTER_AREA if smaller else cv2.INTER_NEAREST
        resized = np.asarray(cv2.resize(pixels, size, interpolation=method), np.uint8)
        self._image.paste(pil.fromarray(resized), (round(left), round(top)))

    def _thick(self, width: float) -> int:
        return max(1, round(width * self._scale))

    def _at(self, point: Point) -> tuple[float, float]:
        return point[0] * self._scale, point[1] * self._scale

    def _place(self, box: Box) -> tuple[float, float, float, float]:
        return (*self._at((box.left, box.top)), *self._at((box.right, box.bottom)))


def _corners(box: Box) -> tuple[Point, Point, Point, Point]:
    a, b = (box.left, box.top), (box.right, box.top)
    return a, b, (box.right, box.bottom), (box.left, box.bottom)


def _curved(points: Sequence[Point], radius: float) -> list[Point]:
    """The line with its corners rounded, as many short lines."""
    line = [points[0]]
    for start, corner, end in rounded(points, radius):
        for step in range(_CURVE_STEPS + 1):
            t = step / _CURVE_STEPS
            a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t**2
            line.append(
                (
                    a * start[0] + b * corner[0] + c * end[0],
                    a * start[1] + b * corner[1] + c * end[1],
                )
            )
    return [*line, points[-1]]


def _dashed(points: Sequence[Point], dashes: Sequence[float]) -> Iterator[list[Point]]:
    """The pieces of a line that are drawn when dashes and gaps follow each other along it."""
    number, left = 0, dashes[0]
    piece = [points[0]]
    for end in points[1:]:
        here = piece[-1]
        length = math.dist(here, end)
        while length > left:
            part = left / length
            here = (here[0] + (end[0] - here[0]) * part, here[1] + (end[1] - here[1]) * part)
            if number % 2 == 0:
                yield [*piece, here]
            piece, length = [here], length - left
            number += 1
            left = dashes[number % len(dashes)]
        left -= length
        piece.append(end)
    if number % 2 == 0 and len(piece) > 1:
        yield piece
