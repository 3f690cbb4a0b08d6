"""DeepLabV3+ and DeepLabV3 on ResNet or MobileNetV2, as the widely used PyTorch code names them.

The tensors are called backbone.* and classifier.*: the head has project, aspp and classifier.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import resnet50, resnet101
from torchvision.models.segmentation.deeplabv3 import ASPP

from segstudio.core.prediction import Question
from segstudio.models.families import Found, Shapes
from segstudio.models.published import VOC_CATEGORIES, VOC_SCHEMA

Backbone = Literal["resnet50", "resnet101", "mobilenet_v2"]
_PREPROCESS: Final = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
_STRIDES: Final = ("16", "8")
_BACKBONES: Final[dict[str, str]] = {
    "backbone.layer3.22.conv3.weight": "resnet101",
    "backbone.layer3.5.conv3.weight": "resnet50",
    "backbone.high_level_features.17.conv.1.0.weight": "mobilenet_v2",
}
_TITLES: Final = {"resnet50": "ResNet-50", "resnet101": "ResNet-101", "mobilenet_v2": "MobileNetV2"}
_BLOCKS: Final = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                  (6, 160, 3, 2), (6, 320, 1, 1))  # fmt: skip
"""MobileNetV2: expansion, channels, how many blocks, stride of the first."""
_LOW_BLOCKS: Final = 4
_CHANNELS: Final = 256
_LOW_CHANNELS: Final = 48


class DeepLabPlus(nn.Module):
    """The network, by its backbone and what the options say."""

    def __init__(
        self,
        backbone: Backbone,
        num_classes: int,
        *,
        plus: bool = True,
        separable: bool = False,
        output_stride: str = _STRIDES[0],
    ) -> None:
        """Build the network without weights.

        Args:
            backbone: The encoder.
            num_classes: Channels of the logits.
            plus: Whether the decoder reads a finer map, too.
            separable: Whether the head's convolutions are depthwise and pointwise ones.
            output_stride: "16" or "8".

        Raises:
            ValueError: for an unknown choice.
        """
        super().__init__()
        if output_stride not in _STRIDES or backbone not in _TITLES:
            raise ValueError(f"{backbone!r} with stride {output_stride!r} is not known")
        fine = output_stride == "8"
        rates = (12, 24, 36) if fine else (6, 12, 18)
        low, high = 256, 2048
        if backbone == "mobilenet_v2":
            low, high = 24, 320
            self.backbone: nn.Module = _MobileNet(int(output_stride))
        else:
            self.backbone = _ResNet(backbone, fine=fine)
        head = (
            _plus_head(low, high, num_classes, rates) if plus else _head(high, num_classes, rates)
        )
        self.classifier = _separated(head) if separable else head

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, num_classes, H, W) for images (N, 3, H, W)."""
        logits: Tensor = self.classifier(*self.backbone(x))
        return F.interpolate(logits, size=x.shape[-2:], mode="bilinear", align_corners=False)


class _ResNet(nn.Module):
    def __init__(self, name: str, *, fine: bool) -> None:
        super().__init__()
        make = {"resnet50": resnet50, "resnet101": resnet101}[name]
        whole = make(weights=None, replace_stride_with_dilation=[False, fine, True])
        for part, module in whole.named_children():
            if part not in ("avgpool", "fc"):
                self.add_module(part, module)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        low = x
        for name, part in self.named_children():
            x = part(x)
            if name == "layer1":
                low = x
        return low, x


class _MobileNet(nn.Module):
    def __init__(self, output_stride: int) -> None:
        super().__init__()
        blocks: list[nn.Module] = [_conv_norm(3, 32, 3, stride=2)]
        before, stride, dilation = 32, 2, 1
        for expansion, channels, count, step in _BLOCKS:
            first, own = dilation, step
            if stride == output_stride:
                own, dilation = 1, dilation * step
            else:
                stride *= step
            for n in range(count):
                blocks.append(
                    _Inverted(before, channels, own if n == 0 else 1,
                              first if n == 0 else dilation, expansion)
                )  # fmt: skip
                before = channels
        named = [(str(n), block) for n, block in enumerate(blocks)]
        self.low_level_features = nn.Sequential(OrderedDict(named[:_LOW_BLOCKS]))
        self.high_level_features = nn.Sequential(OrderedDict(named[_LOW_BLOCKS:]))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        low = self.low_level_features(x)
        return low, self.high_level_features(low)


class _Inverted(nn.Module):
    """An inverted residual; the border is given before the first convolution, which widens."""

    def __init__(self, a: int, b: int, stride: int, dilation: int, expansion: int) -> None:
        super().__init__()
        inner = a * expansion
        parts: list[nn.Module] = [_conv_norm(a, inner, 1)] if expansion != 1 else []
        parts.append(_conv_norm(inner, inner, 3, stride=stride, dilation=dilation, groups=inner))
        parts += [nn.Conv2d(inner, b, 1, bias=False), nn.BatchNorm2d(b)]
        self.conv = nn.Sequential(*parts)
        self._border, self._adds = (dilation,) * 4, stride == 1 and a == b

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(F.pad(x, self._border))
        return x + out if self._adds else out


def _conv_norm(a: int, b: int, kernel: int, **how: Any) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(a, b, kernel, bias=False, **how), nn.BatchNorm2d(b), nn.ReLU6())


class _Head(nn.Module):
    """Of DeepLabV3: what the coarse map says."""

    def __init__(self, classifier: nn.Sequential) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, _low: Tensor, high: Tensor) -> Tensor:
        out: Tensor = self.classifier(high)
        return out


class _PlusHead(nn.Module):
    """Of DeepLabV3+: the coarse map made larger and joined to a finer one."""

    def __init__(self, project: nn.Module, aspp: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        self.project, self.aspp, self.classifier = project, aspp, classifier

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        fine, context = self.project(low), self.aspp(high)
        larger = F.interpolate(context, fine.shape[-2:], mode="bilinear", align_corners=False)
        out: Tensor = self.classifier(torch.cat([fine, larger], 1))
        return out


def _head(high: int, classes: int, rates: Sequence[int]) -> _Head:
    return _Head(nn.Sequential(ASPP(high, list(rates)), *_last(_CHANNELS, classes)))


def _plus_head(low: int, high: int, classes: int, rates: Sequence[int]) -> _PlusHead:
    project = nn.Sequential(
        nn.Conv2d(low, _LOW_CHANNELS, 1, bias=False), nn.BatchNorm2d(_LOW_CHANNELS), nn.ReLU()
    )
    last = nn.Sequential(*_last(_CHANNELS + _LOW_CHANNELS, classes))
    return _PlusHead(project, ASPP(high, list(rates)), last)


def _last(channels: int, classes: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, _CHANNELS, 3, padding=1, bias=False),
        nn.BatchNorm2d(_CHANNELS),
        nn.ReLU(),
        nn.Conv2d(_CHANNELS, classes, 1),
    ]


class _Separable(nn.Module):
    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        a, b, bias = conv.in_channels, conv.out_channels, conv.bias is not None
        how: dict[str, Any] = {"padding": conv.padding, "dilation": conv.dilation, "bias": bias}
        depthwise = nn.Conv2d(a, a, conv.kernel_size[0], groups=a, **how)
        self.body = nn.Sequential(depthwise, nn.Conv2d(a, b, 1, bias=bias))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out


def _separated(module: nn.Module) -> nn.Module:
    """The module with each wide convolution in two: one of each channel, one of all channels."""
    if isinstance(module, nn.Conv2d) and module.kernel_size[0] > 1:
        return _Separable(module)
    for name, child in module.named_children():
        module.add_module(name, _separated(child))
    return module


def recognise_deeplab_plus(shapes: Shapes, _where: str) -> Found | None:
    """Tell such a DeepLab from the names and shapes of its state dict; None if it is another one."""
    backbone = next((name for sign, name in _BACKBONES.items() if sign in shapes), None)
    plus = "classifier.project.0.weight" in shapes
    last = "classifier.classifier.3.weight" if plus else "classifier.classifier.4.weight"
    if backbone is None or last not in shapes:
        return None
    options: dict[str, Any] = {
        "backbone": backbone,
        "num_classes": shapes[last][0],
        "plus": plus,
        "separable": any(name.endswith(".body.0.weight") for name in shapes),
    }
    with torch.device("meta"):
        built = DeepLabPlus(**options)
    if {k: tuple(v.shape) for k, v in built.state_dict().items()} != {
        k: tuple(v) for k, v in shapes.items()
    }:
        return None
    classes = options["num_classes"]
    text = "How much smaller the encoder's map is than the image; it sets the dilation rates"
    return Found(
        f"{'DeepLabV3+' if plus else 'DeepLabV3'} {_TITLES[backbone]}",
        options,
        dict(_PREPROCESS),
        classes,
        VOC_SCHEMA if classes == len(VOC_CATEGORIES) else None,
        questions=(Question("output_stride", text, _STRIDES, _STRIDES[0]),),
    )
