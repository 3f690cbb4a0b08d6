"""Test-time augmentation, variants and ensembles, against what is worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.ops import box_iou

from segstudio.core.errors import SegstudioError
from segstudio.core.ground import JoinedClasses
from segstudio.core.instances import Instances
from segstudio.core.prediction import (
    Ensemble,
    ModelSpec,
    Prediction,
    RunOptions,
    Variant,
    parts_of,
    with_thresholds,
)
from segstudio.core.schema import LabelSchema
from segstudio.models.augmentation import Variants, mean_log_probabilities
from segstudio.models.detection import Detections, agreed
from segstudio.models.ensembles import (
    EnsemblePredictor,
    PanopticPredictor,
    VariantPredictor,
    decided,
    of_instances,
    vote_shares,
)
from segstudio.models.preprocess import Preprocess
from segstudio.models.semantic import SemanticRunner, to_class_map

SCHEMA = LabelSchema.from_names(("background", "cell"))


def nothing(*_):
    return None


class Lopsided(nn.Module):
    """Class 1 grows with the column, so that mirrored images get another answer."""

    def forward(self, x):
        width = x.shape[-1]
        ramp = torch.linspace(-3, 3, width).expand(x.shape[0], 1, x.shape[-2], width)
        return torch.cat([torch.zeros_like(ramp), ramp + 0 * x[:, :1]], 1)


def test_mirrorings_are_averaged_as_probabilities():
    runner = SemanticRunner(Lopsided(), Preprocess(), torch.device("cpu"))
    pixels = np.zeros((4, 6, 3), np.uint8)
    found = runner.augmented(pixels, Variants.of(RunOptions(flips=True)))
    p = 1 / (1 + np.exp(-np.linspace(-3, 3, 6)))
    # left to right p, right to left 1 - p: the mean is a half everywhere
    expected = np.broadcast_to((p + p[::-1]) / 2, (4, 6))
    np.testing.assert_allclose(torch.softmax(found[0], 0)[1].numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(expected, 0.5)


def test_a_scale_changes_the_input_and_not_the_answers_size():
    seen = []

    class Watching(nn.Module):
        def forward(self, x):
            seen.append(tuple(x.shape[-2:]))
            return torch.zeros(1, 2, *x.shape[-2:])

    runner = SemanticRunner(Watching(), Preprocess(divisor=4), torch.device("cpu"))
    options = RunOptions(input_scale=0.5, scales=(1.0, 2.0))
    found = runner.augmented(np.zeros((16, 24, 3), np.uint8), Variants.of(options))
    assert seen == [(8, 12), (16, 24)]
    assert tuple(found.shape) == (1, 2, 16, 24)


@pytest.mark.parametrize(
    ("preprocess", "hw"),
    [
        (Preprocess(short_side=100, max_side=400), (50, 75)),
        (Preprocess(factor=2.0), (20, 30)),
        (Preprocess(), (10, 15)),
    ],
)
def test_preprocessing_at_half_the_size(preprocess, hw):
    assert preprocess.scaled(0.5).resized_hw(20, 30) == hw


def test_the_entropy_of_three_classes():
    # probabilities (1/2, 1/4, 1/4): entropy 1.5 ln 2 over ln 3; (1, 0, 0): 0; equal ones: 1
    rows = torch.tensor([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]])
    logits = rows.log().T[None, :, None]
    found = to_class_map(logits)
    share = 1.5 * np.log(2) / np.log(3)
    assert found.entropy.tolist() == [[round(share * 255), 0, 255]]


def test_two_classes_give_the_binary_entropy_of_the_confidence():
    labels = np.zeros((1, 3), np.uint8)
    confidence = np.array([[255, 191, 128]], np.uint8)
    found = Prediction("r", "R", SCHEMA, labels, confidence).uncertainty
    p = 191 / 255
    bits = -(p * np.log2(p) + (1 - p) * np.log2(1 - p))
    assert found.tolist() == [[0, round(bits * 255), 255]]


def test_nothing_to_average_is_an_error():
    with pytest.raises(ValueError, match="nothing to average"):
        mean_log_probabilities([])


def detections(boxes, scores, mark=0.0):
    count = len(scores)
    masks = torch.full((count, 2, 2), mark)
    return Detections(
        torch.tensor(boxes, dtype=torch.float32).reshape(count, 4),
        torch.tensor(scores),
        torch.ones(count, dtype=torch.int64),
        masks,
    )


def test_boxes_and_masks_are_mirrored_back():
    found = Detections(
        torch.tensor([[1.0, 2.0, 4.0, 7.0]]),
        torch.tensor([0.5]),
        torch.tensor([1]),
        torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]),
    ).mirrored((0, 1), (10, 20))
    assert found.boxes.tolist() == [[16.0, 3.0, 19.0, 8.0]]
    assert found.masks.tolist() == [[[4.0, 3.0], [2.0, 1.0]]]


def test_detections_of_several_lists_agree():
    first = detections([[0, 0, 10, 10], [50, 50, 60, 60]], [0.9, 0.8], mark=1.0)
    second = detections([[0, 0, 10, 9]], [0.7], mark=2.0)
    assert box_iou(first.boxes[:1], second.boxes).item() == pytest.approx(0.9)
    found = agreed([first, second], 0.5)
    # the first object is in both lists: (0.9 + 0.7) / 2; the other in one: 0.8 / 2
    assert found.scores.tolist() == pytest.approx([0.8, 0.4])
    assert found.boxes.tolist() == [[0, 0, 10, 10], [50, 50, 60, 60]]
    assert found.masks[0].unique().tolist() == [1.0]
    assert agreed([first], 0.5) is first
    assert len(agreed([detections([], []), detections([], [])], 0.5).scores) == 0


class Fixed:
    """A member that always says the same."""

    def __init__(self, probabilities):
        self.probabilities_ = np.array(probabilities, np.float32)
        self.seen = []

    def probabilities(self, pixels, options, check, report):
        self.seen.append(options)
        return self.probabilities_.copy()

    def predict(self, pixels, options, check, report):
        self.seen.append(options)
        labels = self.probabilities_.argmax(0).astype(np.uint8)
        return Prediction("base", "Base", SCHEMA, labels, np.zeros_like(labels))


def plain(name="base"):
    return ModelSpec(name, name, "unet", "semantic", SCHEMA, "")


def ensemble(method, *members):
    specs = tuple(plain(f"m{i}") for i in range(len(members)))
    spec = ModelSpec("e", "E", "ensemble", "semantic", SCHEMA, "", made_of=Ensemble(specs, method))
    return EnsemblePredictor(spec, members)


ONE = [[[0.9, 0.6]], [[0.1, 0.4]]]
TWO = [[[0.3, 0.45]], [[0.7, 0.55]]]
THREE = [[[0.4, 0.45]], [[0.6, 0.55]]]


def reordered(method):
    """Two members of which the second has the classes in another order."""
    other = LabelSchema.from_names(("Cell", "background"))
    specs = (plain("m0"), replace(plain("m1"), schema=other))
    spec = ModelSpec("e", "E", "ensemble", "semantic", SCHEMA, "", made_of=Ensemble(specs, method))
    # the second: cell 0.9 and 0.1, background 0.1 and 0.9
    return EnsemblePredictor(
        spec, [Fixed([[[0.6, 0.6]], [[0.4, 0.4]]]), Fixed([[[0.9, 0.1]], [[0.1, 0.9]]])]
    )


def test_classes_of_members_are_brought_together_by_name():
    pixels = np.zeros((1, 2, 3), np.uint8)
    mean = reordered("mean").predict(pixels, RunOptions(), nothing, nothing)
    # cell: (0.4 + 0.9) / 2 = 0.65 and (0.4 + 0.1) / 2 = 0.25
    assert mean.labels.tolist() == [[1, 0]]
    assert mean.confidence.tolist() == [[round(0.65 * 255), round(0.75 * 255)]]
    vote = reordered("vote").predict(pixels, RunOptions(), nothing, nothing)
    # background and cell: a tie, which the lower id gets; twice background
    assert vote.labels.tolist() == [[0, 0]]
    assert vote.confidence.tolist() == [[128, 255]]


def test_the_mean_of_probabilities_can_outvote_a_majority():
    pixels = np.zeros((1, 2, 3), np.uint8)
    members = [Fixed(ONE), Fixed(TWO), Fixed(THREE)]
    mean = ensemble("mean", *members).predict(pixels, RunOptions(), nothing, nothing)
    # class 1: (0.1 + 0.7 + 0.6) / 3 = 0.467 and (0.4 + 0.55 + 0.55) / 3 = 0.5 (the tie is class 0)
    assert mean.labels.tolist() == [[0, 0]]
    assert mean.confidence.tolist() == [[round((0.9 + 0.3 + 0.4) / 3 * 255), 128]]
    vote = ensemble("vote", *members).predict(pixels, RunOptions(), nothing, nothing)
    assert vote.labels.tolist() == [[1, 1]]
    assert vote.confidence.tolist() == [[170, 170]]
    assert (mean.run, mean.title) == ("e", "E")


def test_members_with_other_classes_are_refused():
    members = [Fixed(ONE), Fixed([[[0.2, 0.2]], [[0.2, 0.2]], [[0.6, 0.6]]])]
    with pytest.raises(SegstudioError, match="same classes"):
        ensemble("mean", *members).predict(
            np.zeros((1, 2, 3), np.uint8), RunOptions(), nothing, nothing
        )


def test_votes_are_shares():
    maps = [np.array([[0, 1]], np.uint8), np.array([[2, 1]], np.uint8)]
    assert vote_shares(maps, 3).tolist() == [[[0.5, 0.0]], [[0.0, 1.0]], [[0.5, 0.0]]]
    labels, confidence, entropy = decided(vote_shares(maps, 3))
    assert labels.tolist() == [[0, 1]]
    assert confidence.tolist() == [[128, 255]]
    assert entropy.tolist() == [[round(np.log(2) / np.log(3) * 255), 0]]


def test_a_variant_overrides_what_it_says_and_no_more():
    base = Fixed(ONE)
    spec = ModelSpec(
        "v", "V", "unet", "semantic", SCHEMA, "", made_of=Variant(plain(), {"flips": True})
    )
    variant = VariantPredictor(spec, base, {"flips": True})
    answer = variant.predict(
        np.zeros((1, 2, 3), np.uint8), RunOptions(score_threshold=0.3), nothing, nothing
    )
    assert base.seen == [RunOptions(score_threshold=0.3, flips=True)]
    assert (answer.run, answer.title) == ("v", "V")


def test_the_networks_of_a_nested_model():
    a, b = plain("a"), plain("b")
    variant = ModelSpec("v", "V", "unet", "semantic", SCHEMA, "", made_of=Variant(a, {}))
    both = ModelSpec(
        "e", "E", "ensemble", "semantic", SCHEMA, "", made_of=Ensemble((variant, b, a))
    )
    assert [spec.id for spec in parts_of(both)] == ["a", "b"]
    assert parts_of(a) == (a,)


def test_instances_become_probabilities():
    instances = Instances(
        np.array([[0, 0, 4, 4], [0, 0, 4, 4]], np.float32),
        np.array([0.8, 0.5], np.float32),
        np.array([1, 1], np.uint8),
        np.ones((2, 28, 28), np.float16),
    )
    blank = np.zeros((8, 8), np.uint8)
    found = of_instances(Prediction("r", "R", SCHEMA, blank, blank, instances), 2)
    assert found[1, 1, 1] == pytest.approx(0.8)
    assert found[1, 7, 7] == 0
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-6)


CARS = LabelSchema.from_names(("background", "Car"))
STREET = LabelSchema.from_names(("background", "road", "car", "sky"))


class Answering:
    """A member with a ready answer."""

    def __init__(self, answer):
        self.answer = answer

    def predict(self, pixels, options, check, report):
        report(0, 1, "")
        return self.answer


def street():
    """Cars at columns 0 to 16 and 12 to 28, and one within the first, over road, sky and a car."""
    instances = Instances(
        np.array([[0, 0, 16, 16], [12, 0, 28, 16], [2, 2, 10, 10]], np.float32),
        np.array([0.9, 0.8, 0.7], np.float32),
        np.ones(3, np.uint8),
        np.ones((3, 28, 28), np.float16),
    )
    labels, ids, confidence = instances.flatten((16, 40), 0.5, 0.5)
    found = Prediction("o", "O", CARS, labels, confidence, instances, ids, notes=("a",))
    around = np.ones((16, 40), np.uint8)
    around[:8, 30:], around[8:, 30:] = 3, 2
    said = Prediction("p", "P", STREET, around, np.full((16, 40), 204, np.uint8), notes=("a", "b"))
    members = (
        ModelSpec("o", "O", "maskrcnn", "instance", CARS, ""),
        ModelSpec("p", "P", "unet", "semantic", STREET, ""),
    )
    spec = ModelSpec(
        "j", "J", "ensemble", "panoptic", JoinedClasses.of(CARS, STREET).schema, "",
        made_of=Ensemble(members, "panoptic"),
    )  # fmt: skip
    return PanopticPredictor(spec, Answering(found), Answering(said))


def test_joined_classes_keep_the_ids_of_the_things():
    joined = JoinedClasses.of(CARS, STREET)
    assert joined.schema.names == ((0, "background"), (1, "Car"), (2, "road"), (3, "sky"))
    assert [c.name for c in joined.schema.classes if c.thing] == ["Car"]
    assert joined.stuff[:4].tolist() == [0, 2, 0, 3]
    assert joined.things[:2].tolist() == [0, 1]


def test_too_many_joined_classes_are_refused():
    many = LabelSchema.from_names(["background", *(f"a{i}" for i in range(200))])
    others = LabelSchema.from_names(["background", *(f"b{i}" for i in range(100))])
    with pytest.raises(SegstudioError, match="more than 255 classes"):
        JoinedClasses.of(many, others)


def test_objects_lie_over_classes_and_the_better_one_on_top():
    steps = []
    pixels = np.zeros((16, 40, 3), np.uint8)
    answer = street().predict(pixels, RunOptions(), nothing, lambda *step: steps.append(step))
    at = {"first": (8, 5), "both": (8, 14), "second": (8, 20), "sky": (2, 35), "lost car": (12, 35)}
    ids = {name: int(answer.instance_ids[place]) for name, place in at.items()}
    labels = {name: int(answer.labels[place]) for name, place in at.items()}
    # the third car lies within the first and is left nothing
    assert ids == {"first": 1, "both": 1, "second": 2, "sky": 0, "lost car": 0}
    assert labels == {"first": 1, "both": 1, "second": 1, "sky": 3, "lost car": 0}
    assert np.unique(answer.instance_ids).tolist() == [0, 1, 2]
    assert answer.confidence[8, 5] == round(0.9 * 255)
    assert (answer.confidence[2, 35], answer.confidence[12, 35]) == (204, 255 - 204)
    assert (answer.run, answer.notes) == ("j", ("a", "b"))
    assert steps == [(0, 2, "Model 1 of 2"), (1, 2, "Model 2 of 2")]
    strict = with_thresholds(answer, 0.85, 0.5)
    assert (strict.labels[8, 20], strict.instance_ids[8, 20]) == (2, 0)


def test_the_shares_of_a_joined_answer_sum_to_one():
    shares = street().probabilities(np.zeros((16, 40, 3), np.uint8), RunOptions(), nothing, nothing)
    assert shares.shape == (4, 16, 40)
    assert np.allclose(shares.sum(0), 1)
    assert shares[1, 8, 5] == pytest.approx(230 / 255)
    assert shares[0, 8, 5] == pytest.approx(25 / 255)
