"""From a cell of the confusion matrix to pixels, and files that the window writes."""

from __future__ import annotations

import threading

import pytest
from fakes import make_folder

from segstudio.core.geometry import Rect
from segstudio.evaluation.confused_places import Place
from segstudio.session.session import Layer


@pytest.fixture
def evaluated(desk, tmp_path):
    """Three images on which "bright" was run; the first one is open and lost its prediction."""
    desk.open(make_folder(tmp_path / "set"))
    desk.evaluating.start(["bright"])
    desk.settle()
    desk.editing.paint_polygon([(1, 1), (4, 1), (4, 3), (1, 3)])  # a cell that no model sees
    desk.settle()
    desk.document.predictions.clear()
    desk.session.set_view(run="", layer=Layer.NONE)
    return desk


MISSED = Place(Rect(5, 15, 15, 17), 20)
"""The truth's square lies two columns further right than the bright one."""


def asked(desk, index: int) -> list[tuple[int, tuple[Place, ...]]]:
    """Ask for class 1 taken for background; returns what is told, once that arrives."""
    told: list[tuple[int, tuple[Place, ...]]] = []
    desk.confused_places.open(index, "bright", 1, 0, lambda i, places: told.append((i, places)))
    return told


def test_the_open_image_gets_its_prediction_from_disk(evaluated):
    told = asked(evaluated, 0)
    assert told == []
    evaluated.settle()
    assert told == [(0, (MISSED, Place(Rect(1, 1, 3, 4), 6)))]
    assert evaluated.session.view.layer == Layer.DIFFERENCE
    assert evaluated.session.view.run in evaluated.document.predictions


def test_another_image_is_opened(evaluated):
    told = asked(evaluated, 2)
    evaluated.settle()
    assert evaluated.session.index == 2
    assert told == [(2, (MISSED,))]


def test_options_that_were_changed_later_are_not_those_of_the_evaluation(evaluated):
    evaluated.segmenting.set_options(tile_px=256)
    told = asked(evaluated, 0)
    evaluated.settle()
    assert [index for index, _ in told] == [0]


def test_the_last_wish_wins(evaluated):
    first, second = asked(evaluated, 1), asked(evaluated, 2)
    evaluated.settle()
    assert first == []
    assert [index for index, _ in second] == [2]


def test_who_goes_elsewhere_is_left_alone(evaluated):
    told = asked(evaluated, 1)
    evaluated.browsing.select(2)
    evaluated.settle()
    assert told == []
    assert evaluated.session.index == 2
    assert evaluated.session.view.layer == Layer.NONE


def test_a_picture_is_encoded_beside_the_event_loop_and_told(desk, tmp_path):
    threads = []

    def encode() -> bytes:
        threads.append(threading.current_thread())
        return b"picture"

    desk.picture_files.save(tmp_path / "chart.png", encode, "The chart")
    desk.settle()
    assert (tmp_path / "chart.png").read_bytes() == b"picture"
    assert threads != [threading.current_thread()]
    assert desk.messages[-1] == f"The chart is in {tmp_path / 'chart.png'}."
    assert desk.picture_files.folder == str(tmp_path)


def test_a_picture_that_cannot_be_written_is_told(desk, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    desk.picture_files.save(tmp_path / "file" / "chart.png", lambda: b"picture", "The chart")
    desk.settle()
    assert "chart.png" in desk.messages[-1]
    assert "is in" not in desk.messages[-1]
