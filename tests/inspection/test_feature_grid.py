"""Stages of any stride, scale and padding come onto the same grid."""

from types import SimpleNamespace

import numpy as np
import pytest

from segstudio.core.errors import SegstudioError
from segstudio.core.features import LayerInfo, ReceptiveField, Role, Site
from segstudio.core.geometry import Rect
from segstudio.core.input_geometry import InputGeometry
from segstudio.inspection.stage_similarity import on_common_grid


def layer(shape, stride, field=True):
    start, jump = (stride / 2, stride / 2), (float(stride), float(stride))
    return LayerInfo(
        "stage", "stage", Role.ENCODER, shape, stride, 0, 0, 0.0,
        ReceptiveField((stride, stride), start, jump) if field else None, (), Site("stage", "relu"),
    )  # fmt: skip


def input_geometry(photo_hw, resized_hw, padded_hw):
    return InputGeometry(photo_hw, Rect.of_shape(photo_hw), resized_hw, padded_hw)


def test_a_cell_is_the_mean_of_its_positions_by_hand():
    values = np.arange(16, dtype=np.float16).reshape(1, 4, 4)
    found = on_common_grid(
        values, input_geometry((8, 8), (8, 8), (8, 8)), layer((1, 4, 4), 2), (2, 2)
    )
    np.testing.assert_allclose(found[:, 0], [2.5, 4.5, 10.5, 12.5])


def test_padding_is_left_out_and_positions_count_by_their_area():
    # 12 of 16 columns are photo: cells of 6 columns cover positions 0 and half of 1, then the rest
    values = np.array([[[0, 10, 20, 99]]], np.float16)
    found = on_common_grid(
        values, input_geometry((4, 12), (4, 12), (4, 16)), layer((1, 1, 4), 4), (1, 2)
    )
    np.testing.assert_allclose(
        found[:, 0], [(4 * 0 + 2 * 10) / 6, (2 * 10 + 4 * 20) / 6], rtol=1e-6
    )


def test_networks_that_enlarge_the_photo_see_the_same_places():
    small = np.random.default_rng(0).random((3, 8, 8)).astype(np.float16)
    large = small.repeat(2, axis=1).repeat(2, axis=2)
    one = on_common_grid(small, input_geometry((8, 8), (8, 8), (8, 8)), layer((3, 8, 8), 1), (4, 4))
    two = on_common_grid(
        large, input_geometry((8, 8), (16, 16), (16, 16)), layer((3, 16, 16), 1), (4, 4)
    )
    np.testing.assert_allclose(one, two, atol=1e-6)


def test_a_coarse_stage_gives_every_cell_the_position_over_it():
    values = np.array([[[1, 2], [3, 4]]], np.float16)
    found = on_common_grid(
        values, input_geometry((8, 8), (8, 8), (8, 8)), layer((1, 2, 2), 4), (4, 4)
    )
    assert found[:, 0].tolist() == [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]


def test_a_stage_without_a_place_on_the_photo_is_refused():
    place = input_geometry((8, 8), (8, 8), (8, 8))
    with pytest.raises(SegstudioError, match="no place"):
        on_common_grid(np.zeros((1, 2, 2), np.float16), place, layer((1, 2, 2), 4, field=False))


def test_stages_are_aligned_by_stride_down_and_up():
    from segstudio.inspection.alignment import align

    def trace(*stages):
        layers = tuple(
            SimpleNamespace(
                id=name, role=role, stride=stride, receptive_field=object(), shape=(1, 4, 4)
            )
            for name, role, stride in stages
        )
        return SimpleNamespace(layers=layers)

    unet = trace(("in", Role.INPUT, 1), ("e1", Role.ENCODER, 2), ("b", Role.BOTTLENECK, 4),
                 ("d1", Role.DECODER, 2), ("out", Role.HEAD, 1))  # fmt: skip
    other = trace(("in", Role.INPUT, 1), ("x2", Role.ENCODER, 2), ("y2", Role.ENCODER, 2),
                  ("c", Role.CONTEXT, 2), ("h", Role.HEAD, 2))  # fmt: skip
    rows = [(row.stride, row.down, row.first, row.second) for row in align(unet, other)]
    assert rows == [
        (1, True, "in", "in"), (2, True, "e1", "x2"), (2, True, None, "y2"), (2, True, None, "c"),
        (4, True, "b", None), (2, False, "d1", "h"), (1, False, "out", None),
    ]  # fmt: skip
