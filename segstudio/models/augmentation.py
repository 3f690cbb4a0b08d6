"""Test-time augmentation: the same image in several sizes and mirrorings, averaged."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from segstudio.core.prediction import RunOptions

Mirror = tuple[int, ...]
"""Axes of an image (H, W, 3) that are reversed: () for none, 0 top to bottom, 1 left to right."""

MIRRORS: Final[tuple[Mirror, ...]] = ((), (1,), (0,), (0, 1))


@dataclass(frozen=True)
class Variants:
    """Which variants of an image a network sees.

    Attributes:
        scales: Sizes of the network's input relative to its usual one.
        mirrors: Mirrorings.
    """

    scales: tuple[float, ...] = (1.0,)
    mirrors: tuple[Mirror, ...] = ((),)

    @classmethod
    def of(cls, options: RunOptions) -> Variants:
        """What a run's options ask for."""
        scales = tuple(options.input_scale * scale for scale in options.scales)
        return cls(scales, MIRRORS if options.flips else MIRRORS[:1])

    @property
    def is_single(self) -> bool:
        """Whether the network sees the image once only, as it is."""
        return len(self.scales) == 1 and self.mirrors == ((),)

    def variants(self) -> Iterable[tuple[float, Mirror]]:
        """Every size in every mirroring."""
        return itertools.product(self.scales, self.mirrors)


PLAIN: Final = Variants()
"""The image once, as it is."""


def mean_log_probabilities(variants: Iterable[Tensor]) -> Tensor:
    """The logarithm of the mean of the variants' softmax probabilities.

    Args:
        variants: Logits (1, C, H, W) each, made one after the other.

    Raises:
        ValueError: if there are none.
    """
    total: Tensor | None = None
    number = 0
    for logits in variants:
        probabilities = torch.softmax(logits.float(), 1)
        total = probabilities if total is None else total.add_(probabilities)
        number += 1
    if total is None:
        raise ValueError("there is nothing to average")
    return total.div_(number).clamp_(min=torch.finfo(torch.float32).tiny).log_()
