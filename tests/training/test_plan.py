import numpy as np
import pytest

from segstudio.core.errors import SegstudioError
from segstudio.core.schema import LabelSchema
from segstudio.training.data import Sample
from segstudio.training.fingerprint import Fingerprint
from segstudio.training.plan import ARCHITECTURES, StartModel, TrainingPlan, Wanted, propose

TWO = LabelSchema.from_names(["background", "cell"])


def sample(labels, image=None):
    labels = np.asarray(labels, np.uint8)
    pixels = np.full((*labels.shape, 3), 51, np.uint8) if image is None else image
    return Sample("a", pixels, labels)


def scene(height=60):
    """Sky above, a wall in the middle with one pixel of a pole, a road below."""
    labels = np.zeros((height, 80), np.uint8)
    labels[height // 3 :] = 1
    labels[2 * height // 3 :] = 2
    labels[height // 2, 40] = 3
    return labels


def test_figures_by_hand():
    labels = [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 255], [0, 0, 0, 255]]
    found = Fingerprint.of([sample(labels)])
    assert (found.images, found.pixels, found.ignored) == (1, 16, 2 / 16)
    assert found.grey
    assert found.mean == pytest.approx((0.2, 0.2, 0.2))
    cell = found.by_class[1]
    assert (cell.pixels, cell.images, cell.objects) == (4, 1, 1)
    assert cell.size == pytest.approx(2 * np.sqrt(4 / np.pi))
    assert cell.width == 2 * 4 / 4  # each of its pixels is on its outline
    assert cell.row == 0.5
    assert found.share(1) == 4 / 14
    assert not found.upright


def test_what_is_up_is_told_by_where_classes_lie():
    assert Fingerprint.of([sample(scene())]).upright
    turned = [sample(np.rot90(scene(), k).copy()) for k in range(4)]
    assert not Fingerprint.of(turned).upright


def test_contrasts_that_differ_are_scaled_image_by_image():
    dark, bright = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8)
    dark[:4], bright[:4] = 30, 240
    labels = np.zeros((8, 8), np.uint8)
    labels[:4] = 1
    unequal = Fingerprint.of([sample(labels, dark), sample(labels, bright)])
    assert propose(unequal, TWO, Wanted()).preprocess["scaling"] == "percentile"
    equal = Fingerprint.of([sample(labels, bright)] * 2)
    plan = propose(equal, TWO, Wanted())
    assert plan.preprocess["scaling"] == "unit"
    assert plan.preprocess["channels"] == "grey"
    assert plan.preprocess["mean"] == [pytest.approx(120 / 255, abs=1e-4)]


def test_rare_classes_change_loss_and_crops():
    schema = LabelSchema.from_names(["sky", "wall", "road", "pole"])
    plan = propose(Fingerprint.of([sample(scene())]), schema, Wanted())
    assert plan.loss == "effective-number+dice"
    assert any("pole" in reason for reason in plan.why)
    assert plan.pixel_shares[3] == 1 / 4800
    assert plan.augmentation == {"upright": True, "rare": [3]}


def test_much_data_and_little_time_halve_the_resolution():
    labels = np.zeros((400, 400), np.uint8)
    labels[100:300, 100:300] = 1
    found = Fingerprint.of([sample(labels)] * 3)
    assert propose(found, TWO, Wanted(minutes=20)).options["stem_stride"] == 1
    assert propose(found, TWO, Wanted(minutes=0.1)).options["stem_stride"] == 2


def test_small_images_get_no_deeper_network_than_they_can_fill():
    labels = np.zeros((40, 40), np.uint8)
    labels[5:20, 5:20] = 1
    plan = propose(Fingerprint.of([sample(labels)]), TWO, Wanted())
    assert len(plan.options["widths"]) == 4  # 40 pixels are 5 at a stride of 8
    assert plan.preprocess["divisor"] == 8
    assert plan.crop == 40


def test_what_was_asked_for_is_taken():
    wanted = Wanted(
        arch="lraspp", epochs=3, loss="dice", crop=100, batch=5, rate=0.01, seed=7, threads=2
    )
    plan = propose(Fingerprint.of([sample(scene())]), TWO, wanted)
    assert (plan.arch, plan.loss, plan.batch, plan.seed) == ("lraspp", "dice", 5, 7)
    assert plan.crop == 128  # the next multiple of what the network halves
    assert (plan.learning_rate, plan.finds_rate) == (0.01, False)
    assert plan.budget == {"epochs": 3}


def test_a_start_brings_architecture_and_preprocessing():
    model = StartModel(
        "My net", "unet", "m:n", {"num_classes": 2}, {"scaling": "percentile", "divisor": 8}
    )
    found = Fingerprint.of([sample(scene())])
    plan = propose(found, TWO, Wanted(start="My net"), model)
    assert (plan.arch, plan.builder, plan.start) == ("", "m:n", "My net")
    assert plan.preprocess == {"scaling": "percentile", "divisor": 8}
    assert any("My net" in reason for reason in plan.why)


def test_a_start_that_squeezes_images_is_refused():
    model = StartModel("Big", "unet", "m:n", {}, {"size": [512, 512]})
    with pytest.raises(SegstudioError, match="Big squeezes"):
        propose(Fingerprint.of([sample(scene())]), TWO, Wanted(), model)


def test_an_unknown_architecture_is_refused_with_those_there_are():
    with pytest.raises(SegstudioError, match="unet, classic-unet"):
        propose(Fingerprint.of([sample(scene())]), TWO, Wanted(arch="vgg"))


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_plan_is_the_same_after_json(arch):
    plan = propose(Fingerprint.of([sample(scene())]), TWO, Wanted(arch=arch))
    assert TrainingPlan.from_json(plan.to_json()) == plan


def test_a_damaged_plan_says_what_is_missing():
    with pytest.raises(SegstudioError, match="arch"):
        TrainingPlan.from_json({})


def test_a_loss_that_there_is_not_is_refused():
    with pytest.raises(SegstudioError, match="dicee"):
        propose(Fingerprint.of([sample(scene())]), TWO, Wanted(loss="dicee"))
