"""A network's diagram as pixels, drawn as its SVG is."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from segstudio.core.labels import Image
from segstudio.inspection.report.lettering import shortened, write
from segstudio.report.diagram_parts import Box, Diagram, Edge, Node, Point
from segstudio.report.diagram_style import (
    CUT_COLOUR,
    KIND_COLOURS,
    KIND_DASHES,
    ROLE_COLOURS,
    arrow_head,
    detail_text,
    fitted,
    halfway,
    role_mark,
    rounded,
    shape_text,
    stride_text,
)

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage
    from PIL.ImageDraw import ImageDraw

_TITLE_HEIGHT: Final = 30.0
_FINE: Final = 3
"""Lines are drawn this much larger and made smaller again, which smooths their edges."""
_AREA: Final = 80_000_000
"""Pixels of the larger drawing; beyond, the picture becomes coarser."""
_GROUND, _BAND, _CARD = "#ffffff", "#f3f4f6", "#ffffff"
_TEXT, _FAINT, _LINE = "#1f2328", "#5f6770", "#5f6770"
_CURVE_STEPS: Final = 6


def paint(
    diagram: Diagram,
    pictures: Mapping[str, Image],
    title: str,
    cut_skips: Collection[str] = (),
    scale: float = 2.0,
) -> Image:
    """Return the whole diagram as RGB (h, w, 3) uint8.

    Args:
        diagram: What to draw.
        pictures: RGB (h, w, 3) uint8 of nodes by id; a node without one has a grey box.
        title: Written above.
        cut_skips: Ids of skip edges that are drawn as cut.
        scale: Pixels for each unit of the diagram; less where the picture would be huge.
    """
    from PIL import Image as pil

    height = diagram.height + _TITLE_HEIGHT
    limit = math.sqrt(_AREA / (diagram.width * height)) / _FINE
    scale = min(scale, limit)
    fine = _Pen(diagram.width, height, scale * _FINE)
    _draw_lines(fine, diagram, cut_skips)
    size = (round(diagram.width * scale), round(height * scale))
    smooth = fine.image.resize(size, pil.Resampling.BOX)
    pen = _Pen(diagram.width, height, scale, smooth)
    pen.text((12, -9), title, _TEXT, diagram.width - 24, size=14)
    for band in diagram.bands:
        pen.text((8, band.top + 14), stride_text(band.photo_stride), _FAINT, 70, size=10)
    for group in diagram.groups:
        if group.bracket is None:
            x, y = group.anchor
            pen.text((x, y - 4), group.title, _FAINT, 160, size=10)
    for text, box in diagram.frames:
        pen.text((box.left + 4, box.top - 3), text, _FAINT, box.width, size=10)
    for node in diagram.nodes:
        if node.id in pictures:
            pen.picture(node.picture, pictures[node.id])
        _write_node(pen, node)
    found: Image = np.array(smooth, np.uint8)
    return found


def _draw_lines(pen: _Pen, diagram: Diagram, cut_skips: Collection[str]) -> None:
    for band in diagram.bands:
        pen.box(Box(0, band.top - 8, diagram.width, band.height + 16), _BAND)
    for _, box in diagram.frames:
        for start, end in _sides(box):
            pen.line((start, end), _FAINT, 1.0, (4.0, 3.0))
    for group in diagram.groups:
        if group.bracket is not None:
            pen.card(group.bracket, None, _FAINT, 1.0, 6)
    for edge in sorted(diagram.edges, key=lambda edge: edge.kind is not None):
        _draw_edge(pen, edge, cut=not set(cut_skips).isdisjoint(edge.skips))
    for node in diagram.nodes:
        _draw_node(pen, node)


def _draw_node(pen: _Pen, node: Node) -> None:
    colour, box = ROLE_COLOURS[node.role], node.box
    for shift in (6, 3, 0) if node.folded else (0,):
        moved = Box(box.left + shift, box.top + shift, box.width, box.height)
        pen.card(moved, _CARD, colour, 1.6, 4)
    pen.box(node.picture, _BAND)
    for polygon in role_mark(node.role, Box(node.text.left, node.text.top + 2, 9, 9)):
        pen.polygon(polygon, colour)


def _draw_edge(pen: _Pen, edge: Edge, *, cut: bool) -> None:
    kind = edge.kind
    colour = CUT_COLOUR if cut else _LINE if kind is None else KIND_COLOURS[kind]
    dashes = () if kind is None else KIND_DASHES[kind]
    pen.line(_curved(edge.points), colour, 1.4 if kind is None else 2.0, dashes)
    pen.polygon(arrow_head(edge.points), colour)
    if cut:
        x, y = halfway(edge)
        pen.line(((x - 6, y - 6), (x + 6, y + 6)), CUT_COLOUR, 3.0)
        pen.line(((x - 6, y + 6), (x + 6, y - 6)), CUT_COLOUR, 3.0)


def _write_node(pen: _Pen, node: Node) -> None:
    x, y, width = node.text.left, node.text.top, node.text.width
    pen.text((x + 13, y + 11), node.label, _TEXT, width - 13, size=11)
    pen.text((x, y + 24), shape_text(node.layer), _TEXT, width, size=10)
    if not node.small:
        pen.text((x, y + 38), str(node.role), _FAINT, width, size=10)
        pen.text((x, y + 51), detail_text(node), _FAINT, width, size=10)


class _Pen:
    """Draws in the diagram's units, whose y is 0 below the title."""

    def __init__(
        self, width: float, height: float, scale: float, image: PilImage | None = None
    ) -> None:
        from PIL import Image as pil
        from PIL import ImageDraw as drawing

        size = (round(width * scale), round(height * scale))
        self.image = pil.new("RGB", size, _GROUND) if image is None else image
        self._scale = scale
        self._draw: ImageDraw = drawing.Draw(self.image)

    def box(self, box: Box, colour: str) -> None:
        """A filled rectangle."""
        self._draw.rectangle(self._corners(box), colour)

    def card(self, box: Box, fill: str | None, colour: str, width: float, radius: float) -> None:
        """A rectangle with round corners and an outline."""
        line = max(1, round(width * self._scale))
        self._draw.rounded_rectangle(self._corners(box), radius * self._scale, fill, colour, line)

    def polygon(self, points: Sequence[Point], colour: str) -> None:
        """A filled polygon."""
        if points:
            self._draw.polygon([self._at(point) for point in points], colour)

    def line(
        self, points: Sequence[Point], colour: str, width: float, dashes: Sequence[float] = ()
    ) -> None:
        """A line through points, dashed by lengths of dashes and gaps."""
        thick = max(1, round(width * self._scale))
        for piece in _dashed(points, dashes) if dashes else (points,):
            self._draw.line([self._at(point) for point in piece], colour, thick, "curve")

    def picture(self, box: Box, pixels: Image) -> None:
        """A picture in the middle of a box."""
        from PIL import Image as pil

        left, top, right, bottom = self._corners(fitted(box, pixels.shape[1] / pixels.shape[0]))
        size = (max(1, round(right - left)), max(1, round(bottom - top)))
        smaller = size[0] < pixels.shape[1]
        method = cv2.INTER_AREA if smaller else cv2.INTER_NEAREST
        resized = np.asarray(cv2.resize(pixels, size, interpolation=method), np.uint8)
        self.image.paste(pil.fromarray(resized), (round(left), round(top)))

    def text(self, at: Point, text: str, colour: str, width: float, *, size: float) -> None:
        """A line of text on its base line, shortened in its middle to a width."""
        pixels = size * self._scale
        shown = shortened(text, pixels, width * self._scale)
        write(self._draw, self._at(at), shown, pixels, colour, anchor="ls")

    def _at(self, point: Point) -> tuple[float, float]:
        return point[0] * self._scale, (point[1] + _TITLE_HEIGHT) * self._scale

    def _corners(self, box: Box) -> tuple[float, float, float, float]:
        return (*self._at((box.left, box.top)), *self._at((box.right, box.bottom)))


def _sides(box: Box) -> tuple[tuple[Point, Point], ...]:
    a, b = (box.left, box.top), (box.right, box.top)
    c, d = (box.right, box.bottom), (box.left, box.bottom)
    return ((a, b), (b, c), (c, d), (d, a))


def _curved(points: Sequence[Point]) -> list[Point]:
    """The line with its corners rounded, as many short lines."""
    line = [points[0]]
    for start, corner, end in rounded(points):
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
