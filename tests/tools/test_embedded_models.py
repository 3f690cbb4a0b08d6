from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from segstudio.models.families.unet import UNet
from segstudio.training.data import Sample
from segstudio.training.loop import FitOptions
from segstudio.training.model_file import load_model
from tools import embedded_models
from tools.embedded_models import (
    choose_validation,
    kind_of,
    read_names,
    read_samples,
    split,
)

DATA = Path(__file__).parents[3] / "shared" / "data" / "nuclei"
NAMES = Path(__file__).parents[2] / "resources" / "models" / "nuclei_validation.txt"


def picture(colour, shape=(32, 32)):
    return np.full((*shape, 3), colour, np.uint8)


def synthetic(number=40):
    target = np.zeros((32, 32), np.uint16)
    target[8:20, 8:20] = 1
    kinds = [(10, 10, 10), (200, 120, 220), (220, 220, 220)]
    samples = []
    for i in range(number):
        image = picture(kinds[i % 3])
        image[target > 0] = 100
        samples.append(Sample(f"s{i:02}", image, target))
    return samples


def test_kinds():
    assert kind_of(picture((12, 10, 11))) == "fluorescence"
    assert kind_of(picture((200, 120, 220))) == "purple"
    assert kind_of(picture((220, 222, 221))) == "bright grey"


def test_split_is_stable_disjoint_and_stratified():
    samples = synthetic(60)
    names = choose_validation(samples)
    assert names == choose_validation(list(reversed(samples)))
    assert len(names) == 9
    training, validation = split(samples, names)
    assert {s.name for s in training}.isdisjoint(s.name for s in validation)
    assert len(training) + len(validation) == 60
    kinds = [kind_of(s.image) for s in validation]
    assert all(2 <= kinds.count(kind) <= 4 for kind in set(kinds))
    assert len(set(kinds)) == 3


def test_split_refuses_unknown_names():
    with pytest.raises(ValueError, match="not there, first missing"):
        split(synthetic(3), ["s01", "missing"])


def test_reads_images_as_rgb_with_their_instances(tmp_path):
    for folder in ("images", "instances"):
        (tmp_path / folder).mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), picture((1, 2, 3)))
    cv2.imwrite(str(tmp_path / "instances" / "a.png"), np.full((32, 32), 300, np.uint16))
    (sample,) = read_samples(tmp_path)
    assert sample.image[0, 0].tolist() == [3, 2, 1]
    assert sample.target[0, 0] == 300
    (tmp_path / "instances" / "a.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.png"):
        read_samples(tmp_path)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="the nuclei data are not there")
def test_shipped_validation_part_is_the_recipes():
    assert choose_validation(read_samples(DATA)) == read_names(NAMES)


def test_recipe_trains_publishes_and_describes(tmp_path):
    recipe = replace(
        embedded_models.RECIPES["unet"],
        build=UNet,
        options={"base_channels": 2, "depth": 1},
        crop=16,
        batch=2,
    )
    samples = synthetic(12)
    training, held_out = split(samples, choose_validation(samples))
    trainer = embedded_models.new_trainer(recipe, FitOptions(steps=3))
    embedded_models.train(recipe, trainer, training, lambda _: None)
    out = tmp_path / "unet-nuclei.safetensors"
    description = embedded_models.publish(recipe, trainer, (training, held_out), out, "python -m x")
    model, stored = load_model(out)
    assert stored == description
    assert stored["metrics"]["all"]["images"] == len(held_out)
    assert stored["training"]["crops_seen"] == 6
    assert not model.training
    assert "python -m x" in out.with_suffix(".md").read_text(encoding="utf-8")


def test_instances_keep_their_ids_and_get_the_networks_scale():
    sample = synthetic(1)[0]
    ready = embedded_models.prepared(embedded_models.RECIPES["maskrcnn"], sample)
    assert ready.target.dtype == np.uint16
    assert ready.scale == 512 / 32
    large = replace(
        sample, image=picture((9, 9, 9), (600, 700)), target=np.zeros((600, 700), np.uint16)
    )
    assert embedded_models.prepared(embedded_models.RECIPES["maskrcnn"], large).scale == 1.25
    assert embedded_models.prepared(embedded_models.RECIPES["deeplab"], sample).scale == 2
    assert set(
        np.unique(embedded_models.prepared(embedded_models.RECIPES["unet"], sample).target)
    ) == {0, 1}
