"""Small networks on disk for tests of the segmenter."""

import sys
import types

import numpy as np
import torch
from safetensors.torch import save_file

from segstudio.core.prediction import ModelSpec, WeightsFile
from segstudio.core.schema import LabelSchema
from segstudio.models import segmenter as module

SCHEMA = LabelSchema.from_names(["background", "cell"])
UNET = {"num_classes": 2, "base_channels": 4, "depth": 2}
SMALL_RCNN = {
    "backbone": "resnet18_small", "num_classes": 2, "pyramid_channels": 16, "box_channels": 16,
    "mask_channels": 8, "blocks": [1, 1, 1], "short_side": 128, "min_scale": 1.25,
    "box_score_thresh": 0.05, "box_detections_per_img": 40,
}  # fmt: skip


def image(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def shapes_of(network):
    return {k: tuple(v.shape) for k, v in network.state_dict().items()}


def logits_of(spec, x):
    with torch.inference_mode():
        return module.Segmenter(spec, device="cpu").network(x)


def saved(tmp_path, network, **fields):
    path = tmp_path / f"{fields.get('id', 'm')}.safetensors"
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, path)
    values = {
        "id": "m", "title": "Model M", "family": "unet", "task": "semantic", "schema": SCHEMA,
        "builder": "segstudio.models.families.unet:UNet", "options": UNET,
        "preprocess": {"scaling": "unit", "divisor": 4}, **fields,
    }  # fmt: skip
    return ModelSpec(**values, weights=WeightsFile(str(path)))


def use_network(monkeypatch, make, name="made_for_test"):
    """Let a spec build `make()`, with whatever weights it has."""
    fake = types.ModuleType(name)
    fake.build = make
    monkeypatch.setitem(sys.modules, name, fake)
    monkeypatch.setattr(module, "load_into", lambda *a: None)
    return f"{name}:build"


def balance(network, head, x):
    """Shift the logits of an untrained network so that each class is the highest somewhere."""
    with torch.inference_mode():
        logits = network.eval()(x)
        head.bias -= logits.flatten(2).mean(-1)[0]
