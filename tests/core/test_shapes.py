import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.geometry import Rect
from segstudio.core.shapes import (
    polygon_mask,
    rectangle_pixels,
    rings_mask,
    rings_of,
    simplified,
)


def filled(points, shape):
    rect, mask = polygon_mask(points, shape)
    canvas = np.zeros(shape, np.bool_)
    canvas[rect.slices] = mask
    return canvas


def even_odd(corners, x, y):
    """Exact test of one point, all in whole numbers: True, False, or None if it is on an edge."""
    inside = False
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
        side = (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)
        between = min(x0, x1) <= x <= max(x0, x1) and min(y0, y1) <= y <= max(y0, y1)
        if side == 0 and between:
            return None
        if (y0 > y) != (y1 > y) and (side > 0) == (y1 > y0):
            inside = not inside
    return inside


# Eighths, so that corners and edges often run through pixel centres.
coordinates = st.integers(-40, 160).map(lambda v: v / 8)
polygons = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=9)


@settings(max_examples=80, deadline=None)
@given(polygons)
def test_equals_an_exact_even_odd_test_at_pixel_centres(points):
    shape = (15, 17)
    got = filled(points, shape)
    corners = [(int(8 * x), int(8 * y)) for x, y in points]
    for y in range(shape[0]):
        for x in range(shape[1]):
            expected = even_odd(corners, 8 * x + 4, 8 * y + 4)
            assert expected in (None, bool(got[y, x])), (x, y)


@settings(max_examples=60, deadline=None)
@given(polygons, st.tuples(coordinates, coordinates))
def test_parts_neither_overlap_nor_leave_gaps(points, centre):
    # The triangles of a fan cover what the polygon covers, each pixel an odd number of times.
    shape = (15, 17)
    total = np.zeros(shape, np.bool_)
    for a, b in zip(points, points[1:] + points[:1], strict=True):
        total ^= filled([centre, a, b], shape)
    np.testing.assert_array_equal(total, filled(points, shape))


def test_a_rectangle_on_pixel_edges_is_exact():
    rect, mask = polygon_mask([(2, 1), (6, 1), (6, 4), (2, 4)], (10, 10))
    assert rect == Rect(1, 2, 4, 6)
    assert mask.all()


def test_centres_on_an_edge_belong_to_the_right_and_the_lower_polygon():
    left = filled([(0.5, 0.5), (2.5, 0.5), (2.5, 3.5), (0.5, 3.5)], (5, 6))
    right = filled([(2.5, 0.5), (4.5, 0.5), (4.5, 3.5), (2.5, 3.5)], (5, 6))
    assert left.sum() == right.sum() == 6
    assert not (left & right).any()
    assert right[0, 2]
    assert not left[3].any()


def test_twice_enclosed_is_outside():
    star = [(10, 0), (16, 19), (0, 7), (20, 7), (4, 19)]
    assert not filled(star, (20, 20))[10, 10]
    assert filled(star, (20, 20))[3, 10]


def test_a_polygon_around_the_image_fills_it():
    assert filled([(-1e6, -1e6), (1e6, -1e6), (1e6, 1e6), (-1e6, 1e6)], (7, 9)).all()


def test_the_area_of_a_small_disc_is_right():
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    disc = np.stack([20.3 + 6 * np.cos(angles), 19.8 + 6 * np.sin(angles)], axis=1)
    assert filled(disc, (40, 40)).sum() == pytest.approx(np.pi * 36, rel=0.03)


@pytest.mark.parametrize("points", [[], [(1, 1)], [(1, 1), (5, 5)], [(30, 1), (40, 1), (35, 9)]])
def test_nothing_enclosed_inside_the_image(points):
    rect, mask = polygon_mask(points, (10, 10))
    assert rect.is_empty
    assert mask.shape == (0, 0)


@pytest.mark.parametrize("points", [[1, 2, 3], [(0, 0), (1, float("nan")), (2, 2)]])
def test_points_must_be_points(points):
    with pytest.raises(ValueError):
        polygon_mask(points, (5, 5))


def test_the_outlines_of_a_mask_follow_the_edges_of_its_pixels():
    mask = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.bool_)
    rings = rings_of(mask)
    corners = sorted(sorted(map(tuple, ring.tolist())) for ring in rings)
    assert corners == [
        [(0, 0), (0, 3), (3, 0), (3, 3)],
        [(1, 1), (1, 2), (2, 1), (2, 2)],
    ]


def test_pixels_that_touch_at_a_corner_have_outlines_of_their_own():
    rings = rings_of(np.eye(3, dtype=np.bool_))
    assert sorted(len(ring) for ring in rings) == [4, 4, 4]


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32))
def test_a_mask_comes_back_from_its_outlines(height, width, seed):
    mask = np.random.default_rng(seed).random((height, width)) < 0.5
    rings = rings_of(mask)
    rect, again = rings_mask(rings, mask.shape)
    whole = np.zeros(mask.shape, np.bool_)
    whole[rect.slices] = again
    np.testing.assert_array_equal(whole, mask)
    np.testing.assert_array_equal(rings_mask(simplified(rings, 0.0), mask.shape)[1], again)


def test_a_staircase_becomes_a_straight_line():
    rows, columns = np.mgrid[:40, :40]
    rings = simplified(rings_of(columns <= rows), 1.0)
    (ring,) = rings
    assert len(ring) <= 5
    assert np.abs(rings_mask(rings, (40, 40))[1].sum() - 820) < 45


def test_a_speck_stays_whatever_the_tolerance():
    mask = np.zeros((30, 30), np.bool_)
    mask[2:20, 2:20] = True
    mask[25, 25] = True
    assert sorted(len(ring) for ring in simplified(rings_of(mask), 3.0)) == [4, 4]


@pytest.mark.parametrize("box", [((2.0, 1.0), (6.0, 4.0)), ((6.0, 4.0), (2.0, 1.0))])
def test_a_rectangle_is_the_polygon_of_its_corners(box):
    (x0, y0), (x1, y1) = box
    rect, mask = polygon_mask([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], (10, 10))
    assert rectangle_pixels(*box, (10, 10)) == rect
    assert mask.all()
    assert rectangle_pixels((0.6, 0.0), (0.9, 9.0), (10, 10)).is_empty
