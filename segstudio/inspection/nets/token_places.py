"""Where on the image each token of a transformer lies, followed through a forward pass.

What a convolution or a pooling makes of an image is a grid, whose positions are known. From there
on a second, whole-numbered array goes through everything that merely moves values (views,
permutations, windows, shifts, padding, concatenation with a class token), so that the places are
right however a network arranges its tokens.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from segstudio.inspection.nets.operations import SHAPE_ONLY

_MOVES: Final = SHAPE_ONLY - {"to", "float", "half", "clone", "detach", "contiguous"} | {
    "getitem", "chunk", "split", "roll", "pad", "select", "narrow", "tensor_split", "expand",
    "repeat", "reshape_as", "expand_as", "flip", "index_select", "split_with_sizes",
    "unsafe_chunk", "unsafe_split",
}  # fmt: skip
_RESHAPES: Final = frozenset(
    {"view", "reshape", "flatten", "unflatten", "view_as", "reshape_as", "contiguous"}
)  # fmt: skip
_GRIDS: Final = frozenset(
    {"conv2d", "conv_transpose2d", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d",
     "adaptive_max_pool2d", "interpolate"}
)  # fmt: skip
_PRODUCTS: Final = frozenset({"matmul", "bmm"})
_PADDED_BY: Final = "constant"


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """The places of a tensor's elements.

    Attributes:
        places: of the tensor's shape: 1 + position in the grid, row by row; 0 for none.
        grid: (height, width).
    """

    places: Tensor
    grid: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Crossed:
    """The places of both sides of a product of tokens with tokens (..., queries, keys)."""

    rows: Placed
    columns: Placed


class TokenPlaces:
    """Follows places through the operations of one pass; tensors are told apart by identity."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Tensor], Placed | Crossed]] = {}

    def of(self, tensor: Any) -> Placed | None:
        """Where a tensor's elements lie, None if that is not known."""
        found = self._entry(tensor)
        return found if isinstance(found, Placed) else None

    def across(self, tensor: Any) -> Crossed | None:
        """Where the rows and columns of scores lie, None if it holds none."""
        found = self._entry(tensor)
        return found if isinstance(found, Crossed) else None

    def follow(
        self, op: str, func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any],
        result: Any,
    ) -> None:  # fmt: skip
        """Note where what an operation made lies.

        Args:
            op: its canonical name.
            func: itself.
            args: what it was called with.
            kwargs: likewise.
            result: what it gave.
        """
        if isinstance(result, Tensor) and not result.numel():
            return
        if op in _MOVES:
            self._move(op, func, args, kwargs, result)
        elif isinstance(result, Tensor):
            found = self._made(op, args, kwargs, result)
            if found is not None:
                self._keep(result, found)

    def _made(
        self, op: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Tensor
    ) -> Placed | Crossed | None:
        first = args[0] if args else kwargs.get("input")
        if op in _GRIDS:
            return self._grid(first, result)
        if op == "cat":
            return self._joined(kwargs.get("tensors", first), args, kwargs, result)
        if op in _PRODUCTS:
            return self._product(args, kwargs, result)
        if op == "scaled_dot_product_attention":
            query = self.of(args[0] if args else kwargs.get("query"))
            return None if query is None else _spread(query, -1, result)
        if op == "linear":
            source = self.of(first)
            return None if source is None else _spread(source, -1, result)
        return self._same(args, kwargs, result)

    def _same(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Tensor
    ) -> Placed | Crossed | None:
        """What is done to each element by itself leaves it where it is."""
        for value in (*args, *kwargs.values()):
            found = self._entry(value)
            if found is not None and value.shape == result.shape:
                return found
        return None

    def _grid(self, source: Any, result: Tensor) -> Placed | None:
        if result.ndim != 4:
            return None
        size = (int(result.shape[-2]), int(result.shape[-1]))
        before = self.of(source)
        if before is not None and tuple(source.shape[-2:]) == size:
            return _spread(before, 1, result)
        if result.shape[0] != 1:
            return None
        places = torch.arange(1, size[0] * size[1] + 1, dtype=torch.int32, device=result.device)
        return Placed(places.view(1, 1, *size).expand(result.shape), size)

    def _product(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Tensor
    ) -> Placed | Crossed | None:
        left = args[0] if args else kwargs.get("input")
        right = args[1] if len(args) > 1 else kwargs.get("other", kwargs.get("mat2"))
        scores = self.across(left)
        if scores is not None:  # shares times values: a token for every query
            return _spread(scores.rows, -1, result)
        rows, columns = self.of(left), self.of(right)
        if rows is None:
            return None
        if columns is None or result.ndim < 3:
            return _spread(rows, -1, result) if isinstance(right, Tensor) else None
        return Crossed(_spread(rows, -1, result), _spread(columns, -2, result))

    def _joined(
        self, tensors: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Tensor
    ) -> Placed | None:
        dim = kwargs.get("dim", args[1] if len(args) > 1 else 0)
        found = [self.of(tensor) for tensor in tensors]
        grids = {placed.grid for placed in found if placed is not None}
        if len(grids) != 1 or not isinstance(dim, int):
            return None
        parts = [
            tensor.new_zeros((), dtype=torch.int32).expand(tensor.shape)
            if placed is None else placed.places
            for tensor, placed in zip(tensors, found, strict=True)
        ]  # fmt: skip
        places = torch.cat(parts, dim)
        return Placed(places, grids.pop()) if places.shape == result.shape else None

    def _move(
        self, op: str, func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any],
        result: Any,
    ) -> None:  # fmt: skip
        source = args[0] if args else kwargs.get("input")
        found = self._entry(source)
        if found is None:
            return
        sides = (found,) if isinstance(found, Placed) else (found.rows, found.columns)
        if op in _RESHAPES and isinstance(result, Tensor):
            moved = [[Placed(s.places.reshape(result.shape), s.grid)] for s in sides]
        else:
            moved = [_moved(side, func, args, kwargs) for side in sides]
        for number, tensor in enumerate(_tensors(result)):
            parts = [side[number] for side in moved if number < len(side)]
            if len(parts) < len(sides) or any(p.places.shape != tensor.shape for p in parts):
                continue
            self._keep(tensor, parts[0] if len(parts) == 1 else Crossed(parts[0], parts[1]))

    def _entry(self, tensor: Any) -> Placed | Crossed | None:
        entry = self._known.get(id(tensor)) if isinstance(tensor, Tensor) else None
        return entry[1] if entry is not None and entry[0]() is tensor else None

    def _keep(self, tensor: Tensor, found: Placed | Crossed) -> None:
        self._known[id(tensor)] = (weakref.ref(tensor), found)


def _moved(
    side: Placed, func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> list[Placed]:
    """Where the parts of a result lie that an operation only moved; empty if it did more."""
    rest = {name: value for name, value in kwargs.items() if name != "input"}
    if rest.get("mode", _PADDED_BY) != _PADDED_BY:
        return []
    rest.pop("value", None)
    try:
        places = func(side.places, *args[1:], **rest)
    except (RuntimeError, TypeError, ValueError, IndexError):
        return []
    return [Placed(part, side.grid) for part in _tensors(places)]


def _spread(source: Placed, dim: int, result: Tensor) -> Placed:
    """The places of a result whose `dim` is mixed anew and whose others are the source's."""
    one = source.places.narrow(dim % source.places.ndim, 0, 1)
    while one.ndim < result.ndim:
        one = one.unsqueeze(0)
    try:
        return Placed(one.expand(result.shape), source.grid)
    except RuntimeError:
        return Placed(one.new_zeros(()).expand(result.shape), source.grid)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _tensors(item)
