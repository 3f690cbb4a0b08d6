import json

import cv2
import numpy as np
import PIL.Image
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms._presets import SemanticSegmentation

from segstudio.models.preprocess import (
    Preprocess,
    pad_to_multiple,
    percentile_range,
    restore,
)

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def image(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("shape", [(40, 61), (61, 40), (700, 560)])
def test_agrees_with_torchvisions_preset(shape):
    picture = image(*shape)
    ours, geometry = Preprocess(short_side=520, **IMAGENET).prepare(picture)
    theirs = SemanticSegmentation(resize_size=520)(torch.from_numpy(picture).permute(2, 0, 1))
    assert ours.shape[1:] == theirs.shape
    torch.testing.assert_close(ours[0], theirs, rtol=0, atol=1e-6)
    assert geometry.source_hw == shape


def test_largest_side_limits_the_size():
    assert Preprocess(short_side=100, max_side=150).resized_hw(10, 30) == (50, 150)
    # a strip: 8 x 100 pixels long, not 100 x 20,000; a long photo is made smaller as before
    assert Preprocess(short_side=100).resized_hw(1, 200) == (4, 800)
    assert Preprocess(short_side=100).resized_hw(200, 1) == (800, 4)
    assert Preprocess(short_side=100).resized_hw(400, 8000) == (100, 2000)
    assert Preprocess(short_side=100, max_side=150).resized_hw(30, 10) == (150, 50)
    assert Preprocess(short_side=100, max_side=150).resized_hw(10, 12) == (100, 120)
    assert Preprocess(factor=2.0).resized_hw(10, 12) == (20, 24)
    assert Preprocess().resized_hw(10, 12) == (10, 12)


@given(st.integers(0, 2**31), st.integers(1, 12), st.integers(1, 12), st.integers(1, 256))
@settings(max_examples=60, deadline=None)
def test_percentiles_are_numpys(seed, height, width, values):
    picture = np.random.default_rng(seed).integers(0, values, (height, width, 3), dtype=np.uint8)
    low, high = np.percentile(picture, [1, 99.8])
    low = min(low, max(64, 0.45 * high))
    assert percentile_range(picture) == pytest.approx((low, max(high, low + 1)))


def test_an_almost_flat_bright_image_is_not_stretched():
    picture = np.full((40, 50, 3), 200, np.uint8)
    picture[:20] = 160
    assert percentile_range(picture) == pytest.approx((90.0, 200.0))  # 0.45 * 200, not 160
    x, _ = Preprocess("percentile").prepare(picture)
    assert x.min() == pytest.approx((160 - 90) / 110)


def test_percentile_scaling_clips_to_unit_range():
    picture = np.full((20, 20, 3), 10, np.uint8)
    picture[:10] = 30
    picture[0, 0] = 255  # three of 1200 values: within the upper 0.2 % only in part
    low, high = percentile_range(picture)
    x, _ = Preprocess("percentile").prepare(picture)
    assert low == 10
    assert x.min() == 0
    assert x.max() == 1
    assert x[0, 0, 5, 5] == pytest.approx(20 / (high - 10))


def test_flat_image_is_finite():
    x, _ = Preprocess("percentile").prepare(np.full((5, 5, 3), 7, np.uint8))
    assert torch.equal(x, torch.zeros(1, 3, 5, 5))
    x, _ = Preprocess("percentile").prepare(np.full((5, 5, 3), 77, np.uint8))
    assert torch.equal(x, torch.ones(1, 3, 5, 5))


def test_padding_reflects_and_falls_back_to_the_edge():
    x = torch.arange(12.0).reshape(1, 1, 3, 4)
    padded = pad_to_multiple(x, 5)
    assert padded.shape == (1, 1, 5, 5)
    assert padded[0, 0, :3, 4].tolist() == [2, 6, 10]  # mirrored about the last column
    assert padded[0, 0, 3:, 0].tolist() == [4, 0]  # mirrored about the last row
    small = pad_to_multiple(x, 16)
    assert small[0, 0, 0].tolist() == [0, 1, 2] + [3] * 13
    assert pad_to_multiple(x, 1) is x


def test_restore_inverts_padding_exactly():
    picture = image(30, 45)
    x, geometry = Preprocess(divisor=16).prepare(picture)
    assert geometry.padded_hw == (32, 48)
    back = restore(x, geometry)
    assert np.array_equal((back[0] * 255).round().permute(1, 2, 0).numpy(), picture)


def test_restore_inverts_resizing_of_smooth_images():
    ramp = np.repeat(np.arange(0, 240, 4, dtype=np.uint8)[None, :, None], 40, 0).repeat(3, 2)
    x, geometry = Preprocess(factor=2.0, divisor=32).prepare(ramp)
    assert (geometry.resized_hw, geometry.padded_hw) == ((80, 120), (96, 128))
    back = restore(x, geometry)[0].permute(1, 2, 0).numpy() * 255
    assert back.shape == ramp.shape
    assert np.abs(back - ramp)[:, 2:-2].max() <= 1.0


def test_survives_json():
    first = Preprocess("percentile", short_side=64, max_side=128, divisor=8, **IMAGENET)
    assert Preprocess.from_dict(json.loads(json.dumps(first.to_dict()))) == first
    assert Preprocess.from_dict({}) == Preprocess()


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="shortside"):
        Preprocess.from_dict({"shortside": 3})
    with pytest.raises(ValueError, match="scaling"):
        Preprocess("log")
    with pytest.raises(ValueError, match="exclude"):
        Preprocess(short_side=3, factor=2.0)
    with pytest.raises(ValueError, match="divisor"):
        Preprocess(divisor=0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"short_side": 10**9}, {"short_side": 0}, {"short_side": "520"}, {"divisor": 10**6},
        {"factor": 1000.0}, {"factor": -1.0}, {"std": (1.0, 0.0, 1.0)},
        {"mean": (float("nan"), 0.0, 0.0)}, {"max_side": 10**7, "short_side": 8},
        {"size": (10**6, 8)}, {"size": (64,)}, {"size": (0, 8)}, {"channels": "cmyk"},
        {"size": (8, 8), "factor": 2.0},
    ],
)  # fmt: skip
def test_a_description_cannot_ask_for_any_size(wrong):
    with pytest.raises(ValueError, match="|".join(wrong)):
        Preprocess.from_dict(wrong)


COLOURS = np.array([[[10, 20, 30], [255, 0, 0]], [[0, 255, 0], [0, 0, 255]]], np.uint8)


def test_channels_can_come_in_the_other_order():
    scaled = Preprocess("none", (1.0, 2.0, 3.0), channels="bgr")
    x, _ = scaled.prepare(COLOURS)
    # blue first, less the first mean
    assert x[0, :, 0, 0].tolist() == [29, 18, 7]
    assert x[0, :, 1, 1].tolist() == [254, -2, -3]


def test_grey_is_the_luma_of_the_colours():
    x, _ = Preprocess("none", channels="grey").prepare(COLOURS)
    assert x.shape == (1, 1, 2, 2)
    # 0.299 * 10 + 0.587 * 20 + 0.114 * 30 = 18.15; 76.245; 149.685; 29.07
    assert x.flatten().tolist() == [18, 76, 150, 29]
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, 2)
    assert torch.equal(Preprocess("none", channels="grey").prepare(grey)[0][0, 0],
                       torch.arange(256.0).view(16, 16))  # fmt: skip


def test_grey_is_pillows_and_opencvs():
    picture = image(60, 50)
    ours = Preprocess(channels="grey").in_channels(picture)[..., 0]
    assert np.array_equal(ours, np.asarray(PIL.Image.fromarray(picture).convert("L")))
    assert np.abs(ours.astype(int) - cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)).max() <= 1


def test_one_channel_has_one_mean():
    x, _ = Preprocess("none", (8.0,), (5.0,), channels="grey").prepare(COLOURS)
    assert x[0, 0, 0, 0] == 2  # (18 - 8) / 5
    assert Preprocess(channels="grey").mean == (0.0,)
    assert Preprocess(mean=(0.5,)).mean == (0.5, 0.5, 0.5)
    with pytest.raises(ValueError, match="mean has 3 values, but grey has 1 channel"):
        Preprocess(**IMAGENET, channels="grey")
    with pytest.raises(ValueError, match="std has 2 values, but rgb has 3 channels"):
        Preprocess(std=(1.0, 2.0))


def test_standard_scaling_is_the_images_own():
    picture = np.zeros((2, 2, 3), np.uint8)
    picture[0] = 10
    picture[1] = 20
    x, _ = Preprocess("standard").prepare(picture)
    # mean 15, standard deviation 5
    assert x[0, 2].tolist() == [[-1, -1], [1, 1]]
    flat, _ = Preprocess("standard").prepare(np.full((3, 3, 3), 9, np.uint8))
    assert flat.abs().max() == 0


@pytest.mark.parametrize("scaling", ["standard", "percentile"])
def test_a_tile_is_scaled_as_the_whole_image(scaling):
    picture = image(40, 40)
    picture[:20] //= 4
    preprocess = Preprocess(scaling, channels="grey")
    whole, _ = preprocess.prepare(picture)
    tile, _ = preprocess.prepare(picture[:20], preprocess.value_range(picture))
    assert torch.equal(tile, whole[:, :, :20])
    assert not torch.equal(tile, preprocess.prepare(picture[:20])[0])


def test_percentiles_are_those_of_what_the_network_sees():
    picture = np.zeros((10, 10, 3), np.uint8)
    picture[..., 0] = 200  # of grey 60 everywhere
    assert Preprocess("percentile", channels="grey").value_range(picture) == (60, 61)
    assert Preprocess("percentile").value_range(picture) == (0, 200)


def test_an_image_is_squashed_to_a_size():
    preprocess = Preprocess(size=(20, 30), divisor=16)
    x, geometry = preprocess.prepare(image(40, 40))
    assert geometry.resized_hw == (20, 30)
    assert x.shape == (1, 3, 32, 32)
    assert restore(x, geometry).shape == (1, 3, 40, 40)
    assert preprocess.scaled(0.5).size == (10, 15)


def test_the_new_settings_survive_json():
    first = Preprocess("none", (1.0,), (2.0,), channels="grey", size=(512, 256))
    assert Preprocess.from_dict(json.loads(json.dumps(first.to_dict()))) == first
