"""U-Nets of any names are inspected as others are: stages under the file's names, skips, cuts."""

import numpy as np
import pytest
import torch
from paper_unets import (
    DeepResUNet,
    MonaiAttentionUNet,
    NestedUNet,
    RecurrentUNet,
    TutorialResUNet,
)
from tutorial_unets import EncDec, Flat, JoinedBlocks, Upsampled, randomised

from segstudio.core.features import EdgeCut, Role
from segstudio.inspection.nets.traced_model import TracedModel
from segstudio.models.registry import spec_from_weights
from segstudio.models.segmenter import Segmenter

PIXELS = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def traced_of(network, folder):
    path = folder / "net.pth"
    torch.save(randomised(network).state_dict(), path)
    return TracedModel(Segmenter(spec_from_weights(path), device="cpu"), PIXELS)


@pytest.mark.parametrize(
    ("make", "encoder", "skips"),
    [
        (EncDec, ["enc1", "enc2", "enc3"], 3),
        (JoinedBlocks, ["down_convs.0", "down_convs.1", "down_convs.2"], 3),
        (Upsampled, ["dconv_down1", "dconv_down2", "dconv_down3"], 3),
        (DeepResUNet, ["input_layer", "residual_conv_1", "residual_conv_2"], 3),
        (TutorialResUNet, ["(add)", "r2", "r3"], 3),
        (lambda: MonaiAttentionUNet(3), ["0", "1.submodule.0"], 2),
        (lambda: NestedUNet(widths=(4, 6, 8)), ["conv0_0", "conv1_0"], 4),
        (lambda: RecurrentUNet(gated=True), ["RRCNN1", "RRCNN2", "RRCNN3"], 3),
    ],
)
def test_stages_have_the_names_of_the_file(tmp_path, make, encoder, skips):
    found = traced_of(make(), tmp_path).trace()
    assert [layer.name for layer in found.of_role(Role.ENCODER)] == encoder
    assert len(found.skips) == skips
    assert len(found.of_role(Role.DECODER)) >= len({edge.target for edge in found.skips})


def test_layers_without_blocks_have_their_skips_too(tmp_path):
    assert len(traced_of(Flat(), tmp_path).trace().skips) == 3


def test_a_skip_can_be_cut_and_without_cuts_it_is_the_prediction(tmp_path):
    model = traced_of(EncDec(classes=4), tmp_path)
    whole = model.predict()
    again = Segmenter(spec_from_weights(tmp_path / "net.pth"), device="cpu").predict(PIXELS)
    assert np.array_equal(whole.labels, again.labels)
    for edge in model.trace().skips:
        assert (model.labels([EdgeCut(edge)]) != whole.labels).any()
