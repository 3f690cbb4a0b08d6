"""What a segmenter answers, and what it says when it cannot."""

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from segmenters import UNET, image, saved, use_network
from slow_cases import few
from torch import nn

from segstudio.core.errors import CancelledError, SegstudioError
from segstudio.core.prediction import RunOptions
from segstudio.core.schema import LabelSchema
from segstudio.models import segmenter as module
from segstudio.models.devices import resolve_device
from segstudio.models.families.torchvision_semantic import deeplabv3
from segstudio.models.families.unet import UNet
from segstudio.models.preprocess import Preprocess
from segstudio.models.registry import registry
from segstudio.models.segmenter import Segmenter


@pytest.mark.parametrize("size", [(1, 1), (1, 57), (33, 40), (64, 64), (130, 71)])
def test_any_size_gives_maps_of_the_images_size(unet_spec, size):
    prediction = Segmenter(unet_spec, device="cpu").predict(image(*size))
    assert prediction.labels.shape == size
    assert prediction.confidence.shape == size
    assert prediction.labels.dtype == prediction.confidence.dtype == np.uint8
    assert prediction.confidence.min() >= 127
    assert (prediction.run, prediction.title, prediction.device) == ("m", "Model M", "cpu")
    assert prediction.seconds > 0
    assert prediction.notes == ()
    assert prediction.instances is None


def test_a_prediction_is_the_networks_argmax(unet_spec):
    torch.manual_seed(0)
    network = UNet(**UNET).eval()
    pixels = image(64, 48)
    with torch.no_grad():
        logits = network(torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255)
    prediction = Segmenter(unet_spec, device="cpu").predict(pixels)
    probability = logits.softmax(1)[0]
    np.testing.assert_array_equal(prediction.labels, probability.argmax(0).numpy())
    expected = probability.max(0).values.numpy() * 255
    assert np.abs(prediction.confidence - expected).max() <= 0.6


def test_predictions_are_repeatable(unet_spec):
    segmenter = Segmenter(unet_spec, device="cpu")
    first, second = segmenter.predict(image(90, 70)), segmenter.predict(image(90, 70))
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.confidence, second.confidence)


@pytest.mark.parametrize("kind", ["unet", "rcnn"])
def test_loading_draws_no_numbers_that_the_weights_replace(request, kind):
    spec = request.getfixturevalue(f"{kind}_spec")
    before = torch.get_rng_state()
    network = Segmenter(spec, device="cpu").network
    assert torch.equal(torch.get_rng_state(), before)
    stored = load_file(spec.weights.filename)
    assert network.state_dict().keys() == stored.keys()
    assert all(torch.equal(value, stored[key]) for key, value in network.state_dict().items())


def test_another_packages_network_keeps_its_first_numbers(monkeypatch, unet_spec):
    """What no file holds too, as a fixed projection."""

    class Projected(nn.Module):
        def __init__(self):
            super().__init__()
            self.fixed = nn.Parameter(torch.zeros(4))
            nn.init.uniform_(self.fixed, 1, 2)

    builder = use_network(monkeypatch, Projected)
    spec = dataclasses.replace(unet_spec, builder=builder, options={})
    fixed = Segmenter(spec, device="cpu").network.fixed
    assert ((fixed >= 1) & (fixed <= 2)).all()


def with_nan(monkeypatch, spec):
    """A network whose output holds NaN where its input is white."""

    class Broken(nn.Module):
        def forward(self, x):
            bright = torch.where(x[:, :1] > 0.9, float("nan"), x[:, :1])
            return torch.cat([1 - bright, bright] + [bright] * (self.channels - 2), 1)

    def make():
        network = Broken()
        network.channels = spec.schema.num_classes
        return network

    return dataclasses.replace(spec, builder=use_network(monkeypatch, make), options={})


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("tile_px", [256, 2048])
def test_an_output_without_numbers_is_no_empty_mask(monkeypatch, unet_spec, classes, tile_px):
    schema = LabelSchema.from_names(["background", "cell", "dirt"][:classes])
    segmenter = Segmenter(
        with_nan(monkeypatch, dataclasses.replace(unet_spec, schema=schema)), device="cpu"
    )
    pixels = np.zeros((300, 310, 3), np.uint8)
    options = RunOptions(tile_px=tile_px)
    assert segmenter.predict(pixels, options, name="dark.png").labels.max() == 0
    pixels[299, 309] = 255  # one pixel is enough
    with pytest.raises(SegstudioError, match=r"Model M for a\.png holds no numbers \(NaN\)"):
        segmenter.predict(pixels, options, name="a.png")
    with pytest.raises(SegstudioError, match="holds no numbers"):
        segmenter.probabilities(pixels, options)


def test_weights_without_numbers_are_named(tmp_path):
    torch.manual_seed(0)
    network = UNet(**UNET)
    network.outc.conv.bias.data[0] = float("nan")
    segmenter = Segmenter(saved(tmp_path, network), device="cpu")
    with pytest.raises(SegstudioError, match="holds no numbers") as raised:
        segmenter.predict(image(16, 16))
    assert raised.value.hint.endswith("m.safetensors are broken: outc.conv.bias.")


def test_infinite_logits_are_numbers(monkeypatch, unet_spec):
    """Networks rule classes out with minus infinity."""

    class Sure(nn.Module):
        def forward(self, x):
            return torch.cat([torch.full_like(x[:, :1], -torch.inf), x[:, :1]], 1)

    builder = use_network(monkeypatch, Sure)
    spec = dataclasses.replace(unet_spec, builder=builder, options={})
    assert Segmenter(spec, device="cpu").predict(image(16, 16)).labels.min() == 1


def test_large_images_go_through_tiles_and_say_so(unet_spec):
    segmenter = Segmenter(unet_spec, device="cpu")
    pixels = image(300, 420)
    whole = segmenter.predict(pixels)
    tiled = segmenter.predict(pixels, RunOptions(tile_px=256, overlap_px=128))
    np.testing.assert_array_equal(tiled.labels, whole.labels)
    assert tiled.notes == ("Cut into 6 overlapping tiles of 256 pixels.",)


def test_logits_are_resampled_not_labels(tmp_path):
    """A step between two classes, 2 pixels wide for the network, lies in the middle at 8 pixels."""
    network = nn.Conv2d(3, 2, 1)
    with torch.no_grad():
        network.weight.zero_()
        network.weight[1, 0] = 1.0
        network.bias.copy_(torch.tensor([0.25, 0.0]))
    runner = module.SemanticRunner(network, Preprocess(factor=0.25), torch.device("cpu"))
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 4:, 0] = 255
    logits = runner.logits(pixels)
    assert logits.shape == (1, 2, 4, 8)
    ramp = logits[0, 1, 0].tolist()
    assert ramp == sorted(ramp)
    assert len(set(ramp)) > 2  # nearest neighbours would give two values


def test_torchvision_networks_answer_with_a_mapping(tmp_path):
    options = {"backbone": "mobilenet_v3_large", "num_classes": 3, "aspp_channels": 8}
    torch.manual_seed(0)
    spec = saved(
        tmp_path,
        deeplabv3(**options),
        builder="segstudio.models.families.torchvision_semantic:deeplabv3",
        options=options,
        schema=LabelSchema.from_names("abc"),
        preprocess={"scaling": "unit", "short_side": 64},
    )
    prediction = Segmenter(spec, device="cpu").predict(image(80, 120))
    assert prediction.labels.shape == (80, 120)


def test_one_logit_is_class_1_against_background(monkeypatch, unet_spec):
    class Bright(nn.Module):
        def forward(self, x):
            return (x[:, :1] - 0.5) * 20

    builder = use_network(monkeypatch, Bright)
    spec = dataclasses.replace(unet_spec, builder=builder, options={})
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 3:] = 255
    prediction = Segmenter(spec, device="cpu").predict(pixels)
    assert prediction.labels.tolist() == [[0, 0, 0, 1, 1, 1, 1, 1]] * 4


# --- cancel, progress, failures


def test_cancel_stops_inside_the_network(unet_spec):
    segmenter = Segmenter(unet_spec, device="cpu")
    segmenter.load()
    calls = []

    def check():
        calls.append(1)
        if len(calls) == 12:
            raise CancelledError

    with pytest.raises(CancelledError):
        segmenter.predict(image(64, 64), None, check)
    assert len(calls) == 12
    assert segmenter.predict(image(64, 64)).labels.shape == (64, 64)


def test_a_failure_names_the_model_and_the_file(monkeypatch, unet_spec):
    class Broken(nn.Module):
        def forward(self, x):
            raise ValueError("no good")

    builder = use_network(monkeypatch, Broken)
    spec = dataclasses.replace(unet_spec, builder=builder, options={})
    with pytest.raises(SegstudioError, match=r"Model M failed on cells/a\.png \(no good\)"):
        Segmenter(spec, device="cpu").predict(image(8, 8), name="cells/a.png")


def test_missing_and_unfitting_weights_are_named(tmp_path, unet_spec):
    with pytest.raises(SegstudioError, match=r"none\.pth is not there"):
        Segmenter(unet_spec, tmp_path / "none.pth", "cpu").load()
    other = dataclasses.replace(unet_spec, options={**UNET, "num_classes": 5})
    with pytest.raises(SegstudioError, match=r"m\.safetensors does not fit.*outc\.conv\.weight"):
        Segmenter(other, device="cpu").load()


def test_a_builder_that_is_not_there_is_named(unet_spec):
    spec = dataclasses.replace(unet_spec, builder="no_such_package:Net")
    with pytest.raises(SegstudioError, match="no_such_package:Net"):
        Segmenter(spec, device="cpu").load()


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cuda:99"])
def test_devices_that_are_not_there_are_refused(name):
    with pytest.raises(SegstudioError, match="Choose"):
        resolve_device(name)


@pytest.mark.parametrize("model_id", few(["unet-nuclei", "deeplab-nuclei", "maskrcnn-nuclei"], 1))
def test_embedded_models_load_completely_and_run(model_id):
    prediction = Segmenter(registry()[model_id], device="cpu").predict(image(96, 128))
    assert prediction.labels.shape == (96, 128)
    assert set(np.unique(prediction.labels)) <= {0, 1}
