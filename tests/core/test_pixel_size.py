"""Areas and lengths in units, and scale bars of round lengths; worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.core.pixel_size import PixelSize, PixelSizes, scale_bar

MICRON, SQUARE = "\N{MICRO SIGN}m", "\N{SUPERSCRIPT TWO}"


@pytest.mark.parametrize(
    ("size", "unit", "text", "told"),
    [
        (PixelSize(0.5, 0.5), MICRON, "194.0", f"0.5 {MICRON}"),  # 776 / 4
        (PixelSize(0.5, 0.25), MICRON, "97.0", f"0.5 \N{MULTIPLICATION SIGN} 0.25 {MICRON}"),
        (PixelSize(2, 2), MICRON, "3,104", f"2 {MICRON}"),
        (PixelSize(0.065, 0.065), MICRON, "3.279", f"0.065 {MICRON}"),  # 776 x 0.004225
        (PixelSize(50, 50), "mm", "1.940", f"50 {MICRON}"),
        (PixelSize(250_000, 250_000), "m", "48.50", "250 mm"),
    ],
)
def test_an_area_is_told_in_the_unit_that_suits_the_pixels(size, unit, text, told):
    assert size.unit == unit
    assert size.area_unit == unit + SQUARE
    assert size.area_text(776) == text
    assert size.size_text() == told


@pytest.mark.parametrize(
    "wrong", [(0, 1), (1, -1), (float("nan"), 1), (1, float("inf")), ("1", 1), (None, 1)]
)
def test_what_is_no_size_is_none(wrong):
    assert PixelSize.known(*wrong) is None


def test_what_was_said_of_an_image_comes_before_the_folder_and_its_file():
    mine, ours, file = PixelSize(1, 1), PixelSize(2, 2), PixelSize(3, 3)
    said = PixelSizes(ours, {"a.tif": mine})
    assert said.of("a.tif", file) == mine
    assert said.of("b.tif", file) == ours
    assert PixelSizes().of("b.tif", file) == file
    assert PixelSizes().of("b.tif", None) is None


@pytest.mark.parametrize(
    ("microns", "most", "length", "text"),
    [
        (0.5, 160, 100, f"50 {MICRON}"),  # 80 micrometres have room
        (0.25, 160, 80, f"20 {MICRON}"),
        (0.5, 200, 200, f"100 {MICRON}"),
        (10, 150, 100, "1 mm"),
        (0.001, 150, 100, "100 nm"),
        (1e6, 150, 100, "100 m"),
        (2e7, 150, 100, "2 km"),
    ],
)
def test_a_scale_bar_is_as_long_as_a_round_length(microns, most, length, text):
    bar = scale_bar(microns, most)
    assert (bar.length, bar.text) == (pytest.approx(length), text)


@given(st.floats(1e-6, 1e9), st.floats(20, 400))
def test_a_scale_bar_always_has_room_and_takes_two_fifths_of_it(microns, most):
    bar = scale_bar(microns, most)
    assert 0.39 * most < bar.length <= most * (1 + 1e-6)
    number, unit = bar.text.split()
    of_unit = {"nm": 1e-3, MICRON: 1, "mm": 1e3, "m": 1e6, "km": 1e9}[unit]
    assert float(number) * of_unit == pytest.approx(bar.length * microns)
