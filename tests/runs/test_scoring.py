from __future__ import annotations

import csv
import io
import math
import threading

import numpy as np
import pytest
from fakes import make_folder, square, wait_for, write_mask

from segstudio.metrics.confusion import ConfusionMatrix, Metrics


@pytest.fixture
def scored(desk, tmp_path):
    """Three images, each 80 pixels in both, 20 only in each of reference and prediction."""
    desk.root = make_folder(tmp_path / "nuclei")
    desk.open(desk.root)
    desk.segmenting.run_all()
    desk.settle()
    return desk


def full_count(desk, run="bright") -> ConfusionMatrix:
    """Counted pixel by pixel with plain Python, ignoring 255."""
    document = desk.document
    truth = document.annotation.labels.reshape(-1).tolist()
    predicted = document.predictions[run].labels.reshape(-1).tolist()
    size = len(desk.session.counts[desk.session.index, run].counts)
    counts = np.zeros((size, size), np.int64)
    ignored = 0
    for t, p in zip(truth, predicted, strict=True):
        if t == 255:
            ignored += 1
        else:
            counts[t, p] += 1
    return ConfusionMatrix(counts, ignored)


def test_painting_counts_as_a_full_count_would(scored):
    rng = np.random.default_rng(3)
    scored.schema_keeper.add_class("debris")
    for _ in range(40):
        active = int(rng.choice([0, 1, 2, 255]))
        scored.session.set_view(active_class=active, brush_size=int(rng.integers(1, 9)))
        scored.editing.begin_stroke(*rng.uniform(-3, 32, 2))
        scored.editing.extend_stroke(*rng.uniform(-3, 32, 2))
        if rng.random() < 0.2:
            scored.editing.abort_stroke()
        scored.editing.end_stroke()
        if rng.random() < 0.3:
            scored.editing.undo()
        if rng.random() < 0.2:
            scored.editing.redo()
        scored.settle()
        assert scored.session.counts[0, "bright"] == full_count(scored)


def test_strokes_painted_while_a_count_is_under_way_are_in_it(scored):
    scored.session.set_view(active_class=1, brush_size=3)
    scored.scoring.count_document(scored.document)
    scored.editing.begin_stroke(6, 6)
    scored.editing.extend_stroke(6, 14)
    scored.jobs.wait_idle()
    scored.editing.extend_stroke(20, 14)
    scored.editing.end_stroke()
    scored.settle()
    assert scored.session.counts[0, "bright"] == full_count(scored)


def test_the_folder_follows_the_brush(scored):
    assert scored.scoring.of_folder().summed.iou[1] == pytest.approx(80 / 120)
    scored.editing.use_prediction()
    folder = scored.scoring.of_folder()
    assert folder.images == 3
    # 100 + 80 + 80 in both; the union is 100 + 120 + 120.
    assert folder.summed.iou[1] == pytest.approx(260 / 340)


def test_ignore_index_recounts_everything(scored):
    truth = square(left=7)
    truth[0:2] = 9
    for i in range(3):
        write_mask(scored.root / "masks" / f"a{i}.png", truth)
    scored.browsing.rescan()
    scored.settle()
    scored.schema_keeper.rename_class(1, "nucleus")  # what the model calls it
    scored.schema_keeper.add_class("void")
    scored.schema_keeper.set_ignore_index(1)
    scored.settle()
    folder = scored.scoring.of_folder()
    assert folder.images == 3
    assert folder.summed.ignored == 3 * 100
    assert 1 not in folder.summed.class_ids
    scored.schema_keeper.set_ignore_index(None)
    scored.settle()
    assert scored.scoring.of_folder().summed.ignored == 0
    assert scored.scoring.of_image().iou[1] == pytest.approx(80 / 120)


def test_what_a_replaced_count_had_still_to_do_is_done(desk, tmp_path):
    """A threshold is moved while the counts for another one are under way."""
    desk.open(make_folder(tmp_path / "nuclei", 8))
    for run in ("bright", "blobs"):
        desk.segmenting.choose(run)
        desk.segmenting.run_all()
        desk.settle()
    far = {(index, run) for index in (6, 7) for run in ("bright", "blobs")}
    assert far <= desk.session.counts.keys()
    gate = threading.Event()
    desk.jobs.submit("Busy", "scores", lambda _job: gate.wait(10))
    for run in ("blobs", "bright"):
        for index in (6, 7):
            desk.scoring.forget(index, run)
        desk.scoring.recount_runs({run})  # the second takes the place of the first
    gate.set()
    desk.settle()
    assert far <= desk.session.counts.keys()


def test_scores_of_an_earlier_session_come_back(scored, new_desk):
    scored.close()
    again = new_desk()
    again.open(scored.root)
    assert again.engine.runs == []
    assert again.scoring.of_folder("bright").images == 3
    assert again.scoring.of_folder("bright").summed.iou[1] == pytest.approx(80 / 120)


def test_csv_has_image_folder_and_means(scored, tmp_path):
    rows = list(csv.DictReader(io.StringIO(scored.scoring.csv())))
    by = {(r["scope"], r["image"], r["class"]): r for r in rows}
    object_ = by["folder", "", "class 1"]
    assert float(object_["iou"]) == pytest.approx(80 / 120, abs=1e-6)
    assert int(object_["reference_pixels"]) == 300
    one = by["image", "a2.png", "class 1"]
    assert float(one["dice"]) == pytest.approx(0.8)
    assert float(one["precision"]) == float(one["recall"]) == pytest.approx(0.8)
    background = 480 / 520
    expected = (background + 80 / 120) / 2
    assert float(by["folder", "", "image_mean_iou"]["iou"]) == pytest.approx(expected, abs=1e-6)
    assert float(by["image", "a0.png", "mean_iou"]["iou"]) == pytest.approx(expected, abs=1e-6)
    target = tmp_path / "scores.csv"
    scored.scoring.save_csv(target)
    scored.settle()
    assert target.read_text() == scored.scoring.csv()
    assert scored.scoring.csv("no such run") == ""
    assert {r["started_from_model"] for r in rows} == {""}


def test_the_csv_marks_images_whose_annotation_was_started_from_the_model(scored):
    scored.editing.use_prediction("bright")
    scored.clock.advance(1.2)
    scored.settle()
    for run, marked in (("bright", {"a0.png"}), ("blobs", set())):
        rows = list(csv.DictReader(io.StringIO(scored.scoring.csv(run))))
        own = {(r["scope"], r["image"]) for r in rows if r["started_from_model"] == "yes"}
        assert own == {("image", name) for name in marked}, run


def test_rows_carry_names_and_undefined_scores(scored):
    scored.schema_keeper.add_class("debris")
    scored.settle()
    rows = scored.scoring.rows(scored.scoring.of_image())
    assert [r.name for r in rows] == ["background", "class 1", "debris"]
    assert math.isnan(rows[2].iou)
    assert rows[1].truth_pixels == rows[1].predicted_pixels == 100
    assert rows[1].color == scored.session.schema.get(1).color


def test_renaming_and_recolouring_count_nothing_again(scored, monkeypatch):
    counted = []
    monkeypatch.setattr(scored.scoring, "recount", lambda: counted.append(1))
    scored.schema_keeper.rename_class(1, "cell")
    scored.schema_keeper.recolor_class(1, (9, 9, 9))
    assert counted == []
    scored.schema_keeper.add_class("x")
    assert counted == [1]


def test_whole_map_changes_of_large_images_are_counted_in_a_job(scored, monkeypatch):
    monkeypatch.setattr("segstudio.runs.scoring._IN_A_JOB_PIXELS", 10)
    scored.editing.clear()
    wait_for(scored.clock, lambda: scored.scoring.of_image().recall[0] < 1)
    scored.settle()
    assert scored.session.counts[0, "bright"] == full_count(scored)


def test_images_are_judged_by_what_is_foreground_now(scored):
    matrix = ConfusionMatrix(np.array([[480, 20], [20, 80]], np.int64))
    foreground, background = 80 / 120, 480 / 520
    scored.scoring.record(2, "bright", matrix)
    assert scored.scoring.lead_of(2) == pytest.approx(foreground)
    scored.schema_keeper.rename_class(0, "sky")
    scored.settle()
    scored.scoring.record(2, "bright", matrix)
    assert scored.scoring.lead_of(2) == pytest.approx((foreground + background) / 2)


def test_a_folder_is_scored_in_jobs_and_arrives_a_few_images_at_a_time(desk, tmp_path, monkeypatch):
    desk.open(make_folder(tmp_path / "nuclei", 40))
    desk.segmenting.run_all()
    desk.settle()
    worked_out_in, recorded = set(), [0]
    from_counts, record, arrived = Metrics.from_counts, desk.scoring.record, desk.clock.post

    def noted(*given):
        worked_out_in.add(threading.current_thread())
        return from_counts(*given)

    def counted(*given):
        recorded[-1] += 1
        record(*given)

    def post(fn):
        arrived(lambda: (recorded.append(0), fn()))

    for index in range(2, 40):  # those that are not held
        desk.scoring.forget(index, "bright")
    monkeypatch.setattr(Metrics, "from_counts", noted)
    monkeypatch.setattr(desk.scoring, "record", counted)
    monkeypatch.setattr(desk.clock, "post", post)
    desk.scoring.count_missing()
    desk.settle()
    assert sum(recorded) == 38
    assert max(recorded) <= 16
    assert threading.main_thread() not in worked_out_in
