"""U-Net, built from scratch: plain double convolutions with batch norm and zero padding."""

from __future__ import annotations

from typing import Any, Final, Literal

import torch
from torch import Tensor, nn

from segstudio.core.prediction import Question
from segstudio.models.families import Found, Shapes, input_channels

Upsampling = Literal["transposed", "bilinear", "pixel_shuffle"]
UPSAMPLINGS: Final = ("transposed", "bilinear", "pixel_shuffle")
Corners = Literal["aligned", "not aligned"]
CORNERS: Final = ("aligned", "not aligned")
_DEEPEST: Final = 16
_CORNERS_ASKED: Final = Question(
    "corners", "Corners of the bilinear upsampling (align_corners)", CORNERS, "aligned"
)


class DoubleConv(nn.Module):
    """Two 3 x 3 convolutions, each with batch norm and ReLU; the size is kept."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        mid_channels: int | None = None,
        dilation: int = 1,
    ) -> None:
        """Build the block; ``mid_channels`` lies between the convolutions (default: the output's)."""
        super().__init__()
        middle = mid_channels or out_channels
        reach: dict[str, Any] = {"padding": dilation, "dilation": dilation, "bias": False}
        self.double_conv = nn.Sequential(
            nn.Conv2d(in_channels, middle, 3, **reach),
            nn.BatchNorm2d(middle),
            nn.ReLU(inplace=True),
            nn.Conv2d(middle, out_channels, 3, **reach),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H, W)."""
        out: Tensor = self.double_conv(x)
        return out


class Down(nn.Module):
    """Halve the resolution by max pooling, then a double convolution."""

    def __init__(self, in_channels: int, out_channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.maxpool_conv = nn.Sequential(
            nn.MaxPool2d(2), DoubleConv(in_channels, out_channels, dilation=dilation)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H / 2, W / 2)."""
        out: Tensor = self.maxpool_conv(x)
        return out


class Up(nn.Module):
    """Double the resolution, join the encoder's features, then a double convolution."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        upsampling: Upsampling,
        *,
        skips: bool = True,
        corners: Corners = "aligned",
    ) -> None:
        """Build the stage.

        Args:
            in_channels: channels of the joined tensor: one half from the skip, one from below.
            out_channels: channels of the result.
            upsampling: how the resolution is doubled.
            skips: whether the encoder's features are joined.
            corners: of bilinear upsampling: whether the corners' pixels stay in the corners.
        """
        super().__init__()
        half = in_channels // 2
        self.up = _upsampler(in_channels, upsampling, corners)
        middle = half if upsampling == "bilinear" else None
        self.conv = DoubleConv(in_channels if skips else half, out_channels, middle)
        self.skips = skips

    def forward(self, deep: Tensor, skip: Tensor) -> Tensor:
        """Map deep (N, C, h, w) and skip (N, in_channels / 2, 2h, 2w) to (N, out, 2h, 2w)."""
        x: Tensor = self.up(deep)
        if self.skips:
            x = torch.cat([skip, x], 1)
        out: Tensor = self.conv(x)
        return out


def _upsampler(in_channels: int, upsampling: Upsampling, corners: Corners) -> nn.Module:
    """Return a module that doubles height and width and gives ``in_channels // 2`` channels.

    The bilinear one keeps its channels: the level below has half as many already.
    """
    if upsampling == "transposed":
        return nn.ConvTranspose2d(in_channels, in_channels // 2, 2, stride=2)
    if upsampling == "bilinear":
        aligned = corners == "aligned"
        return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=aligned)
    return nn.Sequential(nn.Conv2d(in_channels, in_channels * 2, 1), nn.PixelShuffle(2))


class UNet(nn.Module):
    """U-Net after Ronneberger, Fischer and Brox (2015), https://arxiv.org/abs/1505.04597.

    It differs from the paper in two points: the convolutions are padded, so the output has the
    input's size, and each is followed by batch norm. The tensors are named as in the layout that
    most published weights use (``inc``, ``down1`` ..., ``up1`` ..., ``outc``).
    """

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 2,
        base_channels: int = 64,
        depth: int = 4,
        upsampling: Upsampling = "transposed",
        *,
        skips: bool = True,
        corners: Corners = "aligned",
        dilation: int = 1,
        bottom_channels: int | None = None,
    ) -> None:
        """Build the network.

        Args:
            in_channels: channels of the image.
            num_classes: channels of the logits.
            base_channels: channels at full resolution; they double with every level.
            depth: how many times the resolution is halved.
            upsampling: "transposed" convolution, "bilinear" (the widest level is halved) or
                "pixel_shuffle".
            skips: False leaves the skip connections out, for comparison.
            corners: of bilinear upsampling: whether the corners' pixels stay in the corners
                (``align_corners``).
            dilation: of the two convolutions at the bottom, which see further with it.
            bottom_channels: channels of the lowest level, instead of twice those above it; even.
                Skip connections fix them.

        Raises:
            ValueError: for an unknown ``upsampling`` or ``corners``, a depth below 1 or above 16,
                a dilation below 1, or channels of the bottom with skip connections.
        """
        super().__init__()
        if corners not in CORNERS:
            raise ValueError(f"corners is {corners!r}; choose one of {', '.join(CORNERS)}")
        if upsampling not in UPSAMPLINGS:
            raise ValueError(
                f"upsampling is {upsampling!r}; choose one of {', '.join(UPSAMPLINGS)}"
            )
        if not 1 <= depth <= _DEEPEST:
            raise ValueError(f"depth is {depth}; a U-Net can have 1 to {_DEEPEST}")
        if dilation < 1:
            raise ValueError(f"dilation is {dilation}; it is at least 1")
        if bottom_channels is not None and (skips or bottom_channels % 2):
            raise ValueError("bottom_channels is for a U-Net without skips, and an even number")
        self.depth = depth
        self.in_channels = in_channels
        factor = 2 if upsampling == "bilinear" else 1
        widths = [base_channels * 2**level for level in range(depth + 1)]
        widths[depth] = bottom_channels or widths[depth]
        self.inc = DoubleConv(in_channels, widths[0])
        for level in range(1, depth + 1):
            bottom = level == depth
            out = widths[level] // (factor if bottom else 1)
            down = Down(widths[level - 1], out, dilation if bottom else 1)
            self.add_module(f"down{level}", down)
        for step in range(1, depth + 1):
            level = depth - step
            out = widths[level] // (factor if level > 0 else 1)
            up = Up(widths[level + 1], out, upsampling, skips=skips, corners=corners)
            self.add_module(f"up{step}", up)
        self.outc = OutConv(widths[0], num_classes)

    @property
    def divisor(self) -> int:
        """What height and width must be divisible by."""
        return int(2**self.depth)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, num_classes, H, W) for images (N, in_channels, H, W).

        Raises:
            ValueError: if height or width is not divisible by ``divisor``.
        """
        self._check_size(x)
        features = [self.inc(x)]
        for level in range(1, self.depth + 1):
            features.append(self.get_submodule(f"down{level}")(features[-1]))
        out: Tensor = features.pop()
        for step in range(1, self.depth + 1):
            out = self.get_submodule(f"up{step}")(out, features.pop())
        logits: Tensor = self.outc(out)
        return logits

    def _check_size(self, x: Tensor) -> None:
        height, width = x.shape[-2:]
        step = self.divisor
        if height % step or width % step:
            to = f"{-(-height // step) * step} x {-(-width // step) * step}"
            raise ValueError(
                f"the input is {height} x {width}, but a U-Net of depth {self.depth} needs "
                f"multiples of {step}; pad it to {to}"
            )


class OutConv(nn.Module):
    """The 1 x 1 convolution that gives the logits."""

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, num_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to logits (N, num_classes, H, W)."""
        out: Tensor = self.conv(x)
        return out


def recognise_unet(shapes: Shapes, where: str) -> Found:
    """Tell a U-Net from the names and shapes of its state dict."""
    first = shapes["inc.double_conv.0.weight"]
    depth = sum(1 for n in range(1, 17) if f"down{n}.maxpool_conv.1.double_conv.0.weight" in shapes)
    joined = shapes.get("up1.conv.double_conv.0.weight", (0, 0))[1]
    classes = shapes["outc.conv.weight"][0]
    if "up1.up.weight" in shapes:
        upsampling = "transposed"
    else:
        upsampling = "pixel_shuffle" if "up1.up.0.weight" in shapes else "bilinear"
    options: dict[str, Any] = {
        "in_channels": first[1],
        "num_classes": classes,
        "base_channels": first[0],
        "depth": depth,
        "upsampling": upsampling,
    }
    if joined and joined < first[0] * 2**depth:
        options["skips"] = False
        bottom = shapes[f"down{depth}.maxpool_conv.1.double_conv.3.weight"][0]
        if upsampling != "bilinear" and bottom != first[0] * 2**depth:
            options["bottom_channels"] = bottom
    preprocess = {"scaling": "unit", "divisor": 2**depth, **input_channels(first[1])}
    asked = (_CORNERS_ASKED,) if upsampling == "bilinear" else ()
    return Found("U-Net", options, preprocess, classes, questions=asked)
