"""Faster ways to run models: remembered ones at once, others by a test after the first run."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import BLOBS, BRIGHT, FakeEngine, make_folder, settle

from segstudio.clock import ManualClock
from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import Ensemble, RunOptions, Variant, WeightsFile
from segstudio.core.route_answer import RouteAnswer
from segstudio.runs.route_memory import RouteMemory, find_routes, machine_text
from segstudio.session.session import Layer, Pane
from segstudio.studio import Studio

TWICE = RouteAnswer("openvino", 2.0, 0.9999)


class RouteTests:
    """Stands for the test: answers by model, waits at `gate`, counts, may fail."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []
        self.paused = lambda: False
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.failing = None

    def __call__(self, spec, pixels, options, check, report, paused):
        self.paused = paused
        self.asked.append((spec.id, pixels.shape, spec.route))
        self.entered.set()
        while not self.gate.wait(0.002):
            check()
        check()
        if self.failing is not None:
            raise self.failing
        return self.answers.get(spec.id, RouteAnswer())


class RoutedDesk:
    def __init__(self, home: Path, tests: RouteTests, engine: FakeEngine | None = None):
        self.clock, self.tests, self.engine = ManualClock(), tests, engine or FakeEngine()
        self.studio = Studio(self.clock, home, self.engine, tests)
        self.settle()

    def __getattr__(self, name):
        return getattr(self.studio, name)

    def settle(self):
        settle(self.studio, self.clock)

    def open(self, folder):
        self.studio.browsing.open_path(folder)
        self.settle()

    def run(self):
        self.studio.segmenting.run_current()
        self.settle()

    @property
    def held(self):
        return set(self.studio.session.document.predictions)


@pytest.fixture
def routed(tmp_path):
    made = []

    def make(home=None, engine=None, **answers):
        made.append(RoutedDesk(home or tmp_path / "home", RouteTests(**answers), engine))
        return made[-1]

    yield make
    for desk in made:
        desk.tests.gate.set()
        desk.engine.gate.set()
        desk.studio.close()
        desk.clock.run_posted()


def test_the_first_run_is_shown_exact_then_tested_and_replaced_by_the_route(routed, tmp_path):
    desk = routed(bright=TWICE)
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.tests.gate.clear()
    desk.studio.segmenting.run_current()
    while not desk.tests.entered.wait(0.01) or len(desk.jobs.jobs()) > 1:  # it is counted, too
        desk.clock.run_posted()
    desk.clock.run_posted()
    assert desk.held == {"bright"}
    assert desk.session.view.run == "bright"
    assert [j.title for j in desk.jobs.jobs()] == ["Looking for a faster way to run Bright"]
    desk.tests.gate.set()
    desk.settle()
    assert desk.held == {"bright@openvino"}
    assert desk.session.view.run == "bright@openvino"
    assert desk.session.models["bright"].route == "openvino"
    assert desk.session.state(0).runs == {"bright@openvino"}
    assert {run for _, run in desk.session.counts} == {"bright@openvino"}
    assert desk.tests.asked == [("bright", (20, 30, 3), "")]
    assert desk.segmenting.routes.text(desk.session.models["bright"]) == TWICE.text
    # it is known now
    desk.run()
    assert len(desk.tests.asked) == 1


def test_what_was_replaced_is_gone_from_disk(routed, tmp_path):
    desk = routed(bright=TWICE)
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.run()
    files = desk.studio._folder.files
    path = desk.session.document.ref.path
    assert files.predictions.runs_of_page(path, 0, lambda: None) == {"bright@openvino"}


def test_where_the_exact_way_is_the_fastest_nothing_is_run_again(routed, tmp_path):
    desk = routed()
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.run()
    assert desk.held == {"bright"}
    assert desk.engine.runs == ["bright"]
    assert desk.segmenting.routes.text(desk.session.models["bright"]) == (
        "exact float32 is the fastest here"
    )
    desk.run()
    assert len(desk.tests.asked) == 1


def test_every_view_that_showed_the_exact_run_shows_the_new_one(routed, tmp_path):
    desk = routed(bright=TWICE)
    desk.open(make_folder(tmp_path / "nuclei"))
    against = Pane(Layer.DIFFERENCE, "blobs", "bright")
    desk.session.set_view(run="blobs", panes=(Pane(Layer.BOTH, "bright"),), against=against)
    desk.segmenting.run_models(["blobs", "bright"])
    desk.settle()
    assert desk.held == {"blobs", "bright@openvino"}
    assert desk.session.view.run == "blobs"
    assert [pane.run for pane in desk.session.view.panes] == ["bright@openvino"]
    assert desk.session.view.against == replace(against, second="bright@openvino")
    # both were tested, on one image
    assert [name for name, _, _ in desk.tests.asked] == ["blobs", "bright"]


def being_tested(routed, tmp_path):
    """A desk that has shown a model's answer and looks for a faster way to run it."""
    desk = routed(bright=TWICE)
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.tests.gate.clear()
    desk.studio.segmenting.run_current()
    while not desk.tests.entered.wait(0.01):
        desk.clock.run_posted()
    return desk


def test_a_run_comes_before_the_test_which_goes_on_after_it(routed, tmp_path):
    desk = being_tested(routed, tmp_path)
    desk.studio.browsing.select(1)
    while desk.session.index != 1 or desk.session.document is None:
        desk.clock.run_posted()
    while desk.tests.paused():  # what is looked for in the image that was selected
        desk.clock.run_posted()
    desk.engine.gate.clear()
    desk.segmenting.run_current()
    assert desk.tests.paused()
    desk.engine.gate.set()
    while desk.held != {"bright"} or desk.segmenting.running:
        desk.clock.run_posted()
    while desk.tests.paused():
        desk.clock.run_posted()
    desk.tests.gate.set()
    desk.settle()
    assert len(desk.tests.asked) == 1
    assert desk.held == {"bright@openvino"}
    assert desk.session.state(0).runs == desk.session.state(1).runs == {"bright@openvino"}


def test_a_stroke_halts_the_test_for_a_moment(routed, tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("segstudio.runs.fast_routes.monotonic", lambda: now[0])
    desk = routed(bright=TWICE)
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.tests.gate.clear()
    desk.studio.segmenting.run_current()
    while not desk.tests.entered.wait(0.01) or len(desk.jobs.jobs()) > 1:
        desk.clock.run_posted()
    assert not desk.tests.paused()
    desk.studio.editing.begin_stroke(5, 5)
    assert desk.tests.paused()
    desk.studio.editing.end_stroke()
    now[0] += 0.9
    assert desk.tests.paused()
    now[0] += 0.2
    assert not desk.tests.paused()


def test_what_the_user_stopped_is_not_begun_again(routed, tmp_path):
    desk = being_tested(routed, tmp_path)
    desk.clock.run_posted()
    desk.segmenting.cancel()
    desk.settle()
    desk.tests.gate.set()
    desk.run()
    assert desk.held == {"bright"}
    assert len(desk.tests.asked) == 1


def test_a_folder_is_tested_on_its_first_image_and_run_by_one_route(routed, tmp_path):
    desk = routed(bright=TWICE)
    desk.open(make_folder(tmp_path / "nuclei", count=9))
    desk.segmenting.run_all()
    desk.settle()
    assert len(desk.tests.asked) == 1
    assert [desk.session.state(i).runs for i in range(9)] == [{"bright@openvino"}] * 9
    assert desk.engine.runs == ["bright"] * 9


def test_a_folder_is_not_run_if_the_test_before_it_is_stopped(routed, tmp_path):
    desk = routed(bright=TWICE)
    desk.open(make_folder(tmp_path / "nuclei", count=9))
    desk.tests.gate.clear()
    desk.segmenting.run_all()
    assert desk.tests.entered.wait(10)
    desk.segmenting.cancel()
    desk.settle()
    assert desk.engine.runs == []


def test_an_evaluation_runs_each_model_by_one_route(routed, tmp_path):
    desk = routed(bright=TWICE)
    desk.open(make_folder(tmp_path / "nuclei", count=9))
    desk.evaluating.start(["bright", "blobs"])
    desk.settle()
    assert sorted(name for name, _, _ in desk.tests.asked) == ["blobs", "bright"]
    assert desk.evaluating.prediction_key("bright") == "bright@openvino"
    assert desk.evaluating.prediction_key("blobs") == "blobs"
    assert len(desk.evaluating.table.common("bright", "blobs")) == 9


def begun(desk, runs=("bright",)):
    """An evaluation that waits for the test of its models."""
    desk.tests.gate.clear()
    desk.evaluating.start(list(runs))
    while not desk.tests.entered.wait(0.01) or not only_tests(desk):
        desk.clock.run_posted()
    desk.clock.run_posted()


def only_tests(desk):
    """Whether all else is done: images are still counted when a run has ended."""
    return all("faster way" in job.title for job in desk.jobs.jobs())


def test_an_evaluation_says_that_it_waits_for_the_test(routed, tmp_path):
    desk = routed(bright=TWICE)
    desk.open(make_folder(tmp_path / "nuclei", count=9))
    begun(desk)
    assert desk.session.evaluation.waiting
    assert [j.title for j in desk.jobs.jobs()] == ["Looking for a faster way first: Bright"]
    desk.evaluating.start(["bright"])  # pressed once more, out of impatience
    desk.tests.gate.set()
    desk.settle()
    assert not desk.session.evaluation.waiting
    assert desk.session.evaluation.done == {"bright": 9}
    assert desk.engine.runs == ["bright"] * 9


def test_an_evaluation_that_waits_can_be_started_at_once_by_the_exact_way(routed, tmp_path):
    desk = routed(bright=TWICE)
    desk.open(make_folder(tmp_path / "nuclei", count=9))
    begun(desk)
    desk.segmenting.routes.start_now()
    desk.settle()  # the test never answers
    assert not desk.session.evaluation.waiting
    assert desk.session.evaluation.done == {"bright": 9}
    assert desk.evaluating.prediction_key("bright") == "bright"
    assert len(desk.tests.asked) == 1


def test_an_evaluation_that_waits_can_be_stopped_and_looks_again_the_next_time(routed, tmp_path):
    desk = routed(bright=TWICE)
    desk.open(make_folder(tmp_path / "nuclei", count=9))
    begun(desk)
    desk.evaluating.cancel()
    assert not desk.session.evaluation.waiting
    desk.settle()
    assert desk.engine.runs == []
    desk.tests.gate.set()
    desk.evaluating.start(["bright"])
    desk.settle()
    assert desk.evaluating.prediction_key("bright") == "bright@openvino"


@pytest.mark.parametrize("how", ["the job", "another folder"])
def test_nothing_waits_for_a_test_that_was_stopped(routed, tmp_path, how):
    desk = routed(bright=TWICE)
    desk.open(make_folder(tmp_path / "nuclei", count=9))
    begun(desk)
    if how == "the job":
        (test,) = desk.jobs.jobs()
        test.cancel()
        desk.settle()
    else:
        desk.studio.browsing.open_path(make_folder(tmp_path / "others", count=9))
        desk.tests.gate.set()
        desk.settle()
    assert not desk.session.evaluation.waiting
    assert not desk.segmenting.routes.waits
    assert desk.engine.runs == []


def test_a_run_and_an_evaluation_wait_for_the_same_test(routed, tmp_path):
    desk = routed(bright=TWICE)
    desk.open(make_folder(tmp_path / "nuclei", count=9))
    desk.tests.gate.clear()
    desk.segmenting.run_all()
    begun(desk, ["blobs", "bright"])
    desk.tests.gate.set()
    desk.settle()
    assert [desk.session.state(i).runs for i in range(9)] == [{"bright@openvino", "blobs"}] * 9
    assert [name for name, _, _ in desk.tests.asked] == ["bright", "blobs"]


def test_stopping_the_runs_leaves_an_evaluation_that_waits_for_the_same_test(routed, tmp_path):
    desk = routed(bright=TWICE)
    desk.open(make_folder(tmp_path / "nuclei", count=9))
    desk.tests.gate.clear()
    desk.segmenting.run_all()
    begun(desk)
    assert desk.segmenting.running
    desk.segmenting.cancel()
    assert not desk.segmenting.running
    desk.tests.gate.set()
    desk.settle()
    assert desk.session.evaluation.done == {"bright": 9}
    assert desk.engine.runs == ["bright"] * 9


def test_an_evaluation_takes_over_the_test_that_follows_a_run(routed, tmp_path):
    desk = routed(bright=TWICE)
    desk.open(make_folder(tmp_path / "nuclei", count=9))
    desk.tests.gate.clear()
    desk.segmenting.run_current()
    while not desk.tests.entered.wait(0.01):
        desk.clock.run_posted()
    begun(desk)
    assert [j.title for j in desk.jobs.jobs()] == ["Looking for a faster way first: Bright"]
    desk.tests.gate.set()
    desk.settle()
    assert len(desk.tests.asked) == 1
    assert desk.session.evaluation.done == {"bright": 9}
    assert desk.evaluating.prediction_key("bright") == "bright@openvino"


def test_a_test_that_fails_leaves_the_exact_way(routed, tmp_path):
    desk = routed()
    desk.tests.failing = SegstudioError("no memory")
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.run()
    assert desk.held == {"bright"}
    assert list(desk.studio.notices.recent) == []


def test_switched_off_all_runs_are_exact_and_nothing_is_tested(routed, tmp_path):
    desk = routed(bright=TWICE)
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.run()
    desk.preferences.update(fast_routes=False)
    desk.segmenting.refresh_models()
    desk.settle()
    assert desk.session.models["bright"].route == ""
    assert desk.segmenting.routes.text(desk.session.models["bright"]) == ""
    desk.segmenting.choose("blobs")
    desk.run()
    assert [name for name, _, _ in desk.tests.asked] == ["bright"]


def own_model(tmp_path, name="own", content=b"1"):
    file = tmp_path / f"{name}.safetensors"
    file.write_bytes(content)
    return replace(BRIGHT, id=name, weights=WeightsFile(str(file)), embedded=False)


def test_a_remembered_route_is_taken_from_the_first_run_on(routed, tmp_path):
    spec = own_model(tmp_path)
    first = routed(engine=FakeEngine(spec), own=TWICE)
    first.open(make_folder(tmp_path / "nuclei"))
    first.run()
    second = routed(engine=FakeEngine(spec))
    assert second.session.models["own"].route == "openvino"
    second.open(make_folder(tmp_path / "others"))
    second.run()
    assert second.tests.asked == []
    assert all("openvino" in run for run in second.held)


def test_models_made_of_others_take_the_routes_of_their_parts(routed, tmp_path):
    spec = own_model(tmp_path)
    half = replace(spec, id="half", made_of=Variant(spec, {"input_scale": 0.5}))
    both = replace(spec, id="both", made_of=Ensemble((spec, BLOBS)))
    desk = routed(engine=FakeEngine(spec, half, both, BLOBS), own=TWICE)
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.segmenting.choose("half")
    desk.run()
    assert [name for name, _, _ in desk.tests.asked] == ["own"]
    made = desk.session.models["half"].made_of
    assert made.base.route == desk.session.models["own"].route == "openvino"
    assert [m.route for m in desk.session.models["both"].made_of.members] == ["openvino", ""]
    assert all(run.endswith("@openvino") for run in desk.held)


# -- the memory --------------------------------------------------------------------------------


def memory(tmp_path, machine="a"):
    return RouteMemory(tmp_path / "cache" / "routes.json", lambda: machine)


def test_an_answer_is_found_again_by_content_machine_and_device(tmp_path):
    spec = own_model(tmp_path)
    memory(tmp_path).keep(spec, "cpu", TWICE)
    copy = own_model(tmp_path, "copied")
    assert memory(tmp_path).find([spec, copy], "cpu") == {"own": TWICE, "copied": TWICE}
    assert memory(tmp_path).find([spec], "cuda") == {}
    assert memory(tmp_path, "b").find([spec], "cpu") == {}
    other = own_model(tmp_path, "own", b"22")
    assert memory(tmp_path).find([other], "cpu") == {}
    wider = replace(spec, options={"base_channels": 8})
    assert memory(tmp_path).find([wider, BLOBS], "cpu") == {}


@pytest.mark.parametrize(("load", "is_kept"), [(1.0, True), (1000.0, False)])
def test_on_a_busy_computer_nothing_quicker_is_no_answer_to_keep(
    tmp_path, monkeypatch, load, is_kept
):
    monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load), raising=False)
    spec, pixels = own_model(tmp_path), np.zeros((4, 4, 3), np.uint8)
    known = memory(tmp_path)
    nothing = (lambda: None, lambda *_: None)
    found = find_routes([spec], lambda _spec: pixels, RunOptions(), known, RouteTests(), *nothing)
    assert found == {"own": RouteAnswer()}
    assert bool(known.find([spec], "auto")) == is_kept
    find_routes([spec], lambda _spec: pixels, RunOptions(), known, RouteTests(own=TWICE), *nothing)
    assert known.find([spec], "auto") == {"own": TWICE}


def test_weights_are_read_once_as_long_as_they_do_not_change(tmp_path, monkeypatch):
    spec = own_model(tmp_path)
    memory(tmp_path).keep(spec, "cpu", TWICE)

    def refuse(path):
        raise AssertionError(path)

    monkeypatch.setattr("segstudio.runs.route_memory.content_digest", refuse)
    assert memory(tmp_path).find([spec], "cpu") == {"own": TWICE}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"answers": 3}', '{"answers": {"x": 1}}'])
def test_a_damaged_memory_is_no_trouble(tmp_path, text):
    spec = own_model(tmp_path)
    file = tmp_path / "cache" / "routes.json"
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    assert memory(tmp_path).find([spec], "cpu") == {}
    memory(tmp_path).keep(spec, "cpu", TWICE)
    assert memory(tmp_path).find([spec], "cpu") == {"own": TWICE}


def test_an_answer_with_an_unknown_route_counts_as_none(tmp_path):
    spec = own_model(tmp_path)
    memory(tmp_path).keep(spec, "cpu", TWICE)
    file = tmp_path / "cache" / "routes.json"
    file.write_text(file.read_text("utf-8").replace('"openvino"', '"abacus"'), encoding="utf-8")
    assert json.loads(file.read_text("utf-8"))["answers"]
    assert memory(tmp_path).find([spec], "cpu") == {}


def test_threads_and_versions_belong_to_the_machine(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = machine_text()
    assert "torch 2." in before
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert machine_text() != before
