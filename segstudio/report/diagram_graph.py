"""Which nodes and links a network's diagram has, with groups of stages folded or not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from segstudio.core.features import EdgeKind, FeatureTrace, LayerInfo, Role

ENCODER, DECODER, PYRAMID, REGIONS = "encoder", "decoder", "pyramid", "regions"
_BY_ROLE = {
    Role.ENCODER: (ENCODER, "Encoder"),
    Role.DECODER: (DECODER, "Decoder"),
    Role.PYRAMID: (PYRAMID, "Pyramid"),
    Role.PROPOSALS: ("proposals", "Proposals"),
}


@dataclass(frozen=True, slots=True)
class Vertex:
    """A stage, or the stages of a folded group behind the one that stands for them."""

    layer: LayerInfo
    members: tuple[str, ...]

    @property
    def id(self) -> str:
        """That of the stage."""
        return self.layer.id


@dataclass(frozen=True, slots=True)
class Link:
    """What one vertex reads from another; the fields are those of `diagram_parts.DiagramEdge`."""

    source: str
    target: str
    kind: EdgeKind | None = None
    skips: tuple[str, ...] = ()
    shared: bool = False


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """Stages that can be folded; `face` is the one that stands for them then."""

    id: str
    title: str
    role: Role
    members: tuple[str, ...]
    face: str


@dataclass(frozen=True)
class DiagramGraph:
    """The vertices in the order in which they ran, their links, and what can be folded.

    Attributes:
        vertices: In the order of their first stages.
        links: Between vertices.
        plans: All groups, folded or not.
        branches: Ids of the parallel branches by the id of the stage that joins them, where they
            are not folded.
    """

    vertices: tuple[Vertex, ...]
    links: tuple[Link, ...]
    plans: tuple[GroupPlan, ...]
    branches: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def groups_of(trace: FeatureTrace) -> tuple[GroupPlan, ...]:
    """What can be folded in a network's diagram."""
    plans = [
        GroupPlan(ident, title, role, tuple(layer.id for layer in layers), _face(layers))
        for role, (ident, title) in _BY_ROLE.items()
        if len(layers := _plain(trace, role)) > 1
    ]
    for join, branches in _branches(trace).items():
        title = f"{len(branches)} parallel branches"
        plans.append(GroupPlan(join, title, Role.CONTEXT, (*branches, join), join))
    regions = tuple(layer.id for layer in trace.layers if layer.stride == 0)
    if len(regions) > 1:
        plans.append(GroupPlan(REGIONS, "For each region", Role.MASK_HEAD, regions, regions[-1]))
    return tuple(plans)


def graph_of(trace: FeatureTrace, folded: Collection[str] = frozenset()) -> DiagramGraph:
    """The nodes and links of a network's diagram, with the groups of these ids folded."""
    plans = groups_of(trace)
    face = {member: plan.face for plan in plans if plan.id in folded for member in plan.members}
    members: dict[str, list[str]] = {}
    for layer in trace.layers:
        members.setdefault(face.get(layer.id, layer.id), []).append(layer.id)
    vertices = tuple(Vertex(trace.layer(key), tuple(ids)) for key, ids in members.items())
    branches = {
        join: ids
        for join, ids in _branches(trace).items()
        if join in members and join not in folded
    }
    return DiagramGraph(vertices, _merged(links_of(trace), face), plans, branches)


def links_of(trace: FeatureTrace) -> tuple[Link, ...]:
    """The skip edges, and of every stage the stages that it reads directly.

    What reaches a stage only through another one that it reads too is left out. Levels of a
    pyramid that share the way down (torchvision's FPN) are linked from level to level, as the
    network's authors draw it (Lin et al. 2017, figure 3).
    """
    ancestors = _ancestors(trace)
    joins = set(_branches(trace))
    links: list[Link] = []
    for layer in trace.layers:
        skips = [edge for edge in trace.skips if edge.target == layer.id]
        past = {edge.source for edge in skips}
        found = [source for source in layer.inputs if source not in past]
        if layer.id not in joins:
            found = [u for u in found if not any(u in ancestors[w] for w in found)]
        above = _level_above(trace, layer, found)
        if above:
            links.append(Link(above, layer.id, shared=True))
        else:
            links += [Link(source, layer.id) for source in found]
        links += [Link(edge.source, layer.id, edge.kind, (edge.id,)) for edge in skips]
    return tuple(links)


def short_names(trace: FeatureTrace) -> dict[str, str]:
    """Names of the stages by id: the last part of the module's name, longer where unclear."""
    parts = {layer.id: layer.id.split(".") for layer in trace.layers}
    length = {key: _shortest(names) for key, names in parts.items()}
    while True:
        names = {key: ".".join(parts[key][-length[key] :]) for key in parts}
        counts: dict[str, int] = {}
        for name in names.values():
            counts[name] = counts.get(name, 0) + 1
        unclear = [k for k, n in names.items() if counts[n] > 1 and length[k] < len(parts[k])]
        if not unclear:
            return names
        for key in unclear:
            length[key] = min(len(parts[key]), length[key] + 1)
            length[key] += parts[key][-length[key]].isdigit() and length[key] < len(parts[key])


def _shortest(parts: list[str]) -> int:
    """How many parts of a name say something: a number alone does not."""
    return 2 if parts[-1][:1].isdigit() and len(parts) > 1 else 1


def _plain(trace: FeatureTrace, role: Role) -> list[LayerInfo]:
    return [x for x in trace.layers if x.role is role and x.stride > 0 and not x.group]


def _face(layers: list[LayerInfo]) -> str:
    """The stage that stands for a folded group: an encoder's deepest, else the finest."""
    if layers[0].role is Role.ENCODER:
        return layers[-1].id
    finest = min(layer.stride for layer in layers)
    return [layer for layer in layers if layer.stride == finest][-1].id


def _branches(trace: FeatureTrace) -> dict[str, tuple[str, ...]]:
    """Ids of the parallel branches by the id of the stage that joins them."""
    ids = {layer.id for layer in trace.layers}
    found: dict[str, tuple[str, ...]] = {}
    for layer in trace.layers:
        if layer.group in ids:
            found[layer.group] = (*found.get(layer.group, ()), layer.id)
    return {join: branches for join, branches in found.items() if len(branches) > 1}


def _ancestors(trace: FeatureTrace) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for layer in trace.layers:
        found[layer.id] = set(layer.inputs).union(*(found.get(u, set()) for u in layer.inputs))
    return found


def _level_above(trace: FeatureTrace, layer: LayerInfo, found: list[str]) -> str:
    """Id of the next coarser pyramid level that reads the same sources; "" if there is none."""
    if layer.role is not Role.PYRAMID or not found:
        return ""
    coarser = [
        other
        for other in trace.of_role(Role.PYRAMID)
        if other.stride > layer.stride and set(found) <= set(other.inputs) < set(layer.inputs)
    ]
    return min(coarser, key=lambda other: other.stride).id if coarser else ""


def _merged(links: tuple[Link, ...], face: Mapping[str, str]) -> tuple[Link, ...]:
    """Links between what is seen; several between the same two become one, a skip if one is."""
    merged: dict[tuple[str, str], Link] = {}
    for link in links:
        ends = face.get(link.source, link.source), face.get(link.target, link.target)
        if ends[0] == ends[1]:
            continue
        before = merged.get(ends)
        kind = link.kind or (before.kind if before else None)
        skips = (*(before.skips if before else ()), *link.skips)
        shared = link.shared and (before is None or before.shared)
        merged[ends] = Link(*ends, kind, skips, shared)
    return tuple(merged.values())
