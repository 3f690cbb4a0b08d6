"""Real networks that are small enough for tests, behind the real engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from segstudio.core.prediction import ModelSpec, WeightsFile
from segstudio.core.schema import LabelSchema
from segstudio.models.families.unet import UNet
from segstudio.runs.engine import TorchEngine

UNET = "tiny-unet"
"""U-Net of 4 channels and depth 2: inc, down1, down2, up1, up2, outc; two skips."""
SHUFFLE = "tiny-shuffle"
"""The same with pixel shuffle and other weights."""
_OPTIONS = {
    UNET: {"base_channels": 4, "depth": 2, "upsampling": "transposed"},
    SHUFFLE: {"base_channels": 4, "depth": 2, "upsampling": "pixel_shuffle"},
}


class TinyEngine(TorchEngine):
    """The engine of the application with tiny U-Nets whose weights lie in a folder."""

    def __init__(self, specs: dict[str, ModelSpec]) -> None:
        super().__init__()
        self._specs = specs

    def specs(self) -> dict[str, ModelSpec]:
        return dict(self._specs)

    def is_available(self, spec) -> bool:
        return True


def write_tiny_networks(folder: Path) -> dict[str, ModelSpec]:
    """Write the networks' weights and return their descriptions."""
    specs = {}
    for seed, (name, options) in enumerate(_OPTIONS.items()):
        path = folder / f"{name}.safetensors"
        save_file(_calibrated(seed, options).state_dict(), str(path))
        specs[name] = ModelSpec(
            name,
            name.replace("-", " ").title(),
            "unet",
            "semantic",
            LabelSchema.from_names(("background", "class 1")),
            "segstudio.models.families.unet:UNet",
            {"in_channels": 3, "num_classes": 2, **options},
            {"scaling": "unit", "divisor": 4},
            WeightsFile(str(path)),
        )
    return specs


def _calibrated(seed: int, options: dict) -> UNet:
    """Random weights, with a bias by which about a third of a smooth image is class 1."""
    torch.manual_seed(seed)
    network = UNet(3, 2, **options).eval()
    rows, columns = np.mgrid[:32, :48]
    ramp = np.stack([columns * 5, rows * 7, rows * 0], 0).astype(np.float32) / 255
    with torch.inference_mode():
        network.outc.conv.weight *= 40  # so that the network is surer of some pixels than of others
        logits = network(torch.from_numpy(ramp)[None])[0]
        margin = (logits[1] - logits[0]).flatten()
        network.outc.conv.bias[1] -= margin.quantile(2 / 3)
    return network
