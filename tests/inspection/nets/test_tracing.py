"""What a trace holds, and that it leaves the model as it was."""

import copy
import warnings

import numpy as np
import pytest
import torch
from inspection_networks import image, network, unet
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from segstudio.core.errors import CancelledError, SegstudioError
from segstudio.core.features import Role
from segstudio.inspection.nets.tracing import trace, trace_with_output
from segstudio.models.families.unet import UNet


def leaves(value):
    if isinstance(value, torch.Tensor):
        return [value]
    items = value.values() if hasattr(value, "values") else value
    return [leaf for item in items for leaf in leaves(item)]


def plain(model, picture):
    with torch.inference_mode():
        if "MaskRCNN" in type(model).__name__:
            return model([picture])
        return model(picture[None])


def hooks_of(model):
    return [
        (len(m._forward_hooks), len(m._forward_pre_hooks), len(m._forward_hooks_with_kwargs))
        for m in model.modules()
    ]


@pytest.mark.parametrize(
    "name",
    ["unet-transposed", "smp.Unet", "smp.Segformer", "maskrcnn-embedded", "deeplab-embedded",
     "attention", pytest.param("smp.DPT", marks=pytest.mark.slow),
     pytest.param("smp.PAN", marks=pytest.mark.slow)],
)  # fmt: skip
def test_output_is_bitwise_the_same_and_the_model_unchanged(name):
    model = network(name)
    picture = image(192, 320) if name == "smp.PAN" else image(64, 96)
    state = copy.deepcopy(model.state_dict())
    hooks = hooks_of(model)
    before = leaves(plain(model, picture))
    traced = leaves(trace_with_output(model, picture).output)
    after = leaves(plain(model, picture))
    assert len(before) == len(traced) > 0
    assert all(torch.equal(x, y) for x, y in zip(before, traced, strict=True))
    assert all(torch.equal(x, y) for x, y in zip(before, after, strict=True))
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert hooks_of(model) == hooks
    assert not any(module.training for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_training_mode_is_restored_and_statistics_do_not_move():
    model = unet(3, 2, 4, 2).train()
    model.down1.eval()
    state = copy.deepcopy(model.state_dict())
    modes = [module.training for module in model.modules()]
    trace(model, image(32, 48))
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


def test_hooks_are_removed_when_the_pass_breaks_off():
    model = unet(3, 2, 4, 2)
    trace(model, image(32, 48))
    calls = []

    def check():
        calls.append(1)
        if len(calls) > 7:
            raise CancelledError

    with pytest.raises(CancelledError):
        trace(model, image(32, 48), check=check)
    assert hooks_of(model) == [(0, 0, 0)] * len(list(model.modules()))
    assert trace(model, image(32, 48)).of_role(Role.BOTTLENECK)


@pytest.mark.slow
def test_the_example_of_256_pixels():
    """Ronneberger's widths: 64 to 1024 channels at 256 down to 16 pixels; worked out by hand."""
    model = UNet(3, 2, 64, 4).eval()
    found = trace(model, image(256, 256), keep=())
    shapes = [layer.shape for layer in found.layers]
    assert shapes == [
        (3, 256, 256), (64, 256, 256), (128, 128, 128), (256, 64, 64), (512, 32, 32),
        (1024, 16, 16), (512, 32, 32), (256, 64, 64), (128, 128, 128), (64, 256, 256),
        (2, 256, 256),
    ]  # fmt: skip
    sizes = [layer.receptive_field.size for layer in found.layers]
    # two 3 x 3 convolutions: 5; pool 6, then 2 x 2 x 2 more: 14; and so on, twice the step each
    assert sizes[:6] == [(n, n) for n in (1, 5, 14, 32, 68, 140)]
    assert [layer.stride for layer in found.layers] == [1, 1, 2, 4, 8, 16, 8, 4, 2, 1, 1]
    # inc: 3*64*9 + 64*64*9 weights and two batch norms of 2 x 64
    assert found.layer("inc").parameters == 3 * 64 * 9 + 64 * 64 * 9 + 4 * 64
    assert found.layer("inc").macs == 256 * 256 * (3 * 64 * 9 + 64 * 64 * 9)
    assert found.layer("outc").parameters == 64 * 2 + 2
    # up4: transposed 128 -> 64 at 2 x 2, then 128 -> 64 and 64 -> 64
    up4 = 128 * 128 * 128 * 64 * 4 + 256 * 256 * 9 * (128 * 64 + 64 * 64)
    assert found.layer("up4").macs == up4
    assert found.layer("up1").inputs == ("down3", "down4")


@pytest.mark.parametrize("name", ["unet-bilinear", "smp.Unet", "smp.Segformer"])
def test_sums_match_torchs_own_counts(name):
    model, picture = network(name), image(64, 96)
    found = trace(model, picture, keep=())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(picture[None])
    assert found.macs == pytest.approx(counter.get_total_flops() / 2, rel=0.02)
    assert found.parameters == sum(p.numel() for p in model.parameters())
    assert sum(layer.macs for layer in found.layers) == found.macs
    assert sum(layer.parameters for layer in found.layers) == found.parameters


def test_activations_are_those_of_the_modules():
    model, picture = network("smp.Unet"), image(64, 96)
    wanted = {"encoder.layer1": None, "encoder.relu": None, "decoder.blocks.2": None}
    handles = [
        model.get_submodule(name).register_forward_hook(
            lambda _m, _i, output, name=name: wanted.__setitem__(name, output.clone())
        )
        for name in wanted
    ]
    with torch.inference_mode():
        logits = model(picture[None])
    for handle in handles:
        handle.remove()
    found = trace(model, picture)
    for name, expected in wanted.items():
        assert found.activation(name).dtype == np.float16
        assert np.array_equal(found.activation(name), expected[0].half().numpy())
    assert np.array_equal(found.activation("segmentation_head"), logits[0].half().numpy())
    assert np.array_equal(found.activation("input"), picture.half().numpy())


def test_a_small_budget_keeps_little_and_computes_the_rest_again():
    model, picture = unet(3, 2, 8, 3), image(64, 96)
    everything = trace(model, picture)
    little = trace(model, picture, budget=40_000)
    assert little.activations.nbytes <= 40_000
    assert set(little.activations.kept) < set(everything.activations.kept)
    assert len(everything.activations.kept) == len(everything.layers)
    for layer in everything.layers:
        assert np.array_equal(little.activation(layer.id), everything.activation(layer.id))
        biggest = max(layer.nbytes for layer in everything.layers)
        assert little.activations.nbytes <= max(40_000, biggest)
    assert hooks_of(model) == [(0, 0, 0)] * len(list(model.modules()))


def test_the_input_of_a_resizing_model_is_what_it_made_of_the_image():
    model, picture = network("maskrcnn-embedded"), image(96, 128)
    seen = {}
    handle = model.backbone.register_forward_pre_hook(
        lambda _m, args: seen.__setitem__("batch", args[0].clone())
    )
    with torch.inference_mode():
        model([picture])
    handle.remove()
    expected = seen["batch"][0].half().numpy()
    assert np.array_equal(trace(model, picture).activation("input"), expected)


def test_values_past_float16_are_its_largest():
    model = unet(3, 2, 4, 1)
    with torch.no_grad():
        model.outc.conv.bias.fill_(1e6)
    assert trace(model, image(32, 48)).activation("outc").max() == np.float16(65504)


def test_any_size_that_the_model_takes_square_ones_too():
    model = network("smp.Unet")
    for size in ((64, 64), (32, 96), (96, 32)):
        found = trace(model, image(*size), keep=())
        assert found.layer("encoder.layer3").shape == (256, size[0] // 16, size[1] // 16)
        assert [edge.source for edge in found.skips] == [
            "encoder.layer3", "encoder.layer2", "encoder.layer1", "encoder.relu"
        ]  # fmt: skip


def test_an_image_that_does_not_fit_is_said():
    class Fixed(nn.Module):
        def forward(self, x):
            raise ValueError("only 7 x 7")

    with pytest.raises(SegstudioError, match=r"Fixed does not run on an image of .*only 7 x 7"):
        trace(Fixed(), image(32, 48))
    with pytest.raises(SegstudioError, match="one image"):
        trace(unet(3, 2, 4, 1), torch.zeros(2, 3, 32, 32))


def test_scripted_parts_are_traced_through():
    class Holder(nn.Module):
        def __init__(self):
            super().__init__()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # scripting is deprecated, scripted models stay
                inner = nn.Conv2d(3, 8, 3, padding=1).eval()
                self.inner = torch.jit.trace(inner, torch.rand(1, 3, 8, 8))

        def forward(self, x):
            return self.inner(x)

    torch.manual_seed(0)
    model = nn.Sequential(
        Holder(), nn.MaxPool2d(2), nn.Conv2d(8, 2, 1), nn.Upsample(scale_factor=2)
    )
    picture = image(32, 48)
    result = trace_with_output(model.eval(), picture)
    assert torch.equal(result.output, model(picture[None]))
    assert result.trace.layers[-1].shape[0] == 2
