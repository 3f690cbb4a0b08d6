"""U-Nets of papers' well-known code answer as they do there, opened by their tensors alone."""

import pytest
import torch
from paper_unets import (
    DeepResUNet,
    MonaiAttentionUNet,
    NestedUNet,
    RecurrentUNet,
    TutorialResUNet,
    U2Net,
)
from safetensors.torch import save_file
from tutorial_unets import randomised

from segstudio.core.errors import SegstudioError
from segstudio.models.checkpoints import load_into, load_state
from segstudio.models.recognition import recognise
from segstudio.models.registry import spec_from_weights
from segstudio.models.segmenter import resolve_builder

SKIP_FIRST, UP_FIRST = {"join": "skip, upsampled"}, {"join": "upsampled, skip"}
ALIGNED = {"upsampling": "bilinear, corners aligned"}
NETWORKS = {
    "MONAI, gates": ("monai-attention", MonaiAttentionUNet, {}),
    "MONAI, gates, one level": (
        "monai-attention", lambda: MonaiAttentionUNet(3, 4, widths=(4, 6), kernel=5), {}
    ),
    "norms first": ("plain-unet", TutorialResUNet, {**UP_FIRST, **ALIGNED}),
    "norms first, wide shortcuts": ("plain-unet", lambda: DeepResUNet(1, 3), UP_FIRST),
    "norms first, some of one width": (
        "plain-unet", lambda: TutorialResUNet(widths=(4, 4, 8, 8)), {**UP_FIRST, **ALIGNED},
    ),
    "nested": ("nested-unet", NestedUNet, {}),
    "nested, all outputs trained": (
        "nested-unet",
        lambda: NestedUNet(1, 3, deep=True, up="nearest", widths=(4, 6, 8)),
        {"upsampling": "nearest"},
    ),
    "U2": ("u2net", U2Net, {}),
    "recurrent": ("recurrent-unet", RecurrentUNet, {}),
    "recurrent, gated": (
        "recurrent-unet", lambda: RecurrentUNet(1, 3, times=3, gated=True), {"times": "3"},
    ),
}  # fmt: skip


def opened(path, answers):
    spec = spec_from_weights(path, answers=answers)
    network = resolve_builder(spec.builder)(**spec.options)
    load_into(network, load_state(path))
    return network.eval(), spec


def shapes_of(network):
    return {k: tuple(v.shape) for k, v in network.state_dict().items()}


@pytest.mark.parametrize("kind", ["pth", "safetensors"])
@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_are_those_of_the_reference(tmp_path, name, kind):
    family, make, answers = NETWORKS[name]
    reference = randomised(make())
    path = tmp_path / f"net.{kind}"
    if kind == "pth":
        torch.save({"state_dict": reference.state_dict()}, path)
    else:  # which sorts the names
        save_file(reference.state_dict(), path)
    network, spec = opened(path, answers)
    x = torch.randn(2, network.in_channels, 64, 32)
    with torch.inference_mode():
        wanted, found = reference(x), network(x)
    assert spec.family == family
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5 * float(wanted.abs().max()))


def asked(network):
    return {q.option: q.default for q in recognise(shapes_of(network), "w.pth")[1].questions}


def test_only_what_the_tensors_leave_open_is_asked():
    strided = "none, the next convolution has stride 2"
    usual = {"join": "skip, upsampled", "activation": "relu", "padding": "zeros"}
    assert asked(DeepResUNet()) == {**usual, "pooling": strided}
    nested = {"upsampling": "bilinear, corners aligned", "activation": "relu"}
    assert asked(NestedUNet()) == nested
    assert asked(NestedUNet(deep=True)) == {**nested, "head": "final4"}
    assert asked(U2Net()) == {}
    assert asked(RecurrentUNet()) == {"times": "2"}
    assert asked(TutorialResUNet()) == {**usual, "pooling": strided, "upsampling": "bilinear"}


def test_networks_for_volumes_are_refused_by_name():
    shapes = {k: (*v, 3) if len(v) == 4 else v for k, v in shapes_of(MonaiAttentionUNet()).items()}
    shapes = {name.removeprefix("model."): shape for name, shape in shapes.items()}
    with pytest.raises(SegstudioError, match="MONAI's AttentionUnet for volumes") as told:
        recognise(shapes, "w.pth")
    assert "flat images" in str(told.value)
