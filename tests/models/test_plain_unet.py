"""U-Nets of any names: their outputs are those of the networks that their weights were made with."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from tutorial_unets import (
    EncDec,
    Flat,
    JoinedBlocks,
    Lists,
    NamedParts,
    NoSkips,
    OneConvALevel,
    Residuals,
    Shuffled,
    Stages,
    Upsampled,
    randomised,
)

from segstudio.models.checkpoints import load_into, load_state
from segstudio.models.registry import spec_from_weights
from segstudio.models.segmenter import resolve_builder

UP_FIRST = {"join": "upsampled, skip"}
SKIP_FIRST = {"join": "skip, upsampled"}
NETWORKS = {
    "enc and dec": (lambda: EncDec(), UP_FIRST),
    "no bias": (lambda: EncDec(bias=False, widths=(4, 8)), UP_FIRST),
    "no norm, deep": (lambda: EncDec(norm=None, widths=(2, 4, 8, 16), classes=7), UP_FIRST),
    "five channels": (lambda: EncDec(5, 1, widths=(4, 8)), UP_FIRST),
    "one channel, odd widths": (lambda: EncDec(1, 3, widths=(3, 5, 9)), UP_FIRST),
    "the same width everywhere": (lambda: EncDec(widths=(4, 4, 4)), UP_FIRST),
    "3 x 3 transposed": (lambda: EncDec(kernel=3), UP_FIRST),
    "4 x 4 transposed": (lambda: EncDec(kernel=4, bias=False), UP_FIRST),
    "instance norm, leaky": (
        lambda: EncDec(norm=lambda c: nn.InstanceNorm2d(c, affine=True),
                       act=lambda: nn.LeakyReLU(0.2)),
        {**UP_FIRST, "activation": "leaky relu 0.2"},
    ),
    "group norm": (
        lambda: EncDec(norm=lambda c: nn.GroupNorm(4, c), act=nn.GELU),
        {**UP_FIRST, "norm": "4 groups", "activation": "gelu"},
    ),
    "named parts": (lambda: NamedParts(), UP_FIRST),
    "lists, ups first": (lambda: Lists(), SKIP_FIRST),
    "lists of one level": (lambda: Lists(widths=(4,)), SKIP_FIRST),
    "upsampled": (lambda: Upsampled(), {**UP_FIRST, "upsampling": "bilinear, corners aligned"}),
    "upsampled nearest": (
        lambda: Upsampled(mode="nearest"), {**UP_FIRST, "upsampling": "nearest"},
    ),
    "flat": (lambda: Flat(), UP_FIRST),
    "stages": (
        lambda: Stages(), {**SKIP_FIRST, "upsampling": "nearest", "pooling": "average"},
    ),
    "stages with group norm": (
        lambda: Stages(norm=lambda c: nn.GroupNorm(2, c), act=nn.ELU()),
        {"norm": "2 groups", "activation": "elu", "upsampling": "nearest", "pooling": "average"},
    ),
    "shuffled": (lambda: Shuffled(), SKIP_FIRST),
    "no skips": (lambda: NoSkips(), {}),
    "no skips, no weights": (lambda: NoSkips(transposed=False), {"upsampling": "nearest"}),
    "residuals": (lambda: Residuals(), UP_FIRST),
    "joined blocks": (lambda: JoinedBlocks(), UP_FIRST),
    "one convolution a level": (lambda: OneConvALevel(), SKIP_FIRST),
}  # fmt: skip


def opened(path, answers):
    """The network that segstudio builds for a file, with the file's weights, and its spec."""
    spec = spec_from_weights(path, answers=answers)
    network = resolve_builder(spec.builder)(**spec.options)
    load_into(network, load_state(path))
    return network.eval(), spec


def written(network, folder, kind):
    path = folder / f"net.{kind}"
    state = network.state_dict()
    if kind == "pth":
        torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, path)
    else:
        save_file({k: v.contiguous() for k, v in state.items()}, path)
    return path


@pytest.mark.parametrize("kind", ["pth", "safetensors"])
@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_are_those_of_the_reference(tmp_path, name, kind):
    make, answers = NETWORKS[name]
    reference = randomised(make())
    network, spec = opened(written(reference, tmp_path, kind), answers)
    x = torch.randn(2, network.in_channels, 32, 32)
    with torch.inference_mode():
        wanted, found = reference(x), network(x)
    assert spec.family == "plain-unet"
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5 * float(wanted.abs().max()))
    assert set(network.state_dict()) == set(reference.state_dict())
