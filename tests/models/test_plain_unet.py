"""U-Nets of any names: their outputs are those of the networks that their weights were made with."""

import time

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from segmenters import shapes_of
from slow_cases import few
from torch import nn
from tutorial_unets import (
    EncDec,
    Flat,
    Halved,
    JoinedBlocks,
    Lists,
    NamedParts,
    NoSkips,
    OneConvALevel,
    Residuals,
    Shuffled,
    Stages,
    Tutorial,
    Upsampled,
    Wrapped,
    randomised,
)

from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import Output
from segstudio.models.checkpoints import load_into, load_state
from segstudio.models.recognition import recognise
from segstudio.models.registry import spec_from_weights
from segstudio.models.segmenter import Segmenter, resolve_builder

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
    "habits": (
        lambda: Tutorial(),
        {"padding": "reflected", "upsampling": "nearest", "up_activation": "yes"},
    ),
    "habits, strided": (
        lambda: Tutorial(strided=True, enlarge_first=False),
        {
            "padding": "reflected", "up_activation": "yes", "enlarge": "after the convolution",
            "pooling": "none, the next convolution has stride 2",
        },
    ),
    "halved": (lambda: Halved(), {"upsampling": "bilinear, corners aligned"}),
    "an attribute": (lambda: Wrapped(EncDec(widths=(4, 8))), UP_FIRST),
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


_OF_EACH_KIND = {
    "enc and dec", "group norm", "lists, ups first", "upsampled", "stages", "no skips",
    "residuals", "habits",
}  # fmt: skip


@pytest.mark.parametrize("kind", few(["safetensors", "pth"], 1))
@pytest.mark.parametrize("name", few(NETWORKS, _OF_EACH_KIND))
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


def asked(network):
    return {q.option: q for q in recognise(shapes_of(network), "w.pth")[1].questions}


def test_only_what_the_tensors_leave_open_is_asked():
    always = {"activation", "padding"}
    assert set(asked(EncDec())) == always | {"join", "up_activation", "pooling"}
    assert set(asked(NoSkips())) == always | {"up_activation", "pooling"}
    assert set(asked(Upsampled())) == always | {"join", "upsampling", "pooling"}
    # slopes are in the file; names of their own do not say what comes after a convolution
    assert set(asked(OneConvALevel())) == {
        "padding", "join", "up_activation", "pooling", "hidden_norm",
    }  # fmt: skip
    assert set(asked(Residuals())) == always | {"join", "up_activation", "block", "shortcut"}
    groups = asked(EncDec(norm=lambda c: nn.GroupNorm(2, c), widths=(4, 8)))["norm"]
    assert groups.choices == ("each channel", "2 groups", "4 groups", "all channels together")


def test_an_order_that_channels_and_names_leave_open_is_asked(tmp_path):
    reference = randomised(EncDec(widths=(4, 4, 4), bottom=4))
    path = written(reference, tmp_path, "safetensors")
    x = torch.randn(1, 3, 32, 32)
    found = []
    for order in ("1", "2"):
        network, spec = opened(path, {**UP_FIRST, "order": order})
        with torch.inference_mode():
            found.append(network(x))
    assert spec.questions[0].option == "order"
    with torch.inference_mode():
        torch.testing.assert_close(found[0], reference(x), rtol=1e-5, atol=1e-4)
    assert not torch.allclose(found[1], found[0], atol=1e-2)


def test_what_it_says_of_itself():
    family, found = recognise(shapes_of(NamedParts(inputs=1, classes=1)), "w.pth")
    assert (family.key, found.title, found.num_classes) == ("plain-unet", "U-Net of 5 levels", 1)
    assert found.preprocess == {"scaling": "unit", "divisor": 16, "channels": "grey"}
    _, found = recognise(shapes_of(NoSkips(classes=4)), "w.pth")
    assert found.title == "U-Net of 3 levels without skips"
    assert found.num_classes == 4


def test_a_tensor_that_does_not_fit_is_named():
    shapes = shapes_of(EncDec())
    shapes["dec2.0.weight"] = (8, 19, 3, 3)
    with pytest.raises(SegstudioError) as told:
        recognise(shapes, "w.pth")
    assert "w.pth looks like a U-Net, but" in str(told.value)
    assert "dec2.0.weight (8, 19, 3, 3)" in str(told.value)


def test_what_was_taken_as_usual_is_said_of_the_model(tmp_path):
    path = written(randomised(NoSkips()), tmp_path, "pth")
    said = spec_from_weights(path, answers={"padding": "edge"}).description
    assert "taken as usual: Activation after the convolutions: relu; " in said
    assert "What lies around a map" not in said
    everything = {"padding": "edge", "activation": "elu", "up_activation": "no"}
    answers = {**everything, "pooling": "average"}
    assert "as usual" not in spec_from_weights(path, answers=answers).description


@pytest.mark.parametrize(
    "shapes",
    [
        {f"enc{n}.weight": (4, 4, 3, 3) for n in range(30_000)},
        {"a." * 5000 + f"enc{n}.weight": (4, 4, 3, 3) for n in range(9)},
        {f"up{n}.weight": (0, 0, 2, 2) for n in range(9)},
        {f"norm{n}.bias": (4,) for n in range(30_000)},
    ],
)
def test_hostile_names_and_shapes_take_no_time(shapes):
    start = time.process_time()
    with pytest.raises(SegstudioError, match=r"not recognised|looks like"):
        recognise(shapes, "w.pth")
    assert time.process_time() - start < 10


def test_networks_for_volumes_are_told_apart():
    shapes = {k: (*v, 3) if len(v) == 4 else v for k, v in shapes_of(EncDec()).items()}
    with pytest.raises(SegstudioError, match=r"w\.pth is a network for volumes \(enc1"):
        recognise(shapes, "w.pth")


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(*(nn.Conv2d(4, 4, 3) for _ in range(8))),
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.Linear(8, 4)),
        nn.ModuleDict({f"up{n}": nn.Conv2d(5 * n + 2, 3, 3) for n in range(9)}),
    ],
)
def test_other_networks_are_not_taken_for_u_nets(network):
    with pytest.raises(SegstudioError, match=r"w\.pth is not recognised"):
        recognise(shapes_of(network), "w.pth")


def test_a_grey_u_net_with_one_logit_runs_to_a_mask(tmp_path):
    reference = randomised(NamedParts(inputs=1, classes=1, levels=3))
    path = written(reference, tmp_path, "pth")
    spec = spec_from_weights(path, answers=UP_FIRST)
    assert spec.output == Output("logit")
    assert spec.schema.ids == (0, 1)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    found = Segmenter(spec, device="cpu").predict(pixels)
    grey = torch.from_numpy(np.rint(pixels @ np.array([0.299, 0.587, 0.114])) / 255).float()
    with torch.inference_mode():
        logits = reference(grey[None, None])
    assert np.array_equal(found.labels, (logits[0, 0] > 0).numpy().astype(np.uint8))
    assert set(np.unique(found.labels)) == {0, 1}
