"""Shares of a join's response against convolutions split by hand."""

import pytest
import torch
from inspection_networks import image, network, unet
from torch import nn
from torch.nn import functional as F

from segstudio.inspection.nets.skip_merges import look_at_join
from segstudio.inspection.nets.tracing import trace


def test_concatenation():
    model, picture = unet(3, 2, 8, 2), image(32, 48)
    edge = trace(model, picture).skip("inc")
    join = look_at_join(model, picture, edge)
    with torch.inference_mode():
        one = model.inc(picture[None])
        two = model.down1(one)
        deep = model.up2.up(model.up1(model.down2(two), two))
        kernel = model.up2.conv.double_conv[0].weight
        skip_part = F.conv2d(one, kernel[:, :8], padding=1).square().sum()
        deep_part = F.conv2d(deep, kernel[:, 8:], padding=1).square().sum()
        whole = F.conv2d(torch.cat([one, deep], 1), kernel, padding=1).square().sum()
    total = float(skip_part + deep_part)
    assert join.response == "up2.conv.double_conv.0"
    assert join.shares == pytest.approx(
        (float(skip_part) / total, float(deep_part) / total), rel=1e-4
    )
    assert sum(join.shares) == pytest.approx(1)
    assert join.interference == pytest.approx(float(whole) / total - 1, abs=1e-4)
    assert edge.index == 0
    assert edge.deep == 1
    assert (join.sources[0] == one[0].half().numpy()).all()
    assert join.joined.shape == (16, 32, 48)


def test_no_weight_no_share():
    model, picture = unet(3, 2, 8, 2), image(32, 48)
    with torch.no_grad():
        model.up2.conv.double_conv[0].weight[:, :8] = 0
    edge = trace(model, picture).skip("inc")
    assert look_at_join(model, picture, edge).shares == (0.0, 1.0)


def test_addition_and_flattened_joins():
    picture = image(64, 96)
    model = network("smp.Linknet")
    found = trace(model, picture)
    join = look_at_join(model, picture, found.skips[0])
    assert len(join.sources) == 2
    assert sum(join.shares) == pytest.approx(1)
    a, b = (source.astype("float32") for source in join.sources)
    assert abs(a + b - join.joined.astype("float32")).max() < 2e-2 * abs(join.joined).max()
    model = network("smp.UnetPlusPlus")
    edge = trace(model, picture).skip("encoder.relu -> decoder.blocks.x_0_3")
    join = look_at_join(model, picture, edge)
    assert [source.shape[0] for source in join.sources] == [64, 64, 64, 64, 64]
    assert join.joined.shape[0] == 320
    assert sum(join.shares) == pytest.approx(1)
    assert join.response == "decoder.blocks.x_0_3.conv1.0"


def test_a_stacked_sum():
    model, picture = network("smp.FPN"), image(64, 96)
    edge = trace(model, picture).skip("decoder.p2 -> decoder.merge")
    join = look_at_join(model, picture, edge)
    assert len(join.sources) == 4
    assert sum(join.shares) == pytest.approx(1)
    total = sum(source.astype("float32") for source in join.sources)
    assert abs(total - join.joined.astype("float32")).max() < 2e-2 * abs(join.joined).max()


def test_a_join_that_no_convolution_reads():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, 2, padding=1)
            self.norm, self.out = nn.BatchNorm2d(8), nn.Conv2d(8, 2, 1)

        def forward(self, x):
            one = self.one(x)
            deep = F.interpolate(self.two(one), scale_factor=2.0)
            return self.out(self.norm(torch.cat([one, deep], 1)))

    torch.manual_seed(0)
    model, picture = Net().eval(), image(32, 48)
    edge = trace(model, picture).skips[0]
    join = look_at_join(model, picture, edge)
    with torch.inference_mode():
        one = model.one(picture[None])
        deep = F.interpolate(model.two(one), scale_factor=2.0)
        expected = float(one.square().sum() / (one.square().sum() + deep.square().sum()))
    assert join.response == ""
    assert join.shares[0] == pytest.approx(expected, rel=1e-4)
