"""The recipes of the lesson networks."""

import numpy as np
import torch

from segstudio.training.model_file import load_model
from tools.lesson_models import (
    FIRST_HELD_OUT,
    LESSONS,
    PREPROCESS,
    TRAINING_IMAGES,
    crops,
    measured,
    new_network,
    publish,
    train,
)
from tools.lesson_samples import HELD_OUT_SEED, SAMPLES, TissueOptions, make_tissue


def test_what_is_measured_was_not_trained_on():
    assert TRAINING_IMAGES <= HELD_OUT_SEED
    assert HELD_OUT_SEED + len(SAMPLES) <= FIRST_HELD_OUT


def test_every_lesson_gets_the_same_crops_in_the_same_order():
    tissues = [make_tissue(TissueOptions(side=64), seed) for seed in range(2)]
    first, second = (next(crops(tissues, size=32, batch=2)) for _ in range(2))
    assert torch.equal(first[0], second[0])
    assert first[0].shape == (2, 3, 32, 32)
    assert torch.equal(first[1], second[1])
    assert first[1].shape == (2, 32, 32)


def test_crops_hold_image_and_classes_of_one_place():
    """The image is made of the classes, so that the one tells the other, whatever is turned."""
    tissue = make_tissue(TissueOptions(side=64), 0)
    alike = type(tissue)((tissue.classes * 60).astype(np.uint8), tissue.classes)
    batches = crops([alike], size=32, batch=8)
    images, classes = next(batches)
    grey = (images[:, 0] * PREPROCESS.std[0] + PREPROCESS.mean[0]) * 255
    assert torch.equal(grey.round().long(), classes * 60)
    assert len({tuple(image.flatten().tolist()) for image in classes}) > 1


def test_pixel_shuffle_begins_without_a_checkerboard():
    network = new_network(LESSONS["unet-small-shuffle"]).eval()
    with torch.inference_mode():
        made = network.up4.up(torch.rand(1, 12, 5, 5))
    blocks = made.unflatten(3, (5, 2)).unflatten(2, (5, 2))  # (1, 6, 5, 2, 5, 2)
    assert torch.allclose(blocks, blocks[:, :, :, :1, :, :1].expand_as(blocks))


def test_a_recipe_trains_and_publishes_what_it_measured(tmp_path):
    tissues = [make_tissue(TissueOptions(side=128), 0)]
    held_out = [make_tissue(TissueOptions(side=128), FIRST_HELD_OUT)]
    lesson = LESSONS["unet-small-focal"]
    trainer = train(lesson, tissues, steps=2)
    out = tmp_path / f"{lesson.id}.safetensors"
    publish(lesson, trainer, held_out, out)
    network, stored = load_model(out)
    assert stored["metrics"] == measured(network, held_out)
    assert stored["metrics"]["all"]["images"] == 1
    assert "precision" not in stored["metrics"]["granule"]  # after 2 steps none is found
    assert stored["training"]["steps"] == 2
    assert stored["training"]["loss"] == "focal"
    card = out.with_suffix(".md").read_text(encoding="utf-8")
    assert f"`{lesson.id}`" in card
    assert "trained for 2 steps" in card
    assert f"--only {lesson.id}" in card
