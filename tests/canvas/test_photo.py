"""The photo at screen resolution."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.canvas.photo import Photo
from segstudio.canvas.sampling import Sampler
from segstudio.canvas.view import View
from segstudio.core.geometry import Rect


def rgb(pixels: np.ndarray) -> np.ndarray:
    """(h, w, 3) of 0xAARRGGBB."""
    return np.stack([(pixels >> shift) & 255 for shift in (16, 8, 0)], axis=-1).astype(np.uint8)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)


def shown(image: np.ndarray, view: View, window=(60, 50)) -> tuple[np.ndarray, Rect]:
    sampler = Sampler(view, image.shape[:2], window)
    return rgb(Photo(image).take(sampler, sampler.visible)), sampler.visible


def test_at_full_size_the_photo_is_shown_as_it_is():
    image = noise(20, 30)
    found, rect = shown(image, View(1.0, (5.0, 7.0)))
    assert rect == Rect(7, 5, 27, 35)
    assert np.array_equal(found, image)


def test_enlarged_pixels_are_unsmoothed_squares():
    image = noise(6, 7)
    found, _ = shown(image, View(4.0, (0.0, 0.0)))
    assert np.array_equal(found, image.repeat(4, axis=0).repeat(4, axis=1))


def test_between_full_size_and_double_it_is_interpolated():
    image = np.zeros((4, 4, 3), np.uint8)
    image[:, 2:] = 200
    found, _ = shown(image, View(1.5, (0.0, 0.0)))
    # Device column 2 has its centre at x = 2.5 / 1.5 = 1.667, 0.167 past the centre of column 1.
    assert found[0, 2, 0] == pytest.approx(200 * (2.5 / 1.5 - 1.5), abs=200 / 32)
    assert found[0, 0, 0] == 0
    assert found[0, 5, 0] == 200


def test_halved_it_shows_the_mean_of_four():
    image = noise(40, 60)
    found, _ = shown(image, View(0.5, (0.0, 0.0)))
    mean = image.reshape(20, 2, 30, 2, 3).mean(axis=(1, 3))
    assert np.abs(found - mean).max() <= 0.51


def test_a_quarter_shows_the_mean_of_sixteen_and_does_not_alias():
    # Stripes one pixel wide: taking every fourth pixel would show one of the two colours.
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, ::2] = 240
    found, _ = shown(image, View(0.25, (0.0, 0.0)))
    assert np.abs(found.astype(int) - 120).max() <= 1


def test_odd_sizes_repeat_the_last_row_and_column():
    image = noise(5, 7)
    found, rect = shown(image, View(0.5, (0.0, 0.0)))
    assert rect.shape_hw == (2, 3) or rect.shape_hw == (3, 4)
    mean = image[:4, :6].reshape(2, 2, 3, 2, 3).mean(axis=(1, 3))
    assert np.abs(found[:2, :3] - mean).max() <= 0.51


@pytest.mark.parametrize("zoom", [0.11, 0.37, 0.5, 0.8, 1.0, 1.37, 2.0, 3.3, 9.0])
def test_a_part_is_the_same_as_that_part_of_the_whole(zoom):
    image = noise(137, 151)
    sampler = Sampler(View(zoom, (-3.0, -5.0)), (137, 151), (120, 110))
    photo = Photo(image)
    whole = sampler.visible
    expected = photo.take(sampler, whole)
    rng = np.random.default_rng(5)
    for _ in range(20):
        top, bottom = sorted(rng.integers(whole.top, whole.bottom + 1, 2))
        left, right = sorted(rng.integers(whole.left, whole.right + 1, 2))
        part = Rect(int(top), int(left), int(bottom), int(right))
        if not part.is_empty:
            cut = expected[
                top - whole.top : bottom - whole.top, left - whole.left : right - whole.left
            ]
            assert np.array_equal(photo.take(sampler, part), cut)


def test_copies_of_a_large_photo_are_left_to_the_background(monkeypatch):
    monkeypatch.setattr("segstudio.canvas.photo._AT_ONCE_PIXELS", 100)
    image = noise(64, 64)
    asked = []
    photo = Photo(image, asked.append)
    sampler = Sampler(View(0.25, (0.0, 0.0)), (64, 64), (60, 50))
    nearest = rgb(photo.take(sampler, sampler.visible))
    assert np.array_equal(nearest, image[2::4, 2::4])
    photo.take(sampler, sampler.visible)
    assert asked == [photo]
    photo.take_levels(photo.reduced(lambda: None))
    smooth = rgb(photo.take(sampler, sampler.visible))
    expected, _ = shown(image, View(0.25, (0.0, 0.0)))
    assert np.array_equal(smooth, expected)
    assert asked == [photo]


def test_a_small_photo_has_its_copies_at_once():
    asked = []
    photo = Photo(noise(64, 64), asked.append)
    sampler = Sampler(View(0.25, (0.0, 0.0)), (64, 64), (60, 50))
    photo.take(sampler, sampler.visible)
    assert not asked
