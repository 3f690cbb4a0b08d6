"""Figures of stages: together they are the network's, and lengths are in pixels of the photo."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from inspection_networks import image, network, unet
from safetensors.torch import save_file
from slow_cases import few

from segstudio.core.features import EdgeCut
from segstudio.core.prediction import ModelSpec, WeightsFile
from segstudio.core.schema import LabelSchema
from segstudio.inspection.nets.traced_model import TracedModel
from segstudio.inspection.nets.tracing import trace
from segstudio.models.families.unet import UNet
from segstudio.models.segmenter import Segmenter
from segstudio.report.shape_table import field_text, pixels_text, shape_csv


@pytest.mark.parametrize(
    "name",
    few(["maskrcnn-embedded", "deeplab-embedded", "unet-transposed", "tv.deeplabv3", "tv.fcn"], 3),
)
def test_the_rows_sum_to_the_network(name):
    """Mask R-CNN's lacked its box predictor, and the proposals on the coarser levels."""
    model = network(name)
    found = trace(model, image(96, 128))
    rest = found.remainder
    parameters = sum(stage.parameters for stage in found.layers) + (rest.parameters if rest else 0)
    macs = sum(stage.macs for stage in found.layers) + (rest.macs if rest else 0)
    assert parameters == sum(p.numel() for p in model.parameters())
    assert macs == found.macs


def test_proposals_count_on_all_levels_and_boxes_with_their_head():
    model = network("maskrcnn-embedded")
    found = trace(model, image(96, 128))
    assert found.remainder is None
    predictor = model.roi_heads.box_predictor
    head = model.roi_heads.box_head
    own = sum(p.numel() for part in (head, predictor) for p in part.parameters())
    assert found.layer("roi_heads.box_head").parameters == own
    # 3 x 3 convolution and 1 x 1 scores at every position of four levels, 3 anchors each
    positions = sum((96 // s) * (128 // s) for s in (4, 8, 16, 32))
    channels = model.rpn.head.cls_logits.in_channels
    per_position = channels * channels * 9 + channels * model.rpn.head.cls_logits.out_channels
    assert found.layer("rpn.head.cls_logits").macs == positions * per_position


def test_a_head_for_training_is_named_beside_the_rows():
    model = unet(3, 2, 4, 2)
    model.auxiliary = torch.nn.Conv2d(4, 2, 1)  # 4 x 2 weights and 2 biases; never runs
    found = trace(model, image(16, 24))
    assert found.remainder.modules == ("auxiliary",)
    assert (found.remainder.parameters, found.remainder.macs) == (10, 0)
    last = shape_csv(found.layers, remainder=found.remainder).splitlines()[-1]
    assert last.startswith("(besides: auxiliary),,,,,,10,0,")


def model_at(tmp_path, factor):
    torch.manual_seed(0)
    options = {"num_classes": 2, "base_channels": 4, "depth": 2}
    path = tmp_path / f"{factor}.safetensors"
    net = UNet(**options)
    with torch.no_grad():  # as drawn, its answer is the same everywhere to within 8 bits
        for weights in (p for p in net.parameters() if p.ndim == 4):
            weights.mul_(4)
    save_file(net.state_dict(), path)
    spec = ModelSpec(
        id="m", title="M", family="unet", task="semantic",
        schema=LabelSchema.from_names(["background", "cell"]),
        builder="segstudio.models.families.unet:UNet", options=options,
        preprocess={"scaling": "unit", "divisor": 4, "factor": factor},
        weights=WeightsFile(str(path)),
    )  # fmt: skip
    photo = np.random.default_rng(2).integers(0, 256, (32, 40, 3), np.uint8)
    return TracedModel(Segmenter(spec, device="cpu"), photo)


def test_fields_and_strides_are_in_pixels_of_the_photo(tmp_path):
    """Two 3 x 3 convolutions see 5; after pooling by 2, two more see 6 + 8 = 14."""
    plain, doubled = model_at(tmp_path, 1.0).trace(), model_at(tmp_path, 2.0).trace()
    shown = {}
    for found in (plain, doubled):
        inc, down1 = found.layer("inc"), found.layer("down1")
        shown[found.input_size] = [
            (stage.photo_stride, stage.photo_field, field_text(stage)) for stage in (inc, down1)
        ]
    assert shown == {
        (32, 40): [(1.0, (5, 5), "5 x 5"), (2.0, (14, 14), "14 x 14")],
        # 5 pixels of an image twice as large lie within 3 of the photo
        (64, 80): [(0.5, (3, 3), "3 x 3"), (1.0, (7, 7), "7 x 7")],
    }
    assert doubled.layer("down1").stride == 2  # in the network's own input, for the U's rows


@pytest.mark.slow
def test_a_network_that_resizes_by_itself_is_measured_on_the_photo_too():
    """The small Mask R-CNN enlarges 96 x 128 by nothing, and 48 x 64 by two."""
    model = network("maskrcnn-embedded")
    same = trace(model, image(96, 128)).layer("backbone.body.layer1")
    half = trace(model, image(48, 64)).layer("backbone.body.layer1")
    assert (same.photo_stride, half.photo_stride) == (4.0, 2.0)
    assert half.photo_field == tuple(-(-side // 2) for side in same.photo_field)


def test_pixels_are_whole_where_they_are():
    assert [pixels_text(x) for x in (8.0, 0.5, 5.769, 15.98)] == ["8", "0.5", "5.8", "16"]
    assert [pixels_text(x) for x in (0.25, 1.25, 0.04)] == ["0.25", "1.25", "0.04"]


def untimed(found):
    return [replace(layer, seconds=0.0) for layer in found.layers]


class OnGpu:
    """A network's input where it was before memory ran out there; a run on it fails."""

    device = torch.device("cuda")

    def __init__(self, tensor):
        self._tensor, self.shape = tensor, tensor.shape

    def to(self, device):
        assert device.type == "cpu"
        return self._tensor


def test_the_inspector_follows_a_network_that_ran_out_of_memory_to_the_cpu(tmp_path):
    """The network stays on the CPU where it found no way back; the image was still on the GPU."""
    model = model_at(tmp_path, 1.0)
    before, said = model.look()
    cut = EdgeCut(before.skips[0])
    without = model.predict([cut])
    model._x = OnGpu(model._input)
    after, again = model.look()
    assert untimed(after) == untimed(before)
    assert np.array_equal(again.labels, said.labels)
    model._x = OnGpu(model._input)
    assert np.array_equal(model.predict([cut]).labels, without.labels)
    assert not np.array_equal(without.confidence, said.confidence)
