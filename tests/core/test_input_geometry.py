"""Where stages lie on the photo, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.errors import SegstudioError
from segstudio.core.features import LayerInfo, ReceptiveField, Role, Site
from segstudio.core.geometry import Rect
from segstudio.core.input_geometry import InputGeometry


def stage(shape, start, jump, size=(3, 3)) -> LayerInfo:
    field = ReceptiveField(size, start, jump)
    return LayerInfo(
        "s", "s", Role.ENCODER, shape, int(jump[0]), 0, 0, 0.0, field, (), Site("s", "conv2d")
    )


def test_points_go_to_the_input_and_back():
    # photo rows 10..29 and columns 20..59 became 40 x 80: twice as many in both directions
    input_geometry = InputGeometry((100, 100), Rect(10, 20, 30, 60), (40, 80), (48, 80))
    assert input_geometry.scale == (2.0, 2.0)
    assert input_geometry.to_input((10.5, 20.5)) == (1.0, 1.0)
    assert input_geometry.to_photo((1.0, 1.0)) == (10.5, 20.5)


def test_a_field_is_drawn_where_it_lies_on_the_photo():
    input_geometry = InputGeometry((8, 8), Rect(0, 0, 8, 8), (16, 16), (16, 16))
    layer = stage((1, 8, 8), (1.0, 1.0), (2.0, 2.0), (6, 6))
    # centre of position (2, 3) in the input: (5, 7); in the photo (2.5, 3.5); 6 there is 3 here
    assert input_geometry.centre(layer, 2, 3) == (2.5, 3.5)
    assert input_geometry.field(layer, 2, 3) == (1.0, 2.0, 4.0, 5.0)


def test_values_lie_in_the_middle_of_their_fields():
    # positions 0 and 1 of the map are centred on photo columns 1 and 3 (edges between pixels)
    input_geometry = InputGeometry((1, 4), Rect(0, 0, 1, 4), (1, 4), (1, 4))
    layer = stage((1, 1, 2), (0.5, 1.0), (1.0, 2.0))
    values = np.array([[0.0, 4.0]], np.float32)
    # middles of the pixels 0.5, 1.5, 2.5, 3.5 lie at map positions -0.25, 0.25, 0.75, 1.25
    np.testing.assert_allclose(input_geometry.on_photo(values, layer), [[0.0, 1.0, 3.0, 4.0]])
    np.testing.assert_allclose(
        input_geometry.on_photo(values, layer, smooth=False), [[0.0, 0.0, 4.0, 4.0]]
    )


def test_a_map_of_the_inputs_size_loses_the_padding():
    input_geometry = InputGeometry((2, 3), Rect(0, 0, 2, 3), (2, 3), (4, 4))
    values = np.arange(16, dtype=np.float32).reshape(4, 4)
    np.testing.assert_array_equal(input_geometry.of_input(values), values[:2, :3])


def test_a_window_is_pasted_into_the_photo():
    input_geometry = InputGeometry((3, 4), Rect(1, 1, 3, 3), (2, 2), (2, 2))
    whole = input_geometry.paste(np.full((2, 2), 7, np.uint8), outside=9)
    np.testing.assert_array_equal(whole, [[9, 9, 9, 9], [9, 7, 7, 9], [9, 7, 7, 9]])


def test_a_stage_without_a_place_says_so():
    input_geometry = InputGeometry((2, 2), Rect(0, 0, 2, 2), (2, 2), (2, 2))
    layer = LayerInfo(
        "boxes", "boxes", Role.HEAD, (1, 1, 1), 1, 0, 0, 0.0, None, (), Site("b", "linear")
    )
    assert input_geometry.centre(layer, 0, 0) is None
    assert input_geometry.field(layer, 0, 0) is None
    with pytest.raises(SegstudioError, match="no place on the photo"):
        input_geometry.on_photo(np.zeros((1, 1), np.float32), layer)
