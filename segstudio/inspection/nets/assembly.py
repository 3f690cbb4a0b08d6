"""Stages and skip edges of a traced pass, with their numbers."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
from torch import Tensor, nn

from segstudio.core.features import LayerInfo, ReceptiveField, Remainder, Site, SkipEdge
from segstudio.inspection.nets.axis_geometry import Positions
from segstudio.inspection.nets.graph import OperationGraph, bits
from segstudio.inspection.nets.merges import first_region
from segstudio.inspection.nets.recording import Recorder
from segstudio.inspection.nets.structure import NetworkStructure, Stage


def stage_ids(stages: tuple[Stage, ...]) -> dict[Site, str]:
    """Return a unique id for every stage: its name, numbered from the second of a name on."""
    seen: Counter[str] = Counter()
    ids = {}
    for stage in stages:
        seen[stage.name] += 1
        count = seen[stage.name]
        ids[stage.site] = stage.name if count == 1 else f"{stage.name}#{count}"
    return ids


def _part(name: str) -> str:
    """A module's name without what lies more than two levels inside the network."""
    return ".".join(name.split(".")[:2])


def chw(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return (C, H, W) of a tensor (N, C, H, W) or (N, C)."""
    sizes = (*shape[1:], 1, 1)
    return sizes[0], sizes[1], sizes[2]


class Assembler:
    """Turns nodes of a pass into stages and skip edges."""

    def __init__(
        self,
        structure: NetworkStructure,
        graph: OperationGraph,
        ids: dict[Site, str],
        recorder: Recorder,
        images: Tensor,
    ) -> None:
        self._structure = structure
        self._graph = graph
        self._ids = ids
        self._at = {node.site: node.index for node in graph.nodes}
        self._sizes = {id(p): p.numel() for p in recorder.parameters}
        self.scale = _scale(graph, recorder, images)
        missing = [ids[s.site] for s in structure.stages if s.site not in self._at]
        self.notes = [f"did not run on this image: {', '.join(missing)}"] if missing else []

    def layers(self) -> tuple[LayerInfo, ...]:
        """Return the stages; every operation counts for one of them, see `_shares`."""
        graph = self._graph
        layers: list[LayerInfo] = []
        paid: set[int] = set()
        shares, _ = self._shares()
        for stage in self._structure.stages:
            index = self._at.get(stage.site)
            if index is None:
                continue
            nodes = [graph.nodes[i] for i in bits(shares[index])]
            parameters = {p for node in nodes for p in node.parameters} - paid
            paid |= parameters
            shape = graph.nodes[index].shape
            is_map = graph.is_map(index)
            layers.append(
                LayerInfo(
                    id=self._ids[stage.site],
                    name=stage.name,
                    role=stage.role,
                    shape=chw(shape),
                    stride=stage.stride,
                    parameters=sum(self._sizes[p] for p in parameters),
                    macs=sum(node.macs for node in nodes),
                    seconds=sum(node.seconds for node in nodes),
                    receptive_field=receptive_field(graph, index, self.scale) if is_map else None,
                    inputs=self._inputs(index),
                    site=stage.site,
                    group=stage.group,
                    regions=None if is_map else shape[0],
                    operators=tuple(node.operator for node in nodes if node.operator),
                )
            )
        return tuple(layers)

    def remainder(self, model: nn.Module) -> Remainder | None:
        """Return what no stage counts; None if that is nothing."""
        shares, left = self._shares()
        graph = self._graph
        counted = {
            p for own in shares.values() for i in bits(own) for p in graph.nodes[i].parameters
        }
        nodes = [graph.nodes[i] for i in bits(left)]
        nodes = [node for node in nodes if node.macs or set(node.parameters) - counted]
        unpaid = [(name, p) for name, p in model.named_parameters() if id(p) not in counted]
        if not nodes and not unpaid:
            return None
        names = [node.site.module for node in nodes if node.macs]
        names += [name.rpartition(".")[0] for name, _ in unpaid]
        return Remainder(
            tuple(dict.fromkeys(_part(name) for name in names)),
            sum(p.numel() for _, p in unpaid),
            sum(node.macs for node in nodes),
            sum(node.seconds for node in nodes),
        )

    def _shares(self) -> tuple[dict[int, int], int]:
        """Return the operations that count for each stage's node, and those that count for none.

        An operation counts for the first stage that comes from it. Of the others, those of the
        modules of a stage, called again (proposals on the coarser levels of a pyramid), count for
        that stage, and what judges regions (it leads to boxes and scores, which are no stages) for
        the stage before it.
        """
        graph = self._graph
        stages = [i for s in self._structure.stages if (i := self._at.get(s.site)) is not None]
        shares: dict[int, int] = {}
        counted = 0
        owner: dict[str, int] = {}
        for index in stages:
            shares[index] = graph.origin[index] & ~counted
            counted |= shares[index]
            for i in bits(shares[index]):
                owner.setdefault(graph.nodes[i].site.module, index)
        left = 0
        for node in graph.nodes:
            if counted >> node.index & 1:
                continue
            before = [i for i in stages if graph.origin[node.index] >> i & 1]
            judges = node.index >= first_region(graph) and before
            to = owner.get(node.site.module, max(before) if judges else -1)
            if to >= 0:
                shares[to] |= 1 << node.index
            else:
                left |= 1 << node.index
        return shares, left

    def skips(self) -> tuple[SkipEdge, ...]:
        """Return the skip edges whose stages ran."""
        edges: list[SkipEdge] = []
        seen: Counter[str] = Counter()
        for edge in self._structure.edges:
            carrier = self._at.get(edge.carrier)
            if carrier is None or edge.source not in self._at or edge.target not in self._at:
                continue
            name = f"{self._ids[edge.source]} -> {self._ids[edge.target]}"
            seen[name] += 1
            site, argument = edge.merged[edge.index]
            size = self._graph.size(carrier)
            whole = self._graph.size(self._at[edge.source])
            cropped = self._graph.unpadded and whole[0] > size[0] and whole[1] > size[1]
            edges.append(
                SkipEdge(
                    id=name if seen[name] == 1 else f"{name} #{seen[name]}",
                    source=self._ids[edge.source],
                    target=self._ids[edge.target],
                    kind=edge.kind,
                    shape=chw(self._graph.nodes[carrier].shape),
                    via=edge.via,
                    site=site,
                    argument=argument,
                    merged=edge.merged,
                    deep=edge.deep,
                    index=edge.index,
                    place=receptive_field(self._graph, carrier, self.scale),
                    cropped_from=whole if cropped else None,
                )
            )
        return tuple(edges)

    def _inputs(self, index: int) -> tuple[str, ...]:
        """Return the stages that a stage reads, those behind other stages left out."""
        graph = self._graph
        stages = {self._at[s.site] for s in self._structure.stages if s.site in self._at}
        found: set[int] = set()
        seen = {index}
        pending = [index]
        while pending:
            for parent in graph.nodes[pending.pop()].parents:
                if parent in seen:
                    continue
                seen.add(parent)
                found.add(parent) if parent in stages else pending.append(parent)
        return tuple(self._ids[graph.nodes[i].site] for i in sorted(found))


def _scale(graph: OperationGraph, recorder: Recorder, images: Tensor) -> tuple[float, float]:
    height, width = images.shape[-2:]
    if recorder.image_sizes:
        resized = recorder.image_sizes[0]
        return resized[0] / height, resized[1] / width
    if graph.grid.index == 0:
        return 1.0, 1.0
    return graph.grid.height / height, graph.grid.width / width


_POSITIONS: Final = 64
"""Neighbouring positions looked at; below upsamplings fields repeat with at most this period."""


@dataclass(slots=True)
class _Interval:
    lo: Positions
    hi: Positions

    def join(self, lo: Positions, hi: Positions) -> None:
        self.lo = np.minimum(self.lo, lo)
        self.hi = np.maximum(self.hi, hi)


def receptive_field(
    graph: OperationGraph, index: int, scale: tuple[float, float] = (1.0, 1.0)
) -> ReceptiveField:
    """Return the theoretical receptive field of a map's positions.

    Every operation maps intervals of its positions to intervals of its input's, exactly and
    without borders; the hull over all paths is the field. Paths through the whole map (pooled
    gates, attention) are left out and reported by ``is_global``.

    Args:
        graph: of one pass.
        index: node of the map.
        scale: pixels of the network's own input per image pixel.
    """
    rows = _field(graph, index, 0)
    cols = _field(graph, index, 1)
    axes = [
        _axis(graph, index, found, axis, scale[axis]) for axis, found in enumerate((rows, cols))
    ]
    return ReceptiveField(
        size=(axes[0][0], axes[1][0]),
        start=(axes[0][1], axes[1][1]),
        jump=(axes[0][2], axes[1][2]),
        is_global=_is_global(graph, index) or rows is None,
        has_local=rows is not None,
    )


def _axis(
    graph: OperationGraph, index: int, found: _Interval | None, axis: int, scale: float
) -> tuple[int, float, float]:
    grid = (graph.grid.height, graph.grid.width)[axis]
    length = graph.size(index)[axis]
    exact = graph.stride[index] * length == grid
    jump = float(graph.stride[index]) if exact else grid / length
    if found is None:
        return round(grid / scale), jump / 2 / scale, jump / scale
    positions = _middle(length)
    size = int((found.hi - found.lo).max()) + 1
    slope = _slope(found, positions)
    jump = slope if slope > 0 else jump
    centre = float((found.lo + found.hi + 1)[:-1].mean()) / 2  # over whole periods
    start = centre - jump * float(positions[:-1].mean())
    return math.ceil(size / scale), start / scale, jump / scale


def _slope(found: _Interval, positions: Positions) -> float:
    """Return the distance of neighbouring fields, over whole periods."""
    middle = found.lo + found.hi
    steps = len(positions) - 1
    return float(middle[-1] - middle[0]) / 2 / steps if steps else 0.0


def _middle(length: int) -> Positions:
    return np.arange(_POSITIONS + 1, dtype=np.int64) + (length // 2 - _POSITIONS // 2)


def _field(graph: OperationGraph, index: int, axis: int) -> _Interval | None:
    positions = _middle(graph.size(index)[axis])
    found: dict[int, _Interval] = {index: _Interval(positions, positions.copy())}
    for current in sorted(bits(graph.reach[index]), reverse=True):
        if current == graph.grid.index:
            return found.get(current)
        here = found.get(current)
        rules = graph.nodes[current].rules
        parents = [p for p in graph.nodes[current].parents if graph.is_map(p)]
        if here is None or rules is None:
            continue
        lo, hi = rules[axis].read(here.lo, here.hi)
        for parent in parents:
            if graph.sources[current] >> parent & 1:
                if parent in found:
                    found[parent].join(lo, hi)
                else:
                    found[parent] = _Interval(lo, hi)
    return None


def _is_global(graph: OperationGraph, index: int) -> bool:
    """Return whether some way back from a map passes through what is no map, or all of one."""
    base = graph.grid.index
    for current in bits(graph.reach[index]):
        node = graph.nodes[current]
        if current == base or not graph.reach[current] >> base & 1:
            continue
        if node.rules is None:
            return True
        loose = [p for p in node.parents if not graph.is_map(p) and graph.origin[p] >> base & 1]
        if loose:
            return True
    return False
