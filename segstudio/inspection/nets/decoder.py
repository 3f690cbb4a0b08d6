"""The way back up: which maps end the decoder's stages, what lies before and after them."""

from __future__ import annotations

from dataclasses import dataclass

from segstudio.inspection.nets.graph import OperationGraph, bits, is_inside
from segstudio.inspection.nets.merges import Merge
from segstudio.inspection.nets.operations import GLOBAL


@dataclass(frozen=True, slots=True)
class Joint:
    """Where a decoder's stage begins: a join, or an upsampling without one.

    Attributes:
        node: the join or the upsampling.
        merge: the join, if there is one.
        upsamplings: that belong to it.
    """

    node: int
    merge: Merge | None
    upsamplings: tuple[int, ...]


def decoder_upsamplings(graph: OperationGraph, goal: int | None, limit: int) -> list[int]:
    """Return the upsamplings on the way to the logits that convolutions follow."""
    found = []
    convolutions = sum(1 << n.index for n in graph.nodes[:limit] if graph.is_convolution(n.index))
    if goal is not None:
        convolutions &= graph.reach[goal]
    for index in range(limit):
        on_way = goal is None or graph.reach[goal] >> index & 1
        if not on_way or not graph.is_upsampling(index):
            continue
        learned = graph.nodes[index].site.op == "conv_transpose2d"
        later = (c for c in bits(convolutions >> index << index) if c != index)
        if learned or any(graph.reach[c] >> index & 1 for c in later):
            found.append(index)
    return found


def find_joints(
    graph: OperationGraph, merges: list[Merge], ups: list[int], before: int
) -> list[Joint]:
    """Return where the decoder's stages begin, in order.

    Args:
        graph: of one pass.
        merges: of the pass.
        ups: the decoder's upsamplings.
        before: bit mask of the maps that lie before the decoder.
    """
    owner = _owners(graph, merges, ups)
    joints = [
        Joint(merge.node, merge, tuple(up for up, m in owner.items() if m is merge))
        for merge in merges
        if not before >> merge.node & 1
    ]
    joints += [Joint(up, None, (up,)) for up in ups if up not in owner and not before >> up & 1]
    return sorted(joints, key=lambda joint: joint.node)


def _owners(graph: OperationGraph, merges: list[Merge], ups: list[int]) -> dict[int, Merge]:
    """Return the join that each upsampling leads to."""
    owner: dict[int, Merge] = {}
    for merge in merges:
        for arg in merge.args:
            if arg.upsampling >= 0:
                owner.setdefault(arg.upsampling, merge)
    for merge in (m for m in merges if m.fans_in):  # its branches may rise in several steps
        for up in ups:
            if _is_branch(graph, merge, up):
                owner.setdefault(up, merge)
    return owner


def _is_branch(graph: OperationGraph, merge: Merge, up: int) -> bool:
    return any(graph.reach[arg.node] >> up & 1 for arg in merge.args)


def stage_end(graph: OperationGraph, joint: Joint, joints: list[Joint], goal: int | None) -> int:
    """Return the map in which a decoder's stage ends.

    It is the result of the outermost module around the joint that holds no other joint; where the
    joint stands by itself in a larger module, the first result of an outermost module after it.
    """
    others = _others(joint, joints)
    around = _around(graph, joint, others, goal)
    if around is not None:
        return around
    return _next_named(graph, joint, others, goal)


def _others(joint: Joint, joints: list[Joint]) -> list[int]:
    others = [j.node for j in joints if j.node != joint.node]
    return others + [up for j in joints if j.node != joint.node for up in j.upsamplings]


def _around(graph: OperationGraph, joint: Joint, others: list[int], goal: int | None) -> int | None:
    path = graph.nodes[joint.node].site.module
    best: int | None = None
    while path:
        if any(is_inside(graph.nodes[o].site.module, path) for o in others):
            break
        found = next(
            (i for i in same_level(graph, joint.node, goal) if path in graph.nodes[i].names), None
        )
        if found is not None:
            best = found
        path = path.rpartition(".")[0]
    return best


def same_level(graph: OperationGraph, start: int, goal: int | None) -> list[int]:
    """Return the maps of a map's own size that come from it, itself first."""
    found = []
    for index in range(start, len(graph.nodes)):
        on_way = goal is None or graph.reach[goal] >> index & 1
        same = graph.is_map(index) and graph.on_level(index, start)
        if same and on_way and graph.reach[index] >> start & 1:
            found.append(index)
    return found


def _next_named(graph: OperationGraph, joint: Joint, others: list[int], goal: int | None) -> int:
    candidates = []
    for index in same_level(graph, joint.node, goal):
        between = graph.reach[index] & ~graph.reach[joint.node]
        if any(between >> other & 1 for other in others):
            continue
        if graph.nodes[index].names and index != goal:
            candidates.append(index)
    inside = graph.nodes[joint.node].site.module
    candidates = [i for i in candidates if graph.within(i, inside)] or candidates
    if not candidates:
        return joint.node
    top = min(graph.depth(index) for index in candidates)
    return next(index for index in candidates if graph.depth(index) == top)


def gives_context(graph: OperationGraph, start: int, end: int) -> bool:
    """Return whether what lies between two maps looks at the whole map."""
    region = graph.origin[end] & ~graph.origin[start]
    for index in bits(region):
        node = graph.nodes[index]
        depends = graph.origin[index] >> start & 1
        if depends and node.site.op in GLOBAL:
            return True
    return False


def head_of(graph: OperationGraph, goal: int) -> int:
    """Return the last map before the logits' final resizing that a module returned."""
    index = goal
    while not graph.nodes[index].names:
        source = graph.source_of(index)
        if source < 0 or graph.is_convolution(index):
            break
        index = source
    return index
