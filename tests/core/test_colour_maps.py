"""Values as colours."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.colour_maps import colour_table, coloured, ends, levels_of


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        # the published ends of matplotlib's maps, https://bids.github.io/colormap
        ("viridis", (68, 1, 84), (253, 231, 37)),
        ("magma", (0, 0, 4), (252, 253, 191)),
        ("grey", (0, 0, 0), (255, 255, 255)),
        ("diverging", (5, 48, 97), (103, 0, 31)),
    ],
)
def test_tables_begin_and_end_with_the_published_colours(name, first, last):
    table = colour_table(name)
    assert table.shape == (256, 3)
    assert table.dtype == np.uint8
    np.testing.assert_allclose(table[0], first, atol=2)
    np.testing.assert_allclose(table[255], last, atol=2)


def test_the_diverging_map_is_blue_below_white_at_and_red_above_zero():
    table = colour_table("diverging").astype(int)
    assert table[127].min() > 240
    assert table[128].min() > 240
    assert (table[:100, 2] > table[:100, 0]).all()
    assert (table[156:, 0] > table[156:, 2]).all()


def test_tables_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="read-only"):
        colour_table("magma")[0] = 1


def test_an_unknown_map_is_refused():
    with pytest.raises(KeyError):
        colour_table("rainbow")


def test_the_ends_of_the_diverging_map_lie_equally_far_from_zero():
    assert ends(-1.0, 3.0, "diverging") == (-3.0, 3.0)
    assert ends(-5.0, 3.0, "diverging") == (-5.0, 5.0)
    assert ends(-1.0, 3.0, "viridis") == (-1.0, 3.0)


def test_levels_go_from_end_to_end_and_stay_within():
    values = np.array([-9.0, 2.0, 3.0, 4.0, 9.0, np.nan, np.inf, -np.inf], np.float32)
    np.testing.assert_array_equal(levels_of(values, 2.0, 4.0), [0, 0, 128, 255, 255, 0, 255, 0])


def test_a_range_without_width_keeps_what_is_above_apart():
    values = np.array([1.0, 2.0, 3.0], np.float16)
    np.testing.assert_array_equal(levels_of(values, 2.0, 2.0), [0, 0, 255])


def test_channels_may_have_ends_of_their_own():
    values = np.array([[[0.0, 1.0]], [[0.0, 1.0]]], np.float32)
    low = np.zeros((2, 1, 1), np.float32)
    high = np.array([[[1.0]], [[2.0]]], np.float32)
    picture = coloured(values, low, high, "grey")
    assert picture.shape == (2, 1, 2, 3)
    np.testing.assert_array_equal(picture[..., 0], [[[0, 255]], [[0, 128]]])
