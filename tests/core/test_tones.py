"""How bright a photo is shown: tables worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.tones import AS_FOUND, PLAIN, Contrast, ImageTones, ToneCurve, tones_for


def test_the_plain_table_changes_nothing():
    assert PLAIN.table().tolist() == list(range(256))
    assert PLAIN.table(inverted=True).tolist() == list(range(255, -1, -1))


def test_a_window_is_spread_over_black_to_white():
    """51 to 102 of 255: a fifth of the values, each step is five."""
    table = ToneCurve(0.2, 0.4).table()
    assert table[[0, 51, 52, 76, 102, 255]].tolist() == [0, 0, 5, 125, 255, 255]


def test_gamma_two_shows_a_quarter_as_half():
    table = ToneCurve(gamma=2.0).table()
    assert table[[0, 64, 255]].tolist() == [0, 128, 255]  # 255 * sqrt(64 / 255) = 127.7


def test_brightness_and_contrast_by_number():
    assert PLAIN.brightness == 0
    assert PLAIN.contrast == 0
    brighter = PLAIN.with_brightness(0.5)  # the middle at a quarter
    assert (brighter.low, brighter.high) == (-0.25, 0.75)
    stronger = PLAIN.with_contrast(1.0)  # a tenth of the values around the middle
    assert stronger.low == pytest.approx(0.45)
    assert stronger.high == pytest.approx(0.55)
    assert stronger.with_contrast(0.0) == PLAIN
    assert PLAIN.with_gamma(1000.0).gamma == 10


def test_a_window_stays_where_something_is_seen():
    assert ToneCurve.around(-9.0, 0.5).high == pytest.approx(0.0)
    assert ToneCurve.around(9.0, 0.5).low == pytest.approx(1.0)
    assert ToneCurve.around(0.5, 0.0).width == pytest.approx(1 / 255)


def grey(values):
    return np.repeat(np.asarray(values, np.uint8)[..., None], 3, axis=2)


def test_a_dark_image_is_told_and_its_own_range_found():
    image = grey(np.tile(np.arange(10, 50), (40, 1)))
    found = ImageTones.of(image)
    assert found.is_dark
    assert (found.tones.low * 255, found.tones.high * 255) == (10, 49)


def test_one_hot_pixel_does_not_make_it_bright():
    image = grey(np.tile(np.arange(10, 50), (100, 1)))
    image[3, 3] = 255
    found = ImageTones.of(image)
    assert found.is_dark
    assert found.tones.high * 255 == 49


def test_photos_and_flat_images_are_not_dark():
    assert not ImageTones.of(grey(np.tile(np.arange(256), (4, 1)))).is_dark
    flat = ImageTones.of(grey(np.full((9, 9), 3)))
    assert flat == ImageTones(PLAIN, False)


def test_of_a_large_image_few_pixels_are_looked_at():
    image = np.zeros((3000, 4000, 3), np.uint8)
    image[:, 2000:] = 40
    found = ImageTones.of(image)
    assert found.is_dark
    assert found.tones.high * 255 == 40


def test_what_was_chosen_goes_before_what_suits():
    dark = ImageTones(ToneCurve(0.0, 0.2), True)
    bright = ImageTones(ToneCurve(0.1, 0.9), False)
    mine = ToneCurve(0.3, 0.6)
    assert tones_for(dark, AS_FOUND) == (dark.tones, True)
    assert tones_for(bright, AS_FOUND) == (PLAIN, False)
    assert tones_for(bright, Contrast(automatic=True)) == (bright.tones, True)
    assert tones_for(dark, Contrast(mine, automatic=False)) == (mine, False)
