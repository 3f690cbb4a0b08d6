"""The generator of sample images."""

import json

import cv2
import numpy as np
import pytest

from segstudio.core.schema import LabelSchema
from tools.synthetic_samples import SAMPLES, FieldOptions, make_field, write_samples

SMALL = FieldOptions((96, 128), count=8, diameter=18, debris=0)


def test_same_seed_same_field_another_seed_another():
    first, again, other = make_field(SMALL, 3), make_field(SMALL, 3), make_field(SMALL, 4)
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.instances, again.instances)
    assert not np.array_equal(first.instances, other.instances)


def test_ids_have_no_gaps_and_sizes_follow_the_diameter():
    field = make_field(SMALL, 1)
    ids = np.unique(field.instances)
    assert ids.tolist() == list(range(len(ids)))
    assert 5 <= len(ids) - 1 <= 8
    largest = np.bincount(field.instances.ravel())[1:].max()
    assert largest < 4 * np.pi * (18 / 2) ** 2


def test_nuclei_are_brighter_than_the_ground_around_them():
    field = make_field(SMALL, 1)
    inside = field.pixels[field.instances > 0].mean()
    assert inside > 2 * field.pixels[field.instances == 0].mean()


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_noise_is_in_the_image_and_not_in_the_masks(noise):
    quiet = make_field(SMALL, 5)
    noisy = make_field(FieldOptions((96, 128), count=8, diameter=18, debris=0, noise=noise), 5)
    assert np.array_equal(quiet.instances, noisy.instances)
    assert not np.array_equal(quiet.pixels, noisy.pixels)


def test_written_samples_are_read_back_with_their_masks_and_classes(tmp_path, monkeypatch):
    monkeypatch.setattr("tools.synthetic_samples.SAMPLES", (("a", SMALL),))
    (path,) = write_samples(tmp_path)
    ids = cv2.imread(str(tmp_path / "instances" / "a.png"), cv2.IMREAD_UNCHANGED)
    assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape == (96, 128)
    assert ids.dtype == np.uint16
    assert ids.max() == make_field(SMALL, 1).instances.max()
    schema = LabelSchema.from_json(json.loads((tmp_path / "segstudio.json").read_text()))
    assert [c.name for c in schema.classes] == ["background", "nucleus"]


def test_there_are_twelve_samples_of_different_kinds():
    assert len(SAMPLES) == len({name for name, _ in SAMPLES}) == 12
    assert len({options for _, options in SAMPLES}) == 12
