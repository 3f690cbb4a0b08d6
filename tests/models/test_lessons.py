"""What each lesson network was made to show, on membranes that none was trained on."""

import json

import cv2
import numpy as np
import pytest
import torch

from segstudio.inspection.nets.spectrum import checkerboard
from segstudio.metrics.boundary import BoundaryCounts
from segstudio.models.preprocess import Preprocess
from segstudio.models.registry import METADATA_KEY, read_metadata, registry
from segstudio.resources import resource_path
from segstudio.training.model_file import load_model
from tools.lesson_models import FIRST_HELD_OUT, HELD_OUT_IMAGES, LESSONS
from tools.lesson_samples import CYTOPLASM, GRANULE, GROUND, MEMBRANE, TissueOptions, make_tissue

FIRST_SEED = FIRST_HELD_OUT + HELD_OUT_IMAGES
IMAGES = 6


def weights(key):
    return resource_path("models", f"unet-small-{key}.safetensors")


def described(key):
    return json.loads(read_metadata(weights(key))[METADATA_KEY])


@pytest.fixture(scope="module")
def tissues():
    return [make_tissue(TissueOptions(), FIRST_SEED + n) for n in range(IMAGES)]


@pytest.fixture(scope="module")
def answers(tissues):
    """Probabilities (images, classes, H, W) by the lesson's key, each worked out once."""
    known = {}

    def answer(key):
        if key not in known:
            network, description = load_model(weights(key))
            preprocess = Preprocess.from_dict(description["preprocess"])
            with torch.inference_mode():
                inputs = torch.cat([preprocess.prepare(t.rgb)[0] for t in tissues])
                known[key] = network(inputs).softmax(1).numpy()
        return known[key]

    return answer


def truth_of(tissues):
    return np.stack([t.classes for t in tissues])


def boundary_iou(tissues, probabilities, class_id):
    counts = BoundaryCounts()
    for tissue, found in zip(tissues, probabilities.argmax(1).astype(np.uint8), strict=True):
        counts.add(tissue.classes, found, None)
    return counts.iou([class_id])[0]


def recall_and_precision(tissues, probabilities, class_id):
    truth, found = truth_of(tissues) == class_id, probabilities.argmax(1) == class_id
    hits = np.count_nonzero(truth & found)
    return hits / np.count_nonzero(truth), hits / max(1, np.count_nonzero(found))


# -- fair comparisons ------------------------------------------------------------------------------


def test_every_lesson_is_embedded_and_is_what_its_recipe_says():
    embedded = [m for m, spec in registry().items() if spec.embedded and m.startswith("unet-small")]
    assert embedded == list(LESSONS)
    for model_id, lesson in LESSONS.items():
        spec = registry()[model_id]
        assert (spec.title, spec.options) == (lesson.title, lesson.options)
        assert [c.name for c in spec.schema.classes] == [
            "ground", "membrane", "cytoplasm", "granule"
        ]  # fmt: skip
        assert "sister" in spec.description


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=lambda lesson: lesson.id)
def test_sisters_share_data_steps_and_nearly_the_number_of_parameters(lesson):
    own = described(lesson.id.removeprefix("unet-small-"))["training"]
    other = described(lesson.sister.removeprefix("unet-small-"))["training"]
    assert own["parameters"] == pytest.approx(other["parameters"], rel=0.1)
    differ = {key for key in own if own[key] != other[key]}
    assert differ <= {"sister", "parameters", "loss"}
    assert own["loss"] == other["loss"] or lesson.options == LESSONS[lesson.sister].options


# -- skip connections ------------------------------------------------------------------------------


def test_without_skips_thin_membranes_are_lost(tissues, answers):
    whole, without = (
        boundary_iou(tissues, answers(key), MEMBRANE) for key in ("transposed", "no-skips")
    )
    assert whole > 0.85
    assert without <= whole - 0.15


# -- upsampling ------------------------------------------------------------------------------------


LAST_UPSAMPLINGS = ("up3.up", "up4.up")


@pytest.fixture(scope="module")
def upsampled(tissues):
    """What comes of the last two upsamplings of the first image: (C, h, w) by lesson and place."""
    made = {}
    for key in ("transposed", "bilinear", "shuffle"):
        network, description = load_model(weights(key))
        for place in LAST_UPSAMPLINGS:

            def keep(_module, _inputs, output, where=(key, place)):
                made[where] = output[0].numpy()

            network.get_submodule(place).register_forward_hook(keep)
        with torch.inference_mode():
            network(Preprocess.from_dict(description["preprocess"]).prepare(tissues[0].rgb)[0])
    return made


@pytest.mark.parametrize("place", LAST_UPSAMPLINGS)
def test_transposed_convolution_leaves_a_checkerboard_and_bilinear_upsampling_none(
    upsampled, place
):
    """The share of the energy at the finest frequency; pixel shuffle lies between."""
    share = {
        key: checkerboard(upsampled[key, place]).mean_share
        for key in ("transposed", "shuffle", "bilinear")
    }
    assert share["transposed"] > 0.03
    assert share["transposed"] > 2 * share["shuffle"]
    assert share["shuffle"] > 4 * share["bilinear"]


def fine_share(features):
    """The share of the energy about the mean in the finer half of the frequencies."""
    power = np.abs(np.fft.fft2(features - features.mean((1, 2), keepdims=True))) ** 2
    rows, cols = (np.abs(np.fft.fftfreq(side)) for side in features.shape[1:])
    fine = np.maximum(rows[:, None], cols[None]) >= 0.25
    return power[:, fine].sum() / power.sum()


@pytest.mark.parametrize("place", LAST_UPSAMPLINGS)
def test_bilinear_upsampling_blurs(upsampled, place):
    fine = {key: fine_share(upsampled[key, place]) for key in ("transposed", "shuffle", "bilinear")}
    assert fine["bilinear"] < 0.7 * fine["shuffle"]
    assert fine["shuffle"] < 0.7 * fine["transposed"]


# -- losses ----------------------------------------------------------------------------------------


def test_dice_finds_rare_granules_that_cross_entropy_leaves_out(tissues, answers):
    missed, _ = recall_and_precision(tissues, answers("transposed"), GRANULE)
    found, precision = recall_and_precision(tissues, answers("dice"), GRANULE)
    assert found > missed + 0.4
    assert precision < 0.9  # specks are taken for granules


def test_what_it_gives_a_granule_grows_from_cross_entropy_over_focal_to_dice(tissues, answers):
    granule = truth_of(tissues) == GRANULE
    given = {
        key: answers(key)[:, GRANULE][granule].mean() for key in ("transposed", "focal", "dice")
    }
    assert given["focal"] > given["transposed"] + 0.1
    assert given["dice"] > given["focal"] + 0.15


def test_focal_is_least_sure_of_a_membrane_and_dice_most(tissues, answers):
    membrane = truth_of(tissues) == MEMBRANE
    sure = {key: answers(key).max(1)[membrane].mean() for key in ("focal", "transposed", "dice")}
    assert sure["focal"] < sure["transposed"] - 0.03
    assert sure["transposed"] < sure["dice"] - 0.015


# -- the receptive field ---------------------------------------------------------------------------


def test_a_narrow_view_leaves_large_cells_hollow_and_dilation_fills_them(tissues, answers):
    depth = [
        cv2.distanceTransform((t.classes != GROUND).astype(np.uint8), cv2.DIST_L2, 5)
        for t in tissues
    ]
    middle = (np.stack(depth) > 24) & (truth_of(tissues) == CYTOPLASM)
    assert np.count_nonzero(middle) > 2000
    filled = {
        key: (answers(key).argmax(1) == CYTOPLASM)[middle].mean() for key in ("plain", "dilated")
    }
    assert filled["dilated"] > filled["plain"] + 0.2
