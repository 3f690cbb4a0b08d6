"""What an operation of a forward pass is in the field's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from torch import Tensor

from segstudio.core.operators import Operator, OperatorKind
from segstudio.inspection.nets.operations import Args, Kwargs, argument, pair

_EVEN: Final = 0.01
"""So far may the factors of height and width differ and be told as one."""


def operator_of(op: str, args: Args, kwargs: Kwargs, result: Tensor) -> Operator | None:
    """Return what a call is; None where there is nothing to say of it."""
    make = _MAKERS.get(op)
    return None if make is None else make(args, kwargs, result)


def _convolution(args: Args, kwargs: Kwargs, result: Tensor) -> Operator:
    weight: Tensor = argument(args, kwargs, 1, "weight")
    groups = int(argument(args, kwargs, 6, "groups", 1))
    return Operator(
        OperatorKind.CONVOLUTION,
        (int(weight.shape[-2]), int(weight.shape[-1])),
        pair(argument(args, kwargs, 3, "stride")),
        pair(argument(args, kwargs, 5, "dilation")),
        groups,
        depthwise=groups > 1 and groups == result.shape[1],
    )


def _transposed(args: Args, kwargs: Kwargs, result: Tensor) -> Operator:
    weight: Tensor = argument(args, kwargs, 1, "weight")
    groups = int(argument(args, kwargs, 6, "groups", 1))
    return Operator(
        OperatorKind.TRANSPOSED,
        (int(weight.shape[-2]), int(weight.shape[-1])),
        pair(argument(args, kwargs, 3, "stride")),
        pair(argument(args, kwargs, 7, "dilation")),
        groups,
        depthwise=groups > 1 and groups == result.shape[1],
    )


def _linear(_args: Args, _kwargs: Kwargs, _result: Tensor) -> Operator:
    return Operator(OperatorKind.LINEAR)


def _pooling(kind: OperatorKind, dilation_index: int | None) -> Callable[..., Operator]:
    def make(args: Args, kwargs: Kwargs, _result: Tensor) -> Operator:
        kernel = pair(argument(args, kwargs, 1, "kernel_size"))
        dilation = (1, 1)
        if dilation_index is not None:
            dilation = pair(argument(args, kwargs, dilation_index, "dilation"))
        return Operator(kind, kernel, pair(argument(args, kwargs, 2, "stride"), kernel), dilation)

    return make


def _pooled_to(_args: Args, _kwargs: Kwargs, result: Tensor) -> Operator:
    return Operator(OperatorKind.POOLED_TO, (int(result.shape[-2]), int(result.shape[-1])))


def _mean(args: Args, _kwargs: Kwargs, result: Tensor) -> Operator | None:
    """A mean over height and width is pooling to one position, as timm's models write it."""
    source = args[0]
    if not isinstance(source, Tensor) or source.ndim != 4:
        return None
    flat = tuple(result.shape[2:])
    return _pooled_to(args, {}, source.new_empty((1, 1, 1, 1))) if flat in ((), (1, 1)) else None


def _interpolation(args: Args, kwargs: Kwargs, result: Tensor) -> Operator | None:
    inputs: Tensor = argument(args, kwargs, 0, "input")
    if inputs.ndim != 4 or inputs.shape[-2:] == result.shape[-2:]:
        return None
    mode = str(argument(args, kwargs, 3, "mode", "nearest"))
    factors = [result.shape[axis] / inputs.shape[axis] for axis in (-2, -1)]
    even = abs(factors[0] - factors[1]) <= _EVEN * factors[0]
    larger = result.shape[-2] >= inputs.shape[-2] and result.shape[-1] >= inputs.shape[-1]
    chooses = mode in ("bilinear", "bicubic")
    return Operator(
        OperatorKind.UPSAMPLING if larger else OperatorKind.RESIZE,
        mode=mode,
        align_corners=bool(argument(args, kwargs, 4, "align_corners", False)) if chooses else None,
        factor=factors[0] if even else 0.0,
    )


def _shuffle(args: Args, kwargs: Kwargs, _result: Tensor) -> Operator:
    factor = int(argument(args, kwargs, 1, "upscale_factor"))
    return Operator(OperatorKind.PIXEL_SHUFFLE, (factor, factor))


def _fused_attention(args: Args, kwargs: Kwargs, _result: Tensor) -> Operator | None:
    query: Tensor = argument(args, kwargs, 0, "query")
    heads = int(query.shape[1]) if query.ndim == 4 else 1
    return Operator(OperatorKind.ATTENTION, heads=heads)


def _multi_head(args: Args, kwargs: Kwargs, _result: Tensor) -> Operator:
    return Operator(OperatorKind.ATTENTION, heads=int(argument(args, kwargs, 4, "num_heads", 1)))


def _softmax(args: Args, kwargs: Kwargs, result: Tensor) -> Operator | None:
    """Attention written out: a softmax of (N, heads, queries, keys) over the keys."""
    dim = argument(args, kwargs, 1, "dim")
    if result.ndim != 4 or dim not in (-1, 3) or result.shape[-2] < result.shape[1]:
        return None
    return Operator(OperatorKind.ATTENTION, heads=int(result.shape[1]))


_MAKERS: Final[Mapping[str, Callable[..., Operator | None]]] = {
    "conv2d": _convolution,
    "conv_transpose2d": _transposed,
    "linear": _linear,
    "max_pool2d": _pooling(OperatorKind.MAX_POOLING, 4),
    "avg_pool2d": _pooling(OperatorKind.AVERAGE_POOLING, None),
    "adaptive_avg_pool2d": _pooled_to,
    "adaptive_max_pool2d": _pooled_to,
    "mean": _mean,
    "interpolate": _interpolation,
    "pixel_shuffle": _shuffle,
    "scaled_dot_product_attention": _fused_attention,
    "multi_head_attention_forward": _multi_head,
    "softmax": _softmax,
}
