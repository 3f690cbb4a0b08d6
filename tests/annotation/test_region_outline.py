"""A painted region as a polygon: what is there at a pixel, and what a moved corner changes."""

from __future__ import annotations

import numpy as np

from segstudio.annotation.region_outline import outline_at, reshaped
from segstudio.core.labels import LabelMap


def label_map(*rects, shape=(20, 24), ids=False):
    """A map of class 1 in rectangles (top, left, bottom, right), each an object of its own."""
    labels, numbers = np.zeros(shape, np.uint8), np.zeros(shape, np.uint16)
    for number, (top, left, bottom, right) in enumerate(rects, 1):
        labels[top:bottom, left:right] = 1
        numbers[top:bottom, left:right] = number
    return LabelMap(labels, numbers if ids else None)


def corners(outline):
    return [sorted(map(tuple, ring.tolist())) for ring in outline.rings]


def test_a_rectangle_has_four_corners_and_background_has_no_outline():
    found = outline_at(label_map((2, 3, 8, 11)), (5, 5))
    assert corners(found) == [[(3, 2), (3, 8), (11, 2), (11, 8)]]
    assert outline_at(label_map((2, 3, 8, 11)), (0, 0)) is None
    assert outline_at(label_map((2, 3, 8, 11)), (50, 5)) is None


def test_an_object_has_all_its_parts_and_a_region_of_a_class_what_is_connected():
    labels = label_map((2, 2, 6, 6), (2, 12, 6, 16)).labels
    assert len(outline_at(LabelMap(labels.copy()), (3, 3)).rings) == 1
    ids = np.where(labels > 0, np.uint16(9), np.uint16(0))
    assert len(outline_at(LabelMap(labels.copy(), ids), (3, 3)).rings) == 2


def test_only_the_pixels_between_the_old_and_the_new_line_change():
    annotation = label_map((2, 2, 10, 10))
    outline = outline_at(annotation, (5, 5))
    rings = [[(2, 2), (10, 2), (13.25, 13.25), (2, 10)]]  # the far corner moves out
    before = annotation.labels.copy()
    patch = reshaped(annotation, outline, rings)
    annotation.apply(patch)
    gained = (annotation.labels == 1) & (before == 0)
    # the right side is x = 10 + 3.25 (y - 2) / 11.25 now; the lower one is its mirror image
    expected = np.zeros((20, 24), np.bool_)
    for row in range(2, 14):
        for column in range(2, 14):
            y, x = row + 0.5, column + 0.5
            expected[row, column] = x < 10 + (y - 2) * 13 / 45 and y < 10 + (x - 2) * 13 / 45
    expected[2:10, 2:10] = False
    assert np.array_equal(gained, expected)
    assert (annotation.labels[2:10, 2:10] == 1).all()


def test_what_the_few_corners_did_not_follow_stays_where_nothing_was_moved():
    """Bumps of a pixel on both sides: one side is moved, the bump on the other stays."""
    annotation = label_map((4, 4, 12, 16), (8, 3, 9, 4), (8, 16, 9, 17))
    outline = outline_at(annotation, (8, 8), 2.0)
    assert [len(ring) for ring in outline.rings] == [4]
    (ring,) = outline.rings
    moved = np.where(ring == ring.max(axis=0), ring - (4, 0), ring)
    moved[:, 1] = ring[:, 1]
    before = annotation.labels.copy()
    annotation.apply(reshaped(annotation, outline, [moved]))
    assert annotation.labels[8, 3] == 1  # the bump at the left
    assert annotation.labels[8, 16] == 0  # that at the right went with its side
    assert not annotation.labels[4:12, 12:].any()
    assert np.array_equal(annotation.labels[:, :12], before[:, :12])


def test_holes_and_parts_are_kept():
    annotation = label_map((2, 2, 14, 14))
    labels = annotation.labels.copy()
    labels[6:9, 6:9] = 0
    annotation = LabelMap(labels)
    outline = outline_at(annotation, (3, 3))
    assert sorted(len(ring) for ring in outline.rings) == [4, 4]
    rings = [np.where(ring == 14, 16, ring) for ring in outline.rings]
    annotation.apply(reshaped(annotation, outline, rings))
    expected = np.zeros((20, 24), np.uint8)
    expected[2:16, 2:16] = 1
    expected[6:9, 6:9] = 0
    assert np.array_equal(annotation.labels, expected)


def test_an_untouched_outline_changes_nothing():
    rng = np.random.default_rng(3)
    labels = (rng.random((20, 24)) < 0.7).astype(np.uint8)
    annotation = LabelMap(labels)
    y, x = np.argwhere(labels)[0]
    outline = outline_at(annotation, (int(x), int(y)), 3.0)
    assert reshaped(annotation, outline, outline.rings) is None


def test_a_neighbour_is_painted_over():
    annotation = label_map((2, 2, 8, 8), (2, 10, 8, 14), ids=True)
    outline = outline_at(annotation, (3, 3))
    rings = [np.where(ring == 8, 12, ring) for ring in outline.rings]
    rings = [
        np.column_stack([ring[:, 0], np.where(ring[:, 1] == 12, 8, ring[:, 1])]) for ring in rings
    ]
    annotation.apply(reshaped(annotation, outline, rings))
    assert annotation.instances[4].tolist()[2:14] == [1] * 10 + [2] * 2
