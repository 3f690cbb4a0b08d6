"""Builders of torchvision networks without weights: DeepLabV3 and Mask R-CNN.

With their default options the state dicts are those of torchvision's published weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import mobilenet_v3_large, resnet50, resnet101
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.detection import MaskRCNN, maskrcnn_resnet50_fpn, maskrcnn_resnet50_fpn_v2
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import RPNHead
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.models.mobilenetv3 import InvertedResidualConfig, MobileNetV3
from torchvision.models.resnet import BasicBlock, ResNet
from torchvision.models.segmentation import DeepLabV3
from torchvision.models.segmentation.deeplabv3 import ASPP
from torchvision.models.segmentation.fcn import FCNHead
from torchvision.ops import MultiScaleRoIAlign

from segstudio.core.errors import SegstudioError
from segstudio.models.families import Found, Shapes, recognised_text
from segstudio.models.preprocess import longest_enlarged
from segstudio.models.published import (
    COCO_CATEGORIES,
    COCO_PREPROCESS,
    COCO_SCHEMA,
    VOC_CATEGORIES,
    VOC_PREPROCESS,
    VOC_SCHEMA,
)

DeepLabBackbone = Literal["mobilenet_v3_large", "resnet50", "resnet101"]
MaskRCNNBackbone = Literal["resnet50", "resnet50_v2", "resnet18_small"]
_MOST_BLOCKS = 64


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
    elif backbone in ("resnet50", "resnet101"):
        build = resnet50 if backbone == "resnet50" else resnet101
        features = build(weights=None, replace_stride_with_dilation=[False, True, True])
        taps, widths = ("layer4", "layer3"), (2048, 1024)
    else:
        raise ValueError(f"{backbone!r} is not a backbone of DeepLabV3 here")
    layers = {taps[0]: "out"} | ({taps[1]: "aux"} if aux else {})
    return DeepLabV3(
        IntermediateLayerGetter(features, return_layers=layers),
        _deeplab_head(widths[0], num_classes, aspp_channels, atrous_rates),
        FCNHead(widths[1], num_classes) if aux else None,
    )


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


def maskrcnn(
    backbone: MaskRCNNBackbone = "resnet50", num_classes: int = 91, **options: Any
) -> MaskRCNN:
    """Build Mask R-CNN (He et al. 2017, https://arxiv.org/abs/1703.06870) without weights.

    Args:
        backbone: "resnet50" and "resnet50_v2" are torchvision's; "resnet18_small" is a small one
            for many small objects, see ``small_maskrcnn``.
        num_classes: classes with the background, which is 0.
        **options: passed on to torchvision's ``MaskRCNN`` or to ``small_maskrcnn``.

    Raises:
        ValueError: for an unknown backbone.
    """
    if backbone == "resnet18_small":
        return small_maskrcnn(num_classes, **options)
    builders = {"resnet50": maskrcnn_resnet50_fpn, "resnet50_v2": maskrcnn_resnet50_fpn_v2}
    if backbone not in builders:
        raise ValueError(f"{backbone!r} is not a backbone of Mask R-CNN here")
    model: MaskRCNN = builders[backbone](
        weights=None, weights_backbone=None, num_classes=num_classes, **options
    )
    return model


def small_maskrcnn(
    num_classes: int = 2,
    *,
    blocks: Sequence[int] = (2, 2, 1),
    pyramid_channels: int = 96,
    box_channels: int = 256,
    mask_channels: int = 64,
    anchor_sizes: Sequence[Sequence[int]] = ((12, 17), (24, 34), (48, 68), (96, 136)),
    short_side: int = 512,
    min_scale: float = 1.25,
    **options: Any,
) -> MaskRCNN:
    """Build a Mask R-CNN for many small objects, with trained batch norm, without weights.

    The backbone is a ResNet-18 without its last stage; the pyramid has strides 4, 8 and 16 and a
    pooled one of 32.

    Args:
        num_classes: classes with the background, which is 0.
        blocks: residual blocks of the three stages.
        pyramid_channels: channels of the feature pyramid.
        box_channels: width of the box head's two linear layers.
        mask_channels: channels of the mask head's four convolutions.
        anchor_sizes: anchor sides in pixels of the resized image, one row per pyramid level.
        short_side: images are enlarged to at least this shorter side,
        min_scale: and by at least this factor.
        **options: of torchvision's ``MaskRCNN``, as ``box_detections_per_img``.

    Raises:
        ValueError: for another number of stages, or for more blocks than any ResNet has.
    """
    if len(blocks) != 3 or not all(1 <= count <= _MOST_BLOCKS for count in blocks):
        raise ValueError(
            f"blocks are {list(blocks)}; there are three stages of 1 to {_MOST_BLOCKS}"
        )
    body = ResNet(BasicBlock, [*blocks, 1])
    del body.layer4, body.fc
    fpn = BackboneWithFPN(
        body,
        {"layer1": "0", "layer2": "1", "layer3": "2"},
        [64, 128, 256],
        pyramid_channels,
        norm_layer=nn.BatchNorm2d,
    )
    anchors = AnchorGenerator(
        tuple(tuple(row) for row in anchor_sizes), ((0.5, 1.0, 2.0),) * len(anchor_sizes)
    )
    levels = ["0", "1", "2"]
    model = MaskRCNN(
        fpn,
        rpn_anchor_generator=anchors,
        rpn_head=RPNHead(pyramid_channels, anchors.num_anchors_per_location()[0]),
        box_roi_pool=MultiScaleRoIAlign(levels, output_size=7, sampling_ratio=2),
        box_head=TwoMLPHead(pyramid_channels * 49, box_channels),
        box_predictor=FastRCNNPredictor(box_channels, num_classes),
        mask_roi_pool=MultiScaleRoIAlign(levels, output_size=14, sampling_ratio=2),
        mask_head=MaskRCNNHeads(
            pyramid_channels, [mask_channels] * 4, 1, norm_layer=nn.BatchNorm2d
        ),
        mask_predictor=MaskRCNNPredictor(mask_channels, mask_channels, num_classes),
        **options,
    )
    mean, std = model.transform.image_mean, model.transform.image_std
    model.transform = EnlargingTransform(short_side, min_scale, mean, std)
    return model


class EnlargingTransform(GeneralizedRCNNTransform):  # type: ignore[misc]  # no types there
    """Enlarge images and bring the results back; in training, images are taken as they are.

    torchvision's own transform would shrink large images to the same shorter side, and with them
    nuclei that are small already.
    """

    def __init__(
        self, short_side: int, min_scale: float, mean: list[float], std: list[float]
    ) -> None:
        """Take the least shorter side in pixels and the least factor."""
        super().__init__(short_side, short_side, mean, std)
        self.min_scale = min_scale

    def resize(
        self, image: Tensor, target: dict[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor] | None]:
        """Resize an image (3, H, W); the target is for training and stays."""
        if self.training:
            return image, target
        height, width = image.shape[-2:]
        short, long = min(height, width), max(height, width)
        enough = min(self.min_size[0] / short, longest_enlarged(self.min_size[0], long) / long)
        scale = max(self.min_scale, enough)
        size = max(1, round(height * scale)), max(1, round(width * scale))
        resized = F.interpolate(image[None], size=size, mode="bilinear", align_corners=False)
        return resized[0], target


def recognise_deeplab(shapes: Shapes, where: str) -> Found:
    """Tell a DeepLabV3 from the names and shapes of its state dict.

    Raises:
        SegstudioError: if its backbone is none of `deeplabv3`.
    """
    classes = shapes["classifier.4.weight"][0]
    options: dict[str, Any] = {
        "backbone": _deeplab_backbone(shapes, where),
        "num_classes": classes,
        "aux": "aux_classifier.4.weight" in shapes,
        "aspp_channels": shapes["classifier.0.convs.0.0.weight"][0],
    }
    # the last block of the MobileNet has 960 channels, halved in the reduced one
    if shapes.get("backbone.16.0.weight", (960,))[0] != 960:
        options["reduced_tail"] = True
    return Found(
        "DeepLabV3",
        options,
        VOC_PREPROCESS,
        classes,
        VOC_SCHEMA if classes == len(VOC_CATEGORIES) else None,
    )


def _deeplab_backbone(shapes: Shapes, where: str) -> str:
    if "backbone.0.0.weight" in shapes:
        return "mobilenet_v3_large"
    if "backbone.layer3.22.conv3.weight" in shapes:
        return "resnet101"
    if "backbone.layer3.5.conv3.weight" in shapes:
        return "resnet50"
    raise SegstudioError(f"{where} is a DeepLabV3 with an unknown backbone.", recognised_text())


def recognise_maskrcnn(shapes: Shapes, where: str) -> Found:
    """Tell a Mask R-CNN from the names and shapes of its state dict.

    Raises:
        SegstudioError: if its backbone is none of `maskrcnn` that has published weights.
    """
    fifty = "backbone.body.layer3.5.conv3.weight" in shapes
    if not fifty or "backbone.body.layer3.6.conv3.weight" in shapes:
        raise SegstudioError(
            f"{where} is a Mask R-CNN with an unknown backbone.", recognised_text()
        )
    classes = shapes["roi_heads.mask_predictor.mask_fcn_logits.weight"][0]
    second = "rpn.head.conv.1.0.weight" in shapes
    return Found(
        "Mask R-CNN v2" if second else "Mask R-CNN",
        {"backbone": "resnet50_v2" if second else "resnet50", "num_classes": classes},
        COCO_PREPROCESS,
        classes,
        COCO_SCHEMA if classes == len(COCO_CATEGORIES) else None,
    )
