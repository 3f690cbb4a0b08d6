"""torchvision's published weights, as data: torch is not needed to list them.

Addresses, class names and numbers are torchvision's own metadata (BSD-3-Clause);
tests/models/test_registry.py compares every one of them with the installed torchvision.
"""

from __future__ import annotations

from typing import Any, Final

from segstudio.core.prediction import ModelSpec, WeightsFile
from segstudio.core.schema import ClassSpec, LabelSchema, distinct_color

_SITE: Final = "https://download.pytorch.org/models/"
_MIB: Final = 1024 * 1024
_BUILDERS: Final = "segstudio.models.families."
_LICENCE: Final = "BSD-3-Clause (torchvision); trained on COCO"

IMAGENET_MEAN: Final = [0.485, 0.456, 0.406]
IMAGENET_STD: Final = [0.229, 0.224, 0.225]
VOC_PREPROCESS: Final[dict[str, Any]] = {
    "scaling": "unit",
    "mean": IMAGENET_MEAN,
    "std": IMAGENET_STD,
    "short_side": 520,
}
COCO_PREPROCESS: Final[dict[str, Any]] = {"scaling": "unit"}

VOC_CATEGORIES: Final = (
    "__background__", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat",
    "chair", "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep",
    "sofa", "train", "tvmonitor",
)  # fmt: skip

# "N/A" fills the ids that COCO never used: the ids stay, the names are hidden.
COCO_CATEGORIES: Final = (
    "__background__", "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train",
    "truck", "boat", "traffic light", "fire hydrant", "N/A", "stop sign", "parking meter", "bench",
    "bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "N/A",
    "backpack", "umbrella", "N/A", "N/A", "handbag", "tie", "suitcase", "frisbee", "skis",
    "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard",
    "surfboard", "tennis racket", "bottle", "N/A", "wine glass", "cup", "fork", "knife", "spoon",
    "bowl", "banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza",
    "donut", "cake", "chair", "couch", "potted plant", "bed", "N/A", "dining table", "N/A", "N/A",
    "toilet", "N/A", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave",
    "oven", "toaster", "sink", "refrigerator", "N/A", "book", "clock", "vase", "scissors",
    "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip


def categories_schema(categories: tuple[str, ...], *, things: bool) -> LabelSchema:
    """Classes of torchvision's list of categories, without its "N/A" entries.

    Args:
        categories: Names by class id; the first is the background.
        things: Whether the objects of the classes are counted.
    """
    return LabelSchema(
        tuple(
            ClassSpec(i, name.strip("_"), distinct_color(i), thing=things and i > 0)
            for i, name in enumerate(categories)
            if name != "N/A"
        )
    )


VOC_SCHEMA: Final = categories_schema(VOC_CATEGORIES, things=False)
PROMPT_SCHEMA: Final = LabelSchema(
    (ClassSpec(0, "background", distinct_color(0)), ClassSpec(1, "object", distinct_color(1)))
)
COCO_SCHEMA: Final = categories_schema(COCO_CATEGORIES, things=True)


def _weights(filename: str, mib: float) -> WeightsFile:
    """The file on torchvision's site; the last part of its name begins the SHA-256.

    `mib` is torchvision's rounded figure, so the size is right to half a kilobyte only.
    """
    digest = filename.rsplit("-", 1)[1].removesuffix(".pth")
    return WeightsFile(filename, _SITE + filename, digest, round(mib * _MIB))


def _semantic(
    name: str,
    title: str,
    options: dict[str, Any],
    filename: str,
    mib: float,
    metrics: dict[str, float],
    family: str = "deeplab",
    builder: str = "deeplabv3",
) -> ModelSpec:
    return ModelSpec(
        id=name,
        title=title,
        family=family,
        task="semantic",
        schema=VOC_SCHEMA,
        builder=f"{_BUILDERS}torchvision_semantic:{builder}",
        options={"num_classes": len(VOC_CATEGORIES), **options},
        preprocess=VOC_PREPROCESS,
        weights=_weights(filename, mib),
        licence=_LICENCE,
        description="Photographs: people, animals, vehicles, furniture (the 20 classes of Pascal "
        "VOC), trained on COCO.",
        metrics=metrics,
    )


def _maskrcnn(
    name: str, title: str, backbone: str, filename: str, mib: float, metrics: dict[str, float]
) -> ModelSpec:
    return ModelSpec(
        id=name,
        title=title,
        family="maskrcnn",
        task="instance",
        schema=COCO_SCHEMA,
        builder=_BUILDERS + "maskrcnn:maskrcnn",
        options={"backbone": backbone, "num_classes": len(COCO_CATEGORIES)},
        preprocess=COCO_PREPROCESS,
        weights=_weights(filename, mib),
        licence=_LICENCE,
        description="Photographs: separate objects of the 80 classes of COCO.",
        metrics=metrics,
    )


def published_specs() -> tuple[ModelSpec, ...]:
    """The models with weights that torchvision publishes, by family, small ones first."""
    return (
        _semantic(
            "deeplabv3-mobilenetv3",
            "DeepLabV3 MobileNetV3-Large",
            {"backbone": "mobilenet_v3_large", "aux": True},
            "deeplabv3_mobilenet_v3_large-fc3c493d.pth",
            42.301,
            {"miou": 60.3, "pixel_acc": 91.2, "num_params": 11029328},
        ),
        _semantic(
            "deeplabv3-resnet50",
            "DeepLabV3 ResNet-50",
            {"backbone": "resnet50", "aux": True},
            "deeplabv3_resnet50_coco-cd0a2569.pth",
            160.515,
            {"miou": 66.4, "pixel_acc": 92.4, "num_params": 42004074},
        ),
        _semantic(
            "deeplabv3-resnet101",
            "DeepLabV3 ResNet-101",
            {"backbone": "resnet101", "aux": True},
            "deeplabv3_resnet101_coco-586e9e4e.pth",
            233.217,
            {"miou": 67.4, "pixel_acc": 92.4, "num_params": 60996202},
        ),
        _semantic(
            "fcn-resnet50",
            "FCN ResNet-50",
            {"backbone": "resnet50", "aux": True},
            "fcn_resnet50_coco-1167a1af.pth",
            135.009,
            {"miou": 60.5, "pixel_acc": 91.4, "num_params": 35322218},
            "fcn",
            "fcn",
        ),
        _semantic(
            "fcn-resnet101",
            "FCN ResNet-101",
            {"backbone": "resnet101", "aux": True},
            "fcn_resnet101_coco-7ecb50ca.pth",
            207.711,
            {"miou": 63.7, "pixel_acc": 91.9, "num_params": 54314346},
            "fcn",
            "fcn",
        ),
        _semantic(
            "lraspp-mobilenetv3",
            "LR-ASPP MobileNetV3-Large",
            {},
            "lraspp_mobilenet_v3_large-d234d4ea.pth",
            12.49,
            {"miou": 57.9, "pixel_acc": 91.2, "num_params": 3221538},
            "lraspp",
            "lraspp",
        ),
        _maskrcnn(
            "maskrcnn-resnet50",
            "Mask R-CNN ResNet-50 FPN",
            "resnet50",
            "maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth",
            169.84,
            {"box_map": 37.9, "mask_map": 34.6, "num_params": 44401393},
        ),
        _maskrcnn(
            "maskrcnn-resnet50-v2",
            "Mask R-CNN ResNet-50 FPN v2",
            "resnet50_v2",
            "maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth",
            177.219,
            {"box_map": 47.4, "mask_map": 41.8, "num_params": 46359409},
        ),
    )


def promptable_specs() -> tuple[ModelSpec, ...]:
    """The published networks that answer points and boxes, the quick one first."""
    return (
        _promptable(
            "sam2.1-hiera-tiny",
            "SAM 2.1 Hiera tiny",
            WeightsFile(
                "sam2.1_hiera_tiny.pt",
                "https://dl.fbaipublicfiles.com/segment_anything_2/092824/sam2.1_hiera_tiny.pt",
                "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
                156008466,
            ),
        ),
        _promptable(
            "sam-vit-b",
            "SAM ViT-B",
            WeightsFile(
                "sam_vit_b_01ec64.pth",
                "https://dl.fbaipublicfiles.com/segment_anything/sam_vit_b_01ec64.pth",
                "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
                375042383,
            ),
        ),
    )


def published_prompters() -> dict[str, ModelSpec]:
    """The published networks that answer points and boxes, by id."""
    return {spec.id: spec for spec in promptable_specs()}


def _promptable(name: str, title: str, weights: WeightsFile) -> ModelSpec:
    return ModelSpec(
        id=name,
        title=title,
        family="sam",
        task="promptable",
        schema=PROMPT_SCHEMA,
        builder="segstudio.models.promptable:Promptable",
        weights=weights,
        licence="Apache-2.0 (Meta)",
        description="Photographs: the object at a point or in a box; names no classes.",
    )
