"""How long something still takes."""

from __future__ import annotations

import pytest

from segstudio.core.formatting import left_text
from segstudio.core.pace import Pace


def test_the_time_that_is_left_is_worked_out_from_what_was_done():
    pace = Pace()
    assert pace.left("a", 10, 100, 50.0) is None  # seen for the first time
    assert pace.left("a", 20, 100, 51.0) is None  # too soon to say
    assert pace.left("a", 30, 100, 54.0) == 14.0  # 20 steps in 4 s, 70 to go
    assert pace.left("a", 100, 100, 60.0) == 0.0
    assert pace.left("b", 1, 4, 60.0) is None  # another job
    assert pace.left("b", 1, 4, 70.0) is None  # nothing was done
    assert pace.left("b", 3, 0, 80.0) is None  # its length is not known


def test_what_went_fast_at_first_is_forgotten():
    pace = Pace()
    for done, now in ((0, 0.0), (50, 1.0), (52, 11.5)):
        pace.left("a", done, 60, now)
    # 2 steps in 10.5 s, 8 to go; over all of the time it would be 1.8 s
    assert pace.left("a", 52, 60, 11.5) == 42.0


def test_what_starts_over_is_watched_anew():
    pace = Pace()
    pace.left("a", 0, 100, 0.0)
    assert pace.left("a", 50, 100, 5.0) == 5.0
    assert pace.left("a", 10, 100, 6.0) is None
    assert pace.left("a", 40, 100, 12.0) == 12.0  # 30 steps in 6 s, 60 to go


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3, "a few s left"), (12, "10 s left"), (54, "55 s left"), (58, "1 min left"),
     (170, "3 min left"), (3600, "1 h left"), (5400, "1 h 30 min left")],
)  # fmt: skip
def test_times_are_told_as_roughly_as_they_are_known(seconds, text):
    assert left_text(seconds) == text
