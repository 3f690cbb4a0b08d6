"""What the filter of objects asks for."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.object_figures import ObjectFigures
from segstudio.core.object_filter import ObjectFilter

NAMES = {1: "Car", 2: "Cyclist", 3: "car trailer"}


@pytest.fixture
def figures() -> ObjectFigures:
    return ObjectFigures(
        np.array([1, 2, 5, 9]),
        np.array([1, 2, 3, 1], np.uint8),
        np.array([10, 49, 50, 400]),
        np.zeros((4, 4), np.int32),
        np.array([5.0, np.nan, 100.0, 20.5]),
        np.array([0.5, np.nan, np.nan, 0.9]),
    )


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", [1, 2, 5, 9]),
        ("car", [1, 5, 9]),
        ("CAR trail", [5]),
        ("class:cyclist", [2]),
        ("area<50", [1, 2]),
        ("area <= 50", [1, 2, 5]),
        ("area:>=50 car", [5, 9]),
        ("id=5", [5]),
        ("id!=5 area>10", [2, 9]),
        ("mean>5", [5, 9]),
        ("mean<20,6", [1, 9]),
        ("score<0.6", [1]),
        ("merged", [2]),
        ("none of this", []),
        ("area<", [1, 2, 5, 9]),
    ],
)
def test_what_is_kept(figures, text, ids):
    kept = ObjectFilter.of(text).kept(figures, NAMES.__getitem__, {2: "Merged"})
    assert figures.ids[kept].tolist() == ids


def test_areas_are_compared_in_the_unit_in_which_they_are_shown(figures):
    kept = ObjectFilter.of("area<12.5").kept(figures, NAMES.__getitem__, {}, area=0.25)
    assert figures.ids[kept].tolist() == [1, 2]  # 2.5, 12.25; not 12.5, 100


def test_a_condition_that_means_nothing_is_told():
    assert ObjectFilter.of("area<x").problem == "Write a number behind area<, as in area<50."
    assert ObjectFilter.of("width>3").problem == (
        "There is no column width: ask for id, area, mean, score or words."
    )
    assert ObjectFilter.of("area>3 car").problem == ""
