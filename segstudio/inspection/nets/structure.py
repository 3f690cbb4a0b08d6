"""The parts of a network, found in one recorded pass: stages with roles, and skip edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from segstudio.core.features import EdgeKind, Role, Site
from segstudio.inspection.nets import decoder
from segstudio.inspection.nets.encoder import Ladder, find_ladder
from segstudio.inspection.nets.graph import OperationGraph, bits, is_inside
from segstudio.inspection.nets.merges import Merge, find_branch_merges, find_merges, first_region
from segstudio.inspection.nets.operations import REGION_POOLING

_UNPADDED: Final = (
    "convolutions without padding: each takes a border from its map, so skips are cropped to the "
    "middle where they are joined"
)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage as the structure knows it: the same for every input of the network."""

    site: Site
    name: str
    role: Role
    stride: int
    channels: int
    group: str = ""


@dataclass(frozen=True, slots=True)
class MapEdge:
    """One skip edge; ``source`` and ``target`` are sites of stages."""

    source: Site
    target: Site
    kind: EdgeKind
    carrier: Site
    via: str
    merged: tuple[tuple[Site, int], ...]
    deep: int
    index: int


@dataclass(frozen=True, slots=True)
class NetworkStructure:
    """What a network is made of.

    Attributes:
        stages: in order of execution.
        edges: in order of their joins.
        maps: sites of all maps.
        notes: what could not be found.
    """

    stages: tuple[Stage, ...]
    edges: tuple[MapEdge, ...]
    maps: frozenset[Site]
    notes: tuple[str, ...] = ()


def find_structure(graph: OperationGraph, goal: int | None) -> NetworkStructure:
    """Return the stages and skip edges of a recorded pass.

    Args:
        graph: of a pass with an image that is not square.
        goal: node of the logits; None where the model returns no map (instances).
    """
    return _Finder(graph, goal).find()


class _Finder:
    """Collects the roles of nodes, then names them."""

    def __init__(self, graph: OperationGraph, goal: int | None) -> None:
        self.graph = graph
        self.goal = goal
        self.roles: dict[int, Role] = {graph.grid.index: Role.INPUT}
        self.groups: dict[int, int] = {}
        self.ends: dict[int, int] = {}  # a join's node -> its stage's
        self.neck = -1
        self.instances = first_region(graph) < len(graph.nodes)  # RoI align

    def find(self) -> NetworkStructure:
        graph, goal = self.graph, self.goal
        merges = find_merges(graph, goal)
        ups = decoder.decoder_upsamplings(graph, goal, first_region(graph))
        coarsest = self._coarsest(ups, merges)
        ladder = find_ladder(graph, merges, coarsest)
        self.roles.update(dict.fromkeys(ladder.rungs, Role.ENCODER))
        self.roles[ladder.end] = Role.BOTTLENECK
        before = self._neck(ladder, ups, merges)
        self._branches(ladder)
        joints = decoder.find_joints(graph, merges, ups, before)
        for joint in joints:
            self._decoder_stage(joint, joints)
        self._inner_ends(merges, before)
        self._pyramid(merges)
        self._head()
        if self.instances:
            self._instance_stages(ups, ladder)
        return self._assemble(merges)

    def _coarsest(self, ups: list[int], merges: list[Merge]) -> int:
        graph = self.graph
        ups = ups or self._head_upsamplings()
        if ups:
            sources = {graph.source_of(up): up for up in reversed(ups)}
            deepest = max(sources, key=lambda index: (graph.stride[index], -index))
            entry = graph.entry(deepest, self._module_of(sources[deepest], merges))
            return entry if graph.stride[entry] == graph.stride[deepest] else deepest
        if self.goal is not None and graph.is_map(self.goal):
            return self.goal
        maps = [i for i in range(first_region(graph)) if graph.is_map(i)]
        return max(maps, key=lambda index: (graph.stride[index], index))

    def _module_of(self, up: int, merges: list[Merge]) -> str:
        """Return the module that upsamples and joins; what it does before is part of that."""
        own = self.graph.nodes[up].site.module
        for merge in merges:
            module = self.graph.nodes[merge.node].site.module
            if any(arg.upsampling == up for arg in merge.args) and is_inside(own, module):
                return module
        paths = {node.site.module for node in self.graph.nodes}
        composite = any(path != own and is_inside(path, own) for path in paths)
        return own if composite else own.rpartition(".")[0]

    def _head_upsamplings(self) -> list[int]:
        if self.goal is None:
            return []
        return [i for i in bits(self.graph.reach[self.goal]) if self.graph.is_upsampling(i)]

    def _neck(self, ladder: Ladder, ups: list[int], merges: list[Merge]) -> int:
        """Mark what lies between the bottleneck and the first step up; return what comes before."""
        graph, end = self.graph, ladder.end
        stride = graph.stride[end]
        steps = {a.upsampling for m in merges for a in m.args if a.upsampling >= 0}.union(ups)
        leaving = [
            up
            for up in sorted(steps)
            if graph.stride[graph.source_of(up)] == stride and graph.reach[up] >> end & 1
        ]
        if not leaving:
            return graph.reach[end]
        first = graph.source_of(leaving[0])
        entry = graph.entry(first, self._module_of(leaving[0], merges))
        context = decoder.gives_context(graph, end, first)
        if (entry != end and self._convolves(end, entry)) or not context:
            first = entry if graph.reach[entry] >> end & 1 else end
            context = decoder.gives_context(graph, end, first)
        if first != end:
            lateral = any(self._is_lateral(m) or m.fans_in for m in merges)
            role = Role.CONTEXT if context else Role.PYRAMID if lateral else Role.DECODER
            self.roles.setdefault(first, role)
        self.neck = first
        return graph.reach[first]

    def _convolves(self, before: int, after: int) -> bool:
        """Return whether a convolution or another stride lies between two maps, more than a norm."""
        graph = self.graph
        if graph.stride[before] != graph.stride[after]:
            return True
        between = graph.reach[after] & ~graph.reach[before]
        return any(graph.is_convolution(i) for i in bits(between))

    def _is_lateral(self, merge: Merge) -> bool:
        site = self.graph.nodes[merge.node].site
        return site.op == "add" and any(
            self.graph.is_convolution(merge.args[place].node) for place in merge.edges
        )

    def _branches(self, ladder: Ladder) -> None:
        for join, branches in find_branch_merges(self.graph, self.goal, ladder.end):
            if not self.graph.reach[join] >> ladder.end & 1:
                continue
            end = self._after(join)
            if self.neck >= 0 and self.graph.reach[self.neck] >> end & 1:
                end = self.neck
            self.roles.setdefault(end, Role.CONTEXT)
            for branch in branches:
                if branch not in self.roles:
                    self.roles[branch] = Role.CONTEXT
                    self.groups[branch] = end

    def _after(self, join: int) -> int:
        """Return the result of the module in which branches are joined.

        Where that is the whole head, which goes on with finer maps, the first module after the join.
        """
        graph = self.graph
        head = -1 if self.goal is None else decoder.head_of(graph, self.goal)
        path = graph.nodes[join].site.module
        for index in range(join, len(graph.nodes)):
            if path and path in graph.nodes[index].names and graph.reach[index] >> join & 1:
                if index >= head >= 0:
                    break
                return index
        later = [i for i in decoder.same_level(graph, join, self.goal) if graph.nodes[i].names]
        top = min((graph.depth(i) for i in later), default=0)
        return next((i for i in later if graph.depth(i) == top), join)

    def _decoder_stage(self, joint: decoder.Joint, joints: list[decoder.Joint]) -> None:
        end = decoder.stage_end(self.graph, joint, joints, self.goal)
        self.ends[joint.node] = end
        self.roles.setdefault(end, Role.DECODER)

    def _inner_ends(self, merges: list[Merge], before: int) -> None:
        """Give joins inside the context (a pyramid of its own) that context as their stage."""
        for merge in merges:
            if before >> merge.node & 1 and merge.node not in self.ends:
                later = [
                    i
                    for i in self.roles
                    if i > merge.node and self.graph.reach[i] >> merge.node & 1
                ]
                self.ends[merge.node] = min(later, default=merge.node)

    def _pyramid(self, merges: list[Merge]) -> None:
        """Mark the levels that a head fans in from, and add those that are no stages yet."""
        for merge in merges:
            if not merge.fans_in:
                continue
            for arg in merge.args:
                level = arg.node
                if arg.is_upsampled:
                    level = self.graph.source_of(arg.upsampling)
                source = self._source(level)
                role = self.roles.get(source)
                if role is Role.DECODER:
                    self.roles[source] = Role.PYRAMID
                elif role in (Role.ENCODER, Role.BOTTLENECK) and source != level:
                    self.roles[level] = Role.PYRAMID

    def _head(self) -> None:
        if self.goal is None:
            return
        head = decoder.head_of(self.graph, self.goal)
        if self.roles.get(head) in (None, Role.DECODER):
            self.roles[head] = Role.HEAD

    def _instance_stages(self, ups: list[int], ladder: Ladder) -> None:
        graph = self.graph
        for index in _pyramid_levels(graph):
            self.roles[index] = Role.PYRAMID
        # the coarsest level stands for the lateral convolution before it
        first = graph.source_of(ups[0]) if ups else -1
        if first != ladder.end and self.roles.get(first) is Role.PYRAMID:
            levels = _pyramid_levels(graph)
            if first not in levels:
                del self.roles[first]
        boxes, masks = _region_heads(graph)
        self.roles.update(dict.fromkeys(_proposals(graph), Role.PROPOSALS))
        self.roles.update(dict.fromkeys(boxes, Role.HEAD))
        self.roles.update(dict.fromkeys(masks, Role.MASK_HEAD))

    def _source(self, index: int) -> int:
        """Return the last stage that a map comes from."""
        return max((i for i in self.roles if self.graph.reach[index] >> i & 1), default=-1)

    def _assemble(self, merges: list[Merge]) -> NetworkStructure:
        graph = self.graph
        order = sorted(self.roles)
        named = {i: self._names(i, order) for i in order}
        sites = {i: graph.nodes[i].site for i in order}
        stages = tuple(
            Stage(
                sites[i],
                named[i],
                self.roles[i],
                graph.stride[i],
                (*graph.nodes[i].shape, 1)[1],
                named.get(self.groups.get(i, -1), ""),
            )
            for i in order
        )
        edges = tuple(edge for merge in merges for edge in self._edges(merge) if edge is not None)
        notes = []
        if not edges:
            notes.append("no skip connections: no join brings in an earlier, finer map")
        if graph.unpadded:
            notes.append(_UNPADDED)
        return NetworkStructure(stages, edges, graph.maps, tuple(notes))

    def _names(self, index: int, order: list[int]) -> str:
        """Return a stage's name: not that of a module in which other stages are made."""
        if self.roles[index] is Role.INPUT:
            return "input"
        graph = self.graph
        others = [graph.nodes[i] for i in order if i != index and self.groups.get(i) != index]
        holders = {
            path
            for path in graph.names(index)
            for other in others
            if any(is_inside(p, path) for p in (other.site.module, *other.names))
            and other.index != graph.grid.index
        }
        return graph.name(index, exclude=frozenset(holders))

    def _edges(self, merge: Merge) -> list[MapEdge | None]:
        return [self._edge(merge, place) for place in merge.edges]

    def _edge(self, merge: Merge, place: int) -> MapEdge | None:
        graph = self.graph
        arg = merge.args[place]
        target = self.ends.get(merge.node)
        source = self._source(arg.node)
        if target is None or source < 0 or target not in self.roles:
            return None
        return MapEdge(
            source=graph.nodes[source].site,
            target=graph.nodes[target].site,
            kind=self._kind(merge, place, source),
            carrier=graph.nodes[arg.node].site,
            via=graph.name(arg.node),
            merged=tuple((a.site, a.argument) for a in merge.args),
            deep=merge.deep,
            index=place,
        )

    def _kind(self, merge: Merge, place: int, source: int) -> EdgeKind:
        graph, arg = self.graph, merge.args[place]
        rising = any(graph.is_upsampling(i) for i in bits(graph.reach[source]))
        if merge.fans_in and (arg.is_upsampled or rising):
            return EdgeKind.PYRAMID
        if graph.nodes[merge.node].site.op == "cat":
            return EdgeKind.CONCATENATION
        between = graph.reach[arg.node] & ~graph.reach[source]
        if any(graph.is_convolution(i) for i in bits(between)):
            return EdgeKind.LATERAL
        return EdgeKind.ADDITION


# -- instance models: the pyramid's levels, the proposals, the heads that look at regions --------


def _pyramid_levels(graph: OperationGraph) -> list[int]:
    """Return the maps that regions are pooled from or that proposals are made from."""
    levels = _pooled_from(graph)
    before = _mask_of(graph, levels)
    for index in _proposal_convolutions(graph):
        if not any(graph.reach[index] >> c & 1 for c in _proposal_convolutions(graph) if c < index):
            levels |= {s for s in bits(graph.sources[index]) if not before >> s & 1 or s in levels}
    return sorted(levels)


def _proposals(graph: OperationGraph) -> list[int]:
    """Return the last maps of the proposal network on the finest level, one a kind."""
    convolutions = _proposal_convolutions(graph)
    ends = [
        c for c in convolutions if not any(graph.reach[d] >> c & 1 for d in convolutions if d > c)
    ]
    kinds: dict[str, int] = {}
    for index in sorted(ends, key=lambda i: (graph.stride[i], i)):
        kinds.setdefault(graph.nodes[index].site.module, index)
    return sorted(kinds.values())


def _region_heads(graph: OperationGraph) -> tuple[list[int], list[int]]:
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
