import json
import signal
import subprocess
import time

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from training_sets import square_image, squares_folder, training_command

from segstudio.core.errors import CancelledError, SegstudioError
from segstudio.models.recognition import describes_itself, spec_from_weights
from segstudio.models.segmenter import Segmenter
from segstudio.training.plan import Wanted
from segstudio.training.records import (
    Done,
    Epoch,
    Note,
    Paused,
    Proof,
    RangeTest,
    Resumed,
    Started,
    StepTaken,
    StoppedEarly,
    read_record,
)
from segstudio.training.run_folder import run_folder_of
from segstudio.training.training_run import TrainingRequest, TrainingRun

QUICK = Wanted(epochs=2, crop=32, batch=2, rate=0.01)


@pytest.fixture(autouse=True)
def one_thread(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_HOME", str(tmp_path / "home"))
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


class Orders:
    """Commands that are given when the training has told so many events of a kind."""

    def __init__(self, stop_after=None, pause_after=None):
        self.events = []
        self.stop_after, self.pause_after = stop_after, pause_after
        self.paused_for = 0

    def __call__(self, event):
        self.events.append(event)

    def _told(self, kind):
        return kind is not None and any(isinstance(e, kind) for e in self.events)

    def stop(self):
        return self._told(self.stop_after)

    def pause(self):
        if not self._told(self.pause_after):
            return False
        self.paused_for += 1
        return self.paused_for < 4

    def of(self, kind):
        return [e for e in self.events if isinstance(e, kind)]


def train(data, out, orders=None, *, resume=False, overwrite=False, **fields):
    orders = orders or Orders()
    request = TrainingRequest(data, out, **{"wanted": QUICK, **fields})
    run = TrainingRun(request, lambda name: spec_from_weights(data.parent / name), orders, orders)
    run.prepare(resume=resume, overwrite=overwrite)
    run.run()
    return orders


@pytest.fixture
def squares(tmp_path):
    return squares_folder(tmp_path / "squares")


def test_the_result_opens_without_a_question_and_finds_the_squares(squares, tmp_path):
    out = tmp_path / "net.safetensors"
    told = train(squares, out)
    assert describes_itself(out)
    spec = spec_from_weights(out)
    assert spec.questions == ()
    assert spec.schema.ids == (0, 1)
    image, labels = square_image(77)
    found = Segmenter(spec).predict(image).labels
    inter = np.count_nonzero((found == 1) & (labels == 1))
    assert inter / np.count_nonzero((found == 1) | (labels == 1)) > 0.8
    started, proof, done = told.of(Started)[0], told.of(Proof)[0], told.of(Done)[0]
    assert started.budget == {"epochs": 2}
    assert [len(n) for n in started.images.values()] == [8, 2, 2]
    assert np.isnan(proof.before)
    assert proof.after > 0.8
    assert proof.images == 2
    assert done.out == str(out)
    metadata = json.loads(_metadata(out)["segstudio"])
    assert metadata["training"]["plan"]["loss"] == started.loss
    assert metadata["training"]["images"] == {"train": 8, "validation": 2, "held_out": 2}
    assert metadata["metrics"]["held out"]["mean_iou"] == pytest.approx(proof.after)


def _metadata(path):
    from segstudio.models.registry import read_metadata

    return read_metadata(path)


def test_the_folder_beside_it_has_record_curves_and_pictures(squares, tmp_path):
    out = tmp_path / "net.safetensors"
    told = train(squares, out)
    folder = run_folder_of(out)
    kept = list(read_record(folder / "record.jsonl"))
    assert [e.to_line() for e in kept] == [e.to_line() for e in told.events]
    epochs = told.of(Epoch)
    assert [e.epoch for e in epochs] == [1, 2]
    rows = (folder / "curves.csv").read_text().splitlines()
    assert rows[0].startswith("epoch,seconds,train_loss")
    assert len(rows) == 3
    names = {n.rpartition(".")[0] + ".png" for n in told.of(Started)[0].images["validation"]}
    assert {p.name for p in (folder / "epochs" / "0002").iterdir()} == names
    picture = cv2.imread(str(next((folder / "epochs" / "0001").iterdir())), cv2.IMREAD_UNCHANGED)
    assert picture.shape[:2] == (48, 48)
    assert not (folder / "checkpoint.pt").exists()


def test_what_is_held_out_is_trained_on_by_nobody(squares, tmp_path):
    told = train(squares, tmp_path / "net.safetensors")
    images = told.of(Started)[0].images
    assert not {*images["held_out"]} & {*images["train"], *images["validation"]}
    seen = {row["name"] for e in told.of(Epoch) for row in e.worst}
    assert seen <= {*images["validation"]}


def test_another_folder_is_judged_by_and_proven_on(squares, tmp_path):
    other = squares_folder(tmp_path / "other", 5, first=40)
    told = train(squares, tmp_path / "net.safetensors", validation=other)
    images = told.of(Started)[0].images
    assert [len(n) for n in images.values()] == [12, 3, 2]
    assert all(n.startswith("val:") for n in images["validation"])
    assert told.of(Epoch)[0].mean_iou > 0


def test_going_on_from_a_result_tells_before_and_after(squares, tmp_path):
    first = tmp_path / "first.safetensors"
    train(squares, first, wanted=Wanted(epochs=1, crop=32, batch=2, rate=1e-4))
    told = train(squares, tmp_path / "second.safetensors", start="first.safetensors")
    proof = told.of(Proof)[0]
    assert proof.before == pytest.approx(_held_out(first))
    assert proof.after > proof.before
    assert proof.difference == pytest.approx(proof.after - proof.before)
    assert proof.low <= proof.difference <= proof.high
    assert proof.text.startswith(f"Mean IoU before {proof.before:.2f}, after {proof.after:.2f}")
    assert first.exists()


def _held_out(path):
    return json.loads(_metadata(path)["segstudio"])["metrics"]["held out"]["mean_iou"]


def test_a_start_with_other_classes_gets_a_new_last_layer_and_says_so(squares, tmp_path):
    first = tmp_path / "first.safetensors"
    train(squares, first, wanted=Wanted(epochs=1, crop=32, batch=2, rate=1e-3))
    three = squares_folder(tmp_path / "three")
    for path in (three / "masks").iterdir():
        labels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        labels[:6][labels[:6] == 0] = 2
        cv2.imwrite(str(path), labels)
    told = train(three, tmp_path / "second.safetensors", start="first.safetensors")
    assert any("made anew" in e.message for e in told.of(Note))
    assert spec_from_weights(tmp_path / "second.safetensors").schema.ids == (0, 1, 2)
    assert np.isnan(told.of(Proof)[0].before)


def test_a_result_is_not_replaced_unasked(squares, tmp_path):
    out = tmp_path / "net.safetensors"
    out.write_bytes(b"mine")
    with pytest.raises(SegstudioError, match="is there already"):
        train(squares, out)
    assert out.read_bytes() == b"mine"
    assert not run_folder_of(out).exists()


def test_nothing_is_written_where_nothing_can_be_trained(tmp_path):
    bare = tmp_path / "bare"
    bare.mkdir()
    cv2.imwrite(str(bare / "a.png"), np.zeros((9, 9, 3), np.uint8))
    out = tmp_path / "net.safetensors"
    with pytest.raises(SegstudioError, match="has ground truth"):
        train(bare, out)
    assert not out.exists()
    assert not run_folder_of(out).exists()


def test_stopped_in_the_first_epoch_it_keeps_what_there_is(squares, tmp_path):
    out = tmp_path / "net.safetensors"
    told = train(squares, out, Orders(stop_after=StepTaken))
    assert len(told.of(StoppedEarly)) == 1
    assert [e.epoch for e in told.of(Epoch)] == [1]
    assert spec_from_weights(out).schema.ids == (0, 1)


def test_stopped_later_it_keeps_the_best_and_can_go_on(squares, tmp_path):
    out = tmp_path / "net.safetensors"
    told = train(squares, out, Orders(stop_after=Epoch))
    assert [e.epoch for e in told.of(Epoch)] == [1]
    assert told.of(Done)[0].best_epoch == 1
    more = train(squares, out, resume=True)
    assert len(more.of(Resumed)) == 1
    assert [e.epoch for e in more.of(Epoch)] == [2]


def test_a_pause_is_told_and_changes_nothing(squares, tmp_path):
    told = train(squares, tmp_path / "a.safetensors", Orders(pause_after=StepTaken))
    assert len(told.of(Paused)) == 1
    assert len(told.of(Resumed)) == 1
    plain = train(squares, tmp_path / "b.safetensors")
    assert told.of(Epoch)[1].iou == plain.of(Epoch)[1].iou


def test_the_range_test_leaves_weights_and_chance_as_they_were(squares, tmp_path):
    free = train(squares, tmp_path / "a.safetensors",
                 wanted=Wanted(epochs=1, crop=32, batch=2))  # fmt: skip
    found = free.of(RangeTest)[0]
    assert len(found.rates) == len(found.losses)
    assert sorted(found.rates) == found.rates
    assert 1e-3 <= found.chosen <= 9e-3
    fixed = train(squares, tmp_path / "b.safetensors",
                  wanted=Wanted(epochs=1, crop=32, batch=2, rate=found.chosen))  # fmt: skip
    _assert_equal(tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    assert free.of(Epoch)[0].iou == fixed.of(Epoch)[0].iou


def _assert_equal(first, second):
    one, other = load_file(first), load_file(second)
    assert one.keys() == other.keys()
    different = [name for name in one if not torch.equal(one[name], other[name])]
    assert different == []


def command(data, out, *more):
    return training_command(data, out, "--epochs", 3, *more)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_and_gone_on_with_it_gives_the_same_weights_to_the_bit(squares, tmp_path):
    whole, killed = tmp_path / "whole.safetensors", tmp_path / "killed.safetensors"
    subprocess.run(command(squares, whole), check=True, stdout=subprocess.DEVNULL)
    for epochs in (1, 2):
        arguments = command(squares, killed, *(["--resume"] if epochs > 1 else []))
        child = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        record = run_folder_of(killed) / "record.jsonl"
        while child.poll() is None and _epochs_in(record) < epochs:
            time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    subprocess.run(command(squares, killed, "--resume"), check=True, stdout=subprocess.DEVNULL)
    _assert_equal(whole, killed)
    told = [e for e in read_record(record) if isinstance(e, Epoch)]
    assert [e.epoch for e in told] == [1, 2, 3]


def _epochs_in(record):
    if not record.exists():
        return 0
    return sum(isinstance(e, Epoch) for e in read_record(record))


def test_gone_on_with_after_a_broken_epoch_it_gives_the_same_weights(squares, tmp_path):
    """As if the process had died in the middle of the second epoch, after a checkpoint there."""

    class Dies(Exception):
        pass

    class Dying(Orders):
        asked = 0

        def stop(self):
            self.asked += bool(self.of(Epoch))
            if self.asked > 8:
                raise Dies
            return False

    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    wanted = Wanted(epochs=2, crop=32, batch=2)
    train(squares, whole, wanted=wanted)
    with pytest.raises(Dies):
        train(squares, broken, Dying(), wanted=wanted, checkpoint_seconds=0.0)
    with pytest.raises(SegstudioError, match="--resume"):
        train(squares, broken, wanted=wanted)
    told = train(squares, broken, resume=True)
    assert told.of(Resumed)[0].step > 20
    _assert_equal(whole, broken)


def test_there_is_nothing_to_go_on_with(squares, tmp_path):
    with pytest.raises(SegstudioError, match="was begun"):
        train(squares, tmp_path / "net.safetensors", resume=True)


def test_a_damaged_checkpoint_is_named(squares, tmp_path):
    out = tmp_path / "net.safetensors"
    train(squares, out, Orders(stop_after=Epoch))
    checkpoint = run_folder_of(out) / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(SegstudioError, match=r"checkpoint\.pt"):
        train(squares, out, resume=True)


def test_what_has_ended_is_not_trained_again_by_resume(squares, tmp_path):
    out = tmp_path / "net.safetensors"
    train(squares, out, wanted=Wanted(epochs=1, crop=32, batch=2, rate=0.01))
    before = out.read_bytes()
    with pytest.raises(SegstudioError, match="has ended"):
        train(squares, out, resume=True)
    assert out.read_bytes() == before


def test_killed_before_the_first_checkpoint_it_begins_again(squares, tmp_path):
    class Dies(Exception):
        pass

    class Dying(Orders):
        def __call__(self, event):
            super().__call__(event)
            raise Dies

    out = tmp_path / "net.safetensors"
    with pytest.raises(Dies):
        train(squares, out, Dying())
    told = train(squares, out, resume=True)
    assert told.events[0].event == "started"
    kept = list(read_record(run_folder_of(out) / "record.jsonl"))
    assert [e.event for e in kept].count("started") == 1


def test_stopped_while_the_data_is_read_nothing_is_written(squares, tmp_path):
    class Never(Orders):
        def stop(self):
            return True

    out = tmp_path / "net.safetensors"
    with pytest.raises(CancelledError):
        train(squares, out, Never())
    assert not run_folder_of(out).exists()


def test_each_fold_is_held_out_in_its_turn(squares, tmp_path):
    wanted = Wanted(epochs=1, crop=32, batch=2, rate=0.01)
    held = []
    for number in (1, 2):
        out = tmp_path / f"{number}.safetensors"
        told = train(squares, out, fold=(number, 2), wanted=wanted)
        held += told.of(Started)[0].images["held_out"]
    assert sorted(held) == sorted(p.name for p in squares.glob("*.png"))
