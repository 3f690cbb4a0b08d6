"""torchvision's semantic networks without weights: DeepLabV3, FCN and LR-ASPP.

With their default options the state dicts are those of torchvision's published weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, NoReturn

from torch import nn

from segstudio.core.errors import SegstudioError
from segstudio.models.families import Found, Shapes, recognised_text
from segstudio.models.lean_torchvision import compiler_left_out
from segstudio.models.published import VOC_CATEGORIES, VOC_PREPROCESS, VOC_SCHEMA

with compiler_left_out():
    from torchvision.models import mobilenet_v3_large, resnet50, resnet101
    from torchvision.models._utils import IntermediateLayerGetter
    from torchvision.models.mobilenetv3 import InvertedResidualConfig, MobileNetV3
    from torchvision.models.segmentation import FCN, LRASPP, DeepLabV3
    from torchvision.models.segmentation.deeplabv3 import ASPP
    from torchvision.models.segmentation.fcn import FCNHead

ResNetBackbone = Literal["resnet50", "resnet101"]
DeepLabBackbone = Literal["mobilenet_v3_large", "resnet50", "resnet101"]


def deeplabv3(
    backbone: DeepLabBackbone = "mobilenet_v3_large",
    num_classes: int = 21,
    *,
    aux: bool = False,
    aspp_channels: int = 256,
    atrous_rates: Sequence[int] = (12, 24, 36),
    reduced_tail: bool = False,
    output_stride: int = 16,
) -> DeepLabV3:
    """Build DeepLabV3 (Chen et al. 2017, https://arxiv.org/abs/1706.05587) without weights.

    Args:
        backbone: the encoder. The ResNets always have output stride 8, as torchvision's.
        num_classes: channels of the logits.
        aux: whether there is an auxiliary classifier (torchvision's published weights have one).
        aspp_channels: channels of each branch of the atrous pyramid.
        atrous_rates: dilations of the pyramid's 3 x 3 branches.
        reduced_tail: halve the last stage of the MobileNet.
        output_stride: 16, or 8 with one more dilated stage; for the MobileNet.

    Returns:
        A network that maps (N, 3, H, W) to ``{"out": (N, num_classes, H, W)}`` (and "aux").

    Raises:
        ValueError: for an unknown backbone or output stride.
    """
    if backbone == "mobilenet_v3_large":
        features, taps, widths = _mobilenet_features(reduced_tail, output_stride)
    elif backbone in _RESNETS:
        features, taps, widths = _resnet_features(backbone)
    else:
        raise ValueError(f"{backbone!r} is not a backbone of DeepLabV3 here")
    layers = {taps[0]: "out"} | ({taps[1]: "aux"} if aux else {})
    return DeepLabV3(
        IntermediateLayerGetter(features, return_layers=layers),
        _deeplab_head(widths[0], num_classes, aspp_channels, atrous_rates),
        FCNHead(widths[1], num_classes) if aux else None,
    )


def fcn(backbone: ResNetBackbone = "resnet50", num_classes: int = 21, *, aux: bool = False) -> FCN:
    """Build FCN (Long et al. 2015, https://arxiv.org/abs/1411.4038) without weights.

    Args:
        backbone: the encoder, with output stride 8 as torchvision's.
        num_classes: channels of the logits.
        aux: whether there is an auxiliary classifier (torchvision's published weights have one).

    Returns:
        A network that maps (N, 3, H, W) to ``{"out": (N, num_classes, H, W)}`` (and "aux").

    Raises:
        ValueError: for an unknown backbone.
    """
    if backbone not in _RESNETS:
        raise ValueError(f"{backbone!r} is not a backbone of FCN here")
    features, taps, widths = _resnet_features(backbone)
    layers = {taps[0]: "out"} | ({taps[1]: "aux"} if aux else {})
    return FCN(
        IntermediateLayerGetter(features, return_layers=layers),
        FCNHead(widths[0], num_classes),
        FCNHead(widths[1], num_classes) if aux else None,
    )


def lraspp(num_classes: int = 21, inter_channels: int = 128) -> LRASPP:
    """Build LR-ASPP on MobileNetV3-Large (Howard et al. 2019, https://arxiv.org/abs/1905.02244).

    Args:
        num_classes: channels of the logits.
        inter_channels: channels of the head's two branches.

    Returns:
        A network without weights that maps (N, 3, H, W) to ``{"out": (N, num_classes, H, W)}``.
    """
    layers = mobilenet_v3_large(weights=None, dilated=True).features
    # torchvision taps the fine branch at the block that begins stride 8
    low, high = 4, len(layers) - 1
    return LRASPP(
        IntermediateLayerGetter(layers, return_layers={str(low): "low", str(high): "high"}),
        layers[low].out_channels,
        layers[high].out_channels,
        num_classes,
        inter_channels,
    )


_RESNETS: Final = {"resnet50": resnet50, "resnet101": resnet101}


def _resnet_features(backbone: str) -> tuple[nn.Module, tuple[str, str], tuple[int, int]]:
    """Return a dilated ResNet, the names of its last and its auxiliary layer, their widths."""
    features = _RESNETS[backbone](weights=None, replace_stride_with_dilation=[False, True, True])
    return features, ("layer4", "layer3"), (2048, 1024)


def _mobilenet_features(
    reduced_tail: bool, output_stride: int
) -> tuple[nn.Module, tuple[str, str], tuple[int, int]]:
    """Return the MobileNet's layers, the names of its last and its auxiliary one, their widths."""
    if output_stride not in (8, 16):
        raise ValueError(f"the output stride is {output_stride}; it can be 16 or 8")
    if output_stride == 16 and not reduced_tail:
        layers = mobilenet_v3_large(weights=None, dilated=True).features
    else:
        layers = MobileNetV3(_mobilenet_stages(reduced_tail, output_stride), 1280).features
    # torchvision taps the auxiliary classifier at the block that begins stride 8
    last, aux = len(layers) - 1, 4
    return layers, (str(last), str(aux)), (layers[last].out_channels, layers[aux].out_channels)


def _mobilenet_stages(reduced_tail: bool, output_stride: int) -> list[InvertedResidualConfig]:
    """Return MobileNetV3-Large's blocks, dilated from the given output stride on."""
    tail = 2 if reduced_tail else 1
    c4, c4_inner = 160 // tail, 960 // tail
    mid = 1 if output_stride == 16 else 2
    end = 2 * mid
    rows: list[tuple[int, int, int, int, bool, str, int, int]] = [
        (16, 3, 16, 16, False, "RE", 1, 1),
        (16, 3, 64, 24, False, "RE", 2, 1),
        (24, 3, 72, 24, False, "RE", 1, 1),
        (24, 5, 72, 40, True, "RE", 2, 1),
        (40, 5, 120, 40, True, "RE", 1, 1),
        (40, 5, 120, 40, True, "RE", 1, 1),
        (40, 3, 240, 80, False, "HS", 2, mid),  # a dilated block has stride 1
        (80, 3, 200, 80, False, "HS", 1, mid),
        (80, 3, 184, 80, False, "HS", 1, mid),
        (80, 3, 184, 80, False, "HS", 1, mid),
        (80, 3, 480, 112, True, "HS", 1, mid),
        (112, 3, 672, 112, True, "HS", 1, mid),
        (112, 5, 672, c4, True, "HS", 2, end),
        (c4, 5, c4_inner, c4, True, "HS", 1, end),
        (c4, 5, c4_inner, c4, True, "HS", 1, end),
    ]
    return [InvertedResidualConfig(*row, width_mult=1.0) for row in rows]


def _deeplab_head(
    in_channels: int, num_classes: int, channels: int, rates: Sequence[int]
) -> nn.Sequential:
    """Return torchvision's DeepLabHead with a free number of channels."""
    return nn.Sequential(
        ASPP(in_channels, list(rates), channels),
        nn.Conv2d(channels, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Conv2d(channels, num_classes, 1),
    )


def recognise_deeplab(shapes: Shapes, where: str) -> Found:
    """Tell a DeepLabV3 from the names and shapes of its state dict.

    Raises:
        SegstudioError: if its backbone is none of `deeplabv3`.
    """
    classes = shapes["classifier.4.weight"][0]
    options: dict[str, Any] = {
        "backbone": _backbone(shapes) or _unknown_backbone(where, "a DeepLabV3"),
        "num_classes": classes,
        "aux": "aux_classifier.4.weight" in shapes,
        "aspp_channels": shapes["classifier.0.convs.0.0.weight"][0],
    }
    # the last block of the MobileNet has 960 channels, halved in the reduced one
    if shapes.get("backbone.16.0.weight", (960,))[0] != 960:
        options["reduced_tail"] = True
    return _found("DeepLabV3", options)


def recognise_fcn(shapes: Shapes, where: str) -> Found:
    """Tell an FCN from the names and shapes of its state dict.

    Raises:
        SegstudioError: if its backbone is none of `fcn`.
    """
    backbone = _backbone(shapes)
    if backbone not in _RESNETS:
        backbone = _unknown_backbone(where, "an FCN")
    options = {
        "backbone": backbone,
        "num_classes": shapes["classifier.4.weight"][0],
        "aux": "aux_classifier.4.weight" in shapes,
    }
    return _found("FCN", options)


def recognise_lraspp(shapes: Shapes, where: str) -> Found:
    """Tell an LR-ASPP from the names and shapes of its state dict.

    Raises:
        SegstudioError: if its backbone is not the one of `lraspp`.
    """
    if _backbone(shapes) != "mobilenet_v3_large":
        _unknown_backbone(where, "an LR-ASPP")
    classes, inter_channels = shapes["classifier.high_classifier.weight"][:2]
    return _found("LR-ASPP", {"num_classes": classes, "inter_channels": inter_channels})


def _found(title: str, options: dict[str, Any]) -> Found:
    classes = options["num_classes"]
    schema = VOC_SCHEMA if classes == len(VOC_CATEGORIES) else None
    return Found(title, options, VOC_PREPROCESS, classes, schema)


def _backbone(shapes: Shapes) -> str | None:
    if "backbone.0.0.weight" in shapes:
        return "mobilenet_v3_large"
    if "backbone.layer3.22.conv3.weight" in shapes:
        return "resnet101"
    return "resnet50" if "backbone.layer3.5.conv3.weight" in shapes else None


def _unknown_backbone(where: str, what: str) -> NoReturn:
    raise SegstudioError(f"{where} is {what} with an unknown backbone.", recognised_text())
