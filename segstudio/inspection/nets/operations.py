"""Operations of a forward pass: their canonical names, their multiply-adds, their kinds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from torch import Tensor

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]

_ALIASES: Final = {
    "__add__": "add",
    "__radd__": "add",
    "__iadd__": "add",
    "concat": "cat",
    "concatenate": "cat",
    "__mul__": "mul",
    "__rmul__": "mul",
    "__imul__": "mul",
    "multiply": "mul",
    "_max_pool2d": "max_pool2d",
    "max_pool2d_with_indices": "max_pool2d",
    "upsample": "interpolate",
    "upsample_bilinear": "interpolate",
    "upsample_nearest": "interpolate",
    "__getitem__": "getitem",
    "__setitem__": "setitem",
    "__matmul__": "matmul",
    "__rmatmul__": "matmul",
    "adaptive_max_pool2d_with_indices": "adaptive_max_pool2d",
    "_adaptive_max_pool2d": "adaptive_max_pool2d",
}

CONVOLUTIONS: Final = frozenset({"conv1d", "conv2d", "conv_transpose2d", "linear", "addmm"})
RESIZES: Final = frozenset({"interpolate", "conv_transpose2d", "pixel_shuffle", "expand", "repeat",
                            "repeat_interleave", "expand_as", "max_unpool2d"})  # fmt: skip
SHAPE_ONLY: Final = frozenset(
    {"view", "reshape", "permute", "transpose", "contiguous", "flatten", "unflatten", "movedim",
     "squeeze", "unsqueeze", "to", "float", "half", "clone", "detach", "unbind", "view_as",
     "swapaxes", "swapdims", "moveaxis"}
)  # fmt: skip
GLOBAL: Final = frozenset(
    {"softmax", "matmul", "bmm", "baddbmm", "scaled_dot_product_attention", "einsum", "mean",
     "adaptive_avg_pool2d", "adaptive_max_pool2d", "multi_head_attention_forward", "amax", "roll"}
)  # fmt: skip
REGION_POOLING: Final = frozenset({"roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool"})

QUIET: Final = frozenset(
    {"__get__", "__set__", "size", "dim", "ndimension", "numel", "__len__", "is_floating_point",
     "stride", "is_contiguous", "data_ptr", "untyped_storage", "get_device", "item", "tolist",
     "__bool__", "__int__", "__float__", "__index__", "type", "__hash__", "__repr__", "__format__",
     "is_complex", "element_size", "nelement", "storage_offset", "requires_grad_", "shape"}
)  # fmt: skip
"""Questions about a tensor; they make no features and are passed through."""


def canonical(func: Callable[..., Any]) -> str:
    """Return one name for the forms of an operation: ``x + y``, ``x += y`` and ``torch.add``."""
    name = getattr(func, "__name__", "") or str(func)
    name = name.rsplit(".", 1)[-1]
    if name in _ALIASES:
        return _ALIASES[name]
    if name.endswith("_") and not name.endswith("__"):
        name = name[:-1]
    return _ALIASES.get(name, name)


def argument(args: Args, kwargs: Kwargs, index: int, name: str, default: Any = None) -> Any:
    """Return an argument that may be given by place or by name."""
    if len(args) > index:
        return args[index]
    return kwargs.get(name, default)


def pair(value: Any, default: int | tuple[int, int] = 1) -> tuple[int, int]:
    """Return (down, across) of an argument that is one number, several, or left out."""
    if value is None or (isinstance(value, tuple | list) and not value):
        value = default
    if isinstance(value, tuple | list):
        return int(value[0]), int(value[-1])
    return int(value), int(value)


def multiply_adds(op: str, args: Args, kwargs: Kwargs, result: Any) -> int:
    """Return the multiply-adds of a call; 0 for what has none worth counting.

    Convolutions, linear layers and matrix products count, as usual in the field; adding a bias,
    normalising and interpolating don't.
    """
    count = _COUNTERS.get(op)
    if count is None or not isinstance(result, Tensor):
        return 0
    return count(args, kwargs, result)


def _conv(args: Args, kwargs: Kwargs, result: Tensor) -> int:
    weight: Tensor = argument(args, kwargs, 1, "weight")
    return result.numel() * math.prod(weight.shape[1:])


def _conv_transpose(args: Args, kwargs: Kwargs, result: Tensor) -> int:
    del result
    weight: Tensor = argument(args, kwargs, 1, "weight")
    inputs: Tensor = argument(args, kwargs, 0, "input")
    return inputs.numel() * math.prod(weight.shape[1:])


def _linear(args: Args, kwargs: Kwargs, result: Tensor) -> int:
    weight: Tensor = argument(args, kwargs, 1, "weight")
    return result.numel() * int(weight.shape[-1])


def _matmul(args: Args, kwargs: Kwargs, result: Tensor) -> int:
    left = argument(args, kwargs, 0, "input")
    return result.numel() * int(left.shape[-1])


def _addmm(args: Args, kwargs: Kwargs, result: Tensor) -> int:
    left: Tensor = argument(args, kwargs, 1, "mat1")
    return result.numel() * int(left.shape[-1])


def _attention(args: Args, kwargs: Kwargs, result: Tensor) -> int:
    query: Tensor = argument(args, kwargs, 0, "query")
    key: Tensor = argument(args, kwargs, 1, "key")
    scores = math.prod(query.shape[:-1]) * int(key.shape[-2])
    return scores * int(query.shape[-1]) + scores * int(result.shape[-1])


_COUNTERS: Final[dict[str, Callable[[Args, Kwargs, Tensor], int]]] = {
    "conv1d": _conv,
    "conv2d": _conv,
    "conv_transpose2d": _conv_transpose,
    "linear": _linear,
    "matmul": _matmul,
    "bmm": _matmul,
    "mm": _matmul,
    "addmm": _addmm,
    "baddbmm": _addmm,
    "scaled_dot_product_attention": _attention,
}
