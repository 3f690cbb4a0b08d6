"""Focal loss: cross-entropy in which what is easy hardly counts.

Lin et al., "Focal Loss for Dense Object Detection" (ICCV 2017, https://arxiv.org/abs/1708.02002),
with the softmax's probability of the right class and the mean over all pixels. With two classes
that is the binary form of one logit. segmentation_models_pytorch's form for several classes is
another: the mean of one binary loss a class, each of a sigmoid.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from segstudio.training.losses.made_loss import PixelLoss

GAMMA: Final = 2
"""The paper's best; its alpha is for two classes alone, and left out."""


class Focal(PixelLoss):
    """The mean of -(1 - p)^2 log p."""

    def term(self, surprise: Tensor) -> Tensor:
        """(1 - p)^gamma times -log p; 1 - p of -log p without loss of digits."""
        missing = -torch.expm1(-surprise)
        return missing**GAMMA * surprise
