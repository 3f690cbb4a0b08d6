"""A model is not scored on pixels that it wrote itself, where it is kept who writes them."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from evaluating_steps import evaluate, later
from fakes import make_folder

from segstudio.core.provenance import ScoredAgainst
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.evaluation.own_pixels import own_pixels_notes, started_in
from segstudio.runs.score_sides import folder_sides, image_sides


@pytest.fixture
def kept(desk, tmp_path):
    """Both models have run on three images; the ground truth is two columns right of their answer.

    It has columns 7..16 of rows 5..14 of 30 x 20 pixels, they say columns 5..14.
    """
    desk.root = make_folder(tmp_path / "nuclei")
    desk.open(desk.root)
    desk.session.set_view(provenance=True, active_class=1, brush_size=1)
    for model in ("bright", "blobs"):
        desk.segmenting.choose(model)
        desk.segmenting.run_all()
        desk.settle()
    desk.bright, desk.blobs = desk.document.predictions
    desk.session.set_view(run=desk.bright)
    return desk


def take_two_columns(desk):
    """Columns 5 and 6, which the ground truth has not: 20 pixels."""
    desk.editing.take_difference(desk.bright, 5, 6)
    desk.settle()


def counts(desk, run, index=0):
    return desk.session.counts[index, run].counts.tolist()


WITHOUT = [[480, 0], [20, 80]]
"""Columns 15 and 16 are missed, 7..14 found; 5 and 6 count nowhere."""
ALL = [[480, 0], [20, 100]]
BLOBS = [[446, 34], [10, 110]]
"""The other model says columns 4..15 of rows 4..15: it misses column 16, and is scored on all."""


def test_what_was_taken_from_a_model_is_left_out_of_its_score_and_of_no_others(kept):
    assert counts(kept, kept.bright) == [[480, 20], [20, 80]]
    take_two_columns(kept)
    assert counts(kept, kept.bright) == WITHOUT
    assert counts(kept, kept.blobs) == BLOBS
    assert kept.scoring.of_image(kept.bright).iou[1] == pytest.approx(80 / 100)
    kept.editing.undo()
    kept.settle()
    assert counts(kept, kept.bright) == [[480, 20], [20, 80]]
    kept.editing.redo()
    kept.settle()
    assert counts(kept, kept.bright) == WITHOUT
    kept.session.set_view(active_class=0)
    kept.editing.begin_stroke(5, 6)  # a person says that it is none: that counts
    kept.editing.end_stroke()
    kept.settle()
    assert counts(kept, kept.bright) == [[480, 1], [20, 80]]


def test_how_much_is_left_out_is_said_beside_the_score(kept):
    take_two_columns(kept)
    sides = image_sides(kept.session)
    assert sides.warning == ""
    assert sides.text.endswith(", without 3.3 % taken from this model")
    kept.session.set_view(run=kept.blobs)
    assert "without" not in image_sides(kept.session).text
    kept.session.set_view(run=kept.bright)
    assert kept.scoring.of_folder().own.text == "without 1.1 % taken from this model"
    assert folder_sides(kept.session, 3).warning == ""
    rows = list(csv.DictReader(io.StringIO(kept.scoring.csv(kept.bright))))
    assert {row["started_from_model"] for row in rows if row["image"] == "a0.png"} == {""}


def test_switched_off_it_is_scored_on_all_and_warned_of(kept):
    take_two_columns(kept)
    kept.provenance.toggle()
    kept.settle()
    assert counts(kept, kept.bright) == ALL
    assert "own pixels" in image_sides(kept.session).warning
    kept.provenance.toggle()
    kept.settle()
    assert counts(kept, kept.bright) == WITHOUT


def test_files_of_images_that_are_not_open_are_scored_so_too(kept):
    take_two_columns(kept)
    later(kept)
    kept.browsing.select(2)
    kept.settle()
    for document in list(kept.studio._documents):
        if document is not kept.document:
            kept.studio._documents.drop(document.ref)
    kept.scoring.recount()
    kept.settle()
    assert counts(kept, kept.bright) == WITHOUT
    assert counts(kept, kept.blobs) == BLOBS
    assert kept.session.own_pixels[0, kept.bright].own == 20
    assert kept.session.own_pixels[0, kept.blobs].own == 0


def full_count(desk, run):
    """Counted pixel by pixel."""
    annotation = desk.document.annotation
    number = desk.session.writers.of_run(run)
    counted = annotation.labels != 255
    if number is not None:
        counted &= annotation.writers != number
    predicted = desk.document.predictions[run].labels
    found = np.zeros_like(desk.session.counts[0, run].counts)
    np.add.at(found, (annotation.labels[counted], predicted[counted]), 1)
    return found.tolist(), desk.document.annotation.labels.size - int(found.sum())


@pytest.mark.parametrize("ignore", [255, None], ids=["void", "nothing ignored"])
def test_any_edits_count_as_a_full_count_would(kept, ignore):
    schema = kept.session.schema.with_class(ClassSpec(2, "debris", (9, 9, 9)))
    kept.schema_keeper.set(replace(schema, ignore_index=ignore))
    kept.settle()
    rng = np.random.default_rng(5)
    for number in range(40):
        kept.session.set_view(active_class=int(rng.integers(3)), brush_size=int(rng.integers(1, 9)))
        what = int(rng.integers(4))
        if what == 0:
            run = (kept.bright, kept.blobs)[int(rng.integers(2))]
            kept.editing.take_difference(run, int(rng.integers(30)), int(rng.integers(20)))
        elif what == 1 and number % 3 == 0:
            kept.editing.use_prediction(kept.bright)
        elif what == 2:
            (kept.editing.undo, kept.editing.redo)[int(rng.integers(2))]()
        else:
            if rng.random() < 0.3:
                kept.scoring.count_document(kept.document)  # painted while it is counted
            kept.editing.begin_stroke(*rng.uniform(-3, 32, 2))
            kept.editing.extend_stroke(*rng.uniform(-3, 32, 2))
            kept.editing.end_stroke()
        kept.settle()
        for run in (kept.bright, kept.blobs):
            matrix = kept.session.counts[0, run]
            assert (matrix.counts.tolist(), matrix.ignored) == full_count(kept, run)
            number_of = kept.session.writers.of_run(run)
            own = 0 if number_of is None else (kept.document.annotation.writers == number_of).sum()
            assert kept.session.own_pixels[0, run].own == own


def test_an_evaluation_leaves_it_out_and_says_so(kept):
    take_two_columns(kept)
    later(kept, 2)
    table = evaluate(kept, "bright", "blobs")
    assert table.value(0, "bright", "pixel_accuracy") == pytest.approx(560 / 580)
    assert table.class_iou("bright")[0, 1] == pytest.approx(80 / 100)
    assert table.class_iou("blobs")[0, 1] == pytest.approx(110 / 154)
    assert (table.left_out("bright").own, table.left_out("bright").size) == (20, 1800)
    assert table.left_out("blobs").own == 0
    assert own_pixels_notes(started_in(kept.session.states), table) == [
        "“Bright” is measured without 1.1 % of the pixels: it wrote them itself."
    ]
    again = evaluate(kept, "bright", "blobs")  # from what is kept on disk
    assert again.left_out("bright").own == 20


def test_figures_kept_before_it_was_switched_on_are_not_taken_for_those_without(kept):
    kept.provenance.toggle()
    kept.settle()
    take_two_columns(kept)
    later(kept, 2)
    table = evaluate(kept, "bright")
    assert table.class_iou("bright")[0, 1] == pytest.approx(100 / 120)
    assert table.left_out("bright").size == 0


def test_a_folder_in_which_every_number_is_a_class_has_none_to_leave_out_by():
    full = LabelSchema.from_names([f"c{i}" for i in range(256)], None)
    labels, writers = np.zeros((2, 2), np.uint8), np.full((2, 2), 3, np.uint8)
    assert ScoredAgainst.of(labels, writers, 3, full).own == -1
    some = LabelSchema.from_names(["a", "b"], None)
    against = ScoredAgainst.of(labels, writers, 3, some)
    assert (against.own, against.schema.ignore_index) == (4, 255)
    assert (against.labels == 255).all()
