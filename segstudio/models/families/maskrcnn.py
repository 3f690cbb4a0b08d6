"""Mask R-CNN without weights: torchvision's, and a small one for many small objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.core.errors import SegstudioError
from segstudio.models.families import Found, Shapes, recognised_text
from segstudio.models.lean_torchvision import compiler_left_out
from segstudio.models.preprocess import longest_enlarged
from segstudio.models.published import COCO_CATEGORIES, COCO_PREPROCESS, COCO_SCHEMA

with compiler_left_out():
    from torchvision.models.detection import (
        MaskRCNN,
        maskrcnn_resnet50_fpn,
        maskrcnn_resnet50_fpn_v2,
    )
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.backbone_utils import BackboneWithFPN
    from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
    from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
    from torchvision.models.detection.rpn import RPNHead
    from torchvision.models.detection.transform import GeneralizedRCNNTransform
    from torchvision.models.resnet import BasicBlock, ResNet
    from torchvision.ops import MultiScaleRoIAlign

MaskRCNNBackbone = Literal["resnet50", "resnet50_v2", "resnet18_small"]
_MOST_BLOCKS = 64


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
