"""Cross-entropy: the mean of -log p(right class)."""

from __future__ import annotations

from segstudio.training.losses.made_loss import PixelLoss


class CrossEntropy(PixelLoss):
    """All pixels count alike, as in torch's `cross_entropy`."""
