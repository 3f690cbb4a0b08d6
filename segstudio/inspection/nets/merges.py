"""Joins of maps: which argument comes from below, which are skips, which only give context."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from segstudio.core.features import Site
from segstudio.inspection.nets.graph import OperationGraph, bits
from segstudio.inspection.nets.operations import REGION_POOLING


@dataclass(frozen=True, slots=True)
class Arg:
    """One map that a join brings together with others.

    Attributes:
        node: the map.
        site: the operation whose argument it is (an inner one where joins are nested).
        argument: which argument.
        upsampling: the nearest upsampling on its own way to the join; -1: there is none.
        convolutions: after that upsampling.
        context: it only spreads out something pooled.
    """

    node: int
    site: Site
    argument: int
    upsampling: int = -1
    convolutions: int = 0
    context: bool = False

    @property
    def is_upsampled(self) -> bool:
        """Whether it was upsampled for this join, with no convolution in between."""
        return self.upsampling >= 0 and self.convolutions == 0


@dataclass(frozen=True, slots=True)
class Merge:
    """A concatenation or an addition of maps of which one comes from a coarser grid.

    Attributes:
        node: the result.
        args: what is joined, with nested joins of one kind flattened.
        deep: index in ``args`` of the path from below.
        edges: indices in ``args`` of the skips.
        common: bit mask of the maps that all arguments come from.
    """

    node: int
    args: tuple[Arg, ...]
    deep: int
    edges: tuple[int, ...]
    common: int

    @property
    def fans_in(self) -> bool:
        """Whether three or more levels are joined, two or more of them upsampled for it."""
        return len(self.edges) >= 2 and sum(arg.is_upsampled for arg in self.args) >= 2


def find_merges(graph: OperationGraph, goal: int | None) -> list[Merge]:
    """Return the joins on the way to a map, in order of execution.

    Args:
        graph: of one pass.
        goal: index of the map (the logits); None: of the whole pass.
    """
    merges: dict[int, Merge] = {}
    limit = first_region(graph)
    for node in graph.nodes[:limit]:
        on_way = goal is None or graph.reach[goal] >> node.index & 1
        if on_way and graph.is_map(node.index) and node.site.op in ("cat", "add", "stack"):
            merge = _merge(graph, _args(graph, node.index, merges), node.index)
            if merge is not None:
                merges[node.index] = merge
    inner = {arg for merge in merges.values() for arg in _flattened(graph, merge, merges)}
    return [merge for index, merge in merges.items() if index not in inner]


def find_branch_merges(
    graph: OperationGraph, goal: int | None, after: int
) -> list[tuple[int, list[int]]]:
    """Return the concatenations of parallel branches of one map, with a pooled one among them.

    These are pyramid pooling and atrous spatial pyramid pooling: context, not skips.

    Returns:
        The join and its branches, as nodes; the map itself is no branch.
    """
    found = []
    for node in graph.nodes[after + 1 : first_region(graph)]:
        on_way = goal is None or graph.reach[goal] >> node.index & 1
        if node.site.op != "cat" or node.dim != 1 or not on_way or not graph.is_map(node.index):
            continue
        args = [arg for arg in node.joined if arg >= 0 and graph.is_map(arg)]
        common = _common(graph, args)
        branches = [arg for arg in args if not common >> arg & 1]
        pooled = any(_is_context(graph, arg, common) for arg in branches)
        if pooled and len(args) >= 3:
            found.append((node.index, branches))
    return found


def first_region(graph: OperationGraph) -> int:
    """Return the index of the first pooling of regions, the number of nodes if there is none."""
    for node in graph.nodes:
        if node.site.op in REGION_POOLING:
            return node.index
    return len(graph.nodes)


def _args(graph: OperationGraph, index: int, merges: dict[int, Merge]) -> list[Arg]:
    """Return the joined maps of a node; an inner join that nothing else reads is opened."""
    node = graph.nodes[index]
    if node.site.op == "cat" and node.dim != 1:
        return []
    args: list[Arg] = []
    for place, arg in enumerate(node.joined):
        if arg < 0 or not graph.is_map(arg) or graph.size(arg) != graph.size(index):
            continue
        if _opens(graph, index, arg, merges):
            args += [Arg(a.node, a.site, a.argument) for a in merges[arg].args]
        else:
            args.append(Arg(arg, node.site, place))
    return args


def _opens(graph: OperationGraph, index: int, arg: int, merges: dict[int, Merge]) -> bool:
    same = graph.nodes[arg].site.op == graph.nodes[index].site.op
    return arg in merges and same and graph.children[arg] == [index]


def _flattened(graph: OperationGraph, merge: Merge, merges: dict[int, Merge]) -> list[int]:
    return [
        a for a in graph.nodes[merge.node].joined if a >= 0 and _opens(graph, merge.node, a, merges)
    ]


def _common(graph: OperationGraph, args: list[int]) -> int:
    common = -1
    for arg in args:
        common &= graph.reach[arg]
    return common if args else 0


def _merge(graph: OperationGraph, args: list[Arg], index: int) -> Merge | None:
    if len({arg.node for arg in args}) < 2:
        return None
    common = _common(graph, [arg.node for arg in args])
    if common <= 0:
        return None
    searched = [_searched(graph, arg, common, graph.is_upsampling) for arg in args]
    if all(arg.upsampling < 0 for arg in searched):  # levels of one stride, in a dilated network
        searched = [_searched(graph, arg, common, graph.is_resampling) for arg in args]
    ranks = {
        place: (
            arg.convolutions,
            -max(graph.stride[graph.source_of(arg.upsampling)], _coarsest(graph, arg.node, common)),
        )
        for place, arg in enumerate(searched)
        if arg.upsampling >= 0
    }
    if not ranks:
        return None
    deep = min(ranks, key=lambda place: ranks[place])
    edges = tuple(
        place
        for place, arg in enumerate(searched)
        if place != deep and not arg.context and not _same_way(graph, arg, searched[deep])
    )
    return Merge(index, tuple(searched), deep, edges, common) if edges else None


def _coarsest(graph: OperationGraph, index: int, common: int) -> int:
    return max((graph.stride[i] for i in bits(graph.reach[index] & ~common)), default=0)


def _searched(graph: OperationGraph, arg: Arg, common: int, wanted: Callable[[int], bool]) -> Arg:
    """Return an argument with what lies on its own way to the join."""
    if _is_context(graph, arg.node, common):
        return replace(arg, context=True)
    found = _nearest(graph, arg.node, common, wanted)
    return arg if found is None else replace(arg, upsampling=found[0], convolutions=found[1])


def _same_way(graph: OperationGraph, arg: Arg, deep: Arg) -> bool:
    """Return whether two arguments are upsampled from one map: a residual block, not a skip."""
    if arg.upsampling < 0:
        return False
    return graph.source_of(arg.upsampling) == graph.source_of(deep.upsampling)


def _is_context(graph: OperationGraph, index: int, common: int) -> bool:
    """Return whether a map's own way begins with something pooled that was spread out."""
    while not common >> index & 1:
        if graph.is_expansion(index):
            return True
        sources = list(bits(graph.sources[index]))
        if len(sources) != 1:
            return False
        index = sources[0]
    return False


def _nearest(
    graph: OperationGraph, start: int, common: int, wanted: Callable[[int], bool]
) -> tuple[int, int] | None:
    """Return the wanted operation with the fewest convolutions after it, and how many there are."""
    best = {start: 0}
    pending: deque[int] = deque([start])
    while pending:
        index = pending.popleft()
        if common >> index & 1 or best[index] < 0:
            continue
        if wanted(index):
            return index, best[index]
        cost = best[index] + graph.is_convolution(index)
        for source in sorted(bits(graph.sources[index]), reverse=True):
            if source not in best or cost < best[source]:
                best[source] = cost
                pending.append(source) if graph.is_convolution(index) else pending.appendleft(
                    source
                )
    return None
