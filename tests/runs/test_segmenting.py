from __future__ import annotations

import time

import numpy as np
import pytest
from fakes import BRIGHT, FakeEngine, make_folder, square, wait_for, write_photo

from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import ModelSpec, RunOptions, WeightsFile
from segstudio.core.schema import LabelSchema
from segstudio.folder.files import FolderFiles
from segstudio.metrics import tally
from segstudio.session.session import SchemaOrigin, What

WIDE = ModelSpec(
    "wide",
    "Wide",
    "fake",
    "semantic",
    LabelSchema.from_names(("background", *(f"thing {i}" for i in range(1, 21)))),
    "",
    weights=WeightsFile("wide"),
)


def test_models_are_listed_and_the_first_is_chosen(desk):
    assert list(desk.session.models) == ["bright", "blobs"]
    assert desk.session.model.chosen == "bright"
    assert desk.session.model.available == {"bright", "blobs"}
    desk.changes.clear()
    desk.segmenting.choose("blobs")
    desk.segmenting.choose("no such model")
    assert desk.session.model.chosen == "blobs"
    assert [c.what for c in desk.changes] == [What.MODELS]


def test_the_choice_is_remembered(desk, new_desk):
    desk.segmenting.choose("blobs")
    desk.segmenting.set_options(score_threshold=0.7)
    desk.close()
    again = new_desk()
    assert again.session.model.chosen == "blobs"
    assert again.session.model.options == RunOptions(score_threshold=0.7)


def test_weights_that_are_missing_are_fetched_first(desk, tmp_path):
    desk.engine.missing.add("bright")
    desk.segmenting.refresh_models()
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.segmenting.choose("bright")
    assert "bright" not in desk.session.model.available
    desk.segmenting.run_current()
    desk.settle()
    assert desk.engine.downloads == ["bright"]
    assert "bright" in desk.session.model.available
    assert desk.scoring.of_image() is not None


def test_download_alone(desk):
    desk.engine.missing.add("blobs")
    desk.segmenting.refresh_models()
    desk.settle()
    desk.downloads.start("blobs")
    desk.settle()
    assert "blobs" in desk.session.model.available
    assert desk.messages[-1] == "Blobs is ready to run."


def test_a_file_of_ones_own(desk, tmp_path):
    file = tmp_path / "mine.pt"
    desk.own_weights.open(file)
    desk.settle()
    assert desk.notices.recent[-1].level == "error"
    file.write_bytes(b"1")
    desk.own_weights.open(file)
    desk.settle()
    assert desk.session.model.chosen == "mine"
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.segmenting.run_on([0, 1])
    desk.settle()
    desk.segmenting.run_on([0, 1])
    desk.settle()
    assert desk.engine.runs == ["mine"] * 2
    # Trained further under the same name: nothing of the old file is taken for it.
    file.write_bytes(b"2")
    desk.segmenting.run_on([0, 1])
    desk.settle()
    assert desk.engine.runs == ["mine"] * 4


def test_a_failing_model_is_one_notice_and_changes_nothing(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.engine.failing = SegstudioError("Bright failed on a0.png.", "Try another model.")
    before = np.array(desk.document.annotation.labels)
    desk.segmenting.run_current()
    desk.settle()
    assert [n.message for n in desk.notices.recent] == ["Bright failed on a0.png."]
    assert desk.document.predictions == {}
    assert np.array_equal(desk.document.annotation.labels, before)
    desk.segmenting.run_all()
    desk.settle()
    assert desk.messages[-1] == "3 of 3 images failed: a0.png, a1.png, a2.png."


def test_run_current_runs_again_and_run_on_reuses(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.segmenting.run_on([0, 2])
    desk.settle()
    assert len(desk.engine.runs) == 2
    desk.segmenting.run_all()
    desk.settle()
    assert len(desk.engine.runs) == 3
    desk.segmenting.run_current()
    desk.settle()
    assert len(desk.engine.runs) == 4


def test_the_open_image_goes_first_while_all_are_run(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", count=6))
    desk.browsing.select(5)
    desk.settle()
    desk.engine.gate.clear()
    desk.segmenting.run_all()
    wait_for(desk.clock, desk.engine.entered.is_set)
    desk.segmenting.run_current()
    order = []

    def note(change):
        if What.STATES in change.what:
            order.extend(i for i in change.images if desk.session.state(i).runs)

    desk.session.changed.connect(note)
    desk.engine.gate.set()
    desk.settle()
    assert order == [0, 5, 1, 2, 3, 4]


def test_predictions_never_touch_the_annotation(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei"))
    before = np.array(desk.document.annotation.labels)
    desk.segmenting.run_all()
    desk.settle()
    assert np.array_equal(desk.document.annotation.labels, before)
    assert not desk.document.dirty


def test_classes_of_a_model_are_adopted_where_there_are_none(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", truth=False))
    assert desk.session.schema_origin is SchemaOrigin.DEFAULT
    desk.segmenting.run_current()
    desk.settle()
    assert desk.session.schema == BRIGHT.schema
    assert desk.session.schema_origin is SchemaOrigin.MODEL


def test_they_are_adopted_again_with_stored_predictions(new_desk, tmp_path):
    engine = FakeEngine(WIDE)
    engine.bright_id = 20
    first = new_desk(engine)
    root = make_folder(tmp_path / "nuclei", truth=False)
    first.open(root)
    first.segmenting.run_current()
    first.settle()
    first.close()
    again = new_desk(engine)
    again.open(root)
    assert again.session.schema == WIDE.schema
    assert again.document.predictions["wide"].labels.max() == 20


def test_more_classes_than_the_folder_has_count_as_background(new_desk, tmp_path):
    engine = FakeEngine(WIDE)
    engine.bright_id = 20
    desk = new_desk(engine)
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.segmenting.run_all()
    desk.settle()
    metrics = desk.scoring.of_image()
    assert metrics.class_ids == (0, 1)
    assert metrics.iou[1] == 0.0
    assert metrics.pixel_accuracy == pytest.approx((600 - 100) / 600)
    (note,) = desk.document.predictions["wide"].notes
    assert note.endswith("thing 5, thing 6 and 14 more; they count as background.")
    assert desk.scoring.of_folder().images == 3
    desk.session.set_view(active_class=1, brush_size=3)
    desk.editing.begin_stroke(6, 6)  # painting over an id outside the classes is no trouble
    desk.editing.end_stroke()
    assert desk.scoring.of_image().recall[1] == 0.0


def test_removing_a_prediction(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei"))
    for model in ("bright", "blobs"):
        desk.segmenting.choose(model)
        desk.segmenting.run_current()
        desk.settle()
    assert desk.session.view.run == "blobs"
    desk.segmenting.remove_prediction()
    assert desk.session.view.run == "bright"
    assert set(desk.document.predictions) == {"bright"}
    assert desk.session.state(0).runs == {"bright"}
    desk.settle()
    desk.segmenting.run_on([0])
    desk.settle()
    assert desk.engine.runs == ["bright", "blobs", "blobs"]


def test_the_same_run_is_shown_from_image_to_image(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei"))
    for model in ("blobs", "bright"):
        desk.segmenting.choose(model)
        desk.segmenting.run_all()
        desk.settle()
    desk.segmenting.show("blobs")
    desk.browsing.step(1)
    desk.settle()
    assert set(desk.document.predictions) == {"blobs", "bright"}
    assert desk.session.view.run == "blobs"


def test_after_a_start_the_chosen_model_is_shown_else_the_first_in_their_order(new_desk, tmp_path):
    folder = make_folder(tmp_path / "nuclei")
    desk = new_desk()
    desk.open(folder)
    for model in ("blobs", "bright"):
        desk.segmenting.choose(model)
        desk.segmenting.run_all()
        desk.settle()
    desk.close()
    again = new_desk()
    again.open(folder)
    assert again.session.model.chosen == "bright"
    assert again.session.view.run == "bright"
    again.segmenting.choose("blobs")
    again.close()
    third = new_desk()
    third.open(folder)
    assert third.session.view.run == "blobs"
    third.segmenting.remove_prediction("blobs")
    assert third.session.view.run == "bright"


def test_running_without_a_folder_says_what_to_do(desk):
    desk.segmenting.run_current()
    desk.segmenting.run_all()
    desk.segmenting.run_on([0])
    desk.settle()
    assert desk.messages == ["Open a folder first."]


def test_an_image_without_reference_has_no_scores_until_painted(desk, tmp_path):
    root = tmp_path / "nuclei"
    write_photo(root / "a.png", square())
    desk.open(root)
    desk.segmenting.run_current()
    desk.settle()
    assert desk.scoring.of_image() is None
    desk.session.set_view(active_class=1, brush_size=1)
    desk.editing.begin_stroke(5, 5)
    desk.editing.end_stroke()
    desk.settle()
    assert desk.scoring.of_image().iou[1] == pytest.approx(1 / 100)


def test_failures_are_told_though_the_folder_was_read_again_meanwhile(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", count=3)
    desk.open(root)
    (root / "a2.png").write_bytes(b"no image")
    desk.engine.gate.clear()
    desk.segmenting.run_all()
    assert desk.engine.entered.wait(10)
    desk.browsing.rescan()
    wait_for(desk.clock, lambda: not [j for j in desk.jobs.jobs() if j.lane == "files"])
    desk.engine.gate.set()
    desk.settle()
    assert any(m.startswith("1 of 3 images failed: a2.png") for m in desk.messages)


def test_what_failed_is_not_said_any_more_once_a_run_of_all_did_it(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", count=3)
    whole = (root / "a2.png").read_bytes()
    desk.open(root)

    def run_all_with(content: bytes) -> list[str]:
        (root / "a2.png").write_bytes(content)
        desk.segmenting.run_all()
        desk.settle()
        return [o.message for o in desk.notices.shown if "images failed" in o.message]

    told = ["1 of 3 images failed: a2.png."]
    assert run_all_with(b"no image") == told
    assert run_all_with(b"still none") == told
    assert run_all_with(whole) == []


def test_run_all_pressed_twice_runs_once(desk, tmp_path):
    desk.open(make_folder(tmp_path / "set"))
    desk.engine.gate.clear()
    desk.segmenting.run_all()
    wait_for(desk.clock, desk.engine.entered.is_set)
    desk.segmenting.run_all()
    assert len([j for j in desk.jobs.jobs() if j.lane == "model"]) == 1
    assert "is running on these images already" in desk.messages[-1]
    desk.segmenting.cancel()
    desk.segmenting.run_all()  # what was told to stop does not go on by itself
    desk.engine.gate.set()
    desk.settle()
    states = [desk.session.state(i).runs for i in range(len(desk.session.project.images))]
    assert all(states)


def counts_spied_on(monkeypatch) -> list[str]:
    """What is counted from now on: every pair of maps, and before it what asks for stored ones."""
    counted: list[str] = []
    maps, stored = tally.count, FolderFiles.count

    def spied_maps(*args):
        counted.append("maps")
        return maps(*args)

    def spied_stored(*args):
        counted.append("stored")
        return stored(*args)

    monkeypatch.setattr(tally, "count", spied_maps)
    monkeypatch.setattr(FolderFiles, "count", spied_stored)
    return counted


def test_a_run_counts_every_image_once(desk, tmp_path, monkeypatch):
    desk.open(make_folder(tmp_path / "nuclei", count=5))
    counted = counts_spied_on(monkeypatch)
    desk.segmenting.run_all()
    desk.settle()
    assert len(counted) == 5
    assert set(desk.session.counts) == {(i, "bright") for i in range(5)}


def test_an_image_that_is_let_go_while_the_model_runs_is_counted_from_its_files(
    desk, tmp_path, monkeypatch
):
    desk.open(make_folder(tmp_path / "nuclei", count=5))
    counted = counts_spied_on(monkeypatch)
    desk.engine.gate.clear()
    desk.segmenting.run_current()
    wait_for(desk.clock, desk.engine.entered.is_set)
    desk.browsing.select(4)
    wait_for(desk.clock, lambda: desk.session.index == 4 and desk.document is not None)
    desk.browsing._documents.drop(desk.session.project.images[0])
    desk.engine.gate.set()
    desk.settle()
    assert counted == ["stored", "maps"]
    assert set(desk.session.counts) == {(0, "bright")}


def test_the_next_image_is_read_while_the_network_works(desk, tmp_path, monkeypatch):
    read, real = [], FolderFiles.image

    def image(files, ref, check):
        read.append(ref.name)
        return real(files, ref, check)

    monkeypatch.setattr(FolderFiles, "image", image)
    desk.open(make_folder(tmp_path / "nuclei", count=4))
    desk.engine.gate.clear()
    desk.segmenting.run_on([1, 2, 3])
    assert desk.engine.entered.wait(30)
    deadline = time.monotonic() + 30
    while not read and time.monotonic() < deadline:
        time.sleep(0.005)
    assert read == ["a2.png"]  # the first is in memory, since it stands beside the open one
    assert desk.engine.runs == ["bright"]
    desk.engine.gate.set()
    desk.settle()
    assert read == ["a2.png", "a3.png"]
    assert [desk.session.state(i).runs for i in (1, 2, 3)] == [{"bright"}] * 3


def test_an_image_read_ahead_that_is_broken_is_told_in_its_turn(desk, tmp_path):
    folder = make_folder(tmp_path / "nuclei", count=4)
    desk.open(folder)
    (folder / "a2.png").write_bytes(b"no picture")
    desk.segmenting.run_on([1, 2, 3])
    desk.settle()
    assert [bool(desk.session.state(i).runs) for i in (1, 2, 3)] == [True, False, True]
    assert any("a2.png" in message for message in desk.messages)
