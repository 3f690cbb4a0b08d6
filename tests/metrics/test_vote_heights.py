"""The largest vote entropy that there can be, found by trying every vote."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from segstudio.metrics.votes import highest_vote_entropy, vote_entropy


@pytest.mark.parametrize(("votes", "classes"), [(2, 2), (3, 2), (3, 5), (4, 2), (5, 3), (6, 2)])
def test_no_vote_is_more_divided(votes, classes):
    every = np.array(list(itertools.product(range(classes), repeat=votes)), np.uint8)
    found = vote_entropy([column[None] for column in every.T]).max()
    assert highest_vote_entropy(votes, classes) == pytest.approx(found, abs=1e-6)


def test_one_vote_or_one_class_leave_nothing_to_differ_about():
    assert highest_vote_entropy(1, 4) == 1.0
    assert highest_vote_entropy(4, 1) == 1.0
