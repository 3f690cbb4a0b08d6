"""Spectra: a checkerboard is light in the corner, stripes on an edge, slow changes in the middle."""

import numpy as np
import pytest

from segstudio.inspection.spectra import DECIBELS, TILE, power_spectrum


def plane(function, size=32):
    rows, cols = np.mgrid[:size, :size]
    return function(rows, cols).astype(np.float16)[None]


@pytest.mark.parametrize(
    ("function", "peak"),
    [
        (lambda y, x: (-1.0) ** (x + y), (0, 0)),
        (lambda y, x: (-1.0) ** x, (16, 0)),
        (lambda y, x: (-1.0) ** y, (0, 16)),
    ],
)
def test_patterns_of_the_nyquist_frequency_lie_at_the_border(function, peak):
    spectrum = power_spectrum(plane(function))
    assert spectrum.shape == (32, 32)
    assert np.unravel_index(spectrum.argmax(), spectrum.shape) == peak
    assert spectrum.max() == 0
    assert spectrum[20, 12] == -DECIBELS


def test_a_wave_lies_at_its_frequency_on_both_sides():
    spectrum = power_spectrum(plane(lambda y, x: np.cos(2 * np.pi * 4 * x / 32)))
    peaks = np.argwhere(spectrum > -0.1).tolist()
    assert peaks == [[16, 12], [16, 20]]


def test_large_maps_are_cut_into_tiles_and_odd_sizes_made_even():
    rng = np.random.default_rng(0)
    assert power_spectrum(rng.random((2, 300, 301)).astype(np.float16)).shape == (TILE, TILE)
    assert power_spectrum(rng.random((2, 9, 13)).astype(np.float16)).shape == (8, 12)


def test_a_constant_map_has_no_energy():
    assert (power_spectrum(np.ones((1, 8, 8), np.float16)) == -DECIBELS).all()
