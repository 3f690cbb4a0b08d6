"""Steps of the wheel."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import pytest

from segstudio.canvas.wheel import faded, resized_brush
from segstudio.session.session import Session
from segstudio.window.action_table import all_actions


def test_small_brushes_change_by_one_and_large_ones_by_a_tenth():
    assert resized_brush(5, 1) == 6
    assert resized_brush(5, -1) == 4
    assert resized_brush(100, 1) == 110
    assert resized_brush(12, 3) == 15


def test_brush_sizes_stay_between_1_and_2000():
    assert resized_brush(1, -1) == 1
    assert resized_brush(1000, 1) == 1100
    assert resized_brush(1950, 1) == 2000
    assert resized_brush(2000, 5) == 2000


@pytest.mark.parametrize("size", [1, 2, 9, 10, 19, 20, 55, 100, 199, 333, 454])
def test_every_size_can_be_left_downwards_and_upwards(size):
    assert resized_brush(size, 1) > size
    assert size == 1 or resized_brush(size, -1) < size


@pytest.mark.parametrize("size", [1, 9, 19, 20, 29, 55, 100, 199, 333, 370])
def test_a_step_down_takes_a_step_up_back(size):
    assert resized_brush(resized_brush(size, 1), -1) == size
    assert resized_brush(resized_brush(size, 3), -3) == size


@pytest.mark.parametrize("size", [5, 25, 60, 100, 200, 1500])
def test_keys_and_the_wheel_change_the_brush_alike(size):
    session = Session()
    change = {
        spec.id: partial(spec.run, SimpleNamespace(session=session)) for spec in all_actions()
    }
    for name, steps in (("smaller", -1), ("larger", 1), ("much_smaller", -10), ("much_larger", 10)):
        session.set_view(brush_size=size)
        change[f"brush.{name}"]()
        assert session.view.brush_size == resized_brush(size, steps)


def test_opacity_changes_in_twentieths():
    assert faded(0.45, 1) == 0.5
    assert faded(0.02, -1) == 0.0
    assert faded(0.98, 2) == 1.0
