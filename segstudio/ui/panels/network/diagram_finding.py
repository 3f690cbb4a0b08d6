"""What lies at a place of the diagram, beside a node, and what is said of it."""

from __future__ import annotations

import itertools
import math
from typing import Literal

from segstudio.core.diagram import Diagram, Edge, Group, Node, Point
from segstudio.core.diagram_style import KIND_TEXTS, TIMES, shape_text, stride_text
from segstudio.core.features import LayerInfo
from segstudio.core.formatting import count_text, short_text
from segstudio.session.inspection import Traced

Direction = Literal["left", "right", "up", "down"]


def node_at(diagram: Diagram, point: Point) -> Node | None:
    return next((node for node in diagram.nodes if node.box.contains(point)), None)


def edge_near(diagram: Diagram, point: Point, reach: float) -> Edge | None:
    """The nearest skip edge that is not farther away than `reach`."""
    near = [
        (distance, index)
        for index, edge in enumerate(diagram.edges)
        if edge.skips and (distance := _distance(edge, point)) <= reach
    ]
    return diagram.edges[min(near)[1]] if near else None


def _distance(edge: Edge, point: Point) -> float:
    x, y = point
    found = []
    for (x0, y0), (x1, y1) in itertools.pairwise(edge.points):
        dx = max(min(x0, x1) - x, 0.0, x - max(x0, x1))
        dy = max(min(y0, y1) - y, 0.0, y - max(y0, y1))
        found.append(math.hypot(dx, dy))
    return min(found)


def neighbour(diagram: Diagram, stage_id: str, direction: Direction) -> Node | None:
    """The next node in a direction; the first one where none is opened."""
    start = diagram.node_of(stage_id)
    if start is None:
        return diagram.nodes[0]
    x, y = start.box.centre
    sign = 1 if direction in ("right", "down") else -1
    flat = direction in ("left", "right")
    best, lowest = None, float("inf")
    for node in diagram.nodes:
        dx, dy = node.box.centre[0] - x, node.box.centre[1] - y
        ahead, aside = (dx, dy) if flat else (dy, dx)
        # what lies straight ahead is nearer than what lies aside
        cost = sign * ahead + 3 * abs(aside)
        if sign * ahead > 8 and cost < lowest:
            best, lowest = node, cost
    return best


def tip_of(traced: Traced | None, group: Group | None, node: Node | None, skip: str) -> str:
    """What the tool tip says; "" for nothing."""
    if traced is None:
        return ""
    if group is not None:
        verb = "Unfold" if group.folded else "Fold"
        return f"{verb}: {group.title.lower()}, {len(group.members)} stages"
    if node is not None:
        return _stage_tip(node, traced)
    if skip:
        edge = traced.trace.skip(skip)
        channels, height, width = edge.shape
        via = f"\nthrough {edge.via}" if edge.via != edge.source else ""
        return (
            f"{edge.source} → {edge.target}\n"
            f"{channels}{TIMES}{height}{TIMES}{width}, {KIND_TEXTS[edge.kind]}{via}"
        )
    return ""


def _stage_tip(node: Node, traced: Traced) -> str:
    layers = [traced.trace.layer(key) for key in node.members]
    layer = node.layer
    lines = [
        f"{layer.name} ({layer.role})",
        f"{shape_text(layer)}, {stride_text(layer.photo_stride)}",
    ]
    if node.folded:
        lines.insert(0, f"{len(layers)} stages: {node.members[0]} … {node.members[-1]}")
    parameters, macs = sum(x.parameters for x in layers), sum(x.macs for x in layers)
    lines.append(f"{count_text(parameters)} parameters, {short_text(macs)} multiply-adds")
    lines += _field_text(layer)
    if layer.regions is not None:
        lines.append(f"of {count_text(layer.regions)} regions, the first one is shown")
    return "\n".join(lines)


def _field_text(layer: LayerInfo) -> list[str]:
    field = layer.receptive_field
    if field is None:
        return ["has no place of its own on the photo"]
    size = f"{TIMES.join(map(count_text, layer.photo_field or ()))} pixels of the photo"
    if not field.has_local:
        return ["sees the whole image"]
    return [f"receptive field {size}" + (", and the whole image" if field.is_global else "")]
