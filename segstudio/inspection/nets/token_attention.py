"""Which blocks of a network have attention over the image, and what one of them computes.

A pass over the image with `token_places` shows for every attention where its queries and keys lie.
Fused kernels give no weights: of the block that is looked at, its queries, keys and bias are kept,
from which `core.attention` works out a token's row. Where a network writes attention out, the
weights that it computed itself are kept. Queries have no place; where the network gives each a class
and a mask, the one whose mask has a place looks from there.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from segstudio.core.attention import AttentionBlock, AttentionBlocks, BlockAttention, Places
from segstudio.core.errors import SegstudioError
from segstudio.core.features import FeatureMap
from segstudio.inspection.nets.graph import is_inside
from segstudio.inspection.nets.operations import argument, canonical
from segstudio.inspection.nets.recording import Recorder, recording, tensors_in
from segstudio.inspection.nets.running import evaluating, run, to_numpy
from segstudio.inspection.nets.token_places import Placed, TokenPlaces
from segstudio.inspection.nets.tracing import as_batch, to_array

_FUSED, _WHOLE, _WRITTEN_OUT = (
    "scaled_dot_product_attention",
    "multi_head_attention_forward",
    "softmax",
)
_STRIDES: Final = (4, 8, 16, 32, 64)
_NO_OWNERS: Final = np.zeros((0, 0), np.int64)
_LEAST_PLACES: Final = 4
"""An attention over fewer is a gate, no look around the image."""


def block_attention(
    model: nn.Module,
    image: Tensor,
    block: AttentionBlock,
    *,
    check: Callable[[], None] | None = None,
) -> BlockAttention:
    """Return one block's attention on an image.

    Args:
        model: any network that can be traced.
        image: (C, H, W) or (1, C, H, W), as the network wants it.
        block: one of those that `attention_of` found.
        check: called before every module; may raise to cancel.

    Raises:
        SegstudioError: if the block does not run on the image as it did before.
    """
    found = _passed(model, image, block.id, check)
    kept = next((found.kept(b) for b in _named(found.blocks) if b == block), None)
    if kept is None:
        raise SegstudioError(f"{block.id} did not run again on this image", "Trace it again.")
    return kept


def attention_of(
    model: nn.Module, image: Tensor, name: str, *, check: Callable[[], None] | None = None
) -> tuple[AttentionBlocks, BlockAttention | None]:
    """Return a network's blocks, and the attention of one of them, from a single pass.

    Args:
        model: any network that can be traced.
        image: (C, H, W) or (1, C, H, W), as the network wants it.
        name: of the block; see `AttentionBlocks.chosen`.
        check: called before every module; may raise to cancel.

    Returns:
        Also None where the network has no block.
    """
    found = _passed(model, image, name, check)
    blocks = AttentionBlocks(_named(found.blocks), found.others)
    block = blocks.chosen(name)
    return blocks, None if block is None else found.kept(block)


def _passed(
    model: nn.Module, image: Tensor, name: str, check: Callable[[], None] | None
) -> _AttentionRecorder:
    images = as_batch(image)
    recorder = _AttentionRecorder(model, name, check, (images.shape[-2], images.shape[-1]))
    with torch.inference_mode(), evaluating(model), recording(model, recorder):
        output = run(model, images)
    with torch.inference_mode():
        recorder.take_owners(_owners(output))
    return recorder


@dataclass(frozen=True, eq=False)
class _Call:
    """One attention that may be asked for, as it was called; its numbers are made when it is."""

    number: int
    path: str
    op: str
    func: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    result: Any
    sides: _Sides
    outputs: dict[str, tuple[Tensor, Placed]]
    """What the modules around it gave on, by path."""


class _AttentionRecorder(Recorder):
    """Follows the places of tokens, and holds what passes through an attention.

    Which one is asked for is known when all were seen, so those are held that may be it: the
    one of the name, the last that sees all of the image, the last.
    """

    def __init__(
        self,
        model: nn.Module,
        name: str,
        check: Callable[[], None] | None,
        image_hw: tuple[int, int],
    ) -> None:
        super().__init__(model, graph=False, check=check)
        self._image_hw, self._owners = image_hw, _NO_OWNERS
        self.places = TokenPlaces()
        self.blocks: list[AttentionBlock] = []
        self.others = 0
        self._number = 0
        self._held: dict[str, _Call] = {}
        self._module, _, nth = name.partition("#")
        self._left = int(nth) if nth.isdigit() else 1

    def kept(self, block: AttentionBlock) -> BlockAttention | None:
        """What a block computed, if it was held."""
        call = next((c for c in self._held.values() if c.number == block.call), None)
        if call is None:
            return None
        with torch.inference_mode():
            numbers = _numbers(call.op, call.func, call.args, call.kwargs, call.result)
        if block.queries:
            numbers["owners"] = self._owners
        given = call.outputs.get(block.id.partition("#")[0])
        tokens = None if given is None else _tokens(*given)
        sides = call.sides
        return BlockAttention(block, sides.rows, sides.columns, tokens=tokens, **numbers)

    def take_owners(self, owners: Places) -> None:
        """Say which query has each place; blocks of queries are none where that is not known."""
        self._owners = owners
        blocks = [replace(b, query_hw=owners.shape) if b.queries else b for b in self.blocks]
        most = int(owners.max()) if owners.size else sys.maxsize
        self.blocks = [b for b in blocks if not b.queries or b.queries > most]
        self.others += len(blocks) - len(self.blocks)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        """Run one operation, note where its results lie, and look at it if it is attention."""
        result = super().__torch_function__(func, types, args, kwargs)
        kwargs = kwargs or {}
        op = canonical(func)
        if not self._path:
            return result
        self.places.follow(op, func, args, kwargs, result)
        if op in (_FUSED, _WHOLE) or (op == _WRITTEN_OUT and self.places.across(result)):
            self._attention(op, func, args, kwargs, result)
        elif op == _WRITTEN_OUT and isinstance(result, Tensor) and result.ndim == 4:
            self.others += int(result.shape[1] <= result.shape[2])
        return result

    def leave_module(self, path: str, inputs: Any, output: Any) -> None:
        """Note the tokens that the modules around held attention give on."""
        super().leave_module(path, inputs, output)
        for call in self._held.values():
            if path in call.outputs or not is_inside(call.path, path):
                continue
            for tensor in tensors_in(output):
                placed = self.places.of(tensor)
                if placed is not None:
                    call.outputs[path] = (tensor, placed)
                    break

    def _attention(
        self, op: str, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any
    ) -> None:
        self._number += 1
        if op == _WHOLE:
            rows, columns, heads = self._sides_of_whole(args, kwargs)
        elif op == _FUSED:
            query, key = argument(args, kwargs, 0, "query"), argument(args, kwargs, 1, "key")
            rows, columns = self.places.of(query), self.places.of(key)
            heads = int(query.shape[1]) if query.ndim == 4 else 1
        else:
            crossed = self.places.across(result)
            assert crossed is not None
            rows, columns = crossed.rows, crossed.columns
            heads = int(result.shape[1]) if result.ndim == 4 else 1
        sides = self._sides_of_queries(op, args, kwargs, columns) if rows is None else None
        count = 0 if sides is None else sides.rows.shape[1]
        if rows is not None and columns is not None:
            sides = _Sides.of(op, rows, columns)
        if sides is None:
            self.others += 1
            return
        block = AttentionBlock(
            self._path[-1], heads, sides.row_grid, sides.column_grid,
            _windows(sides), int((sides.columns[0] < 0).sum()), self._number, count,
        )  # fmt: skip
        self.blocks.append(block)
        call = _Call(self._number, block.id, op, func, args, kwargs, result, sides, {})
        self._held.update(dict.fromkeys(self._slots(block), call))

    def _slots(self, block: AttentionBlock) -> list[str]:
        """As what a block is held."""
        slots = ["queries"] if block.queries else ["last"]
        if block.windows == 1 and not block.queries:
            slots.append("whole")
        if self._module and is_inside(block.id, self._module):
            self._left -= 1
            if self._left == 0:
                slots.append("named")
        return slots

    def _sides_of_queries(
        self, op: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], columns: Placed | None
    ) -> _Sides | None:
        """Of an attention whose queries have no place; None if its keys have none either."""
        query, key = argument(args, kwargs, 0, "query"), argument(args, kwargs, 1, "key")
        if op == _WRITTEN_OUT or not isinstance(key, Tensor):
            return None
        tokens = 0 if op == _WHOLE else -2
        count, there = int(query.shape[tokens]), int(key.shape[tokens])
        rows = np.full((1, count), -1, np.int64)
        if columns is not None:
            sides = _Sides.of(op, columns, columns)
            return None if sides is None else replace(sides, rows=rows, row_grid=(0, 0))
        grid = _grid_of(there, self._image_hw)
        if grid is None or there == count:
            return None
        return _Sides(rows, np.arange(there)[None], (0, 0), grid)

    def _sides_of_whole(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[Placed | None, Placed | None, int]:
        """Of PyTorch's own module: (tokens, images, channels)."""
        query, key = argument(args, kwargs, 0, "query"), argument(args, kwargs, 1, "key")
        heads = int(argument(args, kwargs, 4, "num_heads"))
        return self.places.of(query), self.places.of(key), heads


@dataclass(frozen=True, eq=False)
class _Sides:
    """Places of queries and keys (B, T), -1 for none, in grids without gaps."""

    rows: Places
    columns: Places
    row_grid: tuple[int, int]
    column_grid: tuple[int, int]

    @classmethod
    def of(cls, op: str, rows: Placed, columns: Placed) -> _Sides | None:
        """From the places of tensors; None if too few of the queries have any."""
        if op == _WHOLE:  # (T, N, C)
            found = rows.places[..., 0].T, columns.places[..., 0].T
        elif op == _FUSED:  # (N, heads, T, d)
            found = _first_head(rows.places)[..., 0], _first_head(columns.places)[..., 0]
        else:  # (N, heads, Tq, Tk)
            found = _first_head(rows.places)[..., 0], _first_head(columns.places)[..., 0, :]
        own, own_grid = _without_gaps(found[0], rows.grid)
        other, other_grid = _without_gaps(found[1], columns.grid)
        if own_grid[0] * own_grid[1] < _LEAST_PLACES or other_grid[0] * other_grid[1] < 1:
            return None
        return cls(own, other, own_grid, other_grid)


def _grid_of(count: int, image_hw: tuple[int, int]) -> tuple[int, int] | None:
    """The grid of so many places, row by row, at one of the usual strides of an image."""
    grids = [(-(-image_hw[0] // stride), -(-image_hw[1] // stride)) for stride in _STRIDES]
    return next((grid for grid in grids if grid[0] * grid[1] == count >= _LEAST_PLACES), None)


def _owners(output: Any) -> Places:
    """(h, w): the query that has each place: class and mask together say so the surest."""
    if not isinstance(output, Mapping) or not {"classes", "masks"} <= output.keys():
        return _NO_OWNERS
    sure = output["classes"][0].softmax(-1)[..., :-1].amax(-1)
    shares = output["masks"][0].sigmoid() * sure[:, None, None]
    found: Places = shares.argmax(0).cpu().numpy().astype(np.int64)
    return found


def _first_head(places: Tensor) -> Tensor:
    return places[:, 0] if places.ndim == 4 else places


def _without_gaps(places: Tensor, grid: tuple[int, int]) -> tuple[Places, tuple[int, int]]:
    """Places (B, T) from -1 on, in a grid of those rows and columns in which there are tokens.

    Where patches were merged, tokens lie at every second row and column of the finer grid.
    """
    found = places.cpu().numpy().astype(np.int64) - 1
    found[found >= grid[0] * grid[1]] = -1
    placed = found >= 0
    if not placed.any():
        return found, (0, 0)
    down, across = np.unique(found[placed] // grid[1]), np.unique(found[placed] % grid[1])
    row = np.searchsorted(down, found // grid[1])
    col = np.searchsorted(across, found % grid[1])
    return np.where(placed, row * len(across) + col, -1), (len(down), len(across))


def _windows(sides: _Sides) -> int:
    """How many windows there are whose tokens see nothing of the others."""
    seen = {np.unique(line[line >= 0]).tobytes() for line in sides.columns}
    return len(seen)


def _numbers(
    op: str, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any
) -> dict[str, Any]:
    """What the weights of an attention follow from, or the weights."""
    if op == _WRITTEN_OUT:
        weights = result if result.ndim == 4 else result[:, None]
        return {"weights": to_numpy(weights)}
    if op == _WHOLE:
        again = dict(kwargs)
        again.update(need_weights=True, average_attn_weights=False)
        _, weights = func(*args[:16], **again)
        return {"weights": to_numpy(weights)}
    query, key = argument(args, kwargs, 0, "query"), argument(args, kwargs, 1, "key")
    mask = argument(args, kwargs, 3, "attn_mask")
    scale = argument(args, kwargs, 6, "scale")
    if query.ndim == 3:
        query, key = query[:, None], key[:, None]
    if key.shape[1] != query.shape[1]:  # several heads of queries share one of keys
        key = key.repeat_interleave(query.shape[1] // key.shape[1], 1)
    bias = None
    if isinstance(mask, Tensor):
        bias = mask
        if mask.dtype == torch.bool:
            bias = torch.zeros(mask.shape).masked_fill(~mask.cpu(), float("-inf"))
        bias = bias[:, None] if bias.ndim == 3 else bias
    return {
        "query": to_numpy(query),
        "key": to_numpy(key),
        "scale": float(query.shape[-1] ** -0.5 if scale is None else scale),
        "bias": None if bias is None else to_numpy(bias),
    }


def _tokens(tensor: Tensor, placed: Placed) -> FeatureMap | None:
    """Tokens (N, T, C), (N, h, w, C) or (N, C, h, w) as a map (C, h, w); None if they are none."""
    places = placed.places
    if tensor.ndim == 4 and bool((places[:, :1] == places).all()):
        tensor, places = tensor.permute(0, 2, 3, 1), places.permute(0, 2, 3, 1)
    flat = places[..., 0].reshape(1, -1)
    found, grid = _without_gaps(flat, placed.grid)
    where = np.flatnonzero(found[0] >= 0)
    if len(np.unique(found[0][where])) != grid[0] * grid[1]:
        return None
    values = tensor.reshape(-1, tensor.shape[-1])[torch.from_numpy(where).to(tensor.device)]
    order = np.argsort(found[0][where], kind="stable")
    values = values[torch.from_numpy(order).to(tensor.device)]
    grown = values[: grid[0] * grid[1]].T.reshape(1, -1, *grid)
    return to_array(grown)


def _named(blocks: list[AttentionBlock]) -> tuple[AttentionBlock, ...]:
    """The blocks by name: the outermost module that holds one attention alone."""
    modules = [block.id for block in blocks]
    seen: Counter[str] = Counter()
    named = []
    for block in blocks:
        name, parts = block.id, block.id.split(".")
        for length in range(len(parts) - 1, 0, -1):
            outer = ".".join(parts[:length])
            inside = sum(is_inside(module, outer) for module in modules)
            if inside > modules.count(block.id):
                break
            name = outer
        seen[name] += 1
        label = name if seen[name] == 1 else f"{name}#{seen[name]}"
        named.append(replace(block, id=label))
    return tuple(named)
