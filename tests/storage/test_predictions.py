from __future__ import annotations

import os

import numpy as np
import pytest

from segstudio.core.errors import SegstudioError
from segstudio.core.instances import Instances
from segstudio.core.prediction import Prediction
from segstudio.core.schema import LabelSchema
from segstudio.storage.predictions import PredictionStore

SCHEMA = LabelSchema.from_names(("background", "nucleus"))


def prediction(run="unet-nuclei", size=16, with_instances=False):
    rng = np.random.default_rng(1)
    instances = ids = None
    if with_instances:
        ids = rng.integers(0, 3, (size, size), np.uint16)
        instances = Instances(
            rng.random((2, 4), np.float32), rng.random(2, np.float32), np.array([1, 1], np.uint8),
            rng.random((2, 28, 28)).astype(np.float16),
        )  # fmt: skip
    return Prediction(
        run, "U-Net", SCHEMA, rng.integers(0, 2, (size, size), np.uint8),
        rng.integers(0, 256, (size, size), np.uint8), instances, ids, 1.5, "cpu", ("cut into tiles",),
    )  # fmt: skip


@pytest.mark.parametrize("with_instances", [False, True])
def test_kept_and_loaded(tmp_path, with_instances):
    image = tmp_path / "a.png"
    image.write_bytes(b"x")
    given = prediction("my/run: é", with_instances=with_instances)
    PredictionStore(tmp_path / "store").save(image, given)
    store = PredictionStore(tmp_path / "store")
    found = store.load(image, "my/run: é")
    for name in ("run", "title", "schema", "seconds", "device", "notes"):
        assert getattr(found, name) == getattr(given, name)
    for name in ("labels", "confidence", "instance_ids"):
        assert np.array_equal(getattr(found, name), getattr(given, name))
    if with_instances:
        for name in ("boxes", "scores", "classes", "masks"):
            assert np.array_equal(getattr(found.instances, name), getattr(given.instances, name))
            assert getattr(found.instances, name).dtype == getattr(given.instances, name).dtype
    assert store.load(image, "other") is None
    assert store.runs_of([image, tmp_path / "b.png"]) == {image: frozenset({"my/run: é"})}
    store.remove(image, "my/run: é")
    assert store.runs_of([image]) == {}


def test_a_changed_image_has_none(tmp_path):
    image = tmp_path / "a.png"
    image.write_bytes(b"x")
    store = PredictionStore(tmp_path / "store")
    store.save(image, prediction())
    image.write_bytes(b"y")
    os.utime(image, ns=(5, 5))
    assert store.load(image, "unet-nuclei") is None
    assert store.runs_of([image]) == {}
    image.unlink()
    with pytest.raises(SegstudioError, match="not there any more"):
        store.save(image, prediction())


def test_the_content_counts_and_not_where_the_image_lies(tmp_path):
    first, second = tmp_path / "a.png", tmp_path / "other" / "b.png"
    first.write_bytes(b"x")
    second.parent.mkdir()
    second.write_bytes(b"x")
    store = PredictionStore(tmp_path / "store")
    store.save(first, prediction())
    store.close()
    again = PredictionStore(tmp_path / "store")
    assert again.load(second, "unet-nuclei") is not None
    os.utime(first, ns=(5, 5))  # copied back, say
    assert again.load(first, "unet-nuclei") is not None
    assert again.runs_of([first, second]) == {
        first: {"unet-nuclei"},
        second: {"unet-nuclei"},
    }


def test_runs_of_many_images(tmp_path):
    images = [tmp_path / f"{i}.png" for i in range(200)]
    for image in images[::50]:
        image.write_bytes(b"x")
    store = PredictionStore(tmp_path / "store")
    assert store.runs_of(images) == {}
    for image in images[::50]:
        store.save(image, prediction("a"))
        store.save(image, prediction("b"))
    assert store.runs_of(images) == {image: frozenset("ab") for image in images[::50]}


def test_bounded_and_tolerant_of_damage(tmp_path):
    images = [tmp_path / f"{i}.png" for i in range(12)]
    store = PredictionStore(tmp_path / "store", max_bytes=60_000)
    for i, image in enumerate(images):
        image.write_bytes(b"%d" % i)
        store.save(image, prediction(size=96))
        for file in (tmp_path / "store").rglob("*.prediction"):
            if file.stat().st_mtime > 1e9:
                os.utime(file, (1000 + i, 1000 + i))
    total = sum(p.stat().st_size for p in (tmp_path / "store").rglob("*.prediction"))
    assert total <= 66_000
    assert store.load(images[0], "unet-nuclei") is None
    assert store.load(images[-1], "unet-nuclei") is not None
    for file in (tmp_path / "store").rglob("*.prediction"):
        file.write_bytes(file.read_bytes()[:50])
    assert store.load(images[-1], "unet-nuclei") is None
    assert store.runs_of(images[-1:]) == {}
