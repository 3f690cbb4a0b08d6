"""What losses share: which pixels count, means over pixels, classes as regions, sums."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from segstudio.training.losses import LossSettings


class MadeLoss(ABC):
    """A loss for given data: the checks that all need, and 0 where no pixel counts."""

    def __init__(self, settings: LossSettings) -> None:
        self.settings = settings

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch, a scalar.

        Args:
            logits: (N, C, H, W); half precision is computed in float32.
            target: int64 class ids (N, H, W).

        Raises:
            ValueError: if there is a class that the logits do not have.
        """
        logits, counted = self.prepared(logits, target)
        if not bool(counted.any()):
            return logits.flatten()[:0].sum()  # not 0 * logits: an infinite one would give nan
        return self.of_batch(logits, target, counted)

    def prepared(self, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The logits in float32 or more, and which pixels (N, H, W) count."""
        if logits.dtype not in (torch.float32, torch.float64):
            logits = logits.float()
        if logits.shape[1] != self.settings.classes:
            raise ValueError(
                f"the loss is for {self.settings.classes} classes, not {logits.shape[1]}"
            )
        counted = target != self.settings.ignore_index
        if bool((counted & ((target < 0) | (target >= self.settings.classes))).any()):
            largest = int(target[counted].max())
            raise ValueError(
                f"the masks hold class {largest}, but there are {self.settings.classes} classes"
            )
        return logits, counted

    @abstractmethod
    def of_batch(self, logits: Tensor, target: Tensor, counted: Tensor) -> Tensor:
        """The loss where at least one pixel counts."""


class PixelLoss(MadeLoss):
    """A mean over pixels of what each costs by itself, weighted by the class that it should be."""

    def of_batch(self, logits: Tensor, target: Tensor, counted: Tensor) -> Tensor:
        """Weighted terms over the sum of the weights."""
        terms, weights = self.weighted(logits, target, counted)
        return terms.sum() / weights.sum()

    def each(self, logits: Tensor, target: Tensor) -> Tensor:
        """What each pixel (N, H, W) costs; the mean over those that count is the loss."""
        logits, counted = self.prepared(logits, target)
        if not bool(counted.any()):
            return torch.zeros_like(target, dtype=logits.dtype)
        terms, weights = self.weighted(logits, target, counted)
        return terms * (counted.sum() / weights.sum())

    def weighted(self, logits: Tensor, target: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
        """Of each pixel (N, H, W) weight times term, and the weight; both 0 where it is ignored."""
        safe = target.where(counted, 0)
        surprise = F.nll_loss(logits.log_softmax(1), safe, reduction="none")
        weights = self.class_weights(target[counted]).to(logits)[safe] * counted
        return weights * self.term(surprise), weights

    def term(self, surprise: Tensor) -> Tensor:
        """What a pixel costs before it is weighed, by its -log p(right class)."""
        return surprise

    def class_weights(self, ids: Tensor) -> Tensor:
        """The weight of each class (C,), by the ids of the pixels that count; on the CPU."""
        return torch.ones(self.settings.classes)

    def shares(self, ids: Tensor) -> Tensor:
        """Of each class (C,) its share of the data, or of the pixels that count here; on the CPU."""
        known, classes = self.settings.pixel_shares, self.settings.classes
        if known is None:  # doubles are not known on every device
            return torch.bincount(ids, minlength=classes).cpu().double() / max(1, len(ids))
        if len(known) != classes:
            raise ValueError(f"there are shares of {len(known)} classes, not {classes}")
        return torch.tensor(known, dtype=torch.float64)


@dataclass(frozen=True)
class Regions:
    """Classes as regions of a batch; all is 0 at ignored pixels.

    Attributes:
        found: probabilities (N, C, H, W).
        wanted: 1 for the right class, else 0, (N, C, H, W).
        counted: 1 for pixels that count, else 0, (N, 1, H, W).
    """

    found: Tensor
    wanted: Tensor
    counted: Tensor

    def over_batch(self, values: Tensor) -> Tensor:
        """The sum for each class (C,)."""
        return values.sum((0, 2, 3))


class RegionLoss(MadeLoss):
    """A loss of whole regions: what a pixel costs depends on all others."""

    def of_batch(self, logits: Tensor, target: Tensor, counted: Tensor) -> Tensor:
        """The loss of the regions."""
        mask = counted[:, None]
        ids = torch.arange(self.settings.classes, device=target.device)[None, :, None, None]
        wanted = ((target[:, None] == ids) & mask).to(logits.dtype)
        return self.of_regions(Regions(logits.softmax(1) * mask, wanted, mask.to(logits.dtype)))

    @abstractmethod
    def of_regions(self, regions: Regions) -> Tensor:
        """The loss of the regions; at least one pixel counts."""


def mean_of_present(scores: Tensor, wanted: Tensor) -> Tensor:
    """The mean of the scores (C,) of the classes of which there are `wanted` (C,) pixels."""
    return scores[wanted > 0].mean()


class SumOfLosses:
    """Several losses with factors."""

    def __init__(self, parts: Sequence[tuple[float, Callable[[Tensor, Tensor], Tensor]]]) -> None:
        self.parts = tuple(parts)

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        """The sum of the losses of a batch, a scalar."""
        return torch.stack([factor * loss(logits, target) for factor, loss in self.parts]).sum()
