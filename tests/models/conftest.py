"""Specs of small networks."""

import pytest
import torch
from file_server import server  # noqa: F401 - a fixture
from segmenters import SMALL_RCNN, UNET, saved
from torch import nn

from segstudio.models.families.maskrcnn import maskrcnn
from segstudio.models.families.unet import UNet


@pytest.fixture
def unet_spec(tmp_path):
    torch.manual_seed(0)
    return saved(tmp_path, UNet(**UNET))


@pytest.fixture(scope="module")
def rcnn_network():
    torch.manual_seed(4)
    network = maskrcnn(**SMALL_RCNN).eval()
    # untrained heads say nothing: make every proposal an object, with masks of their own
    nn.init.constant_(network.roi_heads.box_predictor.cls_score.bias[1:], 1.0)
    nn.init.normal_(network.roi_heads.mask_predictor.mask_fcn_logits.weight, std=0.6)
    return network


@pytest.fixture
def rcnn_spec(tmp_path, rcnn_network):
    return saved(
        tmp_path,
        rcnn_network,
        id="r",
        family="maskrcnn",
        task="instance",
        builder="segstudio.models.families.maskrcnn:maskrcnn",
        options=SMALL_RCNN,
        preprocess={"scaling": "unit"},
    )


@pytest.fixture(scope="module")
def tf():
    import transformers

    transformers.utils.logging.disable_progress_bar()
    return transformers
