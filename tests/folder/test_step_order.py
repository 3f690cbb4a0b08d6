"""Next and previous image, along the list as it is filtered and sorted."""

from __future__ import annotations

import time

import pytest

from segstudio.folder.step_order import StepOrder


def _next(order: StepOrder, cursor: int, by: int, count: int = 10) -> int | None:
    return next(order.onward(cursor, by, count), None)


def test_without_a_list_it_goes_by_position_and_stops_at_the_ends():
    order = StepOrder()
    assert _next(order, -1, 1) == 0
    assert _next(order, 3, 1) == 4
    assert _next(order, 3, -1) == 2
    assert _next(order, 9, 1) is None
    assert _next(order, 0, -1) is None


def test_a_sorted_list_is_followed():
    order = StepOrder()
    order.use([7, 2, 9], 7)
    assert [_next(order, 7, 1), _next(order, 2, 1), _next(order, 9, 1)] == [2, 9, None]
    assert [_next(order, 9, -1), _next(order, 7, -1)] == [2, None]
    assert list(order.onward(7, 1, 10)) == [2, 9]


@pytest.mark.parametrize(("by", "expected"), [(1, 6), (-1, 2)])
def test_an_image_that_the_filter_hides_is_left_for_its_neighbours(by, expected):
    order = StepOrder()
    order.use([2, 6, 8], 4)
    assert _next(order, 4, by) == expected


def test_an_image_that_left_a_sorted_list_is_left_for_what_came_after_it():
    order = StepOrder()
    order.use([7, 2, 9, 4], 2)
    order.use([7, 9, 4], 2)
    assert (_next(order, 2, 1), _next(order, 2, -1)) == (9, 7)
    order.use([7, 4], 2)
    assert (_next(order, 2, 1), _next(order, 2, -1)) == (4, 7)


def test_past_the_last_listed_image_the_list_is_entered_at_its_end():
    order = StepOrder()
    order.use([1, 2], 8)
    assert _next(order, 8, 1) == 2
    order.use([], 8)
    assert _next(order, 8, 1) is None


def test_another_folder_forgets_the_list():
    order = StepOrder()
    order.use([5, 3], 5)
    order.use(None, -1)
    assert _next(order, 5, 1) == 6


def test_a_step_through_a_hundred_thousand_images_takes_no_time():
    order = StepOrder()
    order.use(list(range(100_000)), 0)
    began = time.thread_time()
    for _ in range(10):
        assert _next(order, 99_998, 1, 100_000) == 99_999
    assert time.thread_time() - began < 0.16
