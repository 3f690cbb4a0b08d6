"""Tell what a user's own weights file is, by its description or by the names and shapes in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import ModelSpec, Task, WeightsFile
from segstudio.core.regular_file import check_regular
from segstudio.core.schema import LabelSchema
from segstudio.models.naming import variants, without_prefixes
from segstudio.models.published import (
    COCO_CATEGORIES,
    COCO_PREPROCESS,
    COCO_SCHEMA,
    VOC_CATEGORIES,
    VOC_PREPROCESS,
    VOC_SCHEMA,
)
from segstudio.models.registry import (
    is_safetensors,
    read_header,
    read_spec_data,
    registry,
    spec_from_metadata,
)

Shapes = Mapping[str, tuple[int, ...]]

FAMILIES: Final = ("unet", "deeplab", "maskrcnn")
_OWN_BUILDERS: Final = frozenset(
    {
        "segstudio.models.unet:UNet",
        "segstudio.models.torchvision_nets:deeplabv3",
        "segstudio.models.torchvision_nets:maskrcnn",
    }
)
_RECOGNISED: Final = (
    "Recognised are files written by segstudio, torchvision's DeepLabV3 and Mask R-CNN, and "
    "U-Nets with the names inc, down1 ..., up1 ..., outc."
)
_RGB: Final = 3


@dataclass(frozen=True)
class Found:
    """What names and shapes say about a network.

    Attributes:
        family: One of `FAMILIES`.
        title: Its name for people.
        task: "semantic" or "instance".
        builder: "module:function".
        options: Of the builder, as far as they can be told.
        preprocess: What such networks usually want.
        num_classes: Channels of the logits.
    """

    family: str
    title: str
    task: Task
    builder: str
    options: dict[str, Any]
    preprocess: dict[str, Any]
    num_classes: int


def spec_from_weights(path: Path, arch: str | None = None) -> ModelSpec:
    """Describe a user's own file of weights so that it can be run.

    Files written by segstudio say themselves what they are. Others are recognised by the names
    and shapes of their tensors; class names and preprocessing are then those of `arch`, or the
    usual ones.

    Args:
        path: safetensors, or a PyTorch file with a state_dict, also wrapped.
        arch: A model's id or a family ("unet", "deeplab", "maskrcnn") that it must be.

    Raises:
        SegstudioError: if it cannot be read or recognised, or is not of `arch`.
    """
    path = path.expanduser().resolve()
    base, family = _wanted(arch)
    check_regular(path)
    if not path.exists():
        raise SegstudioError(
            f"{path} is not there.", "Check the name of the file with the weights."
        )
    spec = _described(path) or _recognised(path, base)
    if family and spec.family != family:
        raise SegstudioError(
            f"{path} holds weights of the family {spec.family}, not {family}.",
            f"Choose a model of the family {spec.family}.",
        )
    return replace(spec, id=_free_id(path), title=f"{spec.title} ({path.name})")


def _wanted(arch: str | None) -> tuple[ModelSpec | None, str]:
    """The model and the family that `arch` names."""
    if arch is None:
        return None, ""
    if arch in FAMILIES:
        return None, arch
    known = registry()
    if arch not in known:
        raise SegstudioError(
            f"There is no model {arch!r}.", f"Choose one of: {', '.join([*known, *FAMILIES])}."
        )
    return known[arch], known[arch].family


def _free_id(path: Path) -> str:
    return f"{path.stem}-file" if path.stem in registry() else path.stem


def _described(path: Path) -> ModelSpec | None:
    """The spec inside a file that segstudio wrote, or None."""
    if not is_safetensors(path):
        return None
    data = read_spec_data(path)
    if data is None:
        return None
    spec = spec_from_metadata(data, WeightsFile(str(path), size=path.stat().st_size), path.name)
    # A file must not be able to call any function that it names.
    allowed = _OWN_BUILDERS | {known.builder for known in registry().values()}
    if spec.builder not in allowed:
        raise SegstudioError(
            f"{path} asks for the network {spec.builder!r}, which is not installed.",
            "Install the package that brings it.",
        )
    return spec


def _recognised(path: Path, base: ModelSpec | None) -> ModelSpec:
    found = recognise(_shapes(path), str(path))
    schema = _schema(found, base)
    preprocess = dict(found.preprocess)
    if base is not None and base.family == found.family:
        preprocess = {**base.preprocess}
        preprocess["divisor"] = max(
            int(base.preprocess.get("divisor", 1)), int(found.preprocess.get("divisor", 1))
        )
    return ModelSpec(
        id=path.stem,
        title=found.title,
        family=found.family,
        task=found.task,
        schema=schema,
        builder=found.builder,
        options=found.options,
        preprocess=preprocess,
        weights=WeightsFile(str(path), size=path.stat().st_size),
        description=f"Recognised by the names in the file: {found.title}, "
        f"{found.num_classes} class{'es' * (found.num_classes != 1)}.",
    )


def _schema(found: Found, base: ModelSpec | None) -> LabelSchema:
    """Classes of the model that was named, of the published weights, or just numbers."""
    count = found.num_classes
    if base is not None and base.family == found.family and base.schema.num_classes == count:
        return base.schema
    if found.family == "deeplab" and count == len(VOC_CATEGORIES):
        return VOC_SCHEMA
    if found.family == "maskrcnn" and count == len(COCO_CATEGORIES):
        return COCO_SCHEMA
    return LabelSchema.from_ids(range(max(count, 2)), ignore_index=None)


def _shapes(path: Path) -> Shapes:
    """Names and shapes of the tensors, without reading more than needed."""
    if is_safetensors(path):
        header = {k: v for k, v in read_header(path).items() if k != "__metadata__"}
        try:
            return without_prefixes({k: tuple(v["shape"]) for k, v in header.items()})
        except (KeyError, TypeError) as error:
            raise SegstudioError(
                f"{path} is no safetensors file or is damaged.", "Copy or download it again."
            ) from error
    from segstudio.models.checkpoints import load_state  # torch: only when a file is opened

    return {k: tuple(v.shape) for k, v in load_state(path).items()}


def recognise(shapes: Shapes, where: str) -> Found:
    """Tell the architecture from the names and shapes of a state dict.

    Args:
        shapes: Shape of each tensor by name, without prefixes.
        where: The file's name, for messages.

    Raises:
        SegstudioError: if it is none that segstudio can build; says what it looks like.
    """
    if not shapes:
        raise SegstudioError(f"{where} holds no weights.", _RECOGNISED)
    named = list(variants(shapes))
    for names in named:
        for signs, find in _SIGNS:
            if all(sign in names for sign in signs):
                return find(names, where)
    raise SegstudioError(f"{where} is not recognised{_resembles(named[-1])}.", _RECOGNISED)


def _resembles(shapes: Shapes) -> str:
    """What an unknown file looks like, as the end of a sentence."""
    signs = {
        "roi_heads.box_predictor.cls_score.weight": "a Faster R-CNN, which finds boxes only",
        "classifier.low_classifier.weight": "torchvision's LR-ASPP",
        "segmentation_head.0.weight": "a network of segmentation_models_pytorch",
        "classifier.4.weight": "torchvision's FCN",
        "fc.weight": "a network that classifies whole images",
    }
    for key, name in signs.items():
        if key in shapes:
            return f": it looks like {name}"
    return f": its tensors are called {', '.join(list(shapes)[:3])} ..."


def _unet(shapes: Shapes, where: str) -> Found:
    first = shapes["inc.double_conv.0.weight"]
    if first[1] != _RGB:
        raise SegstudioError(
            f"{where} is a U-Net for images of {first[1]} channel{'s' * (first[1] != 1)}; "
            f"segstudio gives it {_RGB}.",
            "Train it on RGB images (a grey image three times).",
        )
    depth = sum(1 for n in range(1, 17) if f"down{n}.maxpool_conv.1.double_conv.0.weight" in shapes)
    joined = shapes.get("up1.conv.double_conv.0.weight", (0, 0))[1]
    classes = shapes["outc.conv.weight"][0]
    if "up1.up.weight" in shapes:
        upsampling = "transposed"
    else:
        upsampling = "pixel_shuffle" if "up1.up.0.weight" in shapes else "bilinear"
    options: dict[str, Any] = {
        "in_channels": _RGB,
        "num_classes": classes,
        "base_channels": first[0],
        "depth": depth,
        "upsampling": upsampling,
    }
    if joined and joined < first[0] * 2**depth:
        options["skips"] = False
    return Found(
        "unet",
        "U-Net",
        "semantic",
        "segstudio.models.unet:UNet",
        options,
        {"scaling": "unit", "divisor": 2**depth},
        classes,
    )


def _deeplab(shapes: Shapes, where: str) -> Found:
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
        "deeplab",
        "DeepLabV3",
        "semantic",
        "segstudio.models.torchvision_nets:deeplabv3",
        options,
        VOC_PREPROCESS,
        classes,
    )


def _deeplab_backbone(shapes: Shapes, where: str) -> str:
    if "backbone.0.0.weight" in shapes:
        return "mobilenet_v3_large"
    if "backbone.layer3.22.conv3.weight" in shapes:
        return "resnet101"
    if "backbone.layer3.5.conv3.weight" in shapes:
        return "resnet50"
    raise SegstudioError(f"{where} is a DeepLabV3 with an unknown backbone.", _RECOGNISED)


def _maskrcnn(shapes: Shapes, where: str) -> Found:
    fifty = "backbone.body.layer3.5.conv3.weight" in shapes
    if not fifty or "backbone.body.layer3.6.conv3.weight" in shapes:
        raise SegstudioError(f"{where} is a Mask R-CNN with an unknown backbone.", _RECOGNISED)
    classes = shapes["roi_heads.mask_predictor.mask_fcn_logits.weight"][0]
    second = "rpn.head.conv.1.0.weight" in shapes
    return Found(
        "maskrcnn",
        "Mask R-CNN v2" if second else "Mask R-CNN",
        "instance",
        "segstudio.models.torchvision_nets:maskrcnn",
        {"backbone": "resnet50_v2" if second else "resnet50", "num_classes": classes},
        COCO_PREPROCESS,
        classes,
    )


_SIGNS: Final[tuple[tuple[tuple[str, ...], Callable[[Shapes, str], Found]], ...]] = (
    (("inc.double_conv.0.weight", "outc.conv.weight"), _unet),
    (("roi_heads.mask_predictor.mask_fcn_logits.weight",), _maskrcnn),
    (("classifier.0.convs.0.0.weight", "classifier.4.weight"), _deeplab),
)
"""Tensors by which a network is known, and what reads the rest from their shapes."""
