"""The generator of membranes."""

import json

import cv2
import numpy as np

from segstudio.core.schema import LabelSchema
from tools.lesson_samples import (
    CYTOPLASM,
    GRANULE,
    GROUND,
    HELD_OUT_SEED,
    MEMBRANE,
    SAMPLES,
    TissueOptions,
    make_tissue,
    write_samples,
)

QUIET = TissueOptions(noise=0.0)


def test_same_seed_same_tissue_another_seed_another():
    first, again, other = (make_tissue(QUIET, seed) for seed in (3, 3, 4))
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.classes, again.classes)
    assert not np.array_equal(first.classes, other.classes)
    assert first.rgb.shape == (256, 256, 3)


def test_membranes_are_thin_and_close_every_cell():
    classes = make_tissue(QUIET, 1).classes
    membrane = (classes == MEMBRANE).astype(np.uint8)
    assert membrane.any()
    thick = cv2.distanceTransform(membrane, cv2.DIST_L2, 5).max()
    assert thick <= 2.5  # at most 4 pixels wide
    inside = np.isin(classes, (CYTOPLASM, GRANULE)).astype(np.uint8)
    beside = cv2.dilate(inside, np.ones((3, 3), np.uint8)) > 0
    assert not (beside & (classes == GROUND)).any()


def test_the_cytoplasm_looks_like_the_ground_and_the_membrane_does_not():
    tissues = [make_tissue(QUIET, seed) for seed in range(4)]
    pixels = np.stack([t.pixels for t in tissues]).astype(float)
    classes = np.stack([t.classes for t in tissues])
    means = [pixels[classes == c].mean() for c in range(4)]
    assert abs(means[CYTOPLASM] - means[GROUND]) < 6
    assert means[MEMBRANE] < means[GROUND] - 25
    assert means[GRANULE] < means[GROUND] - 25


def test_granules_are_rare():
    classes = np.stack([make_tissue(QUIET, seed).classes for seed in range(6)])
    assert 0.001 < (classes == GRANULE).mean() < 0.01
    assert 0.02 < (classes == MEMBRANE).mean() < 0.12


def test_written_samples_are_256_wide_and_read_back_with_their_masks(tmp_path, monkeypatch):
    monkeypatch.setattr("tools.lesson_samples.SAMPLES", SAMPLES[:1])
    (path,) = write_samples(tmp_path)
    assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape == (256, 256)
    classes = cv2.imread(str(tmp_path / "masks" / path.name), cv2.IMREAD_UNCHANGED)
    expected = make_tissue(SAMPLES[0][1], HELD_OUT_SEED)
    assert np.array_equal(classes, expected.classes)
    schema = LabelSchema.from_json(json.loads((tmp_path / "segstudio.json").read_text()))
    assert [c.name for c in schema.classes] == ["ground", "membrane", "cytoplasm", "granule"]
