"""A U-Net that is quick to train: strided convolutions, and a stem that may halve the resolution.

Half the resolution costs a quarter of the time, and the widths grow by steps instead of doubling.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.models.families.unet import DoubleConv


class StridedConv(nn.Module):
    """Two 3 x 3 convolutions with batch norm and ReLU, the first with a stride."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride)."""
        out: Tensor = self.convs(x)
        return out


class JoinUp(nn.Module):
    """Enlarge bilinearly to the size of the skip, join it, then a double convolution."""

    def __init__(self, deep_channels: int, skip_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = DoubleConv(deep_channels + skip_channels, out_channels)

    def forward(self, deep: Tensor, skip: Tensor) -> Tensor:
        """Map deep (N, D, h, w) and skip (N, S, H, W) to (N, out_channels, H, W)."""
        size = skip.shape[-2:]
        larger = F.interpolate(deep, size=size, mode="bilinear", align_corners=False)
        out: Tensor = self.conv(torch.cat([skip, larger], 1))
        return out


class StemUNet(nn.Module):
    """U-Net after Ronneberger et al. (2015) with a strided stem and strided convolutions."""

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 2,
        widths: Sequence[int] = (24, 48, 96, 144, 192),
        stem_stride: int = 2,
    ) -> None:
        """Build the network.

        Args:
            in_channels: channels of the image.
            num_classes: channels of the logits.
            widths: channels of each level, the stem's first; each further level halves the
                resolution.
            stem_stride: 1 keeps the resolution in the stem, 2 halves it.

        Raises:
            ValueError: for another stride or less than two levels.
        """
        super().__init__()
        if stem_stride not in (1, 2):
            raise ValueError(f"the stem's stride is {stem_stride}; it can be 1 or 2")
        if not 2 <= len(widths) <= 9 or min(widths) < 1:
            raise ValueError(f"widths is {list(widths)}; it has 2 to 9 numbers of channels")
        self.in_channels = in_channels
        self.divisor = stem_stride * 2 ** (len(widths) - 1)
        self.stem = StridedConv(in_channels, widths[0], stem_stride)
        pairs = list(pairwise(widths))
        self.downs = nn.ModuleList(StridedConv(upper, lower, 2) for upper, lower in pairs)
        self.ups = nn.ModuleList(JoinUp(lower, upper, upper) for upper, lower in reversed(pairs))
        self.head = nn.Conv2d(widths[0], num_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, num_classes, H, W) for images (N, in_channels, H, W)."""
        features = [self.stem(x)]
        for down in self.downs:
            features.append(down(features[-1]))
        out: Tensor = features.pop()
        for up in self.ups:
            out = up(out, features.pop())
        logits: Tensor = self.head(out)
        if logits.shape[-2:] == x.shape[-2:]:
            return logits
        return F.interpolate(logits, size=x.shape[-2:], mode="bilinear", align_corners=False)
