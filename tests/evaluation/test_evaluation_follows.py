"""What figures of an evaluation follow: the annotation, the files, the classes, the thresholds."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from evaluating_steps import GROUND, MEAN, NUCLEUS, evaluate, later, paint_the_missing_columns
from fakes import BRIGHT, FakeEngine, make_folder, square, wait_for, write_mask

from segstudio.core.class_rules import ClassRule
from segstudio.core.prediction import ModelSpec, WeightsFile
from segstudio.core.schema import LabelSchema
from segstudio.session.session import What


def test_figures_follow_the_annotation(new_desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", 2)
    desk = new_desk()
    desk.open(root)
    table = evaluate(desk)
    paint_the_missing_columns(desk)
    assert table.column("bright", "mean_iou") == pytest.approx([MEAN, MEAN])
    later(desk)
    # 100 pixels in both, 20 only in the reference.
    painted = (100 / 120 + 480 / 500) / 2
    assert desk.document.dirty
    assert table.column("bright", "mean_iou") == pytest.approx([painted, MEAN])
    assert table.confusion("bright").counts.tolist() == [[960, 20], [40, 180]]
    desk.editing.undo()
    later(desk)
    assert table.column("bright", "mean_iou") == pytest.approx([MEAN, MEAN])
    desk.editing.redo()
    later(desk, 3)
    assert not desk.document.dirty
    later(desk)
    assert table.column("bright", "mean_iou") == pytest.approx([painted, MEAN])
    desk.close()
    again = new_desk()
    again.open(root)
    assert evaluate(again).column("bright", "mean_iou") == pytest.approx([painted, MEAN])
    assert again.engine.runs == []


def test_an_image_that_is_left_is_measured_as_it_was_painted(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", 2, truth=False)
    desk.open(root)
    table = evaluate(desk)
    assert table.indices("bright", scored=True).tolist() == []
    desk.session.set_view(active_class=1, brush_size=4)
    desk.editing.begin_stroke(10, 10)
    desk.editing.end_stroke()
    desk.browsing.select(1)
    desk.settle()
    later(desk)
    assert table.indices("bright", scored=True).tolist() == [0]
    painted = int(desk.studio.evaluating.table.image(0, "bright").pairs.matrix(2).counts[1].sum())
    assert painted == 12  # a disc of diameter 4


def test_what_is_painted_while_models_run_is_measured(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", 2))
    desk.engine.gate.clear()
    desk.evaluating.start(["bright"])
    wait_for(desk.clock, desk.engine.entered.is_set)
    paint_the_missing_columns(desk)
    desk.autosave.save_now()
    wait_for(desk.clock, lambda: not desk.document.dirty)
    desk.engine.gate.set()
    desk.settle()
    later(desk)
    painted = (100 / 120 + 480 / 500) / 2
    assert desk.evaluating.table.column("bright", "mean_iou") == pytest.approx([painted, MEAN])


def test_images_changed_by_another_program_are_seen_with_refresh(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", 3)
    desk.open(root)
    table = evaluate(desk)
    write_mask(root / "masks" / "a2.png", square(left=5))
    desk.evaluating.refresh([2])
    later(desk)
    assert table.column("bright", "mean_iou") == pytest.approx([MEAN, MEAN, 1])
    assert table.figure("bright", "image_mean_iou") == pytest.approx((2 * MEAN + 1) / 3)
    assert len(desk.engine.runs) == 3


def three_class_model():
    """Its nucleus is class 2, its class 1 the folder does not have."""
    return ModelSpec(
        id="three",
        title="Three",
        family="fake",
        task="semantic",
        schema=LabelSchema.from_names(("background", "dirt", "nucleus")),
        builder="",
        weights=WeightsFile("three"),
    )


def named_folder(root, count=2):
    make_folder(root, count)
    text = '{"classes": [{"id": 0, "name": "background"}, {"id": 1, "name": "nucleus"}]}'
    (root / "masks" / "segstudio.json").write_text(text)
    return root


def test_classes_are_mapped_once_whether_an_image_is_open_or_not(new_desk, tmp_path):
    engine = FakeEngine(three_class_model(), BRIGHT)
    engine.bright_id = 2
    desk = new_desk(engine)
    desk.open(named_folder(tmp_path / "nuclei"))
    desk.segmenting.choose("three")
    desk.segmenting.run_current()
    desk.settle()
    assert set(np.unique(desk.document.predictions["three"].labels)) == {0, 1}
    table = evaluate(desk, "three")
    assert table.column("three", "mean_iou") == pytest.approx([MEAN, MEAN])
    paint_the_missing_columns(desk)
    later(desk)
    assert table.column("three", "mean_iou")[0] == pytest.approx((100 / 120 + 480 / 500) / 2)


def test_another_class_mapping_is_measured_without_a_run(new_desk, tmp_path):
    engine = FakeEngine(three_class_model(), BRIGHT)
    engine.bright_id = 1  # dirt
    desk = new_desk(engine)
    desk.open(named_folder(tmp_path / "nuclei"))
    table = evaluate(desk, "three")
    # Dirt counts as background: nothing is found.
    assert table.class_iou("three")[0].tolist() == pytest.approx([500 / 600, 0])
    names = three_class_model().schema.names
    desk.class_mappings.set("three", {0: 0, 1: 1, 2: 1})
    later(desk)
    assert table.class_iou("three")[0].tolist() == pytest.approx([GROUND, NUCLEUS])
    desk.class_mappings.set("three", {0: 0, 2: 1}, "ignored")
    later(desk)
    # The 100 pixels of dirt count nowhere: 480 of background and 20 of nucleus are left.
    assert desk.session.schema.rules == (ClassRule.of(names, {0: 0, 2: 1}, "ignored"),)
    assert table.class_iou("three")[0].tolist() == pytest.approx([480 / 500, 0])
    assert len(engine.runs) == 2
    assert desk.session.evaluation.done == {"three": 2}


def test_the_ignore_index_counts_at_once(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", 2))
    table = evaluate(desk)
    desk.schema_keeper.set_ignore_index(0)
    later(desk)
    # Only the nucleus is left to score: 80 of its 100 pixels were found.
    assert table.class_ids == (1,)
    assert table.class_iou("bright")[0].tolist() == pytest.approx([0.8])
    assert len(desk.engine.runs) == 2


def test_another_name_of_a_class_is_shown_and_nothing_is_counted(desk, tmp_path, monkeypatch):
    desk.open(make_folder(tmp_path / "nuclei", 2))
    table = evaluate(desk)
    work = "segstudio.evaluation.work.EvaluationWork.work"
    monkeypatch.setattr(work, lambda *_: pytest.fail("nothing is to be counted"))
    desk.changes.clear()
    desk.schema_keeper.rename_class(1, "cell")
    later(desk)
    assert table.schema.name_of(1) == "cell"
    assert any(What.EVALUATION in change.what for change in desk.changes)


def test_a_copy_of_the_folder_has_its_predictions(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", 2)
    desk.open(root)
    evaluate(desk)
    copied = shutil.copytree(root, tmp_path / "nuclei copy")
    desk.open(copied)
    assert set(desk.document.predictions) == {"bright"}
    assert evaluate(desk).column("bright", "mean_iou") == pytest.approx([MEAN, MEAN])
    assert len(desk.engine.runs) == 2


def test_thresholds_of_instance_models_count_at_once(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", 2))
    table = evaluate(desk, "bright", "blobs")
    found = table.class_iou("blobs")[0, 1]
    assert found > 0.5
    desk.segmenting.set_options(score_threshold=0.95)  # the blob's score is 0.9
    later(desk)
    assert table.class_iou("blobs")[0].tolist() == pytest.approx([500 / 600, 0])
    assert table.class_iou("bright")[0, 1] == pytest.approx(NUCLEUS)
    desk.segmenting.set_options(score_threshold=0.5)
    later(desk)
    assert table.class_iou("blobs")[0, 1] == found
    assert len(desk.engine.runs) == 4


def test_a_variant_with_other_thresholds_takes_the_models_own_answers(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", 2))
    strict = desk.named_runs.add_variant("Strict", "blobs", score_threshold=0.95)
    table = evaluate(desk, "blobs", strict)
    assert desk.engine.runs == ["blobs", "blobs"]
    assert table.class_iou(strict)[0].tolist() == pytest.approx([500 / 600, 0])
    assert table.class_iou("blobs")[0, 1] > 0.5


def test_figures_against_the_originals_do_not_follow_corrections(new_desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", 2)
    desk = new_desk()
    desk.open(root)
    table = evaluate(desk)
    paint_the_missing_columns(desk)
    later(desk, 3)
    assert not desk.document.dirty
    later(desk)
    painted = (100 / 120 + 480 / 500) / 2
    assert table.column("bright", "mean_iou") == pytest.approx([painted, MEAN])
    desk.evaluating.set_options(originals=True)
    later(desk)
    assert table.column("bright", "mean_iou") == pytest.approx([MEAN, MEAN])
    desk.editing.clear()
    later(desk, 3)
    later(desk)
    assert table.column("bright", "mean_iou") == pytest.approx([MEAN, MEAN])
    desk.editing.undo()
    later(desk, 3)
    desk.evaluating.set_options(originals=False)
    later(desk)
    assert table.column("bright", "mean_iou") == pytest.approx([painted, MEAN])
