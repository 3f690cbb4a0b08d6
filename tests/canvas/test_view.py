"""Zoom and place: worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.canvas.view import MAX_ZOOM, MIN_ZOOM, View, fitted, next_step, wheel_zoom

points = st.tuples(st.floats(0, 2000), st.floats(0, 1500))


def test_a_view_maps_points_both_ways():
    view = View(4.0, (10.0, -20.0))
    assert view.to_image((30.0, 0.0)) == (5.0, 5.0)
    assert view.to_device((5.0, 5.0)) == (30.0, 0.0)


@given(points, st.floats(0.02, 100), st.floats(0.02, 100))
def test_zooming_keeps_the_point_under_the_pointer(at, before, after):
    view = View(before, (17.0, 33.0))
    zoomed = view.zoomed(after, at)
    expected, found = view.to_image(at), zoomed.to_image(at)
    # The origin lies on a grid of 1/1024 device pixel.
    slack = 1e-3 / zoomed.zoom + 1e-6
    if zoomed.zoom == 1.0:
        slack = 1.0
    assert found[0] == pytest.approx(expected[0], abs=slack)
    assert found[1] == pytest.approx(expected[1], abs=slack)


def test_at_full_size_the_photo_lies_on_whole_pixels_and_the_pixel_under_the_pointer_stays():
    view = View(3.7, (12.3, 45.6))
    at = (200.4, 100.7)
    zoomed = view.zoomed(1.0, at)
    assert zoomed.origin_xy == (int(zoomed.origin_xy[0]), int(zoomed.origin_xy[1]))
    before, after = view.to_image(at), zoomed.to_image(at)
    assert (int(before[0]), int(before[1])) == (int(after[0]), int(after[1]))


def test_zoom_has_limits():
    assert View().zoomed(1e9, (0, 0)).zoom == MAX_ZOOM
    assert View().zoomed(1e-9, (0, 0)).zoom == MIN_ZOOM


def test_fit_shows_all_of_a_large_image_in_the_middle():
    view = fitted((4000, 2000), (1016, 816))
    assert view.zoom == 0.25
    assert view.origin_xy == (8.0, 158.0)


def test_fit_enlarges_small_images_by_whole_numbers():
    view = fitted((100, 100), (376, 500))
    assert view.zoom == 3.0
    assert view.origin_xy == (38.0, 100.0)


def test_a_part_of_the_image_stays_in_sight():
    far = View(1.0, (-5000.0, 5000.0)).clamped((640, 480), (400, 300))
    assert far.origin_xy == (48 - 640, 300 - 48)
    small = View(1.0, (-5000.0, 0.0)).clamped((10, 10), (400, 300))
    assert small.origin_xy == (0.0, 0.0)


def test_a_view_in_sight_is_left_alone():
    view = View(1.5, (-3.25, 7.5))
    assert view.clamped((640, 480), (400, 300)) is view


def test_resizing_keeps_the_middle():
    view = View(2.0, (0.0, 0.0)).resized((400, 300), (500, 260))
    assert view.origin_xy == (50.0, -20.0)


def test_steps_go_through_the_usual_zooms():
    assert [next_step(z, 1) for z in (0.5, 0.9, 1.0, 2.0, 128.0)] == [2 / 3, 1.0, 1.5, 3.0, 128.0]
    assert [next_step(z, -1) for z in (1.0, 0.9, 3.0, 1 / 64)] == [2 / 3, 2 / 3, 2.0, 1 / 64]


def test_three_notches_double_and_full_size_is_not_jumped_over():
    assert wheel_zoom(2.0, 3) == pytest.approx(4.0)
    assert wheel_zoom(2.0, -3) == 1.0 or wheel_zoom(2.0, -3) == pytest.approx(1.0)
    assert wheel_zoom(0.9, 1) == 1.0
    assert wheel_zoom(1.1, -1) == 1.0
    # A touchpad's small steps pass smoothly.
    assert wheel_zoom(0.999, 0.1) == pytest.approx(0.999 * 2 ** (0.1 / 3))
