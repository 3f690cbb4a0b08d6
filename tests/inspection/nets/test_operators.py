"""What the operations of stages are in the field's words."""

import pytest
import torch
from inspection_networks import image, network, traced, unet
from torch import nn
from torch.nn import functional as F

from segstudio.core.operators import operators_text
from segstudio.inspection.nets.tracing import trace
from segstudio.models.families.unet import UNet
from segstudio.report.diagram import Sizes, lay_out
from segstudio.report.diagram_drawing import (
    PAPER,
    DiagramPen,
    DiagramState,
    diagram_drawing,
    text_width,
)
from segstudio.report.primitives import Text, svg_of


def text_of(found, stage):
    return operators_text(found.layer(stage).operators).replace("\u00d7", "x")


@pytest.mark.parametrize(
    ("upsampling", "told"),
    [
        ("transposed", "transposed conv 2 x 2, stride 2"),
        ("bilinear", "bilinear upsampling x 2, align_corners on"),
        ("pixel_shuffle", "pixel shuffle x 2"),
    ],
)
def test_a_decoder_stage_says_how_it_enlarges(upsampling, told):
    found = trace(UNet(3, 2, 4, 2, upsampling).eval(), image(32, 48), keep=())
    assert told in text_of(found, "up1").split("; ")
    assert "2 x conv 3 x 3" in text_of(found, "up1").split("; ")
    assert text_of(found, "down1") == "max pool 2 x 2, stride 2; 2 x conv 3 x 3"


def test_branches_of_atrous_pooling_carry_their_rates_and_the_diagram_shows_them():
    found = traced("tv.deeplabv3")
    branches = [found.layer(f"classifier.0.convs.{n}") for n in range(5)]
    told = [branch.branch_texts[0].replace("\u00d7", "x") for branch in branches]
    assert told == ["1x1", "3x3 rate 12", "3x3 rate 24", "3x3 rate 36", "pooled to 1x1"]
    assert text_of(found, "classifier.0.convs.2") == "conv 3 x 3, dilation 24"
    assert found.layer("classifier.0").branch_texts == ()
    diagram = lay_out(found, sizes=Sizes.for_aspect(1.5))
    page = str(svg_of(diagram_drawing(diagram, {}), {}))
    for text in ("3\u00d73 rate 12", "3\u00d73 rate 24", "3\u00d73 rate 36"):
        assert text in page


@pytest.mark.parametrize(("zoom", "told"), [(0.35, "r 12"), (0.5, "rate 12")])
def test_where_a_branch_has_room_for_one_line_it_is_the_rate(zoom, told):
    diagram = lay_out(traced("tv.deeplabv3"), sizes=Sizes.for_aspect(1.5))
    pen = DiagramPen(PAPER, text_width, zoom=zoom)
    texts = [
        shape.text
        for group in pen.parts(DiagramState(diagram), (0.0, diagram.width))
        for shape in group.shapes
        if isinstance(shape, Text)
    ]
    assert told in texts
    assert "convs.1" not in texts


def test_separable_branches_and_those_of_smp_carry_theirs():
    found = traced("smp.DeepLabV3Plus")
    branches = [x for x in found.layers if x.group]
    told = [x.branch_texts[0].replace("\u00d7", "x") for x in branches]
    assert told == ["1x1", "3x3 rate 12", "3x3 rate 24", "3x3 rate 36", "pooled to 1x1"]
    assert "conv 3 x 3, dilation 24, depthwise" in text_of(found, branches[2].id)


def test_branches_of_pyramid_pooling_say_to_what_they_pool():
    branches = [x for x in traced("smp.PSPNet").layers if x.group]
    told = [x.branch_texts[0].replace("\u00d7", "x") for x in branches]
    assert told == ["pooled to 1x1", "pooled to 2x2", "pooled to 3x3", "pooled to 6x6"]


class Odd(nn.Module):
    """One stage of everything that is told of a convolution and of an interpolation."""

    def __init__(self):
        super().__init__()
        self.wide = nn.Conv2d(3, 8, (1, 7), padding=(0, 3))
        self.down = nn.Conv2d(8, 8, 3, stride=(2, 2), padding=1, groups=4)
        self.each = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8)
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        x = self.wide(x)
        y = self.each(self.down(x))
        y = F.interpolate(y, scale_factor=2.0, mode="nearest")
        y = F.interpolate(y, scale_factor=2.0, mode="bilinear", align_corners=False)
        y = F.interpolate(y, size=x.shape[-2:], mode="area")
        return self.head(y + x)


def test_what_is_one_is_left_out_and_the_rest_is_said():
    found = trace(Odd().eval(), image(32, 48), keep=())
    told = "; ".join(text_of(found, x.id) for x in found.layers).split("; ")
    assert "conv 1 x 7" in told
    assert "conv 3 x 3, stride 2, groups 4" in told
    assert "conv 3 x 3, dilation 2, depthwise" in told
    assert "nearest upsampling x 2" in told
    assert "bilinear upsampling x 2, align_corners off" in told
    assert "area resize x 0.5" in told


def test_attention_is_said_with_its_heads_fused_or_written_out():
    class Block(nn.Module):
        def __init__(self, fused):
            super().__init__()
            self.fused = fused
            self.cut, self.out = nn.Conv2d(3, 8, 4, 4), nn.Conv2d(8, 2, 1)
            self.qkv = nn.Linear(8, 24)

        def forward(self, x):
            y = self.cut(x)
            h, w = y.shape[-2:]
            tokens = y.flatten(2).transpose(1, 2)
            q, k, v = self.qkv(tokens).view(1, h * w, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
            if self.fused:
                y = F.scaled_dot_product_attention(q, k, v)
            else:
                y = (q @ k.transpose(-1, -2) / 2).softmax(-1) @ v
            y = y.transpose(1, 2).reshape(1, h * w, 8).transpose(1, 2).view(1, 8, h, w)
            return F.interpolate(self.out(y), scale_factor=4.0, mode="bilinear")

    for fused in (True, False):
        torch.manual_seed(0)
        found = trace(Block(fused).eval(), image(32, 48), keep=())
        told = "; ".join(text_of(found, x.id) for x in found.layers).split("; ")
        assert told.count("attention, 2 heads") == 1
        assert "linear" in told


def test_every_stage_with_weights_says_something():
    for model in (unet(3, 2, 4, 2), network("tv.lraspp"), network("maskrcnn-embedded")):
        found = trace(model, image(96, 128), keep=())
        assert [x.id for x in found.layers if x.parameters and not x.operators] == []
