"""Networks that read chosen channels of the values that an image has stored."""

from dataclasses import replace

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from segmenters import balance, saved

from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import Ensemble, ModelSpec, RunOptions, channels_text, reads_stored
from segstudio.inspection.nets.traced_model import TracedModel
from segstudio.jobs import Job
from segstudio.models import detection
from segstudio.models.ensembles import EnsemblePredictor
from segstudio.models.families.unet import UNet
from segstudio.models.preprocess import Preprocess
from segstudio.models.segmenter import Segmenter
from segstudio.runs.engine import TorchEngine
from segstudio.runs.predicting import Predicting, PredictionRequest
from segstudio.storage.decode import read_image

FOUR = {"num_classes": 3, "base_channels": 4, "depth": 2, "in_channels": 4}


@pytest.fixture
def stack(tmp_path):
    """An image (24, 32) of five channels of 16 bits."""
    values = np.random.default_rng(0).integers(0, 40_000, (24, 32, 5)).astype(np.uint16)
    (tmp_path / "images").mkdir()
    path = tmp_path / "images" / "five.tif"
    tifffile.imwrite(path, np.moveaxis(values, -1, 0), metadata={"axes": "CYX"})
    return path, values


def network_of():
    torch.manual_seed(0)
    network = UNet(**FOUR).eval()
    balance(network, network.outc.conv, torch.rand(1, 4, 24, 32) * 4 - 2)
    return network


def spec_of(tmp_path, channels, **more):
    preprocess = {"scaling": "unit", "divisor": 4, "channels": channels, **more}
    return saved(tmp_path, network_of(), options=FOUR, preprocess=preprocess)


def test_a_network_gets_the_chosen_channels_in_their_order_as_they_are_stored(tmp_path, stack):
    path, values = stack
    image = read_image(path)
    numbers = {"scaling": "none", "mean": [20_000.0], "std": [10_000.0]}
    spec = spec_of(tmp_path, [5, 1, 3, 2], **numbers)
    assert reads_stored(spec)
    given = image.given_to(spec)
    assert np.array_equal(given, values)
    chosen = (values[..., [4, 0, 2, 1]].astype(np.float32) - 20_000) / 10_000
    x = torch.from_numpy(chosen).permute(2, 0, 1)[None]
    expected = network_of()(x)[0].argmax(0).numpy()
    found = Segmenter(spec, device="cpu").predict(given)
    assert np.array_equal(found.labels, expected)
    assert len(np.unique(expected)) > 1
    other = Segmenter(spec_of(tmp_path, [1, 5, 3, 2], **numbers), device="cpu").predict(given)
    assert (other.labels != found.labels).any()


@pytest.mark.parametrize(
    ("dtype", "scaling", "value", "wanted"),
    [
        (np.uint16, "unit", 13107, 0.2),
        (np.uint8, "unit", 51, 0.2),
        (np.float32, "unit", 0.75, 0.75),
        (np.int16, "none", -7, -7.0),
        (np.float32, "none", np.nan, 0.0),
    ],
)
def test_numbers_of_every_type(dtype, scaling, value, wanted):
    image = np.full((4, 6, 2), value, dtype)
    x, geometry = Preprocess(scaling, channels=(2,)).prepare(image)
    assert x.shape == (1, 1, 4, 6)
    assert geometry.source_hw == (4, 6)
    assert torch.allclose(x, torch.full_like(x, wanted))


def test_own_range_of_stored_values():
    values = np.arange(1000, dtype=np.uint16).reshape(20, 50, 1)
    x, _ = Preprocess("percentile", channels=(1,)).prepare(values)
    low, high = np.percentile(values, [1, 99.8])
    assert x[0, 0, 10, 0].item() == pytest.approx((500 - low) / (high - low), abs=1e-5)
    x, _ = Preprocess("standard", channels=(1,)).prepare(values)
    assert (x.mean().item(), x.std().item()) == pytest.approx((0, 1), abs=1e-3)


def test_a_tile_is_read_by_the_range_of_the_whole(tmp_path):
    values = np.random.default_rng(0).integers(0, 40_000, (80, 100, 5)).astype(np.uint16)
    values[:40] //= 8
    spec = spec_of(tmp_path, [1, 2, 3, 5], scaling="percentile")
    segmenter = Segmenter(spec, device="cpu")
    whole = segmenter.predict(values)
    tiled = segmenter.predict(values, RunOptions(tile_px=64, overlap_px=32))
    assert np.mean(whole.labels == tiled.labels) > 0.97


def test_an_image_that_lacks_channels_is_told_in_one_message(tmp_path):
    segmenter = Segmenter(spec_of(tmp_path, [1, 2, 3, 4]), device="cpu")
    with pytest.raises(SegstudioError) as told:
        segmenter.predict(np.zeros((8, 8, 3), np.uint8))
    assert told.value.message == (
        "The image has 3 channels, but the model reads channels 1, 2, 3, 4."
    )


@pytest.mark.parametrize("channels", [(0, 1), (1.5,), (), ("1",), (True,)])
def test_channels_have_numbers_from_1_on(channels):
    with pytest.raises(ValueError, match="channels"):
        Preprocess(channels=channels)


def test_grey_comes_from_colours_and_one_stored_channel_is_itself():
    image = np.zeros((2, 2, 3), np.uint8)
    image[..., 1] = 200
    grey, _ = Preprocess("none", channels="grey").prepare(image)
    assert grey[0, 0, 0, 0].item() == 117  # 0.587 of 200
    green, _ = Preprocess("none", channels=(2,)).prepare(image)
    assert green[0, 0, 0, 0].item() == 200
    assert channels_text((2,)) == "channel 2"


def test_models_that_read_other_values_do_not_answer_together(tmp_path, stack):
    path, _ = stack
    four = spec_of(tmp_path, [1, 2, 3, 4])
    three = saved(tmp_path, UNet(num_classes=3, base_channels=4, depth=2), id="rgb",
                  options={**FOUR, "in_channels": 3})  # fmt: skip
    members = [Segmenter(spec, device="cpu") for spec in (four, three)]
    both = replace(four, id="both", made_of=Ensemble((four, three)))
    given = read_image(path).given_to(both)
    with pytest.raises(SegstudioError, match="reads colours, and a model that answers with it"):
        EnsemblePredictor(both, members).predict(given, RunOptions(), lambda: None, lambda *_: None)


def test_other_models_get_the_composite(tmp_path, stack):
    path, _ = stack
    image = read_image(path)
    rgb = ModelSpec("a", "A", "unet", "semantic", spec_of(tmp_path, [1, 2, 3, 4]).schema, "")
    assert image.given_to(rgb) is image.pixels


def test_the_inspector_gets_them_too(tmp_path, stack):
    path, values = stack
    segmenter = Segmenter(spec_of(tmp_path, [5, 3, 2, 1]), device="cpu")
    traced = TracedModel(segmenter, read_image(path).given_to(segmenter.spec))
    trace, prediction = traced.look()
    assert trace.layers[0].shape[0] == 4
    assert np.array_equal(prediction.labels, segmenter.predict(values).labels)


def test_objects_are_found_in_them_at_another_scale(tmp_path):
    """Values of 16 bits stay what they are when the image is made smaller for the network."""
    values = np.full((40, 60, 5), 40_000, np.uint16)
    small = detection._resized(values, (30, 20))
    assert small.shape == (20, 30, 5)
    assert small.dtype == np.uint16
    assert (small == 40_000).all()


def test_a_folder_is_run_with_them(tmp_path, stack):
    path, values = stack
    spec = spec_of(tmp_path, [4, 3, 2, 1])
    request = PredictionRequest(path.parent, tmp_path / "out", spec, exact=True)
    work = Predicting(request)
    work.prepare(lambda spec, _images: spec)
    work.run(TorchEngine(), Job("Segmenting", "model"))
    assert work.failed() == []
    written = read_mask(tmp_path / "out" / "five.png")
    expected = Segmenter(spec, device="cpu").predict(values)
    assert np.array_equal(written, expected.labels)


def read_mask(path):
    return np.asarray(Image.open(path))
