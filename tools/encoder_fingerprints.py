"""Make resources/encoders.txt: by what names and shapes each encoder of smp is known.

    python -m tools.encoder_fingerprints [part parts]

With a part, only that part of the encoders is built, and its rows are printed; without one all of
them, which takes some minutes. The networks are built without memory for weights.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import timm
import torch
from segmentation_models_pytorch.encoders import (
    TimmViTEncoder,
    get_encoder,
    get_encoder_names,
)
from torch import nn

from segstudio.models.families.smp import REFUSED, fingerprint, stems_of

FILE = Path(__file__).parent.parent / "resources" / "encoders.txt"
DEPTHS = (5, 4, 3)
PYRAMIDS = [
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnet*d",
    "resnetrs50",
    "wide_resnet*_2",
    "resnext*",
    "resnest*",
    "res2net50_26w_4s",
    "res2net50_14w_8s",
    "res2net101_26w_4s",
    "res2next50",
    "seresnet*",
    "seresnext*",
    "ecaresnet50d",
    "ecaresnet101d",
    "skresne*",
    "regnet[xy]_*[0-9]",
    "gernet_?",
    "densenet*",
    "dpn68*",
    "dpn92",
    "vgg*_bn",
    "xception41",
    "xception65",
    "xception71",
    "inception_v4",
    "dla34",
    "dla60",
    "hrnet_w*",
    "efficientnet_b[0-5]",
    "efficientnet_lite0",
    "efficientnetv2_rw_?",
    "tf_efficientnet_b[0-8]",
    "tf_efficientnet_lite*",
    "tf_efficientnetv2_*",
    "mobilenetv2_100",
    "mobilenetv3_large_100",
    "mobilenetv3_small_100",
    "tf_mobilenetv3_*",
    "mobilenetv4_conv_*",
    "mnasnet_100",
    "semnasnet_100",
    "ghostnet_100",
    "rexnet_1?0",
    "lcnet_100",
    "fbnetc_100",
    "ese_vovnet19b_dw",
    "ese_vovnet39b",
    "convnext_atto",
    "convnext_femto",
    "convnext_pico",
    "convnext_nano",
    "convnext_tiny",
    "convnext_small",
    "convnext_base",
    "convnext_large",
    "convnextv2_*",
    "swin_*_patch4_window7_224",
    "swinv2_*_window8_256",
    "maxvit_tiny_tf_512",
    "maxvit_small_tf_512",
    "pvt_v2_b?",
    "mobilevit_s",
    "mobilevitv2_100",
    "edgenext_small",
    "efficientvit_b?",
    "tiny_vit_*_224",
    "hgnetv2_b?",
    "darknet53",
    "cspresnet50",
    "caformer_s18",
    "mambaout_tiny",
    "mobileone_s?",
]
TRANSFORMERS = [
    "vit_tiny_patch16_*",
    "vit_small_patch16_*",
    "vit_base_patch16_224",
    "vit_base_patch16_384",
    "vit_base_patch8_224",
    "vit_base_patch32_*",
    "vit_large_patch16_224",
    "vit_large_patch16_384",
    "deit_*_patch16_224",
    "deit3_*_patch16_224",
    "deit3_*_patch16_384",
    "beit_base_patch16_*",
    "beit_large_patch16_*",
]
"""Encoders of timm that DPT reads, and above those that the other architectures read."""


def line(name: str, depths: str, encoder: nn.Module) -> str:
    """The row of an encoder: fingerprint, name, depths, names of its first convolutions."""
    shapes = {k: tuple(v.shape) for k, v in encoder.state_dict().items()}
    stems = stems_of(shapes)
    return f"{fingerprint(shapes, stems)} {name} {depths} {','.join(stems)}"


def of_depths(name: str) -> Iterator[str]:
    """The rows of an encoder, one for all depths with the same tensors."""
    found: dict[str, str] = {}
    for depth in DEPTHS:
        encoder = get_encoder(name, weights=None, depth=depth)
        row = line(name, "{}", encoder)
        found[row] = found.get(row, "") + str(depth)
    yield from (row.format(depths) for row, depths in found.items())


def of_transformer(name: str) -> Iterator[str]:
    """The row of an encoder that DPT reads; its depth is that of DPT's decoder."""
    yield line(f"tu-{name}", "v", TimmViTEncoder(name, pretrained=False, depth=4))


def models_like(patterns: list[str]) -> list[str]:
    """Names of timm's models."""
    return [name for name in timm.list_models() if any(fnmatch(name, p) for p in patterns)]


def rows(part: int, parts: int) -> Iterator[str]:
    """The rows of a part of all encoders; those that cannot be built have none."""
    built_in = [name for name in get_encoder_names() if not name.startswith(tuple(REFUSED))]
    tasks = [(of_depths, name) for name in built_in]
    tasks += [(of_depths, f"tu-{name}") for name in models_like(PYRAMIDS)]
    tasks += [(of_transformer, name) for name in models_like(TRANSFORMERS)]
    for make, name in tasks[part::parts]:
        try:
            yield from make(name)
        except Exception as error:  # noqa: BLE001 - some have no features of every stride
            print(name, str(error)[:80].replace("\n", " "), file=sys.stderr)


def main() -> None:
    """Print a part, or write the whole file."""
    warnings.simplefilter("ignore")
    with torch.device("meta"):
        if len(sys.argv) > 2:
            for row in rows(int(sys.argv[1]), int(sys.argv[2])):
                print(row, flush=True)
        else:
            FILE.write_text("\n".join(sorted(rows(0, 1))) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
