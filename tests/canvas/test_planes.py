"""Overlay colours, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.canvas.planes import DashedPlane, LabelPlane, edges, premultiplied
from segstudio.canvas.sampling import Sampler
from segstudio.canvas.view import View
from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap


def test_colours_are_multiplied_by_alpha():
    table = np.zeros((256, 4), np.uint8)
    table[1] = (255, 128, 0, 255)
    table[2] = (255, 100, 10, 51)  # a fifth
    packed = premultiplied(table)
    assert packed.dtype == np.uint32
    assert packed[0] == 0
    assert packed[1] == 0xFFFF8000
    assert packed[2] == (51 << 24) | (51 << 16) | (20 << 8) | 2


def brute_edges(ids: np.ndarray, width: int) -> np.ndarray:
    """Within a disc: width 1 is the four neighbours, width 2 the 5 x 5 without its corners."""
    height, length = ids.shape
    found = np.zeros(ids.shape, bool)
    for y in range(height):
        for x in range(length):
            for dy in range(-width, width + 1):
                for dx in range(-width, width + 1):
                    if width == 1 and abs(dx) + abs(dy) > 1:
                        continue
                    if width == 2 and abs(dx) == 2 and abs(dy) == 2:
                        continue
                    other = (y + dy, x + dx)
                    if 0 <= other[0] < height and 0 <= other[1] < length:
                        found[y, x] |= ids[other] != ids[y, x]
    return found


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_edges_are_where_another_id_is_near(width, dtype):
    rng = np.random.default_rng(2)
    ids = rng.integers(0, 3, (7, 9)).astype(dtype).repeat(4, axis=0).repeat(4, axis=1)
    found = edges(ids, width)
    assert set(np.unique(found)) <= {0, 1}
    assert np.array_equal(found == 1, brute_edges(ids, width))


def test_an_outline_is_as_wide_at_any_zoom_and_lies_inside():
    labels = np.zeros((12, 12), np.uint8)
    labels[3:9, 3:9] = 1
    colours = np.zeros(512, np.uint32)
    colours[256 + 1] = 7
    plane = LabelPlane(LabelMap(labels), colours, 2)
    for zoom in (2, 5, 10):
        sampler = Sampler(View(float(zoom), (0.0, 0.0)), (12, 12), (120, 120))
        found = plane.take(sampler, sampler.visible)
        expected = np.zeros((12 * zoom, 12 * zoom), np.uint32)
        expected[3 * zoom : 9 * zoom, 3 * zoom : 9 * zoom] = 7
        expected[3 * zoom + 2 : 9 * zoom - 2, 3 * zoom + 2 : 9 * zoom - 2] = 0
        assert np.array_equal(found, expected)


def test_touching_instances_of_a_class_are_outlined_apart():
    labels = np.ones((4, 8), np.uint8)
    ids = np.ones((4, 8), np.uint16)
    ids[:, 4:] = 700
    colours = np.arange(512, dtype=np.uint32)
    sampler = Sampler(View(1.0, (0.0, 0.0)), (4, 8), (8, 4))
    found = LabelPlane(LabelMap(labels, ids), colours, 1).take(sampler, sampler.visible)
    assert (found[:, 3:5] == 257).all()
    assert (np.delete(found, (3, 4), axis=1) == 1).all()


def test_a_dashed_line_has_a_dark_one_beside_its_dashes():
    """A square of 20 pixels at 1 x: of its top edge the dashes and what lies below them."""
    labels = np.zeros((30, 30), np.uint8)
    labels[5:25, 4:24] = 1
    drawn = np.zeros(256, np.uint8)
    drawn[1] = 1
    sampler = Sampler(View(1.0, (0.0, 0.0)), (30, 30), (30, 30))
    plane = DashedPlane(LabelMap(labels), drawn, 1)
    found = plane.take(sampler, sampler.visible)
    white, dark, clear = 0xFFFFFFFF, 170 << 24, 0
    # at row 5 there is a dash where (2 x + 15) // 10 is even: x in 3..7, 13..17, 23..27
    expected = [white] * 4 + [dark] + [clear] * 4 + [white] * 5 + [dark] + [clear] * 4 + [white]
    assert found[5, 4:24].tolist() == expected[:20]
    # below: the left edge's own dash at (2 * 4 + 18) // 10, then what is dark below the dashes
    assert found[6, 4:10].tolist() == [white, dark, dark, dark, clear, clear]
    assert found[6, 13:19].tolist() == [dark] * 5 + [clear]
    assert set(found[5:25, 24].tolist()) == {dark, clear}  # right of the right edge
    assert set(found[25, 4:24].tolist()) == {dark, clear}
    assert not found[:5].any()
    parts = np.zeros_like(found)
    for top in range(0, 30, 7):
        for left in range(0, 30, 7):
            part = Rect(top, left, min(top + 7, 30), min(left + 7, 30))
            parts[part.slices] = plane.take(sampler, part)
    assert np.array_equal(parts, found)
