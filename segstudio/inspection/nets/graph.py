"""Questions about a recorded forward pass: which tensors are maps, what comes from what."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from segstudio.core.features import Site
from segstudio.inspection.nets.axis_geometry import (
    POINTWISE,
    Blocks,
    Rule,
    Shift,
    TransposedWindow,
    Window,
)
from segstudio.inspection.nets.operations import CONVOLUTIONS, REGION_POOLING, RESIZES, SHAPE_ONLY
from segstudio.inspection.nets.recording import OperationNode

_NAMED_BY_SOURCE: Final = SHAPE_ONLY | RESIZES | {"mul", "relu", "dropout", "getitem"}


_AROUND_ATTENTION: Final = SHAPE_ONLY | {
    "matmul", "bmm", "mul", "div", "truediv", "add", "dropout", "getitem", "chunk", "split",
    "__truediv__", "masked_fill",
}  # fmt: skip


def bits(mask: int) -> Iterator[int]:
    """Yield the indices of the set bits, lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


@dataclass(frozen=True, slots=True)
class FeatureGridShape:
    """The network's own input: the node that the first convolution reads."""

    index: int
    height: int
    width: int


class OperationGraph:
    """A recorded pass with the maps among its tensors marked.

    A map is a tensor (N, C, h, w) whose h and w are the network input's at one common stride. That
    leaves out attention matrices, tokens, pooled gates and pyramid pooling's squares at once, if
    the input was not square. Where convolutions pad nothing, maps lose their border; there a map is
    what local operations make of a map.

    Attributes:
        nodes: of the pass.
        grid: the network's own input.
        unpadded: whether convolutions pad nothing, so that each makes its map smaller.
        stride: input pixels per position, by node; 0 where a tensor is no map.
        sources: bit masks of the maps that a node was made from directly. Gates (pooled vectors,
            one-channel maps that multiply) don't count where there is another map.
        reach: bit masks of all maps that a node comes from by ``sources``, and itself.
        origin: bit masks of all nodes that a node comes from by any way, and itself.
        children: nodes that read a node.
    """

    def __init__(self, nodes: Sequence[OperationNode], maps: frozenset[Site] | None = None) -> None:
        """Take the nodes of a pass.

        Args:
            nodes: in order of execution.
            maps: sites of the maps, as found in another pass of the same network; None: find them.
        """
        self.nodes = nodes
        self.grid = _grid(nodes)
        tokens = _tokens_of_attention(nodes) if maps is None else frozenset()
        self.unpadded, bordered = _bordered(nodes, self.grid)
        self.stride = [
            0 if n.index in tokens else self._stride(n, maps, bordered.get(n.index, 0))
            for n in nodes
        ]
        self.children: list[list[int]] = [[] for _ in nodes]
        self.sources: list[int] = []
        self.reach: list[int] = []
        self.origin: list[int] = []
        self.macs = sum(node.macs for node in nodes)
        self._link()

    def is_map(self, index: int) -> bool:
        """Return whether a node is a map."""
        return self.stride[index] > 0

    @property
    def maps(self) -> frozenset[Site]:
        """The sites of all maps."""
        return frozenset(node.site for node in self.nodes if self.stride[node.index])

    def size(self, index: int) -> tuple[int, int]:
        """Return (h, w) of a map."""
        shape = self.nodes[index].shape
        return shape[-2], shape[-1]

    def on_level(self, index: int, other: int) -> bool:
        """Return whether two maps are of one size, but for the border that convolutions take."""
        alike = self.unpadded and self.stride[index] == self.stride[other]
        return alike or self.size(index) == self.size(other)

    def channels(self, index: int) -> int:
        """Return the channels of a map."""
        return self.nodes[index].shape[-3]

    def is_convolution(self, index: int) -> bool:
        """Return whether a node is a convolution or linear layer with weights of the network."""
        node = self.nodes[index]
        return node.site.op in CONVOLUTIONS and bool(node.parameters)

    def is_upsampling(self, index: int) -> bool:
        """Return whether a map was made finer from coarser maps alone."""
        direct = [p for p in self.nodes[index].parents if self.is_map(p)]
        own = self.nodes[index].shape
        if not self.is_map(index) or not direct or self.nodes[index].site.op == "setitem":
            return False
        return all(
            own[-1] >= 1.5 * self.nodes[p].shape[-1] and own[-2] >= 1.5 * self.nodes[p].shape[-2]
            for p in direct
        )

    def is_expansion(self, index: int) -> bool:
        """Return whether a map was spread out from something pooled: context, no decoder."""
        if not self.is_map(index) or self.nodes[index].site.op not in RESIZES:
            return False
        return not any(self.is_map(p) for p in self.nodes[index].parents)

    def is_resampling(self, index: int) -> bool:
        """Return whether a map is an interpolation of a map to the size that it already had."""
        if not self.is_map(index) or self.nodes[index].site.op != "interpolate":
            return False
        parents = self.nodes[index].parents
        return any(self.is_map(p) and self.size(p) == self.size(index) for p in parents)

    def entry(self, index: int, module: str) -> int:
        """Return the map that came into a module on the way to a map; itself if made outside."""
        for source in sorted(bits(self.reach[index]), reverse=True):
            if not is_inside(self.nodes[source].site.module, module):
                return source
        return index

    def source_of(self, index: int) -> int:
        """Return the last map that a node was made from, -1 if there is none."""
        return self.sources[index].bit_length() - 1

    def name(self, index: int, *, exclude: frozenset[str] = frozenset()) -> str:
        """Return what a map is called: the outermost module that returned it.

        Modules in ``exclude`` are passed over where there is another name. A map that no module
        returned has the name of what it is a mere reshaping or gating of, else of its operation.
        """
        names = self.names(index)
        kept = [name for name in names if name not in exclude]
        if kept or names:
            return min(kept or names, key=lambda name: name.count("."))
        node = self.nodes[index]
        if node.site.op in _NAMED_BY_SOURCE and node.parents and node.parents[0] > self.grid.index:
            return self.name(node.parents[0], exclude=exclude)
        call = f" {node.site.call + 1}" if node.site.call else ""
        return f"{node.site.module} ({node.site.op}{call})".strip()

    def names(self, index: int) -> list[str]:
        """Return all modules that returned a map, or the tensor that it is a reshaping of."""
        node = self.nodes[index]
        while not node.names and node.site.op in SHAPE_ONLY and node.parents:
            node = self.nodes[node.parents[0]]
        return node.names

    def depth(self, index: int) -> int:
        """Return how deep in the module tree a map's name lies; unnamed ones lie deepest."""
        names = self.names(index)
        return min((name.count(".") for name in names), default=99)

    def within(self, index: int, module: str) -> bool:
        """Return whether a map was made inside a module, or is its result."""
        paths = [self.nodes[index].site.module, *self.nodes[index].names]
        return any(is_inside(path, module) for path in paths)

    def _stride(self, node: OperationNode, maps: frozenset[Site] | None, bordered: int) -> int:
        grid = self.grid
        if maps is not None and node.site not in maps:
            return 0
        if bordered:
            return bordered
        stacked = node.site.op == "stack" and len(node.shape) == 5  # maps about to be summed
        if (
            (len(node.shape) != 4 and not stacked)
            or node.index < grid.index
            or node.site.op in REGION_POOLING
        ):
            return 0
        h, w = node.shape[-2:]
        if maps is None and not _same_place(h, w, grid):
            return 0
        ratio = math.sqrt(grid.height / max(h, 1) * grid.width / max(w, 1))
        whole = round(ratio)
        if whole >= 1 and h * whole == grid.height and w * whole == grid.width:
            return whole
        return 1 << round(math.log2(max(ratio, 1)))

    def _link(self) -> None:
        shortcut: list[int] = []  # the nearest maps of a node, itself if it is one
        for node in self.nodes:
            for parent in node.parents:
                self.children[parent].append(node.index)
            self.sources.append(self._sources_of(node, shortcut))
            own = 1 << node.index
            origin = own
            for parent in node.parents:
                origin |= self.origin[parent]
            self.origin.append(origin)
            if not origin >> self.grid.index & 1:
                self.stride[node.index] = 0  # made of weights alone, as a resampled embedding
            near = 0
            for parent in node.parents:
                near |= shortcut[parent]
            shortcut.append(own if self.is_map(node.index) else near)
            reach = own if self.is_map(node.index) else 0
            for source in bits(self.sources[node.index]):
                reach |= self.reach[source]
            self.reach.append(reach)

    def _sources_of(self, node: OperationNode, shortcut: list[int]) -> int:
        direct = [p for p in node.parents if self.is_map(p)]
        if node.site.op == "mul" and len(direct) > 1:
            direct = [p for p in direct if self.channels(p) == node.shape[1]] or direct
        if direct:
            return sum(1 << p for p in direct)
        mask = 0
        for parent in node.parents:
            mask |= shortcut[parent]
        return mask


def is_inside(path: str, module: str) -> bool:
    """Return whether a dotted path is a module's or that of a part of it."""
    return not module or path == module or path.startswith(module + ".")


def _same_place(h: int, w: int, grid: FeatureGridShape) -> bool:
    if h < 1 or w < 1 or (h == 1 and w == 1):
        return False
    return abs(h * grid.width / grid.height - w) <= 1.0


def _grid(nodes: Sequence[OperationNode]) -> FeatureGridShape:
    """Return what the first convolution on an image reads; the input where there is none."""
    for node in nodes:
        if node.site.op != "conv2d":
            continue
        images = [p for p in node.parents if len(nodes[p].shape) == 4 and not _is_weight(nodes, p)]
        if images:
            first = nodes[images[0]]
            while first.site.op == "pad" and first.parents:  # what lies around the image
                first = nodes[first.parents[0]]
            return FeatureGridShape(first.index, first.shape[-2], first.shape[-1])
    shape = nodes[0].shape
    return FeatureGridShape(0, shape[-2], shape[-1])


def _bordered(
    nodes: Sequence[OperationNode], grid: FeatureGridShape
) -> tuple[bool, dict[int, int]]:
    """Return whether convolutions pad nothing, and the strides of maps whose size tells none, by node.

    These are all maps if convolutions pad nothing, else those to which a border was given before a
    convolution.
    """
    scales = _followed(nodes, grid)
    strides = {index: max(1, round(scale)) for index, scale in scales.items()}
    if any(_loses_border(nodes, index, scales) for index in scales):
        return True, strides
    padded = (n for n in nodes if n.site.op == "pad" and n.index in strides)
    given = {grid.index: True}
    for node in padded:
        before = nodes[node.parents[0]].shape
        given[node.index] = given.get(node.parents[0]) or _same_place(before[-2], before[-1], grid)
    return False, {index: strides[index] for index, is_map in given.items() if is_map}


def _followed(nodes: Sequence[OperationNode], grid: FeatureGridShape) -> dict[int, float]:
    """Return the input's pixels per position of what local operations make of the input, by node."""
    scales = {grid.index: 1.0}
    for node in nodes[grid.index + 1 :]:
        before = [p for p in node.parents if p in scales]
        if len(node.shape) != 4 or not before or node.rules is None:
            continue
        sizes = {nodes[p].shape[-2:] for p in before}
        height, width = node.rules
        moves = node.site.op in ("pad", "getitem") and isinstance(height, Shift)
        if not moves and (height, width) == POINTWISE and sizes != {node.shape[-2:]}:
            continue  # another order of the axes
        steps = _step(height), _step(width)
        if len(sizes) == 1 and steps[0] == steps[1] > 0 and min(node.shape[-2:]) > 0:
            scales[node.index] = scales[before[0]] * steps[0]
    return scales


def _step(rule: Rule) -> float:
    """Return the input positions from one position of the result to the next."""
    if isinstance(rule, Window):
        return rule.stride
    if isinstance(rule, TransposedWindow):
        return 1 / rule.stride
    if isinstance(rule, Blocks):
        return rule.factor if rule.inverse else 1 / rule.factor
    return rule.step if isinstance(rule, Shift) else rule.scale


def _loses_border(nodes: Sequence[OperationNode], index: int, scales: dict[int, float]) -> bool:
    """Return whether a convolution makes a map smaller by its kernel alone."""
    node = nodes[index]
    if node.site.op != "conv2d" or node.rules is None:
        return False
    before = nodes[next(p for p in node.parents if p in scales)]
    given = before
    while given.site.op != "pad" and given.parents and given.parents[0] in scales:
        further = nodes[given.parents[0]]
        if further.shape[-2:] != given.shape[-2:]:
            break
        given = further
    if given.site.op == "pad" and given.parents[0] in scales:
        before = nodes[given.parents[0]]
    window = node.rules[0]
    whole = isinstance(window, Window) and window.stride == 1 and window.kernel > 1
    return whole and node.shape[-2] < before.shape[-2] and node.shape[-1] < before.shape[-1]


def _tokens_of_attention(nodes: Sequence[OperationNode]) -> frozenset[int]:
    """Return the 4-D nodes around attention: (N, heads, tokens, channels) and the matrices.

    Networks of one fixed, square size are probed with it; there tokens x tokens looks like a map.
    """
    children: dict[int, list[int]] = {}
    for node in nodes:
        for parent in node.parents:
            children.setdefault(parent, []).append(node.index)
    found: set[int] = set()
    pending: list[tuple[int, bool]] = []
    for node in nodes:
        fused = node.site.op == "scaled_dot_product_attention"
        written_out = node.operator is not None and node.site.op == "softmax"
        if fused or written_out:
            found.add(node.index)
            pending += [(p, False) for p in node.parents]
            pending += [(c, True) for c in children.get(node.index, [])]
    while pending:
        index, forward = pending.pop()
        node = nodes[index]
        passes = node.site.op in _AROUND_ATTENTION
        if index in found or len(node.shape) != 4 or not passes:
            continue
        found.add(index)
        near = children.get(index, []) if forward else node.parents
        pending += [(other, forward) for other in near]
    return frozenset(found)


def _is_weight(nodes: Sequence[OperationNode], index: int) -> bool:
    """Return whether a node comes from parameters alone."""
    seen = {index}
    pending = [index]
    while pending:
        current = pending.pop()
        if nodes[current].site.op == "input":
            return False
        pending += [p for p in nodes[current].parents if p not in seen]
        seen.update(nodes[current].parents)
    return True
