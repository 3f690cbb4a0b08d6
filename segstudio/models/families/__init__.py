"""The families of networks that segstudio knows: one row each, without importing torch.

Each has a module of its own in this package, with its builders and its recogniser. What is written
"module:name" is imported when it is needed.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from segstudio.core.prediction import Output, Question, Task
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
        filler: "module:function" that builds a network with its weights, where they are read in a
            way of the family's own: (`ModelSpec`, path) -> network.
        purpose: What it is good for, in one line.
        by_config: "module:function" that tells the same where a config.json of the library lies
            beside the weights: (its content, Shapes, name of the file) -> `Found`, or None if it
            is another library's.
        by_file: "module:function" that tells the same of a file that holds a program and no
            tensors: (path, check) -> `Found`, or None if it is another kind of file.
    """

    key: str
    title: str
    task: Task
    builder: str
    signs: tuple[str, ...] = ()
    recogniser: str = ""
    told: str = ""
    runner: str = ""
    filler: str = ""
    purpose: str = ""
    by_config: str = ""
    by_file: str = ""


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
        note: What they do not say and was taken as is usual, in a sentence.
        output: What the channels of the output mean, where that is said.
        by: What told all this, for people.
    """

    title: str
    options: dict[str, Any]
    preprocess: dict[str, Any]
    num_classes: int
    schema: LabelSchema | None = None
    questions: tuple[Question, ...] = ()
    note: str = ""
    output: Output | None = None
    by: str = "its tensors"


_HERE: Final = "segstudio.models.families."
_UNET: Final = _HERE + "unet:"
_TORCHVISION: Final = _HERE + "torchvision_semantic:"
_PLAIN: Final = _HERE + "plain_unet:"
_MASK_RCNN: Final = _HERE + "maskrcnn:"
_SMP: Final = _HERE + "smp:"
_TORCHSCRIPT: Final = _HERE + "torchscript:"
_ONNX: Final = _HERE + "onnx_models:"
_HUGGING_FACE: Final = _HERE + "huggingface:"
FAMILIES: Final[dict[str, Family]] = {
    family.key: family
    for family in (
        Family(
            "unet", "U-Net", "semantic", _UNET + "UNet",
            ("inc.double_conv.0.weight", "outc.conv.weight"), _UNET + "recognise_unet",
            told="U-Nets with the names inc, down1 ..., up1 ..., outc",
            purpose="Fine detail from few training images: cells, tissue, roads, thin structures",
        ),
        Family(
            "stem-unet", "U-Net, strided", "semantic", _HERE + "stem_unet:StemUNet",
            purpose="Your own training on a machine without a GPU: a U-Net sized to the time there is",
        ),
        Family(
            "deeplab", "DeepLab", "semantic", _TORCHVISION + "deeplabv3",
            ("classifier.0.convs.0.0.weight", "classifier.4.weight"),
            _TORCHVISION + "recognise_deeplab", told="torchvision's DeepLabV3",
            purpose="Scenes and objects of many sizes, with much of the surroundings taken in",
        ),
        Family(
            "deeplab-plus", "DeepLabV3+", "semantic", _HERE + "deeplab_plus:DeepLabPlus",
            (), _HERE + "deeplab_plus:recognise_deeplab_plus",
            told="DeepLabV3 and V3+ with the names backbone, classifier.aspp ...",
            purpose="Scenes with sharper edges than DeepLabV3: a finer map is joined in",
        ),
        Family(
            "fcn", "FCN", "semantic", _TORCHVISION + "fcn",
            ("classifier.0.weight", "classifier.4.weight", "backbone.conv1.weight"),
            _TORCHVISION + "recognise_fcn", told="torchvision's FCN",
            purpose="A plain baseline on a strong ResNet; its edges are coarse",
        ),
        Family(
            "lraspp", "LR-ASPP", "semantic", _TORCHVISION + "lraspp",
            ("classifier.low_classifier.weight", "classifier.high_classifier.weight"),
            _TORCHVISION + "recognise_lraspp", told="torchvision's LR-ASPP",
            purpose="Small and quick, for machines without a GPU; its edges are coarse",
        ),
        Family(
            "maskrcnn", "Mask R-CNN", "instance", _MASK_RCNN + "maskrcnn",
            ("roi_heads.mask_predictor.mask_fcn_logits.weight",),
            _MASK_RCNN + "recognise_maskrcnn", told="torchvision's Mask R-CNN",
            runner="segstudio.models.detection:MaskRCNNRunner",
            purpose="Each object by itself, also where objects touch, to be counted and measured",
        ),
        Family(
            "segformer", "SegFormer", "semantic", _HUGGING_FACE + "semantic_network",
            ("decode_head.linear_fuse.weight", "decode_head.classifier.weight"),
            _HUGGING_FACE + "recognise_segformer",
            told="SegFormer b0 to b5 and folders of Hugging Face",
            filler=_HUGGING_FACE + "filled_network",
            purpose="Scenes of many classes with a transformer: the whole image at each pixel",
        ),
        Family(
            "transformers", "Hugging Face", "semantic", _HUGGING_FACE + "semantic_network",
            filler=_HUGGING_FACE + "filled_network",
            purpose="UPerNet, DPT, BEiT and MobileViT, fine-tuned by you or by others",
        ),
        Family(
            "mask2former", "Mask2Former", "panoptic", _HUGGING_FACE + "universal_network",
            runner="segstudio.models.universal:UniversalRunner",
            filler=_HUGGING_FACE + "filled_network",
            purpose="Objects and the scene around them at once, from one network",
        ),
        Family(
            "smp", "segmentation_models", "semantic", _SMP + "smp_network",
            recogniser=_SMP + "recognise_smp",
            told="networks of segmentation_models_pytorch (U-Net, U-Net++, MA-Net, LinkNet, FPN, "
            "PSPNet, DeepLabV3, DeepLabV3+, PAN, UPerNet, DPT)",
            purpose="Your own training on an encoder that was trained before, with any decoder",
            by_config=_SMP + "recognise_smp_config",
        ),
        Family(
            "torchscript", "TorchScript", "semantic", _TORCHSCRIPT + "network",
            told="TorchScript models",
            filler=_TORCHSCRIPT + "loaded_network",
            purpose="Any network that was saved with torch.jit.save, with its code",
            by_file=_TORCHSCRIPT + "recognise_torchscript",
        ),
        Family(
            "onnx", "ONNX", "semantic", _ONNX + "network",
            told="ONNX models",
            filler=_ONNX + "loaded_network",
            purpose="Any network of any framework that was exported to ONNX",
            by_file=_ONNX + "recognise_onnx",
        ),
        Family(
            "nnunet", "nnU-Net", "semantic", _HERE + "nnunet:NnUNet",
            ("decoder.transpconvs.0.weight", "decoder.stages.0.convs.0.conv.weight"),
            _HERE + "nnunet:recognise_nnunet",
            told="nnU-Net's 2d networks, plain and residual",
            purpose="The usual first choice for medical images, sized to the data set by its plans",
        ),
        Family(
            "monai-unet", "MONAI UNet", "semantic", _HERE + "monai_unet:MonaiUNet",
            (), _HERE + "monai_unet:recognise_monai_unet", told="MONAI's UNet",
            purpose="Medical images with MONAI: strided residual units in nested levels",
        ),
        Family(
            "monai-attention", "MONAI AttentionUnet", "semantic",
            _HERE + "monai_unet:MonaiAttentionUNet",
            (), _HERE + "monai_unet:recognise_monai_attention", told="MONAI's AttentionUnet",
            purpose="Medical images with MONAI: gates weigh what the skips pass",
        ),
        Family(
            "recurrent-unet", "R2U-Net", "semantic", _HERE + "recurrent_unet:RecurrentUNet",
            ("RRCNN1.RCNN.0.conv.0.weight",),
            _HERE + "recurrent_unet:recognise_recurrent_unet", told="R2U-Net and R2AttU-Net",
            purpose="Thin structures from few images: convolutions that read their answer again",
        ),
        Family(
            "nested-unet", "U-Net++", "semantic", _HERE + "nested_unet:NestedUNet",
            ("conv0_0.conv1.weight", "conv0_1.conv1.weight"),
            _HERE + "nested_unet:recognise_nested_unet", told="U-Net++ with the names conv0_0 ...",
            purpose="Objects of many sizes: encoder and decoder meet through blocks between them",
        ),
        Family(
            "u2net", "U²-Net", "semantic", _HERE + "u2net:U2Net",
            ("stage1.rebnconvin.conv_s1.weight", "outconv.weight"),
            _HERE + "u2net:recognise_u2net", told="U²-Net, large and small",
            purpose="One salient object cut out of its background, whatever it is",
        ),
        Family(
            "plain-unet", "Plain U-Net", "semantic", _PLAIN + "PlainUNet",
            (), _PLAIN + "recognise_plain_unet",
            told="plain U-Nets whatever their tensors are called",
            purpose="Networks of your own making, after any of the usual tutorials",
        ),
    )
}  # fmt: skip
"""By key, in the order in which state dicts are looked at."""

RENAMED: Final[Mapping[str, str]] = {
    "segstudio.models.unet:UNet": _UNET + "UNet",
    "segstudio.models.torchvision_nets:deeplabv3": _TORCHVISION + "deeplabv3",
    "segstudio.models.torchvision_nets:maskrcnn": _MASK_RCNN + "maskrcnn",
    "segstudio.models.torchvision_nets:small_maskrcnn": _MASK_RCNN + "small_maskrcnn",
}
"""Builders under the names that files of older versions hold."""


def input_channels(count: int) -> dict[str, Any]:
    """What preprocessing says of a network's channels: grey, colours, or the first so many."""
    if count == 3:
        return {}
    return {"channels": "grey" if count == 1 else [*range(1, count + 1)]}


def imported(name: str) -> Any:
    """What "module:name" names.

    Raises:
        ImportError: if there is no such module.
        AttributeError: if the module has no such name.
        ValueError: if the text names no module.
    """
    module, _, attribute = RENAMED.get(name, name).partition(":")
    return getattr(importlib.import_module(module), attribute)


def recognised_text() -> str:
    """What is recognised, in a sentence."""
    told = [family.told for family in FAMILIES.values() if family.told]
    return f"Recognised are files written by segstudio, and {', '.join(told)}."
