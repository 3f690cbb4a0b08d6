"""The families of networks that segstudio knows: one row each, without importing torch.

What is written "module:name" is imported when it is needed.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from segstudio.core.prediction import Question, Task
    from segstudio.core.schema import LabelSchema

Shapes = Mapping[str, tuple[int, ...]]
"""Shape of each tensor of a state dict by name, without prefixes."""


@dataclass(frozen=True)
class Family:
    """One family.

    Attributes:
        key: Its name in specs and in files.
        title: Its name for people.
        task: What its networks give: "semantic" is logits, "instance" is detections.
        builder: "module:function" that returns a network without weights.
        signs: Tensors by whose names a state dict without a description may be of this family;
            if there are none, its structure tells, and it is looked at last.
        recogniser: "module:function" that tells the rest: (Shapes, name of the file) -> `Found`,
            or None if the network is of another family after all; if there is none, only files
            that segstudio wrote can be opened.
        told: What is recognised, for people.
        runner: "module:class" that runs its networks, where they find instances in a way of
            their own: a subclass of `detection.InstanceRunner`.
    """

    key: str
    title: str
    task: Task
    builder: str
    signs: tuple[str, ...] = ()
    recogniser: str = ""
    told: str = ""
    runner: str = ""


@dataclass(frozen=True)
class Found:
    """What names and shapes say about a network.

    Attributes:
        title: Its name for people.
        options: Of the builder, as far as they can be told.
        preprocess: What such networks usually want.
        num_classes: Channels of the logits.
        schema: Its classes, if their number is that of published weights; else None.
        questions: What they do not say, by which the network answers differently.
    """

    title: str
    options: dict[str, Any]
    preprocess: dict[str, Any]
    num_classes: int
    schema: LabelSchema | None = None
    questions: tuple[Question, ...] = ()


_UNET = "segstudio.models.unet:"
_PLAIN = "segstudio.models.plain_unet:"
_TORCHVISION = "segstudio.models.torchvision_nets:"
FAMILIES: Final[dict[str, Family]] = {
    family.key: family
    for family in (
        Family(
            "unet", "U-Net", "semantic", _UNET + "UNet",
            ("inc.double_conv.0.weight", "outc.conv.weight"), _UNET + "recognise_unet",
            told="U-Nets with the names inc, down1 ..., up1 ..., outc",
        ),
        Family(
            "deeplab", "DeepLab", "semantic", _TORCHVISION + "deeplabv3",
            ("classifier.0.convs.0.0.weight", "classifier.4.weight"),
            _TORCHVISION + "recognise_deeplab", told="torchvision's DeepLabV3",
        ),
        Family(
            "maskrcnn", "Mask R-CNN", "instance", _TORCHVISION + "maskrcnn",
            ("roi_heads.mask_predictor.mask_fcn_logits.weight",),
            _TORCHVISION + "recognise_maskrcnn", told="torchvision's Mask R-CNN",
            runner="segstudio.models.detection:MaskRCNNRunner",
        ),
        Family(
            "plain-unet", "U-Net of any names", "semantic", _PLAIN + "PlainUNet",
            (), _PLAIN + "recognise_plain_unet",
            told="plain U-Nets whatever their tensors are called",
        ),
    )
}  # fmt: skip
"""By key, in the order in which state dicts are looked at."""


def imported(name: str) -> Any:
    """What "module:name" names.

    Raises:
        ImportError: if there is no such module.
        AttributeError: if the module has no such name.
        ValueError: if the text names no module.
    """
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def recognised_text() -> str:
    """What is recognised, in a sentence."""
    told = [family.told for family in FAMILIES.values() if family.told]
    return f"Recognised are files written by segstudio, and {', '.join(told)}."
