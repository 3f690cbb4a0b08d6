"""Cuts against forward passes written by hand, bit for bit."""

import pytest
import torch
from inspection_networks import image, network, unet
from slow_cases import few
from torch.nn import functional as F

from segstudio.core.errors import SegstudioError
from segstudio.core.features import ChannelCut, CutHow, EdgeCut
from segstudio.inspection.nets.ablation import cutting
from segstudio.inspection.nets.running import run
from segstudio.inspection.nets.tracing import as_batch, trace
from segstudio.models.families.unet import UNet


def run_with_cuts(model, picture, cuts):
    """What an untrained model in its evaluation mode returns with some features cut."""
    with torch.inference_mode(), cutting(model, cuts) as knife:
        output = run(model, knife.prepare(as_batch(picture)))
    knife.verify()
    return output


def unet_by_hand(model, x, edit):
    """The U-Net's forward with ``edit(level, features)`` on what goes over each skip."""
    features = [model.inc(x)]
    for level in range(1, model.depth + 1):
        features.append(model.get_submodule(f"down{level}")(features[-1]))
    out = features.pop()
    for step in range(1, model.depth + 1):
        up = model.get_submodule(f"up{step}")
        level = model.depth - step
        out = up.conv(torch.cat([edit(level, features.pop()), up.up(out)], 1))
    return model.outc(out)


@pytest.mark.parametrize("upsampling", ["transposed", "bilinear", "pixel_shuffle"])
@pytest.mark.parametrize("cut_level", few([0, 1, 2], 1))
def test_unet_skip_zero(upsampling, cut_level):
    model, picture = unet(3, 2, 8, 3, upsampling), image(64, 96)
    found = trace(model, picture)
    source = "inc" if cut_level == 0 else f"down{cut_level}"
    cut = run_with_cuts(model, picture, [EdgeCut(found.skip(source))])
    with torch.inference_mode():
        expected = unet_by_hand(
            model, picture[None], lambda n, f: torch.zeros_like(f) if n == cut_level else f
        )
        plain = model(picture[None])
    assert torch.equal(cut, expected)
    assert not torch.equal(cut, plain)
    assert torch.equal(run_with_cuts(model, picture, []), plain)


def test_mean_and_shuffle():
    model, picture = unet(3, 2, 8, 2), image(32, 48)
    edge = trace(model, picture).skip("inc")
    order = torch.randperm(32 * 48, generator=torch.Generator().manual_seed(5))

    def mean(level, f):
        return f if level else f.mean((2, 3), keepdim=True).expand_as(f)

    def shuffled(level, f):
        if level:
            return f
        flat = f.flatten(2)
        return torch.stack([flat[:, :, int(i)] for i in order], 2).view_as(f)

    with torch.inference_mode():
        expected_mean = unet_by_hand(model, picture[None], mean)
        expected_shuffle = unet_by_hand(model, picture[None], shuffled)
    result = run_with_cuts(model, picture, [EdgeCut(edge, CutHow.MEAN)])
    assert torch.allclose(result, expected_mean, atol=1e-6)
    result = run_with_cuts(model, picture, [EdgeCut(edge, CutHow.SHUFFLE, seed=5)])
    assert torch.equal(result, expected_shuffle)
    again = run_with_cuts(model, picture, [EdgeCut(edge, CutHow.SHUFFLE, seed=6)])
    assert not torch.equal(again, expected_shuffle)


def test_all_skips_cut_is_a_unet_built_without_them():
    model, picture = unet(3, 2, 8, 3), image(64, 96)
    bare = UNet(3, 2, 8, 3, skips=False).eval()
    state = model.state_dict()
    for step in range(1, 4):  # the first half of the joined kernel reads the skip
        key = f"up{step}.conv.double_conv.0.weight"
        state[key] = state[key][:, state[key].shape[1] // 2 :]
    bare.load_state_dict(state)
    found = trace(model, picture)
    cut = run_with_cuts(model, picture, [EdgeCut(edge) for edge in found.skips])
    with torch.inference_mode():
        expected = bare(picture[None])
    assert torch.allclose(cut, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("index", few(range(4), 1))
def test_smp_unet_skip_zero(index):
    model, picture = network("smp.Unet"), image(64, 96)
    found = trace(model, picture)
    cut = run_with_cuts(model, picture, [EdgeCut(found.skips[index])])
    with torch.inference_mode():
        features = model.encoder(picture[None])
        skips = features[1:][::-1]  # the deepest first
        out = skips[0]
        for number, block in enumerate(model.decoder.blocks):
            skip = skips[number + 1] if number + 1 < len(skips) else None
            if number == index:
                skip = torch.zeros_like(skip)
            height, width = features[0].shape[2:]
            step = 2 ** (len(model.decoder.blocks) - number - 1)
            out = block(out, height // step, width // step, skip)
        expected = model.segmentation_head(out)
    assert torch.equal(cut, expected)


@pytest.mark.slow
def test_additions_and_stacked_sums_are_cut():
    for name in ("smp.Linknet", "smp.FPN"):
        model, picture = network(name), image(64, 96)
        found = trace(model, picture, keep=())
        for edge in found.skips:
            run_with_cuts(model, picture, [EdgeCut(edge)])  # raises if nothing was cut
    model = network("smp.FPN")
    found = trace(model, picture, keep=())
    edge = found.skip("decoder.p2 -> decoder.merge")
    taken = {}
    handle = model.decoder.merge.register_forward_pre_hook(
        lambda _m, args: taken.__setitem__("x", [t.clone() for t in args[0]])
    )
    cut = run_with_cuts(model, picture, [EdgeCut(edge)])
    handle.remove()
    with torch.inference_mode():
        parts = taken["x"]
        parts[3] = torch.zeros_like(parts[3])
        merged = model.decoder.dropout(model.decoder.merge(parts))
        assert torch.equal(cut, model.segmentation_head(merged))


def test_channels_of_a_stage():
    model, picture = unet(3, 2, 8, 2), image(32, 48)
    found = trace(model, picture)
    cut = run_with_cuts(model, picture, [ChannelCut(found.layer("down1"), (3, 5))])
    with torch.inference_mode():
        one = model.inc(picture[None])
        two = model.down1(one)
        two[:, [3, 5]] = 0
        out = model.up2(model.up1(model.down2(two), two), one)
        assert torch.equal(cut, model.outc(out))
    red = run_with_cuts(model, picture, [ChannelCut(found.layer("input"), (0,))])
    without = picture.clone()
    without[0] = 0
    with torch.inference_mode():
        assert torch.equal(red, model(without[None]))
    with pytest.raises(SegstudioError, match="no channel 99 among 16"):
        run_with_cuts(model, picture, [ChannelCut(found.layer("down1"), (99,))])


def test_several_cuts_together():
    model, picture = unet(3, 2, 8, 2), image(32, 48)
    found = trace(model, picture)
    both = run_with_cuts(
        model,
        picture,
        [EdgeCut(found.skip("inc")), ChannelCut(found.layer("up1"), None, CutHow.MEAN)],
    )
    with torch.inference_mode():
        one = model.inc(picture[None])
        two = model.down1(one)
        deep = model.up1(model.down2(two), two)
        deep = deep.mean((2, 3), keepdim=True).expand_as(deep)
        expected = model.outc(model.up2(deep, torch.zeros_like(one)))
    assert torch.allclose(both, expected, atol=1e-6)


def test_cutting_holds_for_every_pass_in_its_block():
    model = unet(3, 2, 8, 2)
    edge = trace(model, image(32, 48)).skip("inc")
    pictures = [image(32, 48, seed) for seed in (1, 2)]
    with torch.inference_mode():
        plain = [model(p[None]) for p in pictures]
        with cutting(model, [EdgeCut(edge)]):
            cut = [model(p[None]) for p in pictures]
        after = [model(p[None]) for p in pictures]
    expected = [run_with_cuts(model, p, [EdgeCut(edge)]) for p in pictures]
    assert all(torch.equal(a, b) for a, b in zip(cut, expected, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(plain, after, strict=True))


def test_each_edge_alone_and_a_foreign_one():
    model, picture = unet(3, 2, 8, 2), image(32, 48)
    found = trace(model, picture)
    outputs = {e.source: run_with_cuts(model, picture, [EdgeCut(e)]) for e in found.skips}
    assert list(outputs) == ["down1", "inc"]
    other = trace(network("smp.Unet"), image(64, 96), keep=()).skips[0]
    with pytest.raises(SegstudioError, match=r"nothing was cut in decoder\.blocks\.0"):
        run_with_cuts(model, picture, [EdgeCut(other)])
    assert F.mse_loss(*outputs.values()) > 0
