"""Theoretical receptive fields, by walking a recorded pass back from the middle of a map."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from segstudio.core.features import ReceptiveField
from segstudio.inspection.nets.geometry import Positions
from segstudio.inspection.nets.graph import Graph, bits

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
    graph: Graph, index: int, scale: tuple[float, float] = (1.0, 1.0)
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
    graph: Graph, index: int, found: _Interval | None, axis: int, scale: float
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


def _field(graph: Graph, index: int, axis: int) -> _Interval | None:
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


def _is_global(graph: Graph, index: int) -> bool:
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
