"""What the channels of a network's output mean: classes that exclude each other, or each alone."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from segmenters import SCHEMA, UNET, image, saved
from torch import nn

from segstudio.core.prediction import Ensemble, Output, RunOptions
from segstudio.core.progress import no_check, no_report
from segstudio.core.schema import LabelSchema
from segstudio.models.augmentation import MIRRORS, Variants
from segstudio.models.families.unet import UNet
from segstudio.models.preprocess import Preprocess
from segstudio.models.registry import spec_from_metadata
from segstudio.models.segmenter import Segmenter
from segstudio.models.semantic import SemanticRunner, as_logits, to_class_map
from segstudio.runs.batch import run_key


def logits(*pixels):
    """(1, C, 1, W) of the probabilities that each pixel's channels have on their own."""
    return torch.logit(torch.tensor(pixels)).T[None, :, None]


def labels(values, output):
    return to_class_map(as_logits(values, output)).labels[0].tolist()


def test_each_class_alone_is_background_below_the_threshold():
    values = logits([0.4, 0.3], [0.6, 0.2], [0.7, 0.9], [0.1, 0.55])
    assert labels(values, Output("sigmoid")) == [0, 1, 2, 2]
    assert labels(values, Output("sigmoid", 0.35)) == [1, 1, 2, 2]
    assert labels(values, Output("sigmoid", 0.8)) == [0, 0, 2, 0]
    # classes that exclude each other have no background of their own
    assert labels(values, Output()) == [0, 0, 1, 1]


def test_one_logit_has_a_threshold():
    values = logits([0.2], [0.45], [0.55], [0.9])
    assert labels(values, Output()) == [0, 0, 1, 1]
    assert labels(values, Output("logit")) == [0, 0, 1, 1]
    assert labels(values, Output("logit", 0.4)) == [0, 1, 1, 1]
    assert labels(values, Output("logit", 0.6)) == [0, 0, 0, 1]


def test_confidence_is_a_half_at_the_threshold():
    found = to_class_map(as_logits(logits([0.3001], [0.9]), Output("logit", 0.3)))
    assert found.labels[0].tolist() == [1, 1]
    # odds 9 against odds 3 / 7: 21 / 22
    assert found.confidence[0].tolist() == [128, round(255 * 21 / 22)]


def test_one_logit_cannot_be_several():
    with pytest.raises(ValueError, match="has 2 channels, not the one"):
        as_logits(torch.zeros(1, 2, 4, 4), Output("logit"))


def test_how_many_classes_there_are():
    assert [Output(kind).classes(3) for kind in ("softmax", "sigmoid")] == [3, 4]
    assert [Output(kind).classes(1) for kind in ("softmax", "logit", "sigmoid")] == [2, 2, 2]


@pytest.mark.parametrize(
    "wrong", [{"kind": "tanh"}, {"threshold": 0}, {"threshold": 1.0}, {"k": 1}]
)
def test_wrong_outputs_are_refused(wrong):
    with pytest.raises(ValueError, match=r"output|threshold"):
        Output.from_json(wrong)


def test_a_files_description_says_it():
    data = {
        "id": "a", "family": "unet", "task": "semantic", "schema": SCHEMA.to_json(), "builder": "b:c",
    }  # fmt: skip
    assert spec_from_metadata(data, None, "a").output == Output()
    chosen = Output("sigmoid", 0.25)
    data["output"] = json.loads(json.dumps(chosen.to_json()))
    assert spec_from_metadata(data, None, "a").output == chosen


THREE = LabelSchema.from_names(["ground", "left", "right"])


class Sides(nn.Module):
    """Two classes that overlap: the first in the left, the second in the right half."""

    def forward(self, x):
        place = torch.linspace(3, -3, x.shape[-1], device=x.device).expand_as(x[:, :1])
        return torch.cat([place, -place], 1) - 1  # about 1 pixel in 3 is of neither


def test_tiles_and_mirrored_images_have_the_same_background():
    runner = SemanticRunner(Sides(), Preprocess(), torch.device("cpu"), Output("sigmoid"))
    pixels = image(8, 60)
    found, _ = runner.predict(pixels, 2048, 0, no_check, no_report)
    row = found.labels[0].tolist()
    assert row == [1] * 20 + [0] * 20 + [2] * 20  # 3 - 6 i / 59 > 1 up to i = 19
    # the network does not look at the image: mirrored back, both classes are everywhere alike
    mirrored = Variants((1.0,), MIRRORS)
    shares = runner.probabilities(pixels, 2048, 0, no_check, no_report, mirrored)
    assert np.allclose(shares[1], shares[2], atol=1e-6)
    tiled, tiles = runner.predict(image(8, 400), 256, 64, no_check, no_report)
    assert tiles > 1
    assert set(np.unique(tiled.labels)) == {0, 1, 2}


def test_a_model_answers_as_its_output_says(tmp_path):
    torch.manual_seed(3)
    network = UNet(in_channels=1, **{**UNET, "num_classes": 2})
    with torch.no_grad():
        grey = Preprocess(channels="grey").prepare(image(24, 20))[0]
        middle = network.eval()(grey).flatten(2).quantile(0.7, -1)[0]
        network.outc.conv.bias -= middle  # each class is above its threshold somewhere
    options = {**UNET, "in_channels": 1}
    spec = saved(
        tmp_path, network, schema=THREE, options=options, output=Output("sigmoid"),
        preprocess={"channels": "grey", "divisor": 4},
    )  # fmt: skip
    pixels = image(24, 20)
    found = Segmenter(spec, device="cpu").predict(pixels)
    with torch.inference_mode():
        raw = network.eval()(Preprocess(channels="grey").prepare(pixels)[0])[0]
    expected = torch.where(raw.max(0).values > 0, raw.argmax(0) + 1, 0)
    assert np.array_equal(found.labels, expected.numpy())
    assert set(np.unique(found.labels)) == {0, 1, 2}


def test_what_goes_in_and_comes_out_belongs_to_the_name_of_a_run(tmp_path):
    spec = saved(tmp_path, UNet(**UNET))
    specs = [
        spec,
        replace(spec, output=Output("sigmoid")),
        replace(spec, output=Output("sigmoid", 0.4)),
        replace(spec, preprocess={**spec.preprocess, "channels": "bgr"}),
        replace(spec, options={**UNET, "upsampling": "bilinear"}),
    ]
    together = [replace(s, id="all", made_of=Ensemble((s, s))) for s in specs]
    keys = [run_key(s, RunOptions()) for s in (*specs, *together)]
    assert len(set(keys)) == len(keys)
    assert run_key(replace(spec, title="renamed"), RunOptions()) == keys[0]


class Colours(nn.Module):
    """Three classes, one a channel."""

    def forward(self, x):
        return 9 * x


def thirds(height, width):
    """(H, W, 3): red in the left, green in the middle, blue in the right, with soft borders."""
    place = np.linspace(-1, 1, width)
    ramps = np.stack([-place, 0.6 - np.abs(place), place], -1)
    return np.clip(128 + 120 * ramps, 0, 255).astype(np.uint8)[None].repeat(height, 0)


@pytest.mark.parametrize("flips", [False, True])
def test_a_large_image_that_is_squashed_is_seen_whole(flips, monkeypatch):
    monkeypatch.setattr("segstudio.models.semantic._STRIP_BYTES", 9000)
    runner = SemanticRunner(Colours(), Preprocess(size=(16, 32)), torch.device("cpu"))
    pixels, how = thirds(90, 200), Variants((1.0,), MIRRORS if flips else MIRRORS[:1])
    whole, _ = runner.predict(pixels, 2048, 0, no_check, no_report, how)
    found, tiles = runner.predict(pixels, 64, 16, no_check, no_report, how)
    assert tiles == 1
    assert set(np.unique(whole.labels)) == {0, 1, 2}
    if flips:  # averaged at the network's size, not at the image's
        assert (found.labels == whole.labels).mean() > 0.97
    else:
        assert np.array_equal(found.labels, whole.labels)
        assert np.abs(found.confidence.astype(int) - whole.confidence).max() <= 1
    shares = runner.probabilities(pixels, 64, 16, no_check, no_report, how)
    assert np.array_equal(shares.argmax(0), found.labels)
