"""Stages as pictures of the photo, worked out by hand."""

from __future__ import annotations

import numpy as np

from segstudio.core.features import LayerInfo, ReceptiveField, Role, Site
from segstudio.core.geometry import Rect
from segstudio.core.input_geometry import InputGeometry
from segstudio.inspection.feature_pictures import (
    maximum_of_channels,
    mean_of_channels,
    on_grid,
    picture_shape,
    sampling_of,
    visible_part,
)


def stage(shape, start, jump) -> LayerInfo:
    field = None if start is None else ReceptiveField((3, 3), start, jump)
    return LayerInfo(
        "s", "s", Role.ENCODER, shape, 1, 0, 0, 0.0, field, (), Site("s", "conv2d")
    )  # fmt: skip


WHOLE = InputGeometry((8, 16), Rect(0, 0, 8, 16), (8, 16), (8, 16))
PADDED = InputGeometry((6, 12), Rect(0, 0, 6, 12), (6, 12), (8, 16))
"""Two rows below and four columns to the right are padding."""


def halves(channels=1):
    """Stride 4 on 8 x 16: a map of 2 x 4, positions centred on their squares."""
    return stage((channels, 2, 4), (2.0, 2.0), (4.0, 4.0))


def test_pictures_have_the_shape_of_the_photo():
    assert picture_shape(WHOLE, halves(), 96) == (48, 96)
    tower = InputGeometry((90, 30), Rect(0, 0, 90, 30), (90, 30), (96, 32))
    assert picture_shape(tower, halves(), 60) == (60, 20)
    assert picture_shape(WHOLE, stage((1, 7, 14), None, None), 28) == (14, 28)


def test_a_coarse_map_is_shown_as_squares():
    values = np.arange(8, dtype=np.float32).reshape(1, 2, 4)
    picture = sampling_of(WHOLE, halves(), 8).take(values)[0]
    np.testing.assert_array_equal(
        picture,
        [[0, 0, 1, 1, 2, 2, 3, 3]] * 2 + [[4, 4, 5, 5, 6, 6, 7, 7]] * 2,
    )


def test_a_fine_map_is_averaged():
    values = np.zeros((1, 8, 16), np.float32)
    values[0, 0, 0], values[0, 7, 15] = 4.0, 8.0
    layer = stage((1, 8, 16), (0.5, 0.5), (1.0, 1.0))
    picture = sampling_of(WHOLE, layer, 4).take(values)[0]
    # a pixel is the mean of 4 x 4 positions
    np.testing.assert_allclose(picture, [[0.25, 0, 0, 0], [0, 0, 0, 0.5]])


def test_padding_is_not_shown():
    values = np.full((1, 8, 16), 9.0, np.float32)
    values[0, :6, :12] = 1.0
    layer = stage((1, 8, 16), (0.5, 0.5), (1.0, 1.0))
    assert sampling_of(PADDED, layer, 12).take(values).max() == 1.0
    assert sampling_of(PADDED, layer, 4).take(values).max() == 1.0
    assert visible_part(PADDED, layer) == (slice(0, 6), slice(0, 12))


def test_positions_count_as_visible_by_their_middles():
    # middles of rows: 2, 6 (the photo ends at 6); of columns: 2, 6, 10, 14 (it ends at 12)
    assert visible_part(PADDED, halves()) == (slice(0, 1), slice(0, 3))


def test_places_follow_the_receptive_fields_middles():
    # position 0 is centred on the photo's first pixel, as behind a padded convolution of stride 4
    layer = stage((1, 1, 4), (0.5, 0.5), (1.0, 4.0))
    input_geometry = InputGeometry((1, 16), Rect(0, 0, 1, 16), (1, 16), (1, 16))
    values = np.arange(4, dtype=np.float32).reshape(1, 1, 4)
    picture = sampling_of(input_geometry, layer, 16).take(values)[0, 0]
    # nearest middles of 0.5, 4.5, 8.5, 12.5; the pixel halfway between goes to the even one
    np.testing.assert_array_equal(picture[[0, 1, 3, 4, 5, 7, 8, 9, 11, 15]],
                                  [0, 0, 1, 1, 1, 2, 2, 2, 3, 3])  # fmt: skip


def test_a_mask_belongs_to_the_positions_that_it_covers_by_half():
    mask = np.zeros((8, 16), np.bool_)
    mask[0:4, 0:2] = True  # half of the first position
    mask[4:8, 4:8] = True  # all of one
    mask[0:4, 12:13] = True  # a quarter of another
    np.testing.assert_array_equal(
        on_grid(mask, WHOLE, halves()), [[True, False, False, False], [False, True, False, False]]
    )


def test_a_mask_on_a_grid_finer_than_the_photo():
    input_geometry = InputGeometry((2, 2), Rect(0, 0, 2, 2), (4, 4), (4, 4))
    layer = stage((1, 4, 4), (0.5, 0.5), (1.0, 1.0))
    mask = np.array([[True, False], [False, False]])
    wanted = np.zeros((4, 4), np.bool_)
    wanted[:2, :2] = True
    np.testing.assert_array_equal(on_grid(mask, input_geometry, layer), wanted)


def test_means_and_maxima_over_many_channels():
    features = np.arange(40 * 6, dtype=np.float16).reshape(40, 2, 3)
    np.testing.assert_allclose(mean_of_channels(features), features.astype(float).mean(0))
    np.testing.assert_array_equal(maximum_of_channels(features), features[-1])
