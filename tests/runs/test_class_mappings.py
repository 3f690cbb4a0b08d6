"""Editing the class mapping: what is shown and counted follows, and no model runs again."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from fakes import BRIGHT, FakeEngine, make_folder, square, write_mask

from segstudio.core.difference import AGREE, IGNORED, difference
from segstudio.core.geometry import Rect
from segstudio.core.prediction import ModelSpec, WeightsFile
from segstudio.core.schema import LabelSchema
from segstudio.runs.class_mappings import MappingTable
from segstudio.session.session import SchemaOrigin, What
from segstudio.storage.schema_file import read_schema

NAMES = ("background", *(f"kind {chr(97 + i)}" for i in range(20)))
WIDE = ModelSpec(
    "wide", "Wide", "fake", "semantic", LabelSchema.from_names(NAMES), "", weights=WeightsFile("w")
)
SAME = ModelSpec(
    "same", "Same", "fake", "semantic", LabelSchema.from_names(NAMES), "", weights=WeightsFile("s")
)


@pytest.fixture
def mapped(new_desk, tmp_path):
    """Two classes with names; a model of 21, which calls the bright square "kind e" (5)."""
    engine = FakeEngine(WIDE, SAME)
    engine.bright_id = 5
    desk = new_desk(engine)
    root = make_folder(tmp_path / "nuclei")
    schema = LabelSchema.from_names(("background", "cell"))
    (root / "masks" / "segstudio.json").write_text(json.dumps(schema.to_json()))
    desk.open(root)
    desk.segmenting.run_all()
    desk.settle()
    desk.root = root
    return desk


def shown(desk) -> np.ndarray:
    return desk.document.predictions["wide"].labels


def test_the_guess_is_a_table(mapped):
    table = mapped.class_mappings.table("wide")
    assert isinstance(table, MappingTable)
    assert [row.name for row in table.rows] == list(NAMES)
    assert [row.target for row in table.rows] == [0, *[None] * 20]
    assert (table.unmapped, table.chosen, table.is_scored) == ("background", False, False)
    assert mapped.class_mappings.table("nobody") is None
    assert not shown(mapped).any()
    said = "None of the classes of Wide is one of the folder's."
    mapped.browsing.step(1)
    mapped.settle()
    assert mapped.messages.count(said) == 1


def test_a_model_with_none_of_the_folders_classes_is_shown_in_its_own_until_it_is_mapped(mapped):
    said = mapped.document.predictions["wide"]
    assert np.array_equal(said.own, square() * 5)
    assert np.array_equal(said.drawn, square() * 5)
    asked_for = []
    mapped.class_mappings.ask_mapping = asked_for.append
    text, ask = next(n.action for n in mapped.studio.notices.recent if n.action is not None)
    assert text == "Map its classes…"
    ask()
    assert asked_for == ["wide"]
    mapped.class_mappings.set("wide", {0: 0, 5: 1})
    mapped.settle()
    assert mapped.document.predictions["wide"].own is None
    assert np.array_equal(mapped.document.predictions["wide"].drawn, square())


def test_an_edit_counts_at_once_and_runs_nothing(mapped):
    ran = list(mapped.engine.runs)
    assert mapped.scoring.of_folder("wide") is None  # none of its classes is the folder's
    mapped.changes.clear()
    mapped.class_mappings.set("wide", {0: 0, 5: 1})
    mapped.settle()
    assert np.array_equal(shown(mapped), square())
    assert any(What.PREDICTIONS in change.what for change in mapped.changes)
    # The square of 10 x 10 lies two columns left of its truth.
    assert mapped.scoring.of_image("wide").iou[1] == pytest.approx(80 / 120)
    folder = mapped.scoring.of_folder("wide")
    assert folder.images == 3
    assert folder.summed.iou[1] == pytest.approx(80 / 120)
    mapped.browsing.step(1)
    mapped.settle()
    assert np.array_equal(shown(mapped), square())
    assert mapped.engine.runs == ran
    assert mapped.class_mappings.table("wide").chosen
    # It holds for every model with these classes.
    assert mapped.class_mappings.table("same").rows[5].target == 1


def test_it_is_saved_with_the_classes_and_comes_back(mapped, new_desk):
    mapped.class_mappings.set("wide", {0: 0, 5: 1}, "ignored")
    mapped.clock.advance(1.1)
    mapped.settle()
    saved = read_schema(mapped.root / "masks" / "segstudio.json")
    assert saved == mapped.session.schema
    assert saved.rules[0].unmapped == "ignored"
    mapped.close()
    again = new_desk(FakeEngine(WIDE, SAME))
    again.open(mapped.root)
    table = again.class_mappings.table("wide")
    assert (table.rows[5].target, table.unmapped, table.chosen) == (1, "ignored", True)
    assert again.scoring.of_folder("wide").summed.iou[1] == pytest.approx(80 / 120)
    assert again.engine.runs == []


def test_ignored_pixels_count_nowhere_also_while_painting(mapped):
    mapped.class_mappings.set("wide", {0: 0}, "ignored")
    mapped.settle()
    # The model says "kind e" on 100 of 600 pixels, 80 of which are cells: those count nowhere.
    scores = mapped.scoring.of_image("wide")
    assert (scores.total, scores.ignored) == (500, 100)
    assert scores.pixel_accuracy == pytest.approx(480 / 500)
    mapped.session.set_view(active_class=1, brush_size=1)
    mapped.editing.begin_stroke(6.5, 6.5)  # inside the square: nothing to count
    mapped.editing.end_stroke()
    assert mapped.scoring.of_image("wide").pixel_accuracy == pytest.approx(480 / 500)
    mapped.editing.begin_stroke(25.5, 2.5)  # outside: one wrong pixel more
    mapped.editing.end_stroke()
    mapped.settle()
    assert mapped.scoring.of_image("wide").pixel_accuracy == pytest.approx(479 / 500)


def test_what_is_ignored_is_not_taken_into_the_annotation(mapped):
    mapped.class_mappings.set("wide", {0: 0}, "ignored")
    mapped.settle()
    before = np.array(mapped.document.annotation.labels)
    mapped.editing.use_prediction("wide")
    mapped.settle()
    # Background everywhere but on the square, where the annotation stays as it was.
    assert np.array_equal(mapped.document.annotation.labels, before * square())


def test_reset_goes_back_to_the_names(mapped):
    mapped.class_mappings.set("wide", {0: 0, 5: 1})
    mapped.class_mappings.reset("wide")
    mapped.settle()
    assert not shown(mapped).any()
    assert not mapped.class_mappings.table("wide").chosen
    assert mapped.session.schema.rules == ()
    # Choosing what would be guessed anyway is no choice.
    mapped.class_mappings.set("wide", {0: 0})
    assert mapped.session.schema.rules == ()


def test_quick_edits_end_with_the_last(mapped):
    for target in (1, None, 1, 0, 1):
        mapped.class_mappings.set("wide", {0: 0, 5: target})
    mapped.class_mappings.set("wide", {0: 0, 4: 1})
    mapped.class_mappings.set("wide", {0: 0, 5: 1, 6: 1})
    mapped.settle()
    assert np.array_equal(shown(mapped), square())
    assert mapped.scoring.of_folder("wide").summed.iou[1] == pytest.approx(80 / 120)


def test_a_prediction_that_is_not_on_disk_is_asked_for_again(mapped):
    mapped.document.predictions["lost"] = mapped.document.predictions["wide"].__class__(
        "lost", "Lost", WIDE.schema, shown(mapped), mapped.document.predictions["wide"].confidence
    )
    mapped.class_mappings.set("wide", {0: 0, 5: 1})
    mapped.settle()
    assert "lost" not in mapped.document.predictions
    assert "Lost must be run again for the class mapping." in mapped.messages


def test_names_in_a_painted_folder_without_classes_are_not_changed_unasked(new_desk, tmp_path):
    desk = new_desk()
    desk.open(make_folder(tmp_path / "nuclei", truth=False))
    assert desk.session.schema_origin is SchemaOrigin.DEFAULT
    desk.session.set_view(active_class=1, brush_size=3)
    desk.editing.begin_stroke(6, 6)
    desk.editing.end_stroke()
    desk.segmenting.run_current()
    desk.settle()
    assert desk.session.schema.name_of(1) == "object"
    assert [n for n in desk.studio.notices.recent if n.action is not None] == []
    assert desk.studio.schema_keeper.can_use_model_names()
    desk.studio.schema_keeper.use_model_names()
    assert desk.session.schema.name_of(1) == "nucleus"
    assert not desk.studio.schema_keeper.can_use_model_names()


@pytest.fixture
def unnamed(new_desk, tmp_path):
    """Black and white masks in a folder whose name says nothing, and a model of nuclei that ran."""
    desk = new_desk()
    desk.root = make_folder(tmp_path / "pictures")
    desk.open(desk.root)
    desk.segmenting.run_all()
    desk.settle()
    return desk


def asked(desk):
    return [o.notice for o in desk.studio.notices.shown if "this folder a nucleus?" in o.message]


def test_what_a_model_finds_is_not_scored_against_a_class_without_a_name(unnamed):
    unnamed.evaluating.start(["bright"])
    unnamed.settle()
    assert np.array_equal(unnamed.document.predictions["bright"].labels, square())  # but shown
    assert unnamed.scoring.of_image("bright") is None
    assert unnamed.scoring.of_folder("bright") is None
    assert np.isnan(unnamed.evaluating.table.value(0, "bright", "mean_iou_foreground"))
    assert not unnamed.studio.schema_keeper.can_use_model_names()
    table = unnamed.class_mappings.table("bright")
    assert [row.target for row in table.rows] == [0, None]
    assert not table.is_scored
    (notice,) = asked(unnamed)
    assert [text for text, _ in notice.actions] == ["Yes, score nucleus as class 1", "No"]
    unnamed.session.set_view(active_class=1, brush_size=1)
    unnamed.editing.begin_stroke(25.5, 2.5)
    unnamed.editing.end_stroke()
    unnamed.settle()
    assert unnamed.scoring.of_image("bright") is None


def test_one_answer_scores_it_and_is_remembered(unnamed, new_desk):
    ran = list(unnamed.engine.runs)
    asked(unnamed)[0].action[1]()
    unnamed.settle()
    # The square of 10 x 10 lies two columns left of its truth.
    assert unnamed.scoring.of_folder("bright").summed.iou[1] == pytest.approx(80 / 120)
    assert unnamed.engine.runs == ran
    assert asked(unnamed) == []
    unnamed.clock.advance(1.1)
    unnamed.settle()
    unnamed.close()
    again = new_desk()
    again.open(unnamed.root)
    assert again.scoring.of_folder("bright").summed.iou[1] == pytest.approx(80 / 120)
    assert asked(again) == []
    again.class_mappings.reset("bright")
    again.settle()
    assert again.scoring.of_folder("bright") is None
    again.class_mappings.confirm("bright")
    again.settle()
    assert again.scoring.of_folder("bright").images == 3


def test_nobody_is_asked_whether_pedestrians_are_nuclei_but_who_says_so_is_believed(
    new_desk, tmp_path
):
    desk = new_desk()
    desk.open(make_folder(tmp_path / "pedestrians"))
    desk.segmenting.run_all()
    desk.settle()
    assert asked(desk) == []
    assert "None of the classes of Bright is one of the folder's." in desk.messages
    assert np.array_equal(desk.document.predictions["bright"].labels, square())  # but shown
    table = desk.class_mappings.table("bright")
    assert [row.target for row in table.rows] == [0, None]
    assert desk.scoring.of_folder("bright") is None
    desk.class_mappings.set("bright", {0: 0, 1: 1})
    desk.settle()
    assert desk.class_mappings.table("bright").chosen
    assert desk.scoring.of_folder("bright").summed.iou[1] == pytest.approx(80 / 120)


def test_no_is_remembered_too(unnamed):
    asked(unnamed)[0].second[1]()
    unnamed.settle()
    unnamed.browsing.step(1)
    unnamed.settle()
    assert asked(unnamed) == []
    assert unnamed.scoring.of_folder("bright") is None
    # It is shown as what it is not, and nothing of it is taken into the annotation.
    said, schema = unnamed.document.predictions["bright"], unnamed.session.schema
    assert np.array_equal(said.labels > 0, square())
    assert schema.name_of(int(said.labels.max())) == "none of the classes"
    assert said.notes == ("The folder has no class for the model's nucleus; they are not scored.",)
    before = np.array(unnamed.document.annotation.labels)
    unnamed.editing.use_prediction("bright")
    unnamed.settle()
    assert np.array_equal(unnamed.document.annotation.labels, before)
    assert unnamed.class_mappings.table("bright").chosen


def test_other_classes_than_the_folders_are_not_offered_as_names(new_desk, tmp_path):
    root = make_folder(tmp_path / "nuclei")
    truth = square(left=7)
    truth[0] = 9
    for i in range(3):
        write_mask(root / "masks" / f"a{i}.png", truth)
    desk = new_desk()
    desk.open(root)
    desk.segmenting.run_current()
    desk.settle()
    offered = [n.action[0] for n in desk.studio.notices.recent if n.action is not None]
    assert offered == ["Map its classes…"]
    assert not desk.studio.schema_keeper.can_use_model_names()


def test_the_evaluation_follows_and_runs_nothing(mapped):
    def follow() -> None:
        for _ in range(6):
            mapped.clock.advance(1.0)
            mapped.settle()

    mapped.evaluating.start(["wide"])
    follow()
    table = mapped.evaluating.table
    ran = list(mapped.engine.runs)
    assert np.isnan(table.value(0, "wide", "mean_iou"))  # none of its classes is the folder's
    mapped.class_mappings.set("wide", {0: 0, 5: 1})
    follow()
    assert table.value(0, "wide", "mean_iou") == pytest.approx((480 / 520 + 80 / 120) / 2)
    mapped.class_mappings.set("wide", {0: 0}, "ignored")
    follow()
    # Without the 100 pixels that the model calls "kind e", 20 cells are called background.
    assert table.value(0, "wide", "pixel_accuracy") == pytest.approx(480 / 500)
    assert table.folder("wide").matrix.counts.sum() == 3 * 500
    assert mapped.engine.runs == ran


def test_what_is_no_class_of_the_folder_is_not_taken(mapped):
    # As in CamVid, 0 is no background: a model's ground has no counterpart.
    mapped.schema_keeper.rename_class(0, "sky")
    mapped.class_mappings.set("wide", {5: 1})
    mapped.settle()
    assert np.unique(shown(mapped)).tolist() == [1, 2]  # 2 is past the classes
    before = np.array(mapped.document.annotation.labels)
    whole = np.ones((20, 30), np.bool_)
    mapped.editing.take_region("wide", Rect(0, 0, 20, 30), whole)
    mapped.settle()
    assert np.array_equal(mapped.document.annotation.labels, before | square())


def test_the_difference_leaves_out_what_is_ignored():
    reference = np.array([[0, 1, 1]], np.uint8)
    prediction = np.array([[2, 2, 1]], np.uint8)
    assert difference(reference, prediction, None, 2).tolist() == [[IGNORED, IGNORED, AGREE]]


UNNAMED = replace(WIDE, schema=LabelSchema.from_ids(range(6), None))


@pytest.mark.parametrize("later", [WIDE, UNNAMED], ids=["no class fits", "one fits by its number"])
def test_a_model_that_runs_after_another_one_can_bring_its_classes(new_desk, tmp_path, later):
    engine = FakeEngine(BRIGHT, later)
    desk = new_desk(engine)
    desk.open(make_folder(tmp_path / "photos", truth=False))
    desk.segmenting.choose("bright")
    desk.segmenting.run_current()
    desk.settle()
    engine.bright_id = 5
    desk.segmenting.choose("wide")
    desk.segmenting.run_current()
    desk.settle()
    assert not shown(desk).any()
    ((title, take),) = desk.notices.recent[-1].actions
    assert title == "Use those of Wide"
    take()
    desk.settle()
    assert desk.session.schema.names == later.schema.names
    assert desk.session.schema_origin is SchemaOrigin.MODEL
    assert np.array_equal(shown(desk), 5 * square())


def test_classes_in_which_something_was_painted_are_not_replaced(new_desk, tmp_path):
    engine = FakeEngine(BRIGHT, WIDE)
    desk = new_desk(engine)
    desk.open(make_folder(tmp_path / "photos", truth=False))
    desk.segmenting.choose("bright")
    desk.segmenting.run_current()
    desk.settle()
    adopted = desk.session.schema
    desk.segmenting.choose("wide")
    desk.segmenting.run_current()
    desk.settle()
    ((_, take),) = desk.notices.recent[-1].actions
    desk.session.set_state(0, edited=True)
    take()
    desk.settle()
    assert desk.session.schema == adopted
    assert desk.notices.recent[-1].message.startswith("The folder's classes stay")
