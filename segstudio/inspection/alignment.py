"""Two networks' stages beside each other, rows by stride."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from segstudio.core.features import FeatureTrace, LayerInfo, Role

_DOWN: Final = frozenset({Role.INPUT, Role.ENCODER, Role.BOTTLENECK, Role.CONTEXT})


@dataclass(frozen=True)
class AlignedStages:
    """One row.

    Attributes:
        stride: Of both stages, in pixels of the networks' inputs.
        down: On the way down (encoder, bottleneck, context), else on the way up.
        first: Stage of the one network, or None where it has none left at this stride.
        second: Stage of the other, likewise.
    """

    stride: int
    down: bool
    first: str | None
    second: str | None


def comparable_stages(trace: FeatureTrace) -> tuple[LayerInfo, ...]:
    """The stages that are maps with a place on the photo: those that can be compared."""
    return tuple(
        layer
        for layer in trace.layers
        if layer.receptive_field is not None and layer.shape[1] * layer.shape[2] > 1
    )


def align(first: FeatureTrace, second: FeatureTrace) -> tuple[AlignedStages, ...]:
    """Put the stages of two networks into rows of equal stride.

    Down the encoders with growing strides, then up the decoders with shrinking ones; within a
    stride the stages stay in the order in which they run.
    """
    left, right = _by_place(comparable_stages(first)), _by_place(comparable_stages(second))
    places = sorted({*left, *right}, key=lambda place: (not place[0], place[1] * _sign(place)))
    return tuple(
        AlignedStages(stride, down, one, other)
        for down, stride in places
        for one, other in zip_longest(left.get((down, stride), ()), right.get((down, stride), ()))
    )


def _sign(place: tuple[bool, int]) -> int:
    return 1 if place[0] else -1


def _by_place(layers: Iterable[LayerInfo]) -> dict[tuple[bool, int], list[str]]:
    """Stages by (on the way down, stride)."""
    found: dict[tuple[bool, int], list[str]] = {}
    for layer in layers:
        found.setdefault((layer.role in _DOWN, layer.stride), []).append(layer.id)
    return found
