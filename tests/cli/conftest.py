from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import pytest
import torch
from commands import describe

from segstudio.models.families.maskrcnn import maskrcnn
from segstudio.models.families.unet import UNet
from segstudio.resources import resource_path

_NAME = "nuclei-03-dense.png"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """The user's folders."""
    monkeypatch.setenv("SEGSTUDIO_HOME", str(tmp_path / "home"))


@pytest.fixture
def image(tmp_path):
    """64 x 64 pixels of a sample, with its instances beside it as the samples have them."""
    folder = tmp_path / "cells"
    (folder / "instances").mkdir(parents=True)
    for part in (_NAME, f"instances/{_NAME}"):
        pixels = cv2.imread(str(resource_path("samples") / part), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(folder / part), pixels[100:164, 100:164])
    return folder / _NAME


@pytest.fixture
def weights(tmp_path):
    options = {"base_channels": 2, "depth": 1, "num_classes": 2}
    torch.manual_seed(0)
    return describe(tmp_path / "tiny.safetensors", UNet(**options), options=options)


@pytest.fixture(scope="session")
def _instance_file(tmp_path_factory):
    options = {
        "backbone": "resnet18_small", "num_classes": 2, "pyramid_channels": 8, "box_channels": 8,
        "mask_channels": 4, "blocks": [1, 1, 1], "short_side": 64, "box_detections_per_img": 5,
    }  # fmt: skip
    torch.manual_seed(4)
    network = maskrcnn(**options)
    torch.nn.init.constant_(network.roi_heads.box_predictor.cls_score.bias[1:], 1.0)
    return describe(
        tmp_path_factory.mktemp("weights") / "things.safetensors", network, options=options, family="maskrcnn",
        task="instance", builder="segstudio.models.families.maskrcnn:maskrcnn",
        preprocess={"scaling": "unit"},
    )  # fmt: skip


@pytest.fixture
def instance_weights(tmp_path, _instance_file):
    """A Mask R-CNN small enough to be quick, untrained, that takes most places for objects."""
    return Path(shutil.copy(_instance_file, tmp_path))
