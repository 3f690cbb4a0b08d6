"""One object becomes several; every array is drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.geometry import Rect
from segstudio.core.object_cuts import cut_between, cut_by_line, cut_patch, fallen_apart, regions_of


def drawn(*rows: str) -> np.ndarray:
    """A picture of digits; a dot is 0."""
    return np.array([[0 if c == "." else int(c) for c in row] for row in rows], np.int32)


def at(mask: np.ndarray, top: int = 0, left: int = 0) -> Rect:
    return Rect(top, left, top + mask.shape[0], left + mask.shape[1])


def test_a_line_from_edge_to_edge_makes_two_pieces_the_larger_first():
    mask = np.ones((2, 7), bool)
    pieces = cut_by_line(mask, at(mask, 10, 20), [(22.5, 8.0), (22.5, 14.0)])
    assert pieces.tolist() == drawn("2211111", "2211111").tolist()


def test_a_slanting_line_parts_too_although_corners_touch():
    mask = np.ones((4, 4), bool)
    pieces = cut_by_line(mask, at(mask), [(0.5, 0.5), (3.5, 3.5)])
    assert pieces.tolist() == drawn("1111", "2111", "2211", "2221").tolist()


def test_a_line_that_ends_inside_cuts_nothing():
    mask = np.ones((4, 6), bool)
    assert cut_by_line(mask, at(mask), [(3.5, 0.5), (3.5, 2.5)]).max() == 1


def test_a_line_beside_the_object_cuts_nothing():
    mask = np.ones((4, 6), bool)
    assert cut_by_line(mask, at(mask), [(9.5, 0.5), (9.5, 5.5)]).max() == 1


def test_crumbs_of_a_line_stay_with_the_object():
    mask = np.array(drawn("11111111", "11111111"), bool)
    pieces = cut_by_line(mask, at(mask), [(1.5, 0.0), (1.5, 2.0)])
    assert pieces.max() == 1  # 2 pixels are left of the line


def test_parts_that_lay_apart_stay_one_object_when_another_place_is_cut():
    mask = np.array(drawn("1111.11111", "1111.11111"), bool)
    pieces = cut_by_line(mask, at(mask), [(7.5, 0.0), (7.5, 2.0)])
    assert pieces.tolist() == drawn("1111.11122", "1111.11122").tolist()


def test_two_points_part_a_dumb_bell_at_its_waist():
    mask = np.array(
        drawn(
            "111......",
            "111...111",
            "111111111",
            "111...111",
            "111......",
        ),
        bool,
    )
    pieces = cut_between(mask, at(mask, 5, 50), (51, 7), (57, 7))
    assert (pieces > 0).tolist() == mask.tolist()
    assert (pieces[:, :3][mask[:, :3]] == 1).all()
    assert (pieces[:, 6:][mask[:, 6:]] == 2).all()


def test_clicks_at_the_edges_part_at_the_waist_too():
    yy, xx = np.mgrid[:31, :60]
    mask = ((yy - 15) ** 2 + (xx - 16) ** 2 < 15**2) | ((yy - 15) ** 2 + (xx - 42) ** 2 < 15**2)
    for one, other in (((16, 15), (42, 15)), ((4, 10), (55, 20)), ((16, 1), (42, 29))):
        pieces = cut_between(mask, at(mask), one, other)
        assert set(np.unique(pieces[:, :27][mask[:, :27]])) == {pieces[one[1], one[0]]}
        assert set(np.unique(pieces[:, 32:][mask[:, 32:]])) == {pieces[other[1], other[0]]}


def test_two_shapes_that_touch_part_from_notch_to_notch():
    yy, xx = np.mgrid[:41, :60]
    disc, bar = (yy - 20) ** 2 + (xx - 20) ** 2 < 17**2, (abs(yy - 20) < 9) & (xx > 30) & (xx < 56)
    for one, other in (((10, 20), (50, 22)), ((20, 5), (40, 28))):
        pieces = cut_between(disc | bar, at(disc), one, other)
        # they meet in column 34, where the bar comes out of the disc
        assert (pieces[disc & (xx < 33)] == 1).all()
        assert (pieces[bar & (xx > 36)] == 2).all()


def test_without_a_waist_each_point_gets_what_is_nearer():
    mask = np.ones((9, 20), bool)
    pieces = cut_between(mask, at(mask), (1, 1), (18, 4))
    assert abs(np.count_nonzero(pieces == 1) - np.count_nonzero(pieces == 2)) <= 20
    assert pieces[1, 1] != pieces[4, 18]
    assert (pieces[:, :6] == pieces[1, 1]).all()
    assert (pieces[:, 14:] == pieces[4, 18]).all()


def test_the_photo_parts_where_it_is_darkest():
    mask = np.ones((5, 12), bool)
    brightness = np.full((5, 12), 200, np.uint8)
    brightness[:, 8] = 20  # the box itself would be parted in the middle
    pieces = cut_between(mask, at(mask), (2, 2), (10, 2), brightness)
    assert (pieces[:, :8] == 1).all()
    assert (pieces[:, 9:] == 2).all()


@pytest.mark.parametrize(("one", "other"), [((1, 1), (1, 1)), ((0, 0), (30, 1)), ((1, 1), (5, 0))])
def test_points_that_are_not_two_of_the_object_part_nothing(one, other):
    mask = np.ones((3, 6), bool)
    mask[0, 5] = False
    assert cut_between(mask, at(mask), one, other).max() == 1


def test_what_is_erased_in_two_falls_apart_and_crumbs_stay():
    before = np.ones((3, 10), bool)
    now = before.copy()
    now[:, 3] = now[:, 8] = False
    pieces = fallen_apart(now, before)
    # 9, 12 and 3 pixels: the middle keeps the number, the crumb stays with it
    assert pieces.tolist() == drawn(*["222.1111.1"] * 3).tolist()


def test_what_was_apart_before_does_not_fall_apart():
    before = np.array(drawn("1111.1111", "1111.1111"), bool)
    now = before.copy()
    now[0, 0] = False
    assert fallen_apart(now, before).max() == 1


def test_a_part_that_goes_while_another_is_cut():
    before = np.array(drawn("11.111111", "11.111111", "...111111"), bool)
    now = before.copy()
    now[:, :2] = now[:, 5] = False
    assert fallen_apart(now, before).tolist() == drawn(*["...22.111"] * 3).tolist()


def test_regions_touch_by_corners_too():
    mask = np.array(drawn("1...", ".1.1", "...1"), bool)
    assert regions_of(mask).tolist() == drawn("1...", ".1.2", "...2").tolist()


def test_the_patch_covers_the_new_piece_alone():
    labels, ids = np.ones((4, 8), np.uint8), np.full((4, 8), 5, np.uint16)
    pieces = drawn("111.", "1122", "1122")
    patch = cut_patch(labels, ids, Rect(1, 2, 4, 6), pieces, [9])
    assert patch.rect == Rect(2, 4, 4, 6)
    assert patch.instances_after.tolist() == [[9, 9], [9, 9]]
    assert patch.instances_before.tolist() == [[5, 5], [5, 5]]
    assert cut_patch(labels, ids, Rect(1, 2, 4, 6), np.minimum(pieces, 1), []) is None
