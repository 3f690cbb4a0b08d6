"""DeepLabV3+ files of the widely used PyTorch code open, and answer as they do there."""

import numpy as np
import pytest
import torch
from field_deeplabs import FieldDeepLabPlus
from slow_cases import few
from torch import nn
from tutorial_unets import randomised

from segstudio.core.features import Role
from segstudio.inspection.nets.traced_model import TracedModel
from segstudio.models.checkpoints import load_into, load_state
from segstudio.models.families.deeplab_plus import DeepLabPlus
from segstudio.models.recognition import recognise
from segstudio.models.registry import spec_from_weights
from segstudio.models.segmenter import Segmenter, resolve_builder

NETWORKS = {
    "plus, 16": (lambda: FieldDeepLabPlus(4, 16), {}),
    "plus, 8": (lambda: FieldDeepLabPlus(4, 8), {"output_stride": "8"}),
    "v3, 16": (lambda: FieldDeepLabPlus(21, 16, plus=False), {}),
}


@pytest.mark.parametrize("name", few(NETWORKS, 1))
def test_outputs_are_those_of_the_reference(tmp_path, name):
    make, answers = NETWORKS[name]
    reference = randomised(make())
    path = tmp_path / "best.pth"
    torch.save({"cur_itrs": 5, "model_state": reference.state_dict()}, path)
    spec = spec_from_weights(path, answers=answers)
    assert spec.family == "deeplab-plus"
    network = resolve_builder(spec.builder)(**spec.options)
    load_into(network, load_state(path))
    x = torch.randn(1, 3, 65, 97)
    with torch.inference_mode():
        wanted, found = reference(x), network.eval()(x)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5 * float(wanted.abs().max()))


def test_borders_given_inside_a_block_are_no_missing_padding(tmp_path):
    torch.save(randomised(FieldDeepLabPlus()).state_dict(), tmp_path / "net.pth")
    photo = np.random.default_rng(0).integers(0, 256, (96, 160, 3), dtype=np.uint8)
    segmenter = Segmenter(spec_from_weights(tmp_path / "net.pth"), device="cpu")
    found = TracedModel(segmenter, photo).trace()
    assert not any("without padding" in note for note in found.notes)
    assert [edge.source for edge in found.skips] == ["backbone.low_level_features.3"]
    assert any(layer.role is Role.CONTEXT for layer in found.layers)


def told(network):
    return recognise({k: tuple(v.shape) for k, v in network.state_dict().items()}, "w.pth")


def test_what_such_files_say_of_themselves():
    with torch.device("meta"):
        plus = told(FieldDeepLabPlus(4))[1]
        plain = told(FieldDeepLabPlus(21, plus=False))[1]
    assert (plus.title, plus.num_classes) == ("DeepLabV3+ MobileNetV2", 4)
    assert [(q.option, q.default) for q in plus.questions] == [("output_stride", "16")]
    assert plain.title == "DeepLabV3 MobileNetV2"
    assert plain.schema.names[15][1] == "person"


@pytest.mark.parametrize("backbone", ["resnet50", "resnet101"])
@pytest.mark.parametrize("separable", [False, True])
def test_resnets_and_separable_heads_are_told(backbone, separable):
    with torch.device("meta"):
        network = DeepLabPlus(backbone, 19, separable=separable)
    family, found = told(network)
    assert family.key == "deeplab-plus"
    assert (found.options["backbone"], found.options["separable"]) == (backbone, separable)
    # as torchvision numbers ResNets, and as the code calls what stands in for a wide convolution
    names = set(network.state_dict())
    assert {"backbone.layer4.2.conv3.weight", "classifier.project.1.bias"} <= names
    assert ("classifier.aspp.convs.1.0.body.1.weight" in names) is separable


@pytest.mark.parametrize(("stride", "side"), [("16", 4), ("8", 8)])
def test_the_encoder_is_as_coarse_as_was_said(stride, side):
    with torch.device("meta"):
        network = DeepLabPlus("resnet50", 2, output_stride=stride)
        assert network.backbone(torch.empty(1, 3, 64, 64))[1].shape == (1, 2048, side, side)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    widest = max(conv.dilation[0] for conv in convolutions)
    assert widest == {"16": 18, "8": 36}[stride]
