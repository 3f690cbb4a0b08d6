"""Where the nodes of a network's diagram go: a row for each stride, columns by what they read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from segstudio.core.features import Role
from segstudio.report.diagram_graph import DiagramGraph, Vertex
from segstudio.report.diagram_parts import Band, Box, Sizes, hull

_DOWN = (Role.INPUT, Role.ENCODER, Role.BOTTLENECK)
_ALIKE = (Role.PROPOSALS, Role.HEAD)
_BRANCH_GAP = 10.0
_STACK_GAP = 6.0
_BRACKET = 8.0


@dataclass(frozen=True, slots=True)
class DiagramCell:
    """Where a vertex stands in the grid.

    Attributes:
        row: The stride's index.
        column: From the left.
        slot: Index among several alike in one cell, and how many they are.
    """

    row: int
    column: int
    slot: tuple[int, int] = (0, 1)


@dataclass
class Placing:
    """The grid while it fills, and what it came to.

    Attributes:
        cells: By vertex id; parallel branches have none.
        boxes: By vertex id.
        columns: By vertex id; a half where a vertex lies between two.
        bands: The rows.
    """

    cells: dict[str, DiagramCell] = field(default_factory=dict)
    boxes: dict[str, Box] = field(default_factory=dict)
    columns: dict[str, float] = field(default_factory=dict)
    bands: tuple[Band, ...] = ()


def bands_of(graph: DiagramGraph, sizes: Sizes, also: tuple[Band, ...] = ()) -> tuple[Band, ...]:
    """The rows that a network needs; with `also`, those that another network needs too.

    Rows of the same stride are equally high then, so that two diagrams beside each other align.
    """
    lines: dict[int, list[float]] = {band.stride: list(band.lines) for band in also}
    layers = {vertex.id: vertex.layer for vertex in graph.vertices}
    shown = {band.stride: band.photo_stride for band in also}
    shown |= {x.stride: x.photo_stride for x in layers.values() if x.receptive_field is not None}
    strides = {layer.stride for layer in layers.values() if layer.stride > 0} or {1}
    for stride in strides:
        _grow(lines.setdefault(stride, []), [sizes.node_wh[1]])
    for join in graph.branches:
        extra = sizes.branch_wh[1] + 2 * _BRACKET
        _grow(lines[layers[join].stride], [sizes.node_wh[1], extra])
    bands: list[Band] = []
    top = sizes.header
    for stride in sorted(lines):
        height = sum(lines[stride]) + sizes.row_gap * (len(lines[stride]) - 1)
        bands.append(Band(stride, top, height, tuple(lines[stride]), shown.get(stride, stride)))
        top += height + sizes.row_gap
    return tuple(bands)


def _grow(lines: list[float], needed: list[float]) -> None:
    for index, height in enumerate(needed):
        if index < len(lines):
            lines[index] = max(lines[index], height)
        else:
            lines.append(height)


def place(graph: DiagramGraph, sizes: Sizes, bands: tuple[Band, ...]) -> Placing:
    """Give every vertex its place.

    The way down (input, encoder, bottleneck) goes down the left: a coarser stride starts at the
    left again, stages of the same stride follow to the right. Everything else is right of what it
    reads in its row, and not left of what it reads in others; so a U closes itself, dense skips
    (U-Net++) become a triangle, and pyramids and decoders go up. Regions' features take free
    places right of the pyramid.
    """
    placing = Placing(bands=bands)
    grid = _Grid(graph, placing.cells, {band.stride: i for i, band in enumerate(bands)})
    for vertex in graph.vertices:
        if vertex.layer.stride > 0 and vertex.id not in grid.branch_of:
            grid.put(vertex)
    for vertex in graph.vertices:
        if vertex.layer.stride <= 0:
            grid.put_region(vertex)
    lefts = _column_lefts(graph, sizes, placing.cells)
    for key, cell in placing.cells.items():
        placing.columns[key] = cell.column
        placing.boxes[key] = _box(cell, lefts, sizes, bands)
    _centre_bottleneck(graph, placing)
    for join, branches in graph.branches.items():
        _place_branches(graph, sizes, placing, join, branches)
    return placing


class _Grid:
    """Fills the cells, one vertex after the other."""

    def __init__(
        self, graph: DiagramGraph, cells: dict[str, DiagramCell], rows: Mapping[int, int]
    ) -> None:
        self._graph, self._cells, self._rows = graph, cells, rows
        self._taken: set[tuple[int, int]] = set()
        self._bottom = len(rows)
        self.branch_of = {b: join for join, ids in graph.branches.items() for b in ids}
        self._sources: dict[str, list[str]] = {}
        for link in graph.links:
            self._sources.setdefault(link.target, []).append(link.source)
        self._first_down: int | None = None

    def put(self, vertex: Vertex) -> None:
        """Place a stage that belongs to a stride."""
        row = self._rows[vertex.layer.stride]
        sources = [self._cells[u] for u in self._read_by(vertex.id) if u in self._cells]
        if self._joined_alike(vertex):
            return
        same = [cell.column + 1 for cell in sources if cell.row == row]
        other = [cell.column for cell in sources if cell.row != row]
        if vertex.layer.role in _DOWN and not same and self._first_down is not None:
            other = [self._first_down]
        column = max([0, *same, *other])
        while (row, column) in self._taken:
            column += 1
        if vertex.layer.role is Role.ENCODER and self._first_down is None:
            self._first_down = column
        self._take(vertex.id, row, column)

    def put_region(self, vertex: Vertex) -> None:
        """Place features of regions: right of what they read, in the first row that is free."""
        sources = [self._cells[u] for u in self._read_by(vertex.id) if u in self._cells]
        column = max((cell.column + 1 for cell in sources), default=0)
        regions = {v.id for v in self._graph.vertices if v.layer.stride <= 0}
        chained = any(u in regions for u in self._read_by(vertex.id))
        row = min((cell.row for cell in sources), default=0)
        # what follows stays in its row; what begins looks for a row of its own
        while not chained and any((row, c) in self._taken for c in (column, column + 1)):
            row += 1
            if row >= self._bottom:
                row, column = min((cell.row for cell in sources), default=0), column + 1
        while (row, column) in self._taken:
            column += 1
        self._take(vertex.id, row, column)

    def _take(self, key: str, row: int, column: int) -> None:
        self._cells[key] = DiagramCell(row, column)
        self._taken.add((row, column))

    def _read_by(self, key: str) -> list[str]:
        """What a vertex reads; through parallel branches, what they read."""
        found: list[str] = []
        for source in self._sources.get(key, []):
            found += self._sources.get(source, []) if source in self.branch_of else [source]
        return found

    def _joined_alike(self, vertex: Vertex) -> bool:
        """Put a vertex into the cell of one that does the same with the same; whether it did."""
        if vertex.layer.role not in _ALIKE:
            return False
        sources = self._sources.get(vertex.id, [])
        for other in self._graph.vertices:
            alike = (
                other.id in self._cells
                and other.layer.role is vertex.layer.role
                and other.layer.stride == vertex.layer.stride
                and self._sources.get(other.id) == sources
            )
            if alike and self._share(self._cells[other.id], vertex.id):
                return True
        return False

    def _share(self, cell: DiagramCell, key: str) -> bool:
        count = cell.slot[1] + 1
        if count > 2:
            return False
        for other, taken in list(self._cells.items()):
            if (taken.row, taken.column) == (cell.row, cell.column):
                self._cells[other] = DiagramCell(cell.row, cell.column, (taken.slot[0], count))
        self._cells[key] = DiagramCell(cell.row, cell.column, (count - 1, count))
        return True


def _column_lefts(
    graph: DiagramGraph, sizes: Sizes, cells: Mapping[str, DiagramCell]
) -> list[float]:
    """Left edges of the columns; a join of parallel branches stands right of all of them."""
    width = sizes.node_wh[0]
    count = 1 + max((cell.column for cell in cells.values()), default=0)
    room = dict.fromkeys(range(count), sizes.gutter)
    for join, branches in graph.branches.items():
        span = _branch_span(sizes, len(branches))
        room[cells[join].column] = sizes.gutter + span + 2 * _BRACKET + 16 - width / 2
    lefts: list[float] = []
    for column in range(count):
        next_left = lefts[-1] + width + sizes.column_gap if lefts else sizes.gutter
        lefts.append(max(next_left, room[column]))
    return lefts


def _branch_span(sizes: Sizes, count: int) -> float:
    return count * sizes.branch_wh[0] + (count - 1) * _BRANCH_GAP


def _box(cell: DiagramCell, lefts: list[float], sizes: Sizes, bands: tuple[Band, ...]) -> Box:
    width, height = sizes.node_wh
    index, count = cell.slot
    part = (height - _STACK_GAP * (count - 1)) / count
    top = bands[cell.row].top + index * (part + _STACK_GAP)
    return Box(lefts[cell.column], top, width, part)


def _centre_bottleneck(graph: DiagramGraph, placing: Placing) -> None:
    """Move the bottom of a U between its arms, where it is alone in its row."""
    for vertex in graph.vertices:
        if vertex.layer.role is not Role.BOTTLENECK or vertex.id not in placing.cells:
            continue
        cell = placing.cells[vertex.id]
        alone = all(
            key == vertex.id or other.row != cell.row for key, other in placing.cells.items()
        )
        targets = [link.target for link in graph.links if link.source == vertex.id]
        right = [placing.boxes[t] for t in targets if t in placing.boxes]
        nearest = min(right, key=lambda box: box.left, default=None)
        box = placing.boxes[vertex.id]
        if alone and nearest is not None and nearest.left > box.left:
            middle = (box.left + nearest.left) / 2
            placing.boxes[vertex.id] = Box(middle, box.top, box.width, box.height)
            placing.columns[vertex.id] = cell.column + 0.5


def _place_branches(
    graph: DiagramGraph, sizes: Sizes, placing: Placing, join: str, branches: tuple[str, ...]
) -> None:
    """Parallel branches side by side, below the line from what they read to what joins them."""
    band = placing.bands[placing.cells[join].row]
    width, height = sizes.branch_wh
    span = _branch_span(sizes, len(branches))
    reads = [link.source for link in graph.links if link.target == branches[0]]
    join_x = placing.boxes[join].centre[0]
    source_x = placing.boxes[reads[0]].centre[0] if reads and reads[0] in placing.boxes else 0.0
    last = join_x - span - _BRACKET - 16
    left = max(sizes.gutter + _BRACKET, min((join_x + source_x - span) / 2, last))
    top = band.top + band.lines[0] + sizes.row_gap + _BRACKET
    for index, key in enumerate(branches):
        place_left = left + index * (width + _BRANCH_GAP)
        placing.boxes[key] = Box(place_left, top, width, height)
        placing.columns[key] = placing.cells[join].column - 0.5


def bracket_of(boxes: list[Box]) -> Box:
    """The frame around parallel branches."""
    return hull(boxes, _BRACKET)
