"""Steps of the wheel."""

from __future__ import annotations

import pytest

from segstudio.ui.canvas.wheel import faded, resized_brush


def test_small_brushes_change_by_one_and_large_ones_by_a_tenth():
    assert resized_brush(5, 1) == 6
    assert resized_brush(5, -1) == 4
    assert resized_brush(100, 1) == 110
    assert resized_brush(12, 3) == 15


def test_brush_sizes_stay_between_1_and_500():
    assert resized_brush(1, -1) == 1
    assert resized_brush(490, 1) == 500
    assert resized_brush(500, 5) == 500


@pytest.mark.parametrize("size", [1, 2, 9, 10, 19, 20, 55, 100, 199, 333, 454])
def test_every_size_can_be_left_downwards_and_upwards(size):
    assert resized_brush(size, 1) > size
    assert size == 1 or resized_brush(size, -1) < size


def test_opacity_changes_in_twentieths():
    assert faded(0.45, 1) == 0.5
    assert faded(0.02, -1) == 0.0
    assert faded(0.98, 2) == 1.0
