"""Sheets of channel maps: the grid, each channel's own range, dead channels."""

import cv2
import numpy as np
import pytest

from segstudio.inspection.nets.sheets import GAP, channel_sheet, sheet_grid

VIRIDIS = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_VIRIDIS)[:, 0]
VIRIDIS = VIRIDIS[:, ::-1]


def cells(features):
    """The cells of a sheet by channel, and what lies between and after them."""
    sheet = channel_sheet(features)
    rows, columns, (height, width) = sheet_grid(features.shape)
    assert sheet.shape == (rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3)
    rest = np.ones(sheet.shape[:2], bool)
    found = []
    for channel in range(len(features)):
        top = GAP + channel // columns * (height + GAP)
        left = GAP + channel % columns * (width + GAP)
        found.append(sheet[top : top + height, left : left + width])
        rest[top : top + height, left : left + width] = False
    assert (sheet[rest] == 255).all()
    return found


def test_each_channel_has_its_own_range():
    ramp = np.arange(32 * 32, dtype=np.float32).reshape(32, 32)
    features = np.stack([ramp, -ramp * 10, ramp / 1000, np.full_like(ramp, 3)]).astype(np.float16)
    first, second, third, dead = cells(features)
    np.testing.assert_array_equal(first[0, 0], VIRIDIS[0])
    np.testing.assert_array_equal(first[-1, -1], VIRIDIS[255])
    np.testing.assert_array_equal(second[0, 0], VIRIDIS[255])
    np.testing.assert_array_equal(third[-1, -1], VIRIDIS[255])
    assert (dead == 128).all()


def test_small_maps_are_enlarged_by_whole_steps_and_large_ones_shrunk():
    small = np.random.default_rng(0).random((5, 3, 4)).astype(np.float16)
    cell = cells(small)[0]
    assert cell.shape == (18, 24, 3)
    np.testing.assert_array_equal(cell, cell[::6, ::6].repeat(6, 0).repeat(6, 1))
    assert cells(np.random.default_rng(0).random((2, 512, 256)).astype(np.float16))[0].shape == (
        128, 64, 3,
    )  # fmt: skip


def test_channels_of_a_single_position_share_a_range():
    features = np.array([0, 1, 2], np.float16).reshape(3, 1, 1)
    low, _, high = cells(features)
    np.testing.assert_array_equal(low[5, 5], VIRIDIS[0])
    np.testing.assert_array_equal(high[5, 5], VIRIDIS[255])


def test_values_that_are_no_numbers_do_no_harm():
    features = np.zeros((2, 8, 8), np.float16)
    features[0, 0, 0], features[0, 1, 1], features[0, 2, 2] = np.nan, np.inf, -np.inf
    assert cells(features)[0].shape == (24, 24, 3)


@pytest.mark.parametrize("shape", [(1, 5, 5), (2048, 16, 16), (64, 1, 500), (7, 300, 2)])
def test_every_stage_fits_into_a_picture(shape):
    assert max(channel_sheet(np.zeros(shape, np.float16)).shape) < 9000
