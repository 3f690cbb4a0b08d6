"""The operations that make a stage, in words: kernel, stride, dilation, groups, how it is enlarged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_TIMES = "\u00d7"


class OperatorKind(StrEnum):
    """What an operation does with maps or tokens."""

    CONVOLUTION = "conv"
    TRANSPOSED = "transposed conv"
    LINEAR = "linear"
    ATTENTION = "attention"
    MAX_POOLING = "max pool"
    AVERAGE_POOLING = "average pool"
    POOLED_TO = "pooled to"
    """Pooling to a number of positions, whatever the map's size."""
    UPSAMPLING = "upsampling"
    """Interpolation to a larger map."""
    RESIZE = "resize"
    """Interpolation to a smaller map, or to another shape."""
    PIXEL_SHUFFLE = "pixel shuffle"


@dataclass(frozen=True, slots=True)
class Operator:
    """One operation of a stage.

    Attributes:
        kind: What it does.
        kernel: Height and width of its window, of the pooled map, or of one position's block;
            (0, 0) where it has none.
        stride: Vertical and horizontal.
        dilation: Vertical and horizontal.
        groups: Of channels; 1 if all channels see each other.
        depthwise: Each channel is by itself.
        mode: Of an interpolation, "bilinear" or "nearest".
        align_corners: Of an interpolation that can do both; None for one that cannot.
        factor: Of an interpolation, 0 where height and width differ.
        heads: Of attention.
    """

    kind: OperatorKind
    kernel: tuple[int, int] = (0, 0)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    depthwise: bool = False
    mode: str = ""
    align_corners: bool | None = None
    factor: float = 0.0
    heads: int = 0

    @property
    def text(self) -> str:
        """In the field's words; what is 1 is left out."""
        if self.kind is OperatorKind.ATTENTION:
            return f"attention, {self.heads} head{'s' if self.heads > 1 else ''}"
        if self.kind in (OperatorKind.UPSAMPLING, OperatorKind.RESIZE):
            return self._interpolation()
        parts = [self.kind.value]
        if self.kind is OperatorKind.PIXEL_SHUFFLE:
            parts = [f"{self.kind.value} {_TIMES} {self.kernel[0]}"]
        elif self.kernel != (0, 0):
            parts = [f"{self.kind.value} {pair_text(self.kernel)}"]
        if self.stride != (1, 1):
            parts.append(f"stride {_one(self.stride)}")
        if self.dilation != (1, 1):
            parts.append(f"dilation {_one(self.dilation)}")
        if self.groups > 1:
            parts.append("depthwise" if self.depthwise else f"groups {self.groups}")
        return ", ".join(parts)

    def _interpolation(self) -> str:
        size = f" {_TIMES} {self.factor:.3g}" if self.factor else ""
        corners = ""
        if self.align_corners is not None:
            corners = f", align_corners {'on' if self.align_corners else 'off'}"
        return f"{self.mode} {self.kind.value}{size}{corners}"


def operators_text(operators: Iterable[Operator]) -> str:
    """All operations of a stage, each once with how often it comes, in order."""
    counts = Counter(operator.text for operator in operators)
    return "; ".join(f"{n} {_TIMES} {text}" if n > 1 else text for text, n in counts.items())


def branch_texts(operators: Iterable[Operator]) -> tuple[str, ...]:
    """What tells a parallel branch from its neighbours, its rate or the size it is pooled to.

    The longest first, for where there is less room.
    """
    found = list(operators)
    pooled = [o for o in found if o.kind is OperatorKind.POOLED_TO]
    if pooled:
        side, size = pooled[-1].kernel[0], _short(pooled[-1].kernel)
        return f"{pooled[-1].kind.value} {size}", f"pool {size}", f"pool {side}"
    windows = [o for o in found if o.kind is OperatorKind.CONVOLUTION]
    if not windows:
        return ()
    widest = max(windows, key=lambda o: (o.dilation, o.kernel))
    size, rate = _short(widest.kernel), _one(widest.dilation)
    if widest.kernel == (1, 1):
        return (size,)
    return f"{size} rate {rate}", f"rate {rate}", f"r {rate}"


def pair_text(pair: tuple[int, int]) -> str:
    """Height x width."""
    return f"{pair[0]} {_TIMES} {pair[1]}"


def _short(pair: tuple[int, int]) -> str:
    return pair_text(pair).replace(" ", "")


def _one(pair: tuple[int, int]) -> str:
    return str(pair[0]) if pair[0] == pair[1] else pair_text(pair)
