from dataclasses import replace

import cv2
import numpy as np
import pytest
from augmentations import NO_AUGMENTATION

from segstudio.training.data import (
    CropSampler,
    Sample,
    TrainingAugmentation,
    input_geometry,
    jitter,
    warp,
)


def discs(height=60, width=80):
    """An image whose red channel says where the target is."""
    target = np.zeros((height, width), np.uint8)
    cv2.circle(target, (20, 20), 12, 1, -1)
    cv2.circle(target, (60, 35), 15, 2, -1)
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = target * 100
    return Sample("discs", image, target)


def test_without_augmentation_the_crop_is_a_window():
    sample = discs()
    matrix = input_geometry(np.random.default_rng(1), (60, 80), 32, 1.0, NO_AUGMENTATION)
    # the window's position is not a whole number: move it to the nearest pixel
    matrix[:, 2] = np.round(matrix[:, 2])
    left, top = -matrix[:, 2].astype(int)
    image, target = warp(sample.image, sample.target, matrix, 32)
    assert np.array_equal(target, sample.target[top : top + 32, left : left + 32])
    assert np.array_equal(image, sample.image[top : top + 32, left : left + 32])


@pytest.mark.parametrize("seed", range(12))
def test_image_and_target_stay_together(seed):
    sample = discs()
    matrix = input_geometry(np.random.default_rng(seed), (60, 80), 64, 1.5, TrainingAugmentation())
    image, target = warp(sample.image, sample.target, matrix, 64)
    inside, outside = (
        cv2.erode((target == value).astype(np.uint8), np.ones((9, 9)), borderValue=0)
        for value in (2, 0)
    )
    assert (image[inside > 0, 0] == 200).all()
    assert (image[outside > 0] == 0).all()


@pytest.mark.parametrize("seed", range(6))
def test_crops_lie_inside_the_image_if_they_can(seed):
    options = replace(NO_AUGMENTATION, scale=(0.8, 1.2))
    matrix = input_geometry(np.random.default_rng(seed), (200, 300), 64, 1.0, options)
    back = cv2.invertAffineTransform(matrix)
    for corner in ([-0.5, -0.5], [63.5, 63.5]):
        x, y = back[:, :2] @ corner + back[:, 2]
        assert -0.51 <= x <= 299.51
        assert -0.51 <= y <= 199.51


def test_small_image_is_reflected():
    sample = discs()
    matrix = input_geometry(np.random.default_rng(0), (60, 80), 120, 1.0, NO_AUGMENTATION)
    _, target = warp(sample.image, sample.target, matrix, 120)
    assert set(np.unique(target)) == {0, 1, 2}
    assert (target > 0).sum() > 1.5 * (sample.target > 0).sum()


def test_jitter_stays_in_range_and_changes_something():
    rng = np.random.default_rng(5)
    image = rng.random((16, 16, 3), dtype=np.float32)
    every = TrainingAugmentation(mix=1.0, invert=1.0, blur=1.0, shade=1.0)
    for _ in range(10):
        out = jitter(rng, image, every)
        assert out.dtype == np.float32
        assert out.shape == image.shape
        assert out.min() >= 0
        assert out.max() <= 1
        assert not np.allclose(out, image)


def test_no_augmentation_changes_no_colour():
    image = np.random.default_rng(0).random((8, 8, 3), dtype=np.float32)
    assert np.array_equal(jitter(np.random.default_rng(1), image, NO_AUGMENTATION), image)


def test_larger_images_come_more_often_by_the_root_of_their_area():
    small = Sample("a", np.zeros((10, 10, 3), np.uint8), np.zeros((10, 10), np.uint8))
    large = Sample("b", np.zeros((30, 30, 3), np.uint8), np.zeros((30, 30), np.uint8))
    sampler = CropSampler([small, large], 8, NO_AUGMENTATION, seed=0)
    assert sampler.chances == pytest.approx([0.25, 0.75])
    doubled = replace(small, scale=3.0)
    assert CropSampler([doubled, large], 8, NO_AUGMENTATION, 0).chances == pytest.approx([0.5, 0.5])


def test_sampler_is_repeatable():
    one, two = (CropSampler([discs()], 24, TrainingAugmentation(), seed=3) for _ in range(2))
    for _ in range(3):
        (image_1, target_1), (image_2, target_2) = one.draw(), two.draw()
        assert np.array_equal(image_1, image_2)
        assert np.array_equal(target_1, target_2)
    assert image_1.shape == (24, 24, 3)
    assert 0 <= image_1.min() <= image_1.max() <= 1


def test_mixed_and_inverted_saturated_pixels_stay_numbers():
    # weights of a mixture sum to 1 + 1e-7 now and then: inverted, a white pixel fell below 0
    white = np.ones((4, 4, 3), np.float32)
    augmentation = TrainingAugmentation(mix=1.0, invert=1.0, colour=1.0, blur=0.0, shade=0.0)
    for seed in range(4000):
        found = jitter(np.random.default_rng(seed), white, augmentation)
        assert np.isfinite(found).all(), seed
