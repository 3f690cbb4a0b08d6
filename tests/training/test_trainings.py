"""Trainings in processes of their own: followed, paused, stopped, gone on with, found again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from desks import Desk
from fakes import make_folder, wait_for

from segstudio.storage.mask_pattern import ChosenMasks, MaskPattern
from segstudio.training.trainings import ALIVE, NewTraining, RunState

TRAINER = Path(__file__).parents[1] / "support" / "fake_trainer.py"


@pytest.fixture
def trains(desk, tmp_path) -> Callable[..., Desk]:
    """A desk with a folder open and a process that stands for the training."""

    def begin(mode: str, **wanted) -> Desk:
        desk.open(make_folder(tmp_path / "cells"))
        desk.training._command = (sys.executable, str(TRAINER), mode)
        request = NewTraining(desk.session.project.root, "cells", **wanted)
        desk.training.start(request)
        return desk

    return begin


def until(desk, condition) -> None:
    wait_for(desk.clock, condition)


def ended(desk) -> None:
    until(desk, lambda: desk.training.run.state not in ALIVE)
    desk.settle()


def test_a_training_is_followed_to_its_proof_and_its_result_is_offered(trains):
    desk = trains("plain", start="bright", minutes=2.0)
    assert desk.training.active.name == "Run 1"
    ended(desk)
    run = desk.training.run
    assert run.state is RunState.DONE
    assert [epoch.mean_iou for epoch in run.epochs] == pytest.approx([0.7, 0.8, 0.75])
    assert [epoch.best for epoch in run.epochs] == [False, True, False]
    assert run.best.epoch == 2
    assert run.proof.difference == 0.12
    assert run.started.start == "bright"
    assert run.out.name == "cells-1.safetensors"
    said = next(n for n in desk.notices.recent if n.message.startswith("Run 1"))
    assert said.message == "Run 1: before 0.71, after 0.83 on 2 images that it has not seen"
    said.action[1]()
    desk.settle()
    assert desk.session.models[desk.session.model.chosen].own_file == str(run.out)


def test_it_pauses_goes_on_and_stops_with_the_best(trains):
    desk = trains("held")
    until(desk, lambda: len(desk.training.run.epochs) == 2)
    desk.training.pause()
    until(desk, lambda: desk.training.run.state is RunState.PAUSED)
    desk.training.pause()
    ended(desk)
    assert desk.training.run.state is RunState.DONE
    assert len(desk.training.run.epochs) == 3
    again = trains("held")
    until(again, lambda: len(again.training.run.epochs) == 2)
    again.training.stop()
    assert again.training.run.state is RunState.STOPPING
    ended(again)
    assert (again.training.run.name, len(again.training.run.epochs)) == ("Run 2", 2)
    assert again.training.run.state is RunState.DONE


def test_the_cross_of_its_job_stops_it_and_keeps_the_best(trains):
    desk = trains("held")
    until(desk, lambda: len(desk.training.run.epochs) == 2)
    (job,) = [job for job in desk.jobs.jobs() if job.title == "Training Run 1"]
    assert job.progress.done == 667
    job.cancel()
    ended(desk)
    assert desk.training.run.state is RunState.DONE
    assert desk.training.run.best.epoch == 2


def test_a_killed_one_goes_on_from_its_checkpoint(trains):
    desk = trains("dies")
    ended(desk)
    run = desk.training.run
    assert run.state is RunState.INTERRUPTED
    assert run.problem == (
        "Its process was ended by signal 9. It can go on from its last checkpoint."
    )
    desk.training.go_on(run.name)
    ended(desk)
    run = desk.training.run
    assert run.state is RunState.DONE
    assert [epoch.epoch for epoch in run.epochs] == [1, 2, 3]
    assert [step.step for step in run.steps] == [10, 20, 30]


def test_one_trains_at_a_time(trains):
    desk = trains("held")
    until(desk, lambda: len(desk.training.run.epochs) == 2)
    desk.training.start(NewTraining(desk.session.project.root, "cells"))
    assert [run.name for run in desk.training.runs] == ["Run 1"]
    assert desk.messages[-1] == "Run 1 has to end before another one begins."
    desk.training.stop()
    ended(desk)


def test_the_next_window_knows_what_was_trained_and_what_was_interrupted(
    trains,
    new_desk,
):
    desk = trains("plain")
    ended(desk)
    trains("dies")
    until(desk, lambda: desk.training.run.state is RunState.INTERRUPTED)
    later = new_desk()
    later.training.read()
    later.settle()
    assert [(r.name, r.state) for r in later.training.runs] == [
        ("Run 1", RunState.DONE),
        ("Run 2", RunState.INTERRUPTED),
    ]
    assert later.training.runs[0].proof.after == 0.83
    assert later.training.shown == "Run 2"


def test_what_cannot_begin_says_why(trains, desk):
    trains("plain")
    ended(desk)
    desk.training._command = ("/no/such/program",)
    desk.training.start(NewTraining(desk.session.project.root, "cells"))
    ended(desk)
    assert desk.training.run.state is RunState.FAILED
    assert desk.training.run.problem == (
        "No process could be begun: No such file or directory. Close other programs, and train again."
    )


def test_only_networks_for_classes_with_weights_here_are_trained_further(desk):
    models = desk.session.models
    assert desk.training.trainable(models["bright"])
    assert not desk.training.trainable(models["blobs"])  # it finds objects
    desk.engine.missing.add("bright")
    desk.segmenting.refresh_models()
    desk.settle()
    assert not desk.training.trainable(models["bright"])


def test_what_is_forgotten_loses_its_folder_and_keeps_its_result(trains):
    desk = trains("plain")
    ended(desk)
    run = desk.training.run
    desk.training.remove(run.name)
    desk.settle()
    assert desk.training.runs == ()
    assert not run.folder.exists()
    assert run.out.read_bytes() == b"weights"


def test_masks_that_were_chosen_are_what_is_learnt_from(tmp_path):
    masks = ChosenMasks(tmp_path / "masks", MaskPattern("{stem}_L.png"))
    words = NewTraining(tmp_path, "cells", "net.pth", masks=masks).arguments(tmp_path / "a")
    assert words == [
        "train", str(tmp_path), "--out", str(tmp_path / "a"), "--json", "--start", "net.pth",
        "--minutes", "8", "--gt", str(tmp_path / "masks"), "--pattern", "{stem}_L.png",
    ]  # fmt: skip
