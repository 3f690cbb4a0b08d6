"""Colours of series, seen as colour-blind people see them and on every ground they stand on."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from segstudio.core.series_colors import NEUTRAL, SERIES, rgb_of, run_color, series_color
from segstudio.kit.theme import DARK, LIGHT

SEEN_AS = {
    "usual": np.eye(3),
    # Machado, Oliveira & Fernandes (2009), severity 1, on linear RGB
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(color: str) -> np.ndarray:
    part = np.array(rgb_of(color)) / 255
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    """CIELAB under D65."""
    xyz = XYZ @ np.clip(light, 0, 1) / (0.9505, 1.0, 1.089)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one: str, other: str) -> float:
    low, high = sorted(float(XYZ[1] @ linear(color)) for color in (one, other))
    return (high + 0.05) / (low + 0.05)


def test_the_measures_of_this_test_are_those_of_the_standards():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    assert lab(linear("#ff0000")) == pytest.approx([53.2, 80.1, 67.2], abs=0.3)


@pytest.mark.parametrize("sight", SEEN_AS)
def test_any_two_series_are_told_apart_by_colour_blind_people_too(sight):
    seen = {color: lab(np.array(SEEN_AS[sight]) @ linear(color)) for color in SERIES}
    far = {pair: np.linalg.norm(seen[pair[0]] - seen[pair[1]]) for pair in combinations(SERIES, 2)}
    assert min(far.values()) > 15, min(far, key=lambda pair: far[pair])


@pytest.mark.parametrize("color", [*SERIES, NEUTRAL])
def test_every_series_is_seen_on_light_and_dark_grounds(color):
    grounds = [ground for theme in (LIGHT, DARK) for ground in (theme.panel, theme.window)]
    assert min(contrast(color, ground) for ground in grounds) >= 2


def test_colours_begin_again_after_the_last():
    assert series_color(len(SERIES)) == series_color(0) == "#0072b2"
    assert run_color(["a", "b"], "b") == "#e69f00"
    assert rgb_of("#0072b2") == (0, 114, 178)
