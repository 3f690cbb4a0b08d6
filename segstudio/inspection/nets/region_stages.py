"""Instance models: the pyramid's levels, the proposals, and the heads that look at regions."""

from __future__ import annotations

from segstudio.inspection.nets.graph import OperationGraph, bits
from segstudio.inspection.nets.merges import first_region
from segstudio.inspection.nets.operations import REGION_POOLING


def has_regions(graph: OperationGraph) -> bool:
    """Return whether the pass pooled regions of its maps (RoI align)."""
    return first_region(graph) < len(graph.nodes)


def pyramid_levels(graph: OperationGraph) -> list[int]:
    """Return the maps that regions are pooled from or that proposals are made from."""
    levels = _pooled_from(graph)
    before = _mask_of(graph, levels)
    for index in _proposal_convolutions(graph):
        if not any(graph.reach[index] >> c & 1 for c in _proposal_convolutions(graph) if c < index):
            levels |= {s for s in bits(graph.sources[index]) if not before >> s & 1 or s in levels}
    return sorted(levels)


def proposals(graph: OperationGraph) -> list[int]:
    """Return the last maps of the proposal network on the finest level, one a kind."""
    convolutions = _proposal_convolutions(graph)
    ends = [
        c for c in convolutions if not any(graph.reach[d] >> c & 1 for d in convolutions if d > c)
    ]
    kinds: dict[str, int] = {}
    for index in sorted(ends, key=lambda i: (graph.stride[i], i)):
        kinds.setdefault(graph.nodes[index].site.module, index)
    return sorted(kinds.values())


def region_heads(graph: OperationGraph) -> tuple[list[int], list[int]]:
    """Return the results of the modules that look at regions: of boxes, and of masks.

    A head that flattens its regions into vectors judges boxes; one that keeps them as maps to the
    end draws masks.
    """
    limit = first_region(graph)
    pooled = [n.index for n in graph.nodes if n.site.op in REGION_POOLING]
    outer: list[int] = []
    for node in graph.nodes[limit:]:
        learned = _has_parameters(graph, node.index, limit)
        from_region = any(graph.origin[node.index] >> p & 1 for p in pooled)
        if node.names and learned and from_region:
            outer.append(node.index)
    top = min((graph.depth(index) for index in outer), default=0)
    outer = [index for index in outer if graph.depth(index) == top]
    masks = [index for index in outer if len(graph.nodes[index].shape) == 4]
    return [index for index in outer if index not in masks], masks


def _pooled_from(graph: OperationGraph) -> set[int]:
    found: set[int] = set()
    for node in graph.nodes:
        if node.site.op in REGION_POOLING:
            found |= {parent for parent in node.parents if graph.is_map(parent)}
    return found


def _mask_of(graph: OperationGraph, indices: set[int]) -> int:
    mask = 0
    for index in indices:
        mask |= graph.reach[index]
    return mask


def _proposal_convolutions(graph: OperationGraph) -> list[int]:
    """Return the convolutions on maps, before the regions, that no pooled map comes from."""
    before = _mask_of(graph, _pooled_from(graph))
    return [
        node.index
        for node in graph.nodes[: first_region(graph)]
        if graph.is_convolution(node.index)
        and graph.is_map(node.index)
        and not before >> node.index & 1
    ]


def _has_parameters(graph: OperationGraph, index: int, limit: int) -> bool:
    own = graph.origin[index] >> limit << limit
    return any(graph.nodes[i].parameters for i in bits(own))
