import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.brush import segment_mask
from segstudio.core.geometry import Rect


def on_canvas(rect, mask, shape):
    canvas = np.zeros(shape, np.bool_)
    canvas[rect.slices] = mask
    return canvas


def stamp_mask(size):
    middle = (size / 2, size / 2)
    return segment_mask(middle, middle, size, (size, size))[1]


def drawn(p0, p1, size, shape):
    return on_canvas(*segment_mask(p0, p1, size, shape), shape)


@pytest.mark.parametrize("size", [*range(1, 40), 99, 100, 499, 500])
def test_stamps_are_symmetric_and_exactly_as_wide_as_their_size(size):
    stamp = stamp_mask(size)
    assert stamp.shape == (size, size)
    for turned in (stamp.T, stamp[::-1], stamp[:, ::-1]):
        np.testing.assert_array_equal(stamp, turned)
    # Every side is touched, and never by a lone pixel (size 1 is one pixel altogether).
    assert stamp[0].sum() >= min(size, 2)
    assert abs(stamp.sum() / (math.pi * size**2 / 4) - 1) < (0.3 if size < 12 else 0.05)


def test_small_stamps_by_hand():
    assert stamp_mask(1).tolist() == [[True]]
    assert stamp_mask(2).all()
    assert stamp_mask(3).all()
    np.testing.assert_array_equal(
        stamp_mask(4).astype(int), [[0, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1], [0, 1, 1, 0]]
    )
    np.testing.assert_array_equal(stamp_mask(5).sum(axis=1), [3, 5, 5, 5, 3])


def test_size_one_is_the_pixel_under_the_pointer():
    for x, y in ((3.0, 4.0), (3.99, 4.99), (3.5, 4.5)):
        rect, mask = segment_mask((x, y), (x, y), 1, (10, 10))
        assert rect == Rect(4, 3, 5, 4)
        assert mask.tolist() == [[True]]


def test_even_sizes_snap_to_the_nearest_corner():
    rect, mask = segment_mask((5.4, 5.6), (5.4, 5.6), 2, (20, 20))
    assert rect == Rect(5, 4, 7, 6)
    assert mask.all()


points = st.tuples(st.floats(-10, 50), st.floats(-10, 50))


def snapped(point, size):
    if size % 2:
        return tuple(math.floor(v) + 0.5 for v in point)
    return tuple(float(math.floor(v + 0.5)) for v in point)


@settings(max_examples=80, deadline=None)
@given(points, points, st.integers(2, 15))
def test_a_segment_is_every_pixel_centre_within_half_the_size_of_the_line(p0, p1, size):
    shape = (40, 36)
    got = drawn(p0, p1, size, shape)
    (x0, y0), (x1, y1) = snapped(p0, size), snapped(p1, size)
    ys, xs = np.mgrid[0:40, 0:36] + 0.5
    dx, dy = x1 - x0, y1 - y0
    t = np.clip(((xs - x0) * dx + (ys - y0) * dy) / max(dx * dx + dy * dy, 1e-12), 0, 1)
    distance = np.hypot(xs - x0 - t * dx, ys - y0 - t * dy)
    clear = np.abs(distance - size / 2) > 1e-6  # on the rim rounding decides
    np.testing.assert_array_equal(got[clear], (distance <= size / 2)[clear])


@settings(max_examples=60, deadline=None)
@given(points, points, st.integers(1, 12))
def test_a_segment_covers_both_stamps_and_does_not_depend_on_the_direction(p0, p1, size):
    shape = (40, 40)
    there, back = drawn(p0, p1, size, shape), drawn(p1, p0, size, shape)
    np.testing.assert_array_equal(there, back)
    for point in (p0, p1):
        assert there[drawn(point, point, size, shape)].all()


@settings(max_examples=60, deadline=None)
@given(points, points)
def test_size_one_draws_a_thin_line_without_gaps(p0, p1):
    shape, offset = (80, 80), 15.0
    p0, p1 = ((x + offset, y + offset) for x, y in (p0, p1))
    line = drawn(p0, p1, 1, shape)
    columns, rows = (abs(math.floor(a) - math.floor(b)) + 1 for a, b in zip(p0, p1, strict=True))
    assert line.sum() == max(rows, columns)  # one pixel a step: nothing thicker, nothing missing
    ys, xs = np.nonzero(line)
    along, across = (ys, xs) if rows >= columns else (xs, ys)
    order = np.argsort(along)
    assert (np.diff(along[order]) == 1).all()
    assert (np.abs(np.diff(across[order])) <= 1).all()


def test_a_stroke_of_short_segments_equals_the_long_one_on_a_level_line():
    whole = drawn((5.5, 20.5), (35.5, 20.5), 9, (40, 40))
    parts = np.zeros((40, 40), np.bool_)
    for x in range(5, 35):
        parts |= drawn((x + 0.5, 20.5), (x + 1.5, 20.5), 9, (40, 40))
    np.testing.assert_array_equal(whole, parts)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_outside_the_image_nothing_is_drawn(size):
    rect, mask = segment_mask((-50, -50), (-20, -80), size, (10, 10))
    assert rect.is_empty
    assert mask.shape == (0, 0)


def test_a_segment_across_the_image_from_far_outside():
    rect, mask = segment_mask((-5000.5, 5.5), (5000.5, 5.5), 3, (10, 12))
    assert rect == Rect(4, 0, 7, 12)
    assert mask.all()


def test_a_brush_has_a_size():
    with pytest.raises(ValueError):
        stamp_mask(0)


def test_a_square_covers_as_many_pixels_as_its_side():
    for size, corner in ((1, (4, 5)), (2, (4, 5)), (3, (3, 4)), (5, (2, 3))):
        rect, mask = segment_mask((4.5, 5.5), (4.5, 5.5), size, (20, 20), square=True)
        left, top = corner if size % 2 else (4, 5)
        assert rect == Rect(top, left, top + size, left + size), size
        assert mask.all()


def test_a_square_on_its_way_by_hand():
    expected = np.zeros((8, 9), np.bool_)
    for x in range(1, 6):  # all squares of side 3 between (2.5, 2.5) and (6.5, 4.5)
        y = 1 + (x - 1) / 2
        for row in range(8):
            centre = row + 0.5
            if y <= centre <= y + 3:
                expected[row, x : x + 3] = True
    found = np.zeros((8, 9), np.bool_)
    rect, mask = segment_mask((2.5, 2.5), (6.5, 4.5), 3, (8, 9), square=True)
    found[rect.slices] = mask
    np.testing.assert_array_equal(found, expected)


@given(
    ends=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=2, max_size=2),
    size=st.integers(2, 9),
)
@settings(max_examples=60, deadline=None)
def test_a_square_stroke_is_the_same_both_ways_and_holds_both_ends(ends, size):
    (x0, y0), (x1, y1) = ends
    shape = (40, 40)

    def squares(start, end):
        return on_canvas(*segment_mask(start, end, size, shape, square=True), shape)

    way = squares((x0, y0), (x1, y1))
    np.testing.assert_array_equal(way, squares((x1, y1), (x0, y0)))
    for end in ((x0, y0), (x1, y1)):
        assert not (squares(end, end) & ~way).any()
    rows = np.flatnonzero(way.any(axis=1))
    assert np.array_equal(rows, np.arange(rows[0], rows[-1] + 1))
