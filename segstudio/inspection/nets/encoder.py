"""The encoder's ladder: which maps are its stages, and where it ends."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from segstudio.inspection.nets.graph import OperationGraph, bits, is_inside
from segstudio.inspection.nets.merges import Merge
from segstudio.inspection.nets.operations import SHAPE_ONLY

_VIEWS: Final = SHAPE_ONLY | {"getitem", "layer_norm", "split", "chunk"}


@dataclass(frozen=True, slots=True)
class Ladder:
    """The encoder's stages from fine to coarse.

    Attributes:
        rungs: nodes; the last is the bottleneck.
        container: path of the module that holds the stages; "" if the model itself does.
    """

    rungs: tuple[int, ...]
    container: str

    @property
    def end(self) -> int:
        """The bottleneck's node."""
        return self.rungs[-1]


def find_ladder(graph: OperationGraph, merges: list[Merge], coarsest: int) -> Ladder:
    """Return the encoder's stages.

    A stage is the last map of each stride on the way to the coarsest one: the source of a skip if
    there is one, else the last result of the outermost modules. The encoder ends at the boundary
    of the module that holds its finer stages, so that what a decoder makes of its coarsest map
    (atrous pooling, a lateral convolution) is not taken for a stage of the encoder. Dilated stages
    share one stride; there each change of dilation makes a stage.

    Args:
        graph: of one pass.
        merges: of the pass.
        coarsest: node that the coarsest upsampling reads.
    """
    trunk = graph.reach[coarsest] & ~graph.reach[graph.grid.index]
    trunk |= _side_views(graph, coarsest)
    attached = _attached(graph, merges, trunk)
    rungs = _rungs(graph, trunk, attached)
    finer = [rung for rung in rungs if graph.stride[rung] < graph.stride[coarsest]]
    container = _container([_path(graph, rung) for rung in finer])
    end = _end(graph, trunk, attached, container, coarsest)
    trunk &= graph.reach[end] | _side_views(graph, end)
    attached &= trunk
    rungs = [rung for rung in _rungs(graph, trunk, attached) if rung != end]
    rungs = [
        rung for rung in rungs if graph.stride[rung] != graph.stride[end] or attached >> rung & 1
    ]
    rungs += _dilated(graph, trunk, container, end)
    return Ladder((*sorted(set(rungs)), end), container)


def _attached(graph: OperationGraph, merges: list[Merge], trunk: int) -> int:
    """Return the maps of the trunk where skips leave it."""
    mask = 0
    for merge in merges:
        for place in merge.edges:
            own = graph.reach[merge.args[place].node] & ~trunk
            if any(graph.is_upsampling(index) and not _is_lateral(graph, index, trunk)
                   for index in bits(own)):  # fmt: skip
                continue
            on_trunk = graph.reach[merge.args[place].node] & trunk
            if on_trunk:
                mask |= 1 << (on_trunk.bit_length() - 1)
    return mask


def _is_lateral(graph: OperationGraph, index: int, trunk: int) -> bool:
    """Return whether an upsampling reads the trunk through convolutions alone."""
    while not trunk >> index & 1:
        index = graph.source_of(index)
        if index < 0 or graph.is_upsampling(index):
            return False
    return True


def _rungs(graph: OperationGraph, trunk: int, attached: int) -> list[int]:
    levels: dict[int, list[int]] = {}
    for index in bits(trunk):
        levels.setdefault(graph.stride[index], []).append(index)
    rungs: list[int] = []
    for members in levels.values():
        skips = [index for index in members if attached >> index & 1]
        named = [index for index in members if graph.names(index)] or members
        top = min(graph.depth(index) for index in named)
        last = max(index for index in named if graph.depth(index) == top)
        # a skip may leave in the middle of a stage that goes on
        if not skips or (last > max(skips) and _is_sibling(graph, last, skips[-1])):
            rungs.append(last)
        rungs += skips
    return sorted(rungs)


def _is_sibling(graph: OperationGraph, index: int, other: int) -> bool:
    return _path(graph, index).rpartition(".")[0] == _path(graph, other).rpartition(".")[0]


def _path(graph: OperationGraph, index: int) -> str:
    return graph.name(index).split(" ")[0]


def _container(names: list[str]) -> str:
    """Return the module that holds the two finest stages, "" if only the model does."""
    parents = [name.split(".")[:-1] for name in names[:2]]
    if not parents:
        return ""
    common = []
    for parts in zip(*parents, strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    return ".".join(common)


def _end(graph: OperationGraph, trunk: int, attached: int, container: str, coarsest: int) -> int:
    if not container:
        return coarsest
    inside = [
        index
        for index in bits(trunk)
        if graph.within(index, container) or is_inside(_path(graph, index), container)
    ]
    last = inside[-1] if inside else coarsest
    left = attached & ((2 << last) - 1)
    if left:  # a bottleneck of its own may follow a module that holds the finer stages
        own = graph.origin[last] & ~graph.origin[left.bit_length() - 1]
        deeper = not any(graph.is_convolution(index) for index in bits(own))
    else:
        deeper = graph.stride[coarsest] > graph.stride[last]
    return coarsest if deeper else last


def _side_views(graph: OperationGraph, end: int) -> int:
    """Return the maps that are mere reshapings of the tokens on the way to a map.

    A transformer's stages are read that way: the next one goes on from the tokens.
    """
    mask = 0
    for index in range(graph.grid.index + 1, end):
        if graph.origin[end] >> index & 1 or not graph.is_map(index):
            continue
        node = graph.nodes[index]
        while node.parents and node.site.op in _VIEWS and not graph.origin[end] >> node.index & 1:
            node = graph.nodes[node.parents[0]]
        if graph.origin[end] >> node.index & 1 and not graph.is_map(node.index):
            if not mask or graph.nodes[index].site.op != "contiguous":
                mask |= 1 << index
            else:  # only the last of a chain of reshapings
                mask = mask & ~sum(1 << p for p in graph.nodes[index].parents) | 1 << index
    return mask


def _dilated(graph: OperationGraph, trunk: int, container: str, end: int) -> list[int]:
    """Return the last maps of the container's children where the dilation changes."""
    prefix = container.split(".") if container else []
    children: dict[str, tuple[int, int]] = {}  # its last map, its greatest dilation
    for index in bits(trunk):
        node = graph.nodes[index]
        path = node.site.module.split(".")
        if graph.stride[index] != graph.stride[end] or path[: len(prefix)] != prefix:
            continue
        child = ".".join(path[: len(prefix) + 1])
        previous = children.get(child, (-1, 0))
        children[child] = (index, max(previous[1], node.dilation))
    if max((dilation for _, dilation in children.values()), default=0) <= 1:
        return []
    members = [item for item in children.values() if item[1]]
    return [last for (last, dilation), (_, following) in pairwise(members) if dilation != following]
