"""A traced network as a diagram: the U, whatever its shape, laid out without a window."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import replace

from segstudio.core.features import FeatureTrace
from segstudio.report.diagram_graph import (
    REGIONS,
    DiagramGraph,
    GroupPlan,
    Link,
    graph_of,
    short_names,
)
from segstudio.report.diagram_parts import (
    Band,
    Box,
    Diagram,
    DiagramEdge,
    DiagramNode,
    Group,
    Point,
    Sizes,
    hull,
)
from segstudio.report.diagram_places import Placing, bands_of, bracket_of, place
from segstudio.report.diagram_routes import Lanes, Wish, carried, route
from segstudio.report.diagram_tracks import crowding, spread

_MARGIN = 14.0
_FRAME = 13.0
_PAD = 4.0


def lay_out(
    trace: FeatureTrace,
    *,
    folded: Collection[str] = frozenset(),
    sizes: Sizes | None = None,
    beside: Diagram | None = None,
) -> Diagram:
    """The diagram of a traced network.

    Every stride has a row, the finest at the top: the encoder goes down the left, the bottleneck
    is at the bottom, the decoder or pyramid goes up the right, skips run across.

    Args:
        trace: The network.
        folded: Ids of the groups (`Diagram.groups`) that are one node.
        sizes: How large things are; `Sizes.for_aspect` makes them fit the photo.
        beside: Another diagram whose rows shall align with this one's.
    """
    sizes = sizes or Sizes()
    if beside is not None:
        sizes = replace(sizes, row_gap=max(sizes.row_gap, beside.sizes.row_gap))
    # the lines are found for small nodes, and carried over to larger ones
    large = sizes
    sizes = replace(sizes, extra_height=0.0, extra_width=0.0)
    graph = graph_of(trace, folded)
    wishes = [_wish(link, graph) for link in graph.links]
    bundles = [wish.bundle for wish in wishes]
    rows = beside.bands if beside else ()
    placing = place(graph, sizes, bands_of(graph, sizes, rows))
    lanes = _lanes(placing, sizes)
    lines = route(wishes, placing.boxes, lanes)
    width, height = crowding(lines, bundles, (lanes.xs, lanes.ys))
    wider = replace(
        sizes,
        column_gap=max(sizes.column_gap, width + 24),
        row_gap=max(sizes.row_gap, height + 16),
        extra_height=large.extra_height,
        extra_width=large.extra_width,
    )
    if wider != sizes:
        before, sizes = (placing.boxes, lanes), wider
        placing = place(graph, sizes, bands_of(graph, sizes, rows))
        lanes = _lanes(placing, sizes)
        moved = carried(lines, before, (placing.boxes, lanes))
        lines = moved or route(wishes, placing.boxes, lanes)
    room = sizes.column_gap - 20, sizes.row_gap - 12
    edges = tuple(
        DiagramEdge(link.source, link.target, link.kind, link.skips, link.shared, line)
        for link, line in zip(graph.links, spread(lines, bundles, room), strict=True)
    )
    return _whole(trace, graph, placing, edges, sizes, folded)


def _whole(
    trace: FeatureTrace,
    graph: DiagramGraph,
    placing: Placing,
    edges: tuple[DiagramEdge, ...],
    sizes: Sizes,
    folded: Collection[str],
) -> Diagram:
    nodes = _nodes(trace, graph, placing, sizes)
    frames = _frames(graph, placing)
    groups = tuple(_group(plan, folded, nodes, graph, placing) for plan in graph.plans)
    boxes = [node.box for node in nodes] + [box for _, box in frames]
    boxes += [group.bracket for group in groups if group.bracket is not None]
    corners = [point for edge in edges for point in edge.points]
    width = max([box.right for box in boxes] + [x for x, _ in corners]) + _MARGIN
    bottoms = [box.bottom for box in boxes] + [y for _, y in corners]
    last = placing.bands[-1]
    height = max([*bottoms, last.top + last.height]) + _MARGIN
    return Diagram(nodes, edges, placing.bands, groups, frames, width, height, sizes)


def _nodes(
    trace: FeatureTrace, graph: DiagramGraph, placing: Placing, sizes: Sizes
) -> tuple[DiagramNode, ...]:
    names = short_names(trace)
    branches = {key for ids in graph.branches.values() for key in ids}
    rows = {band.stride: index for index, band in enumerate(placing.bands)}
    made = []
    for vertex in graph.vertices:
        box = placing.boxes[vertex.id]
        branch = vertex.id in branches
        picture, text = _branch_areas(box) if branch else _areas(box, sizes)
        row = rows[vertex.layer.stride] if branch else placing.cells[vertex.id].row
        small = branch or box.height < sizes.node_wh[1]
        cell = row, placing.columns[vertex.id], small
        names_of = vertex.id, names[vertex.id], vertex.layer, vertex.members
        made.append(DiagramNode(*names_of, box, picture, text, *cell))
    return tuple(made)


def _areas(box: Box, sizes: Sizes) -> tuple[Box, Box]:
    """Picture at the left, in the middle of the height; text at the right."""
    room = box.height - 2 * _PAD
    height = min(room, sizes.picture_wh[1])
    width = sizes.picture_wh[0] * height / sizes.picture_wh[1]
    picture = Box(box.left + _PAD, box.top + _PAD + (room - height) / 2, width, height)
    left = picture.right + 6
    return picture, Box(left, box.top + _PAD, box.right - _PAD - left, room)


def _branch_areas(box: Box) -> tuple[Box, Box]:
    """Picture at the top, text below."""
    picture = Box(box.left + _PAD, box.top + _PAD, box.width - 2 * _PAD, box.height - 36)
    below = picture.bottom + 1
    return picture, Box(picture.left, below, picture.width, box.bottom - 2 - below)


def _wish(link: Link, graph: DiagramGraph) -> Wish:
    """What is asked of a link's line; lines of parallel branches share a way in and a way out."""
    for join, branches in graph.branches.items():
        if link.target in branches:
            return Wish(link.source, link.target, f"{join} in", ("bottom", "top"))
        if link.source in branches:
            return Wish(link.source, link.target, f"{join} out", ("bottom", "bottom"))
    if link.kind is not None:
        return Wish(link.source, link.target)
    regions = {v.id for v in graph.vertices if v.layer.stride <= 0}
    into_regions = link.target in regions and link.source not in regions
    return Wish(link.source, link.target, REGIONS if into_regions else link.source)


def _lanes(placing: Placing, sizes: Sizes) -> Lanes:
    """The middles of the gaps between columns, rows, and the lines of a row."""
    by_column: dict[int, list[Box]] = {}
    for key, cell in placing.cells.items():
        if placing.columns[key] == cell.column:
            by_column.setdefault(cell.column, []).append(placing.boxes[key])
    columns = [hull(by_column[column]) for column in sorted(by_column)]
    half = sizes.column_gap / 2
    xs = [columns[0].left - half / 2] + [
        # where branches push a column away, beside it rather than in the middle
        min((a.right + b.left) / 2, a.right + half)
        for a, b in itertools.pairwise(columns)
    ]
    xs += [b.left - half for a, b in itertools.pairwise(columns) if b.left - a.right > 2 * half + 1]
    xs.append(columns[-1].right + half)
    ys: list[float] = []
    for band in placing.bands:
        y = band.top
        for line in band.lines:
            ys.append(y - sizes.row_gap / 2)
            y += line + sizes.row_gap
        ys.append(y - sizes.row_gap / 2)
    return Lanes(tuple(sorted(set(xs))), tuple(sorted(set(ys))))


def _frames(graph: DiagramGraph, placing: Placing) -> tuple[tuple[str, Box], ...]:
    regions = [placing.boxes[v.id] for v in graph.vertices if v.layer.stride <= 0]
    # a group of them has a title of its own
    title = "" if any(plan.id == REGIONS for plan in graph.plans) else "For each region"
    return ((title, hull(regions, _FRAME)),) if regions else ()


def _group(
    plan: GroupPlan,
    folded: Collection[str],
    nodes: tuple[DiagramNode, ...],
    graph: DiagramGraph,
    placing: Placing,
) -> Group:
    is_folded = plan.id in folded
    shown = [node for node in nodes if set(node.members) & set(plan.members)]
    bracket = None
    if plan.id in graph.branches:
        bracket = bracket_of([placing.boxes[key] for key in graph.branches[plan.id]])
        anchor: Point = (bracket.left, bracket.top)
    else:
        first = min(shown, key=lambda node: (node.box.top, node.box.left))
        anchor = (first.box.left, first.box.top)
    return Group(plan.id, plan.title, plan.role, plan.members, is_folded, anchor, bracket)


__all__ = [
    "Band",
    "Box",
    "Diagram",
    "DiagramEdge",
    "DiagramNode",
    "Group",
    "Point",
    "Sizes",
    "lay_out",
]
