"""A transformer and an instance network that are small enough for tests, and their descriptions."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.core.prediction import ModelSpec, WeightsFile
from segstudio.core.schema import LabelSchema
from segstudio.models.families.maskrcnn import maskrcnn

VIT, RCNN = "tiny-vit", "tiny-rcnn"
WIDTH, PATCH = 8, 8
HEADS = 2
_RCNN = {
    "backbone": "resnet18_small", "num_classes": 2, "short_side": 64, "min_scale": 1.0,
    "rpn_post_nms_top_n_test": 40, "box_detections_per_img": 5,
}  # fmt: skip


class Block(nn.Module):
    """Self-attention by a fused kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        n, t, _ = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, HEADS, -1).permute(2, 0, 3, 1, 4).unbind(0)
        y = F.scaled_dot_product_attention(q, k, v)
        return x + self.out(y.transpose(1, 2).reshape(n, t, WIDTH))


class TinyVit(nn.Module):
    """Patches of 8 x 8 pixels, a class token, blocks.0 and blocks.1, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.cls = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.blocks = nn.ModuleList([Block(), Block()])
        self.head = nn.Conv2d(WIDTH, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.patches(x)
        h, w = y.shape[-2:]
        tokens = torch.cat([self.cls.expand(len(x), -1, -1), y.flatten(2).transpose(1, 2)], 1)
        for block in self.blocks:
            tokens = block(tokens)
        y = tokens[:, 1:].transpose(1, 2).reshape(len(x), WIDTH, h, w)
        return F.interpolate(self.head(y), scale_factor=float(PATCH), mode="bilinear")


def write_vit(folder: Path) -> dict[str, ModelSpec]:
    """Its description; the weights go into the folder."""
    torch.manual_seed(3)
    network = TinyVit()
    for parameter in network.parameters():
        nn.init.normal_(parameter, 0, 0.7)
    return _written(folder, VIT, "semantic", network, "tiny_vit:TinyVit", {})


def write_rcnn(folder: Path) -> dict[str, ModelSpec]:
    """A Mask R-CNN likewise."""
    torch.manual_seed(0)
    builder = "segstudio.models.families.maskrcnn:maskrcnn"
    return _written(folder, RCNN, "instance", maskrcnn(**_RCNN), builder, _RCNN)


def _written(folder, name, task, network, builder, options) -> dict[str, ModelSpec]:
    path = folder / f"{name}.safetensors"
    save_file(network.state_dict(), str(path))
    spec = ModelSpec(
        name, name.replace("-", " ").title(), "own", task,
        LabelSchema.from_names(("background", "class 1")), builder, options,
        {"scaling": "unit", "divisor": PATCH if task == "semantic" else 1}, WeightsFile(str(path)),
    )  # fmt: skip
    return {name: spec}
