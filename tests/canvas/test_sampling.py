"""Which image pixel a device pixel shows, against the rule written out pixel by pixel."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from segstudio.canvas.sampling import Sampler
from segstudio.canvas.view import View
from segstudio.core.geometry import Rect

views = st.builds(
    View,
    st.floats(0.05, 20),
    st.tuples(st.integers(-300, 300).map(float), st.integers(-300, 300).map(float)),
)
SHAPE = (23, 31)
WINDOW = (90, 70)


def index_of(device: int, origin: float, zoom: float) -> int:
    return math.floor((device + 0.5 - origin) / zoom)


@given(views)
def test_every_visible_device_pixel_shows_the_image_pixel_under_its_centre(view):
    labels = np.arange(SHAPE[0] * SHAPE[1], dtype=np.uint16).reshape(SHAPE)
    sampler = Sampler(view, SHAPE, WINDOW)
    rect = sampler.visible
    for y in range(WINDOW[1]):
        row = index_of(y, view.origin_xy[1], view.zoom)
        assert (rect.top <= y < rect.bottom) == (0 <= row < SHAPE[0])
    for x in range(WINDOW[0]):
        column = index_of(x, view.origin_xy[0], view.zoom)
        assert (rect.left <= x < rect.right) == (0 <= column < SHAPE[1])
    if rect.is_empty:
        return
    shown = sampler.take(labels, rect)
    assert shown.shape == rect.shape_hw
    for y in range(rect.top, rect.bottom, 7):
        for x in range(rect.left, rect.right, 5):
            row = index_of(y, view.origin_xy[1], view.zoom)
            column = index_of(x, view.origin_xy[0], view.zoom)
            assert shown[y - rect.top, x - rect.left] == labels[row, column]


@given(views, st.integers(0, 22), st.integers(0, 30), st.integers(1, 9), st.integers(1, 9))
def test_a_changed_rectangle_covers_exactly_the_device_pixels_that_show_it(
    view, top, left, height, width
):
    rect = Rect(top, left, top + height, left + width).clip(SHAPE)
    labels = np.zeros(SHAPE, np.uint8)
    labels[rect.slices] = 1
    sampler = Sampler(view, SHAPE, WINDOW)
    if sampler.visible.is_empty:
        return
    shown = np.zeros((WINDOW[1], WINDOW[0]), np.uint8)
    shown[sampler.visible.slices] = sampler.take(labels, sampler.visible)
    found = np.zeros_like(shown)
    concerned = sampler.device_rect(rect).intersect(sampler.visible)
    if not concerned.is_empty:
        found[concerned.slices] = 1
    assert np.array_equal(shown, found)


@given(views, st.data())
def test_a_part_is_the_same_as_that_part_of_the_whole(view, data):
    labels = np.random.default_rng(1).integers(0, 255, SHAPE, np.uint8)
    sampler = Sampler(view, SHAPE, WINDOW)
    whole = sampler.visible
    if whole.is_empty:
        return
    top = data.draw(st.integers(whole.top, whole.bottom - 1))
    left = data.draw(st.integers(whole.left, whole.right - 1))
    part = Rect(
        top,
        left,
        data.draw(st.integers(top + 1, whole.bottom)),
        data.draw(st.integers(left + 1, whole.right)),
    )
    shown = sampler.take(labels, whole)
    cut = shown[
        part.top - whole.top : part.bottom - whole.top,
        part.left - whole.left : part.right - whole.left,
    ]
    assert np.array_equal(sampler.take(labels, part), cut)


def test_pixels_begin_where_the_grid_is_drawn():
    sampler = Sampler(View(8.0, (3.0, 0.0)), (4, 5), (43, 32))
    columns, rows = sampler.pixel_starts(sampler.visible)
    assert list(columns + sampler.visible.left) == [3, 11, 19, 27, 35]
    # The first row begins at the viewport's edge, where no line is seen.
    assert list(rows) == [8, 16, 24]
