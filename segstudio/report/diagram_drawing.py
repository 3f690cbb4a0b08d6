"""A network's diagram as a drawing, at any zoom: what is not legible is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from segstudio.report.diagram_parts import (
    Band,
    Box,
    Diagram,
    DiagramEdge,
    DiagramNode,
    Group,
    Point,
)
from segstudio.report.diagram_style import (
    CUT_COLOUR,
    KIND_COLOURS,
    KIND_DASHES,
    KIND_TEXTS,
    ROLE_COLOURS,
    TIMES,
    detail_text,
    role_mark,
    shape_text,
    stride_text,
)
from segstudio.report.primitives import (
    Drawing,
    Line,
    Polygon,
    Raster,
    Rectangle,
    Shape,
    ShapeGroup,
    Text,
    text_width,
)
from segstudio.report.shape_table import pixels_text

Width = Callable[[str, float, bool], float]
"""How wide a text is: (text, size of the font, bold) -> pixels."""

_TITLE_HEIGHT: Final = 30.0
_CORNER: Final = 7.0
_LEAST_WIDTH: Final = 20.0
_MARK_FROM: Final = 46.0
_KNOB: Final = 13.0
_GROUP_PX: Final = 11.0
_GROUPS_FROM: Final = 0.62
_LINE_HEIGHT: Final = 1.16
"""Of a line of text, as a part of the font's size."""
_BASE: Final = 0.36
"""From the middle of a line down to its base, as a part of the font's size."""


@dataclass(frozen=True, slots=True)
class Tones:
    """Colours of what has no colour of its own.

    Attributes:
        ground: Behind everything.
        band: Of rows.
        card: Of nodes.
        hovered: Of the node under the pointer.
        empty: Of a picture that is not there.
        text: What matters.
        faint: Less important texts, frames, the path.
        opened: Around what is opened.
    """

    ground: str
    band: str
    card: str
    hovered: str
    empty: str
    text: str
    faint: str
    opened: str


_WHITE, _GREY, _BLUE = "#ffffff", "#f3f4f6", "#2563c9"
PAPER: Final = Tones(_WHITE, _GREY, _WHITE, _GREY, _GREY, "#1f2328", "#5f6770", _BLUE)
"""For files."""
_RAISED, _SHEET = "var(--raised)", "var(--paper)"
PAGE: Final = Tones(
    "none", _RAISED, _SHEET, _RAISED, _RAISED, "var(--ink)", "var(--quiet)", "var(--accent)"
)
"""For HTML pages with the style sheet of reports, which are light or dark."""


@dataclass(frozen=True, slots=True)
class Handle:
    """What folds a group.

    Attributes:
        group: The group.
        area: Where it is, in pixels.
        knob: Whether it has a button at its left.
        named: Whether the group's title is written.
    """

    group: Group
    area: Box
    knob: bool
    named: bool


@dataclass(frozen=True)
class DiagramState:
    """What a diagram looks like now.

    Attributes:
        diagram: What is drawn.
        pictures: Of nodes, by id; only whether there is one matters here.
        stage: Id of the opened stage.
        skip: Id of the opened skip edge.
        hovered: Id of the node under the pointer.
        hovered_skip: Id of the skip edge under the pointer.
        cut_skips: Ids of skip edges that are cut.
        cut_channels: How many channels are cut, by stage id; 0 for all.
        handles: Of the groups.
    """

    diagram: Diagram
    pictures: Mapping[str, Any] = field(default_factory=dict)
    stage: str = ""
    skip: str = ""
    hovered: str = ""
    hovered_skip: str = ""
    cut_skips: frozenset[str] = frozenset()
    cut_channels: Mapping[str, int] = field(default_factory=dict)
    handles: tuple[Handle, ...] = ()


def diagram_drawing(
    diagram: Diagram,
    pictures: Mapping[str, Any],
    *,
    title: str = "",
    cut_skips: frozenset[str] = frozenset(),
    tones: Tones = PAPER,
    width: Width = text_width,
) -> Drawing:
    """The whole diagram at 100 %, with a title above it.

    Args:
        diagram: What to draw.
        pictures: Those of nodes by id; a node without one has a grey box.
        title: Written above.
        cut_skips: Ids of skip edges that are drawn as cut.
        tones: Colours.
        width: How wide texts are.
    """
    above = _TITLE_HEIGHT if title else 0.0
    pen = DiagramPen(tones, width, origin=(0.0, above))
    handles = pen.handles(diagram, knobs=False)
    shown = DiagramState(diagram, pictures, cut_skips=cut_skips, handles=handles)
    whole = Box(0, 0, diagram.width, diagram.height + above)
    head: list[Shape] = [Rectangle(whole, tones.ground)]
    if title:
        head.append(
            Text((12, 21), pen.shortened(title, whole.width - 24, 14), tones.text, 14, True)
        )
    parts = [ShapeGroup(head), *pen.parts(shown, (0.0, diagram.width))]
    return Drawing(title or "Network", whole.width, whole.height, parts)


class DiagramPen:
    """Draws diagrams at a zoom and a place; strokes and letters grow slower than the rest."""

    def __init__(
        self, tones: Tones, width: Width, zoom: float = 1.0, origin: Point = (0.0, 0.0)
    ) -> None:
        """Args:
        tones: Colours.
        width: How wide texts are.
        zoom: Pixels by the diagram's units.
        origin: Where the diagram's (0, 0) is, in pixels.
        """
        self._tones, self._width, self._zoom, self._origin = tones, width, zoom, origin
        self._stroke = min(1.4, max(0.75, zoom))
        # never too small to read
        self._letters = round(min(15.0, max(9.5, 8.0 + 3.4 * zoom)))

    def handles(self, diagram: Diagram, *, knobs: bool = True) -> tuple[Handle, ...]:
        """The handles of all groups, above what they fold; without knobs their titles alone."""
        found = []
        for group in diagram.groups:
            x, y = self._point(group.anchor)
            # lines run into parallel branches where a title would be
            named = self._zoom >= _GROUPS_FROM and (group.folded or group.bracket is None)
            width = self._width(group.title, _GROUP_PX, False) + 6 if named else 0.0
            area = Box(x, y - _KNOB - 2, width + (_KNOB if knobs else 0), _KNOB)
            found.append(Handle(group, area, knobs, named))
        return tuple(found)

    def parts(self, shown: DiagramState, span: tuple[float, float]) -> Iterator[ShapeGroup]:
        """Everything, from back to front; the rows' bands reach over `span`, (left, right)."""
        diagram = shown.diagram
        yield ShapeGroup(
            [shape for band in diagram.bands for shape in self._band(band, diagram, span)]
        )
        yield ShapeGroup(
            [shape for title, box in diagram.frames for shape in self._frame(title, box)]
        )
        faint = self._tones.faint
        brackets = [group.bracket for group in diagram.groups if group.bracket is not None]
        yield ShapeGroup([Rectangle(self.box(box), stroke=faint, radius=5) for box in brackets])
        for edge in sorted(diagram.edges, key=lambda edge: _rank(edge, shown)):
            yield self._edge(edge, shown)
        for node in diagram.nodes:
            yield self._node(node, shown)
        for handle in shown.handles:
            yield ShapeGroup(list(self._handle(handle)))

    def box(self, box: Box) -> Box:
        """A box of the diagram in pixels."""
        x, y = self._point((box.left, box.top))
        return Box(x, y, box.width * self._zoom, box.height * self._zoom)

    def shortened(self, text: str, room: float, size: float) -> str:
        """A bold text that fits; the number at its end stays, for it tells the stages apart."""
        if self._width(text, size, True) <= room:
            return text
        stem = text.rstrip("0123456789")
        number = text[len(stem) :]
        while stem and self._width(f"{stem}…{number}", size, True) > room:
            stem = stem[:-1]
        return f"{stem}…{number}"

    def _point(self, point: Point) -> Point:
        x, y = self._origin
        return x + point[0] * self._zoom, y + point[1] * self._zoom

    def _band(self, band: Band, diagram: Diagram, span: tuple[float, float]) -> Iterator[Shape]:
        left, right = span
        area = self.box(Box(0, band.top - 7, 0, band.height + 14))
        yield Rectangle(Box(left, area.top, right - left, area.height), self._tones.band)
        room, size = diagram.sizes.gutter * self._zoom, self._letters
        text = stride_text(band.photo_stride)
        # all rows alike
        if self._width(stride_text(64), size, False) > room:
            text = f"/{pixels_text(band.photo_stride)}"
        first = self._origin[0] + room
        if self._width(text, size, False) + 6 <= min(right, first) - left:
            at = left + 4, area.top + 2 + 0.95 * size
            yield Text(at, text, self._tones.faint, size)

    def _frame(self, title: str, box: Box) -> Iterator[Shape]:
        area, faint = self.box(box), self._tones.faint
        yield Rectangle(area, stroke=faint, radius=5, dashes=(4, 3))
        if title and _LINE_HEIGHT * self._letters <= 24 * self._zoom + 4:
            yield Text((area.right - 4, area.top - 4), title, faint, self._letters, anchor="end")

    def _edge(self, edge: DiagramEdge, shown: DiagramState) -> ShapeGroup:
        tones, scale = self._tones, self._stroke
        is_cut = not shown.cut_skips.isdisjoint(edge.skips)
        points = [self._point(point) for point in edge.points]
        colour = tones.faint if edge.kind is None else KIND_COLOURS[edge.kind]
        colour = CUT_COLOUR if is_cut else colour
        shapes: list[Shape] = []
        corner = _CORNER * self._zoom
        strength = 0.55 if shown.skip in edge.skips else 0.3
        if {shown.skip, shown.hovered_skip} & {*edge.skips}:
            shapes.append(Line(points, tones.opened, 7 * scale, (), corner, strength))
        dashes = () if edge.kind is None else tuple(d * scale for d in KIND_DASHES[edge.kind])
        width = (1.3 if edge.kind is None else 2.0) * scale
        shapes.append(Line(points, colour, width, dashes, corner))
        size = min(11.0, max(5.0, 7.0 * self._zoom))
        shapes.append(Polygon(_arrow_head(points, size), colour))
        if is_cut:
            shapes += self._cross(_halfway(points), 5 * scale)
        told = f"{edge.source} → {edge.target}"
        if edge.kind is not None:
            told += f", {KIND_TEXTS[edge.kind]}{', cut' if is_cut else ''}"
        return ShapeGroup(shapes, told)

    def _cross(self, middle: Point, reach: float) -> Iterator[Shape]:
        """A saltire on a ground of its own, so that it is seen on any line."""
        x, y = middle
        for colour, width in ((self._tones.ground, 5.0), (CUT_COLOUR, 2.4)):
            for side in (-reach, reach):
                yield Line(((x - reach, y - side), (x + reach, y + side)), colour, width)

    def _node(self, node: DiagramNode, shown: DiagramState) -> ShapeGroup:
        tones, area = self._tones, self.box(node.box)
        opened = bool(shown.stage) and shown.stage in node.members
        shapes: list[Shape] = []
        if opened:
            shapes.append(Rectangle(area, stroke=tones.opened, width=7, radius=4, opacity=0.45))
        fill = tones.hovered if node.id == shown.hovered else tones.card
        stroke = tones.opened if opened else ROLE_COLOURS[node.role]
        step = max(2.0, 3 * self._zoom)
        for shift in (2 * step, step, 0.0) if node.folded else (0.0,):
            moved = Box(area.left + shift, area.top + shift, area.width, area.height)
            shapes.append(Rectangle(moved, fill, stroke, 2.4 if opened else 1.3, radius=4))
        picture = self.box(node.picture)
        has_one = node.id in shown.pictures
        shapes.append(Raster(picture, node.id) if has_one else Rectangle(picture, tones.empty))
        shapes += self._texts(node)
        if node.id in shown.cut_channels:
            shapes += self._cut_sign(picture, shown.cut_channels[node.id])
        told = f"{node.layer.name} ({node.role}), {shape_text(node.layer)}, {detail_text(node)}"
        return ShapeGroup(shapes, told)

    def _cut_sign(self, picture: Box, count: int) -> Iterator[Shape]:
        """A cross in the picture's corner, with the number of channels if not all are cut."""
        yield from self._cross((picture.right - 8, picture.top + 8), 4)
        if count and picture.width > 34:
            tag = Box(picture.right - 34, picture.top + 1, 20, 13)
            yield Rectangle(tag, self._tones.ground)
            at = tag.centre[0], tag.centre[1] + 10 * _BASE
            yield Text(at, str(count), CUT_COLOUR, 10, anchor="middle")

    def _texts(self, node: DiagramNode) -> Iterator[Shape]:
        """Name and mark of the role, shape, and below them what fits."""
        area, size, tones = self.box(node.text), self._letters, self._tones
        height = size * _LINE_HEIGHT
        lines = int((area.height + 3) / height)
        if area.width < _LEAST_WIDTH or lines < 1:
            return
        base = area.top + height / 2 + size * _BASE
        left, mark = area.left, 0.76 * size + 3
        # the name says more than the mark, whose colour the border has too
        fits = self._width(node.label, size, True) + mark <= area.width
        if area.width >= _MARK_FROM and fits:
            side = 0.68 * size
            box = Box(left, area.top + (height - side) / 2, side, side)
            for polygon in role_mark(node.role, box):
                yield Polygon(polygon, ROLE_COLOURS[node.role])
            left += mark
        name = self.shortened(node.label, area.right - left, size)
        branch = self._branch_text(node, area.width)
        if branch and lines == 1:  # a rate says more than the name of one of several alike
            yield Text((area.left, base), branch, tones.text, size)
            return
        yield Text((left, base), name, tones.text, size, bold=True)
        for index, (text, colour) in enumerate(self._more(node, area.width), 1):
            if index >= lines:
                return
            yield Text((area.left, base + index * height), text, colour, size)

    def _more(self, node: DiagramNode, room: float) -> Iterator[tuple[str, str]]:
        """The lines below the name with their colours, the most important first."""
        channels, height, across = node.layer.shape
        tones, size = self._tones, self._letters
        lines = [shape_text(node.layer)]
        if self._width(lines[0], size, False) > room:
            lines = [f"{channels} ch", f"{height}{TIMES}{across}"]
        if branch := self._branch_text(node, room):
            lines.insert(0, branch)
        told = [(text, tones.text) for text in lines]
        told += [(detail_text(node), tones.faint), (str(node.role), tones.faint)]
        # a number that is cut off would say something else
        return (one for one in told if self._width(one[0], size, False) <= room + 1)

    def _branch_text(self, node: DiagramNode, room: float) -> str:
        """All that differs between parallel branches, in the longest form that fits; or ""."""
        texts = () if node.folded else node.layer.branch_texts
        fitting = (t for t in texts if self._width(t, self._letters, False) <= room + 1)
        return next(fitting, "")

    def _handle(self, handle: Handle) -> Iterator[Shape]:
        area, tones = handle.area, self._tones
        left = area.left
        if handle.knob:
            knob = Box(left + 0.5, area.top + 0.5, _KNOB - 1, _KNOB - 1)
            yield Rectangle(knob, tones.ground, ROLE_COLOURS[handle.group.role], radius=2)
            x, y = knob.centre
            yield Line(((x - 3, y), (x + 3, y)), tones.text, 1.4)
            if handle.group.folded:
                yield Line(((x, y - 3), (x, y + 3)), tones.text, 1.4)
            left += _KNOB + 3
        if handle.named:
            yield Rectangle(Box(left - 2, area.top + 1, area.right - left + 2, 11), tones.band)
            at = left, area.centre[1] + _GROUP_PX * _BASE
            yield Text(at, handle.group.title, tones.faint, _GROUP_PX)


def _rank(edge: DiagramEdge, shown: DiagramState) -> int:
    """Skips lie over the path, the opened one over the others."""
    if edge.kind is None:
        return 0
    return 2 if {shown.skip, shown.hovered_skip} & {*edge.skips} else 1


def _arrow_head(points: list[Point], size: float) -> tuple[Point, ...]:
    """The triangle at the end of a line."""
    tip, (x, y) = points[-1], points[-2]
    length = abs(x - tip[0]) + abs(y - tip[1]) or 1.0
    dx, dy = (x - tip[0]) / length * size, (y - tip[1]) / length * size
    return (
        tip,
        (tip[0] + dx - dy * 0.45, tip[1] + dy + dx * 0.45),
        (tip[0] + dx + dy * 0.45, tip[1] + dy - dx * 0.45),
    )


def _halfway(points: list[Point]) -> Point:
    """The middle of a line's longest part, where there is room for a sign."""
    (x0, y0), (x1, y1) = max(
        pairwise(points),
        key=lambda ends: abs(ends[0][0] - ends[1][0]) + abs(ends[0][1] - ends[1][1]),
    )
    return (x0 + x1) / 2, (y0 + y1) / 2
