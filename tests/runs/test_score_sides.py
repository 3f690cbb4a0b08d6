"""What a score compares: which model with which reference, and where that came from."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
from fakes import make_folder

from segstudio.runs.score_sides import folder_sides, image_sides


@pytest.fixture
def run(desk, tmp_path):
    """A folder with ground truth whose first image was predicted."""
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.segmenting.run_current()
    desk.settle()
    return desk


def now() -> str:
    return time.strftime("%H:%M")


def stroke(desk, x=6, y=6):
    desk.session.set_view(active_class=1, brush_size=1)
    desk.editing.begin_stroke(x, y)
    desk.editing.end_stroke()


def test_untouched_truth_is_ground_truth(run):
    assert image_sides(run.session).text == "Bright against ground truth"
    assert image_sides(run.session).warning == ""
    assert (
        folder_sides(run.session, run.scoring.of_folder().images).text
        == "Bright against ground truth"
    )


def test_an_edited_annotation_says_when_and_from_what(run):
    stroke(run)
    assert image_sides(run.session).text == f"Bright against your annotation (edited {now()})"
    run.editing.use_prediction()
    sides = image_sides(run.session)
    assert sides.text == f"Bright against your annotation (edited {now()}, started from Bright)"
    assert sides.warning == "Partly this model's own pixels: the score says little."
    assert folder_sides(run.session, run.scoring.of_folder().images).warning.startswith(
        "1 of 1: partly this model's own pixels"
    )
    stroke(run, 1, 1)  # a stroke on top does not make it the user's own
    assert image_sides(run.session).warning
    run.editing.undo()
    run.editing.undo()  # the prediction is gone again
    assert image_sides(run.session).warning == ""
    run.editing.redo()
    assert image_sides(run.session).warning
    run.editing.use_truth()
    assert image_sides(run.session).warning == ""


@pytest.mark.parametrize("back", ["undo", "use_truth"])
def test_what_is_as_the_ground_truth_again_is_called_ground_truth(run, back):
    stroke(run)
    run.clock.advance(1.1)
    run.settle()
    assert image_sides(run.session).reference.startswith("your annotation")
    getattr(run.editing, back)()
    run.clock.advance(1.1)
    run.settle()
    assert not run.session.state(0).edited
    assert image_sides(run.session).text == "Bright against ground truth"
    stroke(run)
    assert image_sides(run.session).text == f"Bright against your annotation (edited {now()})"


def test_a_region_that_was_taken_counts_too(run):
    document, shown = run.document, run.session.view.run
    differs = np.argwhere(document.annotation.labels != document.predictions[shown].labels)
    y, x = differs[0]
    run.editing.take_difference(shown, int(x), int(y))
    assert document.runs_taken == {shown}
    assert image_sides(run.session).warning


def test_it_is_known_after_a_restart(run, new_desk, tmp_path):
    run.editing.use_prediction()
    run.settle()
    root = run.session.project.root
    run.close()
    saved = sorted(root.rglob("*.png"), key=lambda p: p.stat().st_mtime)[-1]
    then = time.mktime((2026, 3, 4, 5, 6, 0, 0, 0, -1))
    os.utime(saved, (then, then))
    again = new_desk()
    again.open(root)
    again.settle()
    sides = image_sides(again.session)
    assert sides.reference == "your annotation (edited 2026-03-04 05:06, started from Bright)"
    assert sides.warning
    assert again.session.state(0).taken == {again.session.view.run}


def test_without_a_prediction_or_a_reference_there_is_nothing_to_compare(desk, tmp_path):
    assert image_sides(desk.session) is None
    desk.open(make_folder(tmp_path / "nuclei", truth=False))
    desk.segmenting.run_current()
    desk.settle()
    assert image_sides(desk.session) is None
    assert folder_sides(desk.session, 0) is None


def test_an_edit_of_an_image_that_is_not_open_has_nothing_of_the_open_ones_sources(run):
    run.editing.use_prediction()
    run.settle()
    assert run.session.state(0).taken
    removed = []
    run.studio.schema_keeper.add_class("x")
    run.browsing.select(1)
    run.settle()
    run.session.set_view(active_class=2, brush_size=1)
    run.editing.begin_stroke(0, 0)
    run.editing.end_stroke()
    run.browsing.select(0)
    run.settle()
    run.studio.class_removal.count(2, removed.append)
    run.settle()
    run.studio.class_removal.remove(removed[0], 1)  # changes image 1 while image 0 is open
    run.settle()
    assert run.session.state(1).edited
    assert run.session.state(1).taken == frozenset()
