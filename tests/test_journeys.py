"""Whole journeys through the application with a fake model."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
from fakes import make_folder, square, wait_for, write_mask, write_photo
from strokes import undo_title


def test_open_run_paint_undo_save_reopen(desk, new_desk, tmp_path):
    root = make_folder(tmp_path / "nuclei")
    desk.open(root)
    assert desk.session.project.name == "nuclei"
    assert desk.document.ref.name == "a0.png"
    assert desk.document.origin == "ground truth"

    desk.segmenting.choose("bright")
    desk.segmenting.run_current()
    desk.settle()
    # Both squares are 10 x 10, two columns apart: 80 pixels in both, 20 only in each.
    metrics = desk.scoring.of_image()
    assert metrics.iou[1] == pytest.approx(80 / 120)
    assert metrics.dice[1] == pytest.approx(160 / 200)

    # Columns 5 and 6, rows 5..14, become class 1: now 100 in both, 20 only in the reference.
    desk.session.set_view(active_class=1, brush_size=2)
    desk.editing.begin_stroke(6, 6)
    desk.editing.extend_stroke(6, 14)
    assert desk.scoring.of_image().iou[1] == pytest.approx(100 / 120)
    desk.editing.end_stroke()
    assert undo_title(desk.document.history) == "Brush: class 1"

    desk.editing.undo()
    assert desk.scoring.of_image().iou[1] == pytest.approx(80 / 120)
    desk.editing.redo()
    assert desk.scoring.of_image().iou[1] == pytest.approx(100 / 120)
    assert desk.document.dirty
    desk.clock.advance(1.1)
    desk.settle()
    assert not desk.document.dirty
    painted = np.array(desk.document.annotation.labels)
    assert desk.close()

    again = new_desk()
    again.open(root)
    assert again.document.origin == "saved"
    assert np.array_equal(again.document.annotation.labels, painted)
    # The file of the other program is still the ground truth.
    assert again.document.truth.labels[5, 5] == 0
    assert (root / "masks" / ".originals" / "a0.png").exists()
    # The prediction was kept too and is scored against what was painted.
    assert again.scoring.of_image("bright").iou[1] == pytest.approx(100 / 120)


def test_a_late_result_goes_to_its_own_image(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.engine.gate.clear()
    desk.segmenting.run_current()
    wait_for(desk.clock, desk.engine.entered.is_set)
    desk.browsing.step(1)
    wait_for(desk.clock, lambda: desk.document.ref.name == "a1.png")
    shown = desk.document
    desk.engine.gate.set()
    desk.settle()
    assert desk.document is shown
    assert shown.predictions == {}
    assert desk.scoring.of_image("bright") is None
    # The folder's scores have it, and going back shows it.
    assert desk.scoring.of_folder("bright").images == 1
    assert desk.session.state(0).runs == {"bright"}
    desk.browsing.step(-1)
    desk.settle()
    assert set(desk.document.predictions) == {"bright"}
    assert desk.scoring.of_image().iou[1] == pytest.approx(80 / 120)


def test_a_late_result_of_another_folder_is_not_lost(desk, tmp_path):
    first = make_folder(tmp_path / "first")
    second = make_folder(tmp_path / "second")
    for number in range(3):  # copies would have the same predictions
        write_photo(second / f"a{number}.png", square(left=12))
    desk.open(first)
    desk.engine.gate.clear()
    desk.segmenting.run_current()
    wait_for(desk.clock, desk.engine.entered.is_set)
    desk.browsing.open_path(second)
    wait_for(desk.clock, lambda: desk.session.project.root == second and desk.document)
    desk.engine.gate.set()
    desk.settle()
    assert desk.document.predictions == {}
    assert desk.session.counts == {}
    desk.open(first)
    assert set(desk.document.predictions) == {"bright"}


def test_cancel_stops_inside_the_forward(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", count=5))
    desk.engine.gate.clear()
    desk.segmenting.run_all()
    wait_for(desk.clock, desk.engine.entered.is_set)
    desk.segmenting.cancel()
    desk.settle()  # the gate never opened
    assert "Bright was stopped after 0 of 5 images." in desk.messages
    assert desk.session.counts == {}
    # The model runs again afterwards.
    desk.engine.gate.set()
    desk.segmenting.run_current()
    desk.settle()
    assert desk.scoring.of_image() is not None


def test_cancel_stops_the_runs_and_nothing_else_of_their_lane(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", count=3))
    desk.engine.gate.clear()
    desk.segmenting.run_all()
    wait_for(desk.clock, desk.engine.entered.is_set)
    desk.evaluating.start(["bright"])  # gives way to the run, and waits for it
    desk.own_weights.open(make_weights(tmp_path))
    assert desk.segmenting.running
    desk.segmenting.cancel()
    assert not desk.segmenting.running
    desk.engine.gate.set()
    desk.settle()
    assert "Bright was stopped after 0 of 3 images." in desk.messages
    assert desk.session.evaluation.done == {"bright": 3}
    assert not desk.session.evaluation.stopped
    assert "own" in desk.session.models


def test_cancelling_a_run_does_not_stop_an_evaluation_that_runs_models(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", count=3))
    desk.engine.gate.clear()
    desk.evaluating.start(["bright"])
    wait_for(desk.clock, desk.engine.entered.is_set)
    assert not desk.segmenting.running
    desk.segmenting.cancel()
    desk.engine.gate.set()
    desk.settle()
    assert desk.session.evaluation.done == {"bright": 3}
    assert not desk.session.evaluation.stopped


def test_a_run_lets_go_of_the_pixels_once_it_has_ended(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", count=2))
    pixels = weakref.ref(desk.document.pixels)
    desk.segmenting.run_all()
    desk.settle()
    desk.open(make_folder(tmp_path / "other", count=1))
    desk.changes.clear()
    gc.collect()
    assert pixels() is None


def make_weights(folder):
    path = folder / "own.safetensors"
    path.write_bytes(b"")
    return path


def test_run_all_with_a_broken_image(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", count=20)
    (root / "a7.png").write_bytes((root / "a7.png").read_bytes()[:40])
    desk.open(root)
    desk.segmenting.run_all()
    desk.settle()
    folder = desk.scoring.of_folder("bright")
    assert folder.images == 19
    # Every image is the same case: 80 pixels in both, 20 only in each.
    assert folder.summed.iou[1] == pytest.approx(80 / 120)
    assert folder.summed.truth_pixels[1] == 1900
    background = (600 - 120) / (600 - 80)
    assert folder.image_means["image_mean_iou"] == pytest.approx((background + 80 / 120) / 2)
    failures = [n for n in desk.notices.recent if n.level == "error"]
    assert len(failures) == 1
    assert failures[0].message == "1 of 20 images failed: a7.png."
    assert [i for i in range(20) if desk.session.state(i).runs] == [i for i in range(20) if i != 7]
    # A second run takes all of them from disk, but for the broken one.
    ran = len(desk.engine.runs)
    desk.segmenting.run_all()
    desk.settle()
    assert len(desk.engine.runs) == ran


def test_save_failure_is_said_once_and_keeps_the_work(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", truth=False)
    (root / "masks").write_text("a file where the folder should be")
    desk.open(root)
    for x in (2, 12, 22):
        desk.editing.begin_stroke(x, 3)
        desk.editing.end_stroke()
        desk.clock.advance(1.1)
        desk.settle()
    errors = [n for n in desk.notices.recent if n.level == "error"]
    assert len(errors) == 1
    assert "masks" in errors[0].message
    document = desk.document
    assert document.dirty
    assert list((tmp_path / "home").rglob("*.journal"))
    desk.browsing.step(1)
    desk.settle()
    assert desk.document is not document
    desk.browsing.step(-1)  # nothing was lost on the way
    desk.settle()
    assert desk.document is document
    assert document.dirty

    (root / "masks").unlink()
    desk.editing.begin_stroke(2, 10)
    desk.editing.end_stroke()
    desk.clock.advance(1.1)
    desk.settle()
    assert not document.dirty
    assert not list((tmp_path / "home").rglob("*.journal"))
    # From now on a failure is news again.
    (root / "masks" / "a0.png").unlink()
    (root / "masks" / "segstudio.json").unlink()
    (root / "masks").rmdir()
    (root / "masks").write_text("again")
    desk.editing.begin_stroke(2, 15)
    desk.editing.end_stroke()
    desk.clock.advance(1.1)
    desk.settle()
    assert len([n for n in desk.notices.recent if n.level == "error"]) == 2
    (root / "masks").unlink()


_KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from fakes import FakeEngine, settle
from segstudio.clock import ManualClock
from segstudio.studio import Studio

clock = ManualClock()
studio = Studio(clock, Path({home!r}), FakeEngine())
studio.browsing.open_path({root!r})
settle(studio, clock)
studio.session.set_view(active_class=1, brush_size=3)
studio.editing.begin_stroke(3.5, 3.5)
studio.editing.extend_stroke(20.5, 3.5)
studio.editing.end_stroke()
studio.editing.begin_stroke(3.5, 15.5)
studio.editing.extend_stroke(10.5, 15.5)
print("painted", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_strokes_survive_sigkill(new_desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", truth=False)
    script = _KILLED.format(
        here=str(Path(__file__).with_name("support")), home=str(tmp_path / "home"), root=str(root)
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL
    assert done.stdout == "painted\n"
    assert not (root / "masks").exists()

    desk = new_desk()
    items = desk.recovering.pending()
    assert [item.image for item in items] == [root / "a0.png"]
    desk.recovering.restore(items[0])  # opens the folder too
    desk.settle()
    labels = desk.document.annotation.labels
    # Stamps of a size-3 brush are 3 x 3 pixels: corners are 1.41 from the centre, the radius is 1.5.
    assert labels[2:5, 2:22].all()
    assert labels[14:17, 2:12].all()  # even the unfinished stroke is there
    assert labels.sum() == 3 * 20 + 3 * 10
    assert desk.document.dirty
    assert undo_title(desk.document.history) == "Recovered strokes"
    desk.clock.advance(1.1)
    desk.settle()
    assert not desk.document.dirty
    assert desk.recovering.pending() == []
    desk.editing.undo()
    assert not desk.document.annotation.labels.any()


def test_thresholds_are_live(desk, tmp_path):
    root = tmp_path / "nuclei"
    bright = np.zeros((20, 30), np.uint8)
    bright[2:8, 2:8] = 1  # score 0.9
    bright[10:14, 10:18] = 1  # score 0.8
    # Pasting grows a full mask by the pixel whose centre the padded box still covers.
    truth = np.zeros((20, 30), np.uint8)
    truth[1:9, 1:9] = 1  # 64 pixels
    truth[9:15, 9:19] = 1  # 60 pixels
    for name in ("a.png", "b.png"):
        write_photo(root / name, bright)
        write_mask(root / "masks" / name, truth)
    desk.open(root)
    desk.segmenting.choose("blobs")
    desk.segmenting.run_all()
    desk.settle()
    assert desk.scoring.of_image().iou[1] == 1.0
    runs = len(desk.engine.runs)
    desk.segmenting.set_options(score_threshold=0.95)
    desk.segmenting.set_options(score_threshold=0.85)
    desk.settle()
    assert len(desk.engine.runs) == runs
    prediction = desk.document.predictions["blobs"]
    assert set(np.unique(prediction.instance_ids)) == {0, 1}
    assert desk.scoring.of_image().iou[1] == pytest.approx(64 / 124)
    # The other image follows a moment later.
    desk.clock.advance(1.0)
    desk.settle()
    assert desk.scoring.of_folder().summed.iou[1] == pytest.approx(64 / 124)
    desk.segmenting.set_options(score_threshold=0.5)
    desk.settle()
    desk.clock.advance(1.0)
    desk.settle()
    assert desk.scoring.of_folder().summed.iou[1] == 1.0


def test_loaded_truth_is_not_touched_by_looking(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei")
    before = (root / "masks" / "a0.png").read_bytes()
    desk.open(root)
    desk.segmenting.run_all()
    desk.settle()
    desk.autosave.save_now()
    desk.clock.advance(5)
    desk.settle()
    assert (root / "masks" / "a0.png").read_bytes() == before
    assert not (root / "masks" / ".originals").exists()
    # Editing writes an annotation and keeps the file of the other program.
    desk.editing.clear()
    desk.clock.advance(1.1)
    desk.settle()
    assert (root / "masks" / ".originals" / "a0.png").read_bytes() == before
    assert (root / "masks" / "a1.png").read_bytes() == (root / "masks" / "a2.png").read_bytes()
    desk.editing.use_truth()
    assert np.array_equal(desk.document.annotation.labels, square(left=7))
