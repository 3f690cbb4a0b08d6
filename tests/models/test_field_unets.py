"""Networks of the field's libraries and papers answer as they do where they were made."""

import pytest
import torch
from field_unets import (
    AttentionUNet,
    GatedTutorial,
    IdentityUNet,
    MonaiBasicUNet,
    MonaiUNetReference,
    NnUNetReference,
    SeparableUNet,
    Summed,
    Unpadded,
)
from safetensors.torch import save_file
from slow_cases import few
from torch import nn
from torch.nn import functional as F
from tutorial_unets import randomised

from segstudio.core.errors import SegstudioError
from segstudio.models.checkpoints import load_into, load_state
from segstudio.models.recognition import recognise
from segstudio.models.registry import spec_from_weights
from segstudio.models.segmenter import resolve_builder

SKIP_FIRST, UP_FIRST = {"join": "skip, upsampled"}, {"join": "upsampled, skip"}
ALIGNED = {"upsampling": "bilinear, corners aligned"}
NETWORKS = {
    "nnU-Net": ("nnunet", lambda: NnUNetReference(), {}),
    "nnU-Net, residual": ("nnunet", lambda: NnUNetReference(3, residual=True), {}),
    "MONAI, residual": ("monai-unet", lambda: MonaiUNetReference(), {}),
    "MONAI, batch norm": (
        "monai-unet",
        lambda: MonaiUNetReference(3, 4, norm="batch", act="relu", units=0),
        {"activation": "relu"},
    ),
    "MONAI, no norm": (
        "monai-unet",
        lambda: MonaiUNetReference(norm=None, widths=(4, 6, 8, 10), units=3),
        {"norm": "none"},
    ),
    "MONAI, basic": (
        "plain-unet", MonaiBasicUNet, {**SKIP_FIRST, "activation": "leaky relu 0.1"},
    ),
    "attention": ("plain-unet", AttentionUNet, {**SKIP_FIRST, "upsampling": "nearest"}),
    "gates of all channels": ("plain-unet", GatedTutorial, {**UP_FIRST, **ALIGNED}),
    "summed": ("plain-unet", Summed, {}),
    "identity": ("plain-unet", IdentityUNet, UP_FIRST),
    "separable": ("plain-unet", SeparableUNet, UP_FIRST),
    "separable, grey": ("plain-unet", lambda: SeparableUNet(1), UP_FIRST),
    "separable, activated": ("plain-unet", lambda: SeparableUNet(between=True), UP_FIRST),
}  # fmt: skip


def opened(path, answers):
    spec = spec_from_weights(path, answers=answers)
    network = resolve_builder(spec.builder)(**spec.options)
    load_into(network, load_state(path))
    return network.eval(), spec


def shapes_of(network):
    return {k: tuple(v.shape) for k, v in network.state_dict().items()}


_OF_EACH_KIND = {"nnU-Net", "MONAI, residual", "MONAI, basic", "attention", "separable"}


@pytest.mark.parametrize("name", few(NETWORKS, _OF_EACH_KIND))
def test_outputs_are_those_of_the_reference(tmp_path, name):
    family, make, answers = NETWORKS[name]
    reference = randomised(make())
    torch.save({"state_dict": reference.state_dict()}, tmp_path / "net.pth")
    network, spec = opened(tmp_path / "net.pth", answers)
    x = torch.randn(2, network.in_channels, 64, 32)
    with torch.inference_mode():
        wanted, found = reference(x), network(x)
    assert spec.family == family
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5 * float(wanted.abs().max()))


@pytest.mark.parametrize(
    "name", ["nnU-Net, residual", "MONAI, basic", "attention", "separable, activated"]
)
def test_files_that_lost_the_order_are_read_too(tmp_path, name):
    _, make, answers = NETWORKS[name]
    reference = randomised(make())
    once = {}
    for key, tensor in reference.state_dict().items():
        if not any(tensor.data_ptr() == other.data_ptr() for other in once.values()):
            once[key] = tensor.contiguous()
    save_file(once, tmp_path / "net.safetensors")
    network, _ = opened(tmp_path / "net.safetensors", answers)
    x = torch.randn(1, network.in_channels, 64, 32)
    with torch.inference_mode():
        wanted, found = reference(x), network(x)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5 * float(wanted.abs().max()))


@pytest.mark.parametrize("size", [(40, 56), (37, 50)])
def test_without_padding_the_image_is_mirrored_around(tmp_path, size):
    reference = randomised(Unpadded())
    torch.save(reference.state_dict(), tmp_path / "net.pth")
    unpadded = "nothing: each convolution makes it smaller, and skips are cropped"
    network, _ = opened(tmp_path / "net.pth", {**SKIP_FIRST, "padding": unpadded})
    x = torch.randn(1, 1, *size)
    # each 3 x 3 takes 2 pixels of its level: 4 + 8 + 16 + 8 + 4 = 40 of the image
    odd = [(-(side + 40)) % 4 for side in size]
    around = F.pad(x, (20, 20 + odd[1], 20, 20 + odd[0]), "reflect")
    with torch.inference_mode():
        wanted, found = reference(around), network(x)
    assert found.shape == (1, 2, *size)
    wanted = wanted[..., : size[0], : size[1]]
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5 * float(wanted.abs().max()))


def asked(network):
    return {q.option: q for q in recognise(shapes_of(network), "w.pth")[1].questions}


def test_what_the_field_s_networks_leave_open_is_asked():
    assert asked(NnUNetReference()) == {}
    assert set(asked(MonaiUNetReference())) == {"norm"}
    assert set(asked(MonaiUNetReference(norm="batch", act="relu"))) == {"activation"}
    assert "skips" in asked(Summed())
    assert asked(IdentityUNet())["identity"].default == "yes"
    assert asked(SeparableUNet())["between"].default == "no"
    assert asked(SeparableUNet(between=True))["between"].default == "yes"
    assert "hidden_norm" not in asked(SeparableUNet())


def test_norms_without_weights_are_asked_where_there_is_room_for_them(tmp_path):
    def block(a, b):
        return nn.Sequential(
            nn.Conv2d(a, b, 3, padding=1), nn.InstanceNorm2d(b), nn.ReLU(),
            nn.Conv2d(b, b, 3, padding=1), nn.InstanceNorm2d(b), nn.ReLU(),
        )  # fmt: skip

    reference = Summed()
    for name in ("enc1", "enc2", "enc3", "dec2", "dec1"):
        first = getattr(reference, name)
        setattr(reference, name, block(first[0].in_channels, first[0].out_channels))
    randomised(reference)
    torch.save(reference.state_dict(), tmp_path / "net.pth")
    hidden = "each channel (instance norm without weights)"
    network, _ = opened(tmp_path / "net.pth", {"hidden_norm": hidden})
    x = torch.randn(1, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(network(x), reference(x), rtol=1e-5, atol=1e-4)


def test_what_they_say_of_themselves():
    for make, title, channels in (
        (NnUNetReference, "nnU-Net of 4 levels", 3),
        (MonaiUNetReference, "MONAI UNet of 3 levels", 2),
        (AttentionUNet, "Attention U-Net of 4 levels", 1),
        (Summed, "U-Net of 3 levels", 2),
    ):
        _, found = recognise(shapes_of(make()), "w.pth")
        assert (found.title, found.num_classes) == (title, channels)


def test_a_gate_that_fits_no_skip_is_refused_by_its_tensors():
    shapes = shapes_of(AttentionUNet())
    shapes["Att3.W_g.0.weight"] = (4, 9, 1, 1)
    with pytest.raises(SegstudioError, match=r"Att\d.W_g.0.weight") as told:
        recognise(shapes, "w.pth")
    assert "fit nowhere" in str(told.value)


def test_networks_for_volumes_are_refused_by_name():
    shapes = {k: (*v, 3) if len(v) == 4 else v for k, v in shapes_of(NnUNetReference()).items()}
    with pytest.raises(SegstudioError, match="nnU-Net's network for volumes") as told:
        recognise(shapes, "w.pth")
    assert "2d configuration" in str(told.value)
