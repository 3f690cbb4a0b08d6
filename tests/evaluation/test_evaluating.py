"""Models compared on a folder: figures, resuming, trouble."""

from __future__ import annotations

import shutil
import threading

import numpy as np
import pytest
from evaluating_steps import GROUND, MEAN, NUCLEUS, evaluate, later, paint_the_missing_columns
from fakes import BLOBS, BRIGHT, FakeEngine, make_folder, square, wait_for, write_mask, write_photo

from segstudio.core.errors import SegstudioError
from segstudio.metrics.centreline import CENTRELINE
from segstudio.metrics.image_figures import figures_of
from segstudio.metrics.surface_distance import HAUSDORFF
from segstudio.session.session import What


def test_figures_of_the_images_and_of_the_folder(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", 3))
    table = evaluate(desk, "bright", "blobs")
    assert table.runs == ("bright", "blobs")
    assert table.title("blobs") == "Blobs"
    assert table.indices("bright").tolist() == [0, 1, 2]
    assert table.column("bright", "mean_iou") == pytest.approx([MEAN] * 3)
    assert table.class_iou("bright") == pytest.approx(np.array([[GROUND, NUCLEUS]] * 3))
    assert table.column("bright", "pixel_accuracy") == pytest.approx([560 / 600] * 3)
    assert table.figure("bright", "mean_iou") == pytest.approx(MEAN)
    assert table.folder("bright").images == 3
    assert table.confusion("bright").counts.tolist() == [[3 * 480, 3 * 20], [3 * 20, 3 * 80]]
    # A detection's mask is enlarged from 28 x 28, so its border differs by what is held by 0.5.
    blob = desk.document.predictions["blobs"].labels
    both = int((blob & desk.document.truth.labels).sum())
    assert table.image(0, "blobs").pairs.matrix(2).counts[1, 1] == both
    assert table.image(0, "blobs").name == "a0.png"
    assert table.images_confusing("bright", 1, 0) == [(0, 20), (1, 20), (2, 20)]
    assert table.images_confusing("bright", 0, 7) == []
    background = table.as_if_all_background()
    assert background.pixel_accuracy == pytest.approx(500 / 600)
    assert background.iou.tolist() == pytest.approx([500 / 600, 0])


def test_progress_and_what_is_told(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", 3))
    before = desk.session.evaluation
    assert (before.runs, before.running, before.total) == ((), False, 0)
    desk.changes.clear()
    evaluate(desk, "bright")
    after = desk.session.evaluation
    assert (after.runs, after.running, after.total) == (("bright",), False, 3)
    assert after.done == {"bright": 3}
    assert after.version > before.version
    told = [c for c in desk.changes if What.EVALUATION in c.what]
    assert 2 <= len(told) <= 8
    assert desk.session.state(2).runs == {"bright"}
    assert set(desk.document.predictions) == {"bright"}


def test_nothing_is_computed_twice(new_desk, tmp_path, monkeypatch):
    root = make_folder(tmp_path / "nuclei", 4)
    desk = new_desk()
    desk.open(root)
    evaluate(desk, "bright")
    assert desk.engine.runs == ["bright"] * 4
    evaluate(desk, "bright", "blobs")
    assert desk.engine.runs == ["bright"] * 4 + ["blobs"] * 4
    desk.close()

    def never(*_args, **_options):
        raise AssertionError("these figures are on disk")

    monkeypatch.setattr("segstudio.evaluation.work.figures_of", never)
    monkeypatch.setattr("segstudio.evaluation.work.vote_entropy", never)
    again = new_desk()
    again.open(root)
    table = evaluate(again, "bright", "blobs")
    assert again.engine.runs == []
    assert table.column("bright", "mean_iou") == pytest.approx([MEAN] * 4)
    assert (table.column("bright", "disagreement") > 0).all()
    assert again.messages == []


@pytest.fixture
def evaluated_before(new_desk, tmp_path):
    """A desk of the next day: four images were evaluated by one model before."""
    root = make_folder(tmp_path / "nuclei", 4)
    desk = new_desk()
    desk.open(root)
    evaluate(desk, "bright")
    desk.close()
    again = new_desk()
    again.open(root)
    return again


def test_what_is_on_disk_does_not_wait_for_models(evaluated_before, tmp_path):
    """PyTorch takes seconds to load after a start, in the lane of the models."""
    again, root = evaluated_before, tmp_path / "nuclei"
    write_photo(root / "z.png", square(left=3))
    again.browsing.rescan()
    again.settle()
    loaded = threading.Event()
    again.jobs.submit("Loading PyTorch", "model", lambda _job: loaded.wait(10), visible=False)
    again.evaluating.start(["bright"])
    wait_for(again.clock, lambda: again.session.evaluation.done == {"bright": 4})
    assert again.evaluating.table.column("bright", "mean_iou") == pytest.approx([MEAN] * 4)
    wait_for(again.clock, lambda: again.jobs.jobs()[-1].title == "Evaluating a model")
    assert again.session.evaluation.running  # the fifth image needs the model
    assert again.engine.runs == []
    loaded.set()
    again.settle()
    assert again.session.evaluation.done == {"bright": 5}
    assert again.engine.runs == ["bright"]


def test_what_is_known_of_every_image_is_told_before_a_new_model_runs(evaluated_before):
    again = evaluated_before
    again.engine.gate.clear()
    again.evaluating.start(["blobs", "bright"])
    wait_for(again.clock, again.engine.entered.is_set)  # the new model is at the first image
    wait_for(again.clock, lambda: again.session.evaluation.done["bright"] == 4)
    assert again.session.evaluation.done["blobs"] == 0
    assert again.evaluating.table.column("bright", "mean_iou") == pytest.approx([MEAN] * 4)
    again.engine.gate.set()
    again.settle()
    assert again.session.evaluation.done == {"blobs": 4, "bright": 4}
    assert again.engine.runs == ["blobs"] * 4
    assert (again.evaluating.table.column("bright", "disagreement") > 0).all()


def test_a_bad_mask_is_told_once_though_a_model_is_waited_for(new_desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", 2)
    desk = new_desk()
    desk.open(root)
    evaluate(desk, "bright")
    desk.close()
    write_mask(root / "masks" / "a0.png", np.zeros((3, 3), np.uint8))  # of another size
    again = new_desk()
    again.open(root)
    again.messages.clear()
    evaluate(again, "bright", "blobs")
    told = [m for m in again.messages if "cannot be used" in m]
    assert told == ["The mask of a0.png cannot be used."]


def test_again_runs_the_models_again(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", 2))
    evaluate(desk)
    evaluate(desk, again=True)
    assert desk.engine.runs == ["bright"] * 4


def test_copies_of_an_image_are_predicted_once_and_measured_each(desk, tmp_path):
    write_photo(tmp_path / "nuclei" / "a.png", square())
    for name in ("b.png", "c.png"):
        (tmp_path / "nuclei" / name).write_bytes((tmp_path / "nuclei" / "a.png").read_bytes())
    for name, left in (("a.png", 7), ("b.png", 5), ("c.png", 7)):
        write_mask(tmp_path / "nuclei" / "masks" / name, square(left=left))
    desk.open(tmp_path / "nuclei")
    table = evaluate(desk)
    assert desk.engine.runs == ["bright"]
    assert table.column("bright", "mean_iou") == pytest.approx([MEAN, 1, MEAN])
    assert table.image(1, "bright").name == "b.png"
    assert table.image(2, "bright").name == "c.png"


class HangsAtTheThird(FakeEngine):
    """Two images are done, then the gate closes."""

    def predictor(self, spec, device, check):
        whole = super().predictor(spec, device, check)
        predict = whole.predict

        def watched(*args):
            if len(self.runs) == 2:
                self.gate.clear()
                self.entered.clear()
            return predict(*args)

        whole.predict = watched
        return whole


def test_stopped_and_taken_up_again(new_desk, tmp_path):
    desk = new_desk(HangsAtTheThird())
    desk.open(make_folder(tmp_path / "nuclei", 4))
    desk.evaluating.start(["bright"])
    wait_for(desk.clock, lambda: len(desk.engine.runs) == 3)
    assert desk.session.evaluation.running
    desk.evaluating.cancel()
    desk.settle()
    evaluation, table = desk.session.evaluation, desk.evaluating.table
    assert not evaluation.running
    assert (evaluation.done, evaluation.total, evaluation.stopped) == ({"bright": 2}, 4, True)
    assert table.indices("bright").tolist() == [0, 1]
    assert table.folder("bright").images == 2
    assert "The evaluation was stopped after 2 of 4 images." in desk.messages
    desk.engine.gate.set()
    desk.evaluating.start(["bright"])
    assert desk.session.evaluation.done == {"bright": 2}  # it goes on from there
    assert not desk.session.evaluation.stopped
    desk.settle()
    assert desk.session.evaluation.done == {"bright": 4}
    assert len(desk.engine.runs) == 2 + 1 + 2
    assert table.indices("bright").tolist() == [0, 1, 2, 3]


def test_a_run_on_the_open_image_goes_first(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", 4))
    desk.engine.gate.clear()
    desk.evaluating.start(["blobs"])
    wait_for(desk.clock, desk.engine.entered.is_set)
    desk.segmenting.choose("bright")
    desk.segmenting.run_current()
    desk.engine.gate.set()
    desk.settle()
    assert desk.engine.runs == ["blobs", "bright", "blobs", "blobs", "blobs"]
    assert desk.session.evaluation.done == {"blobs": 4}
    assert not desk.session.evaluation.running


def test_images_without_reference_come_last_and_have_no_scores(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", 3)
    (root / "masks" / "a0.png").unlink()
    desk.open(root)
    table = evaluate(desk, "bright", "blobs")
    assert table.indices("bright").tolist() == [0, 1, 2]
    assert table.indices("bright", scored=True).tolist() == [1, 2]
    assert np.isnan(table.column("bright", "mean_iou")).tolist() == [True, False, False]
    assert table.image(0, "bright") is None
    assert table.folder("bright").images == 2
    # The stand-in is sure by 204 of 255, an entropy of 0.72 bits.
    p = 204 / 255
    entropy = -p * np.log2(p) - (1 - p) * np.log2(1 - p)
    assert table.column("bright", "uncertainty") == pytest.approx([entropy] * 3, abs=0.003)
    assert table.column("bright", "disagreement")[0] > 0


def test_without_any_reference_there_are_the_seconds(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", 2)
    shutil.rmtree(root / "masks")
    desk.open(root)
    table = evaluate(desk, "bright")
    assert table.folder("bright") is None
    assert np.isnan(table.figure("bright", "mean_iou"))
    column = table.column("bright", "seconds").tolist()
    assert table.figure("bright", "seconds") == pytest.approx(sum(column) / 2)


def test_votes(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", 2))
    table = evaluate(desk, "bright", "blobs")
    maps = [p.labels for p in desk.document.predictions.values()]
    # Of two models' votes the entropy is 1 where they differ and 0 elsewhere.
    assert table.column("blobs", "disagreement")[0] == pytest.approx((maps[0] != maps[1]).mean())
    assert np.isnan(evaluate(desk, "bright").column("bright", "disagreement")).all()


def test_distances_are_measured_on_request(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", 2))
    table = evaluate(desk)
    assert np.isnan(table.column("bright", "hausdorff95")).all()
    assert np.isnan(table.figure("bright", "hausdorff95"))
    desk.evaluating.set_options(asked=frozenset({HAUSDORFF.key}))
    desk.settle()
    # Two squares two columns apart: the farthest outlines are 2 apart, on the left and the right.
    assert table.column("bright", "hausdorff95") == pytest.approx([2, 2])
    assert table.figure("bright", "hausdorff95") == pytest.approx(2)
    desk.evaluating.set_options(asked=frozenset())
    desk.settle()
    assert np.isnan(table.column("bright", "hausdorff95")).all()
    assert table.image(0, "bright").part(HAUSDORFF) is None
    assert len(desk.engine.runs) == 2


def test_what_was_counted_is_not_counted_again_for_what_is_asked_for_later(
    desk, tmp_path, monkeypatch
):
    desk.open(make_folder(tmp_path / "nuclei", 2))
    table = evaluate(desk)
    asked, real = [], figures_of

    def told(truth, answer, schema, wanted=(), name=""):
        asked.append([m.key for m in wanted])
        return real(truth, answer, schema, wanted, name)

    monkeypatch.setattr("segstudio.evaluation.work.figures_of", told)
    for keys in ({HAUSDORFF.key}, {CENTRELINE.key}, {CENTRELINE.key, HAUSDORFF.key}, ()):
        desk.evaluating.set_options(asked=frozenset(keys))
        desk.settle()
        shown = {m.key for m in (HAUSDORFF, CENTRELINE) if table.image(0, "bright").part(m)}
        assert shown == set(keys)
        assert table.figure("bright", "boundary_iou") < 1
    assert asked == [[HAUSDORFF.key]] * 2 + [[CENTRELINE.key]] * 2


def test_two_models_are_compared_in_a_job(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", 3))
    table = evaluate(desk, "bright", "blobs")
    answers = []
    assert table.paired("blobs", "bright") is None
    desk.evaluating.compare_pair("blobs", "bright", answers.append)
    assert answers == []
    desk.settle()
    (found,) = answers
    means = [table.figure(run, "mean_iou") for run in ("blobs", "bright")]
    assert found.mean_iou.difference == pytest.approx(means[1] - means[0])
    assert found.images == 3
    assert table.paired("blobs", "bright") is found
    desk.evaluating.compare_pair("blobs", "bright", answers.append)
    assert answers[1] is found
    paint_the_missing_columns(desk)
    later(desk)
    assert table.paired("blobs", "bright") is None


def test_the_best_model(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", 1))
    table = evaluate(desk, "blobs", "bright")
    values = {run: table.figure(run, "mean_iou") for run in table.runs}
    assert table.best("mean_iou") == max(values, key=values.get)
    assert table.best("ap50") == ""
    assert table.best("ece") == min(table.runs, key=lambda run: table.figure(run, "ece"))


def test_trouble_does_not_end_it(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", 4)
    (root / "a1.png").write_bytes(b"no image")
    write_mask(root / "masks" / "a2.png", np.zeros((3, 3)))
    desk.open(root)
    table = evaluate(desk)
    assert table.indices("bright").tolist() == [0, 2, 3]
    assert table.indices("bright", scored=True).tolist() == [0, 3]
    assert "1 of 4 images failed: a1.png." in desk.messages
    assert not desk.session.evaluation.stopped  # there is nothing to go on with
    assert "The mask of a2.png cannot be used." in desk.messages


def test_what_failed_is_not_said_any_more_once_an_evaluation_did_it(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", 3)
    whole = (root / "a1.png").read_bytes()
    (root / "a1.png").write_bytes(b"no image")
    desk.open(root)
    evaluate(desk)
    assert [n.message for n in desk.notices.shown] == ["1 of 3 images failed: a1.png."]
    (root / "a1.png").write_bytes(whole)
    table = evaluate(desk)
    assert table.indices("bright").tolist() == [0, 1, 2]
    assert not desk.notices.shown


def test_a_model_that_cannot_be_loaded_does_not_stop_the_others(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", 2))

    def refuse(spec, device, check, load=desk.engine.predictor):
        if spec.id == "blobs":
            raise SegstudioError("The weights are damaged.")
        return load(spec, device, check)

    desk.engine.predictor = refuse
    table = evaluate(desk, "blobs", "bright")
    assert table.indices("blobs").tolist() == []
    assert table.indices("bright").tolist() == [0, 1]
    assert desk.session.evaluation.done == {"blobs": 0, "bright": 2}
    assert sum("damaged" in message for message in desk.messages) == 1


def test_missing_weights_are_fetched(desk, tmp_path):
    desk.engine.missing.add("blobs")
    desk.open(make_folder(tmp_path / "nuclei", 1))
    table = evaluate(desk, "blobs")
    assert desk.engine.downloads == ["blobs"]
    assert table.indices("blobs").tolist() == [0]


def test_another_folder_has_no_figures_and_a_rescan_keeps_them(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", 2)
    desk.open(root)
    table = evaluate(desk)
    write_photo(root / "0.png", square())  # comes before the two
    desk.browsing.rescan()
    desk.settle()
    assert list(table.names) == ["0.png", "a0.png", "a1.png"]
    assert table.indices("bright").tolist() == [1, 2]
    assert table.column("bright", "mean_iou") == pytest.approx([MEAN, MEAN])
    assert len(desk.engine.runs) == 2
    desk.open(make_folder(tmp_path / "other", 1))
    assert table.runs == ()
    assert desk.session.evaluation.runs == ()


def test_started_without_folder_or_model(desk, tmp_path):
    desk.evaluating.start(["bright"])
    assert desk.messages[-1] == "Open a folder first."
    desk.open(make_folder(tmp_path / "nuclei", 1))
    desk.evaluating.start(["nothing"])
    assert desk.messages[-1] == "Choose a model first."
    assert desk.evaluating.prediction_key("bright") == "bright"
    assert desk.evaluating.prediction_key("nothing") == ""


def test_a_removed_named_run_leaves_the_table(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", 2))
    strict = desk.named_runs.add_variant("Strict", "blobs", score_threshold=0.95)
    table = evaluate(desk, "bright", strict)
    desk.named_runs.remove(strict)
    later(desk)
    assert table.runs == ("bright",)
    assert table.column("bright", "mean_iou") == pytest.approx([MEAN, MEAN])


@pytest.mark.parametrize("spec", [BRIGHT, BLOBS])
def test_figures_that_are_on_disk_are_the_same(new_desk, tmp_path, spec):
    root = make_folder(tmp_path / "nuclei", 2)
    columns = []
    for _ in range(2):
        desk = new_desk()
        desk.open(root)
        table = evaluate(desk, spec.id)
        columns.append([table.column(spec.id, name) for name in ("mean_iou", "pq", "suspicion")])
        desk.close()
    np.testing.assert_array_equal(columns[0], columns[1])
