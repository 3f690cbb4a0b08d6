"""Which input positions an output position of an operation reads, per axis, exactly.

Each rule maps an interval of output positions (lo, hi), both inclusive, to the interval of input
positions. The rules hold for every integer position, also outside the map, so that borders do not
shorten a receptive field. After Araujo, Norris and Sim (2019), "Computing receptive fields of
convolutional neural networks", https://distill.pub/2019/computing-receptive-fields, extended to
upsampling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from segstudio.inspection.nets.operations import GLOBAL, Args, Kwargs, argument, pair

Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Window:
    """A sliding window: convolution or pooling."""

    kernel: int
    stride: int
    padding: int
    dilation: int

    def read(self, lo: Positions, hi: Positions) -> tuple[Positions, Positions]:
        """Return the interval that the window covers."""
        first = lo * self.stride - self.padding
        return first, hi * self.stride - self.padding + self.dilation * (self.kernel - 1)


@dataclass(frozen=True, slots=True)
class TransposedWindow:
    """A transposed convolution: output o reads input i where o = i * stride - padding + k."""

    kernel: int
    stride: int
    padding: int
    dilation: int

    def read(self, lo: Positions, hi: Positions) -> tuple[Positions, Positions]:
        """Return the interval; where the kernel leaves a gap, the position before it."""
        reach = self.dilation * (self.kernel - 1)
        first = -((-(lo + self.padding - reach)) // self.stride)
        last = (hi + self.padding) // self.stride
        return np.minimum(first, last), last


@dataclass(frozen=True, slots=True)
class Resize:
    """Interpolation; ``scale`` is input positions per output position.

    ``before`` and ``after`` say how many positions beyond the two neighbours are read.
    """

    scale: float
    mode: str
    align_corners: bool

    def read(self, lo: Positions, hi: Positions) -> tuple[Positions, Positions]:
        """Return the interval."""
        if self.mode in ("nearest", "area"):
            first = np.floor(lo * self.scale)
            last = np.floor(hi * self.scale)
            if self.mode == "area":
                last = np.ceil((hi + 1) * self.scale) - 1
            return first.astype(np.int64), last.astype(np.int64)
        first, last = self._place(lo), self._place(hi)
        wider = 1 if self.mode == "bicubic" else 0
        # a place within rounding of an input position reads that position alone
        low = np.floor(first + 1e-4) - wider
        high = np.ceil(last - 1e-4) + wider
        return low.astype(np.int64), high.astype(np.int64)

    def _place(self, index: Positions) -> NDArray[np.float64]:
        if self.align_corners:
            return np.asarray(index * self.scale, np.float64)
        return np.asarray((index + 0.5) * self.scale - 0.5, np.float64)


@dataclass(frozen=True, slots=True)
class Blocks:
    """Pixel shuffle (``factor`` outputs an input) or, with ``inverse``, unshuffle."""

    factor: int
    inverse: bool = False

    def read(self, lo: Positions, hi: Positions) -> tuple[Positions, Positions]:
        """Return the interval."""
        if self.inverse:
            return lo * self.factor, hi * self.factor + self.factor - 1
        return lo // self.factor, hi // self.factor


@dataclass(frozen=True, slots=True)
class Shift:
    """Padding or cropping: output i reads input ``i * step + offset``."""

    offset: int
    step: int = 1

    def read(self, lo: Positions, hi: Positions) -> tuple[Positions, Positions]:
        """Return the interval."""
        return lo * self.step + self.offset, hi * self.step + self.offset


Rule = Window | TransposedWindow | Resize | Blocks | Shift
Rules = tuple[Rule, Rule]
"""The rules of the vertical and the horizontal axis."""

POINTWISE: Final[Rules] = (Shift(0), Shift(0))


def rules_of(op: str, args: Args, kwargs: Kwargs, result: Any) -> Rules | None:
    """Return how an operation's result reads its (first) spatial input.

    Returns:
        The rules; None if every position may depend on the whole input.
    """
    if not isinstance(result, Tensor) or result.ndim < 3 or op in GLOBAL or "fft" in op:
        return None
    make = _MAKERS.get(op)
    if make is not None:
        rules: Rules | None = make(args, kwargs, result)
        return rules
    return POINTWISE


def _conv_rules(args: Args, kwargs: Kwargs, result: Tensor) -> Rules:
    del result
    weight: Tensor = argument(args, kwargs, 1, "weight")
    stride = pair(argument(args, kwargs, 3, "stride"))
    padding = argument(args, kwargs, 4, "padding", 0)
    dilation = pair(argument(args, kwargs, 5, "dilation"))
    kernel = (int(weight.shape[-2]), int(weight.shape[-1]))
    if padding == "same":
        pads = tuple(d * (k - 1) // 2 for d, k in zip(dilation, kernel, strict=True))
    else:
        pads = pair(0 if padding == "valid" else padding, 0)
    rows, cols = (Window(kernel[i], stride[i], pads[i], dilation[i]) for i in (0, 1))
    return rows, cols


def _transpose_rules(args: Args, kwargs: Kwargs, result: Tensor) -> Rules:
    del result
    weight: Tensor = argument(args, kwargs, 1, "weight")
    stride = pair(argument(args, kwargs, 3, "stride"))
    padding = pair(argument(args, kwargs, 4, "padding"), 0)
    dilation = pair(argument(args, kwargs, 7, "dilation"))
    rows, cols = (
        TransposedWindow(int(weight.shape[i - 2]), stride[i], padding[i], dilation[i])
        for i in (0, 1)
    )
    return rows, cols


def _pool_rules(dilation_index: int | None) -> Any:
    def make(args: Args, kwargs: Kwargs, result: Tensor) -> Rules:
        del result
        kernel = pair(argument(args, kwargs, 1, "kernel_size"))
        step = argument(args, kwargs, 2, "stride")
        stride = kernel if step in (None, (), []) else pair(step)
        padding = pair(argument(args, kwargs, 3, "padding"), 0)
        dilation = (1, 1)
        if dilation_index is not None:
            dilation = pair(argument(args, kwargs, dilation_index, "dilation"))
        rows, cols = (Window(kernel[i], stride[i], padding[i], dilation[i]) for i in (0, 1))
        return rows, cols

    return make


def _resize_rules(args: Args, kwargs: Kwargs, result: Tensor) -> Rules | None:
    inputs: Tensor = argument(args, kwargs, 0, "input")
    if inputs.ndim != 4:
        return None
    mode = str(argument(args, kwargs, 3, "mode", "nearest")).removesuffix("-exact")
    align = bool(argument(args, kwargs, 4, "align_corners", False))
    rules = []
    for axis in (-2, -1):
        before, after = int(inputs.shape[axis]), int(result.shape[axis])
        scale = before / after
        if align:
            scale = (before - 1) / max(after - 1, 1)
        rules.append(Resize(scale, mode, align))
    return rules[0], rules[1]


def _shuffle_rules(args: Args, kwargs: Kwargs, result: Tensor) -> Rules:
    del result
    blocks = Blocks(int(argument(args, kwargs, 1, "upscale_factor")))
    return blocks, blocks


def _unshuffle_rules(args: Args, kwargs: Kwargs, result: Tensor) -> Rules:
    del result
    blocks = Blocks(int(argument(args, kwargs, 1, "downscale_factor")), inverse=True)
    return blocks, blocks


def _pad_rules(args: Args, kwargs: Kwargs, result: Tensor) -> Rules:
    del result
    pad = [int(value) for value in argument(args, kwargs, 1, "pad")]
    left = pad[0] if pad else 0
    top = pad[2] if len(pad) > 2 else 0
    return Shift(-top), Shift(-left)


def _slice_rules(args: Args, kwargs: Kwargs, result: Tensor) -> Rules | None:
    del kwargs
    key = args[1] if isinstance(args[1], tuple) else (args[1],)
    source: Tensor = args[0]
    if not isinstance(source, Tensor) or source.ndim != result.ndim:
        return POINTWISE
    if any(item is Ellipsis for item in key):
        place = next(i for i, item in enumerate(key) if item is Ellipsis)
        missing = source.ndim - (len(key) - 1)
        key = (*key[:place], *[slice(None)] * missing, *key[place + 1 :])
    key = (*key, *[slice(None)] * (source.ndim - len(key)))
    rules = []
    for axis in (-2, -1):
        if not isinstance(key[axis], slice):
            return None
        start, _, step = key[axis].indices(int(source.shape[axis]))
        rules.append(Shift(start, step))
    return rules[0], rules[1]


_MAKERS: Final[Mapping[str, Any]] = {
    "conv2d": _conv_rules,
    "conv_transpose2d": _transpose_rules,
    "max_pool2d": _pool_rules(4),
    "avg_pool2d": _pool_rules(None),
    "interpolate": _resize_rules,
    "pixel_shuffle": _shuffle_rules,
    "pixel_unshuffle": _unshuffle_rules,
    "pad": _pad_rules,
    "getitem": _slice_rules,
}
