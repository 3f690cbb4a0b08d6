from __future__ import annotations

import logging
import threading

import pytest

from segstudio.app.clock import ManualClock
from segstudio.core.errors import SegstudioError
from segstudio.jobs import JobRunner


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def errors() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def runner(clock, errors):
    jobs = JobRunner(clock.post, lambda title, error: errors.append((title, str(error))))
    yield jobs
    assert jobs.shutdown()
    assert not [t for t in threading.enumerate() if t.name.startswith("segstudio-")]


def finish(runner, clock):
    assert runner.wait_idle()
    clock.run_posted()


def test_a_result_arrives_through_post_only(runner, clock):
    got = []
    runner.submit("add", "files", lambda _job: 1 + 1, got.append)
    assert runner.wait_idle()
    assert got == []
    clock.run_posted()
    assert got == [2]


def test_work_runs_on_the_lane_and_results_on_the_owner(runner, clock):
    names = []
    runner.submit(
        "who",
        "model",
        lambda _job: threading.current_thread().name,
        lambda name: names.extend([name, threading.current_thread().name]),
    )
    finish(runner, clock)
    assert names == ["segstudio-model", threading.current_thread().name]


def test_jobs_of_a_lane_run_in_order_and_front_goes_first(runner, clock):
    gate, order = threading.Event(), []
    runner.submit("hold", "files", lambda _job: gate.wait(30))
    for name in "ab":
        runner.submit(name, "files", lambda _job, n=name: order.append(n))
    runner.submit("c", "files", lambda _job: order.append("c"), front=True)
    gate.set()
    finish(runner, clock)
    assert order == ["c", "a", "b"]


def test_lanes_do_not_wait_for_each_other(runner, clock):
    gate, got = threading.Event(), []
    runner.submit("hold", "model", lambda _job: gate.wait(30))
    runner.submit("quick", "files", lambda _job: "done", got.append)
    while not got:
        assert clock.wait_posted(5)
        clock.run_posted()
    gate.set()


def test_of_a_key_the_latest_wins_even_if_the_earlier_is_done(runner, clock):
    got = []
    runner.submit("one", "files", lambda _job: 1, got.append, key="k")
    assert runner.wait_idle()  # its result is on its way
    runner.submit("two", "files", lambda _job: 2, got.append, key="k")
    finish(runner, clock)
    assert got == [2]


def test_cancel_stops_at_the_next_check_and_still_ends(runner, clock):
    started, ended, got = threading.Event(), [], []

    def work(job):
        started.set()
        while True:
            job.check()

    job = runner.submit("endless", "model", work, got.append, ended=lambda: ended.append(True))
    assert started.wait(30)
    assert runner.jobs() == [job]
    runner.cancel_all("files")
    assert not job.cancelled
    runner.cancel_all("model")
    finish(runner, clock)
    assert got == []
    assert ended == [True]
    assert runner.jobs() == []


def test_failures_go_to_failed_or_to_the_handler(runner, clock, errors):
    def broken(_job):
        raise ValueError("no")

    own = []
    runner.submit("mine", "files", broken, failed=lambda e: own.append(str(e)))
    runner.submit("other", "files", broken)
    finish(runner, clock)
    assert own == ["no"]
    assert errors == [("other", "no")]


def test_what_the_user_can_mend_is_told_without_a_traceback_in_the_log(
    runner, clock, caplog, monkeypatch
):
    # a tool that configures logging in the same process may have disabled it
    monkeypatch.setattr(logging.getLogger("segstudio.jobs"), "disabled", False)

    def unmet(_job):
        raise SegstudioError("Nothing is annotated.", "Paint first.")

    def broken(_job):
        raise ValueError("no")

    own = []
    runner.submit("asked", "files", unmet, failed=own.append)
    runner.submit("broken", "files", broken, failed=own.append)
    finish(runner, clock)
    assert [str(error) for error in own] == ["Nothing is annotated. Paint first.", "no"]
    assert [record.message for record in caplog.records if record.exc_info] == ["broken failed"]


def test_a_cancelled_job_that_fails_is_silent(runner, clock, errors):
    gate = threading.Event()

    def work(_job):
        gate.wait(30)
        raise ValueError("no")

    job = runner.submit("late", "files", work)
    job.cancel()
    gate.set()
    finish(runner, clock)
    assert errors == []


def test_report_is_kept_and_announced(runner, clock):
    seen = []

    def note() -> None:
        seen.extend(j.progress.done for j in runner.jobs())

    runner.changed.connect(note)
    gate, reported = threading.Event(), threading.Event()

    def work(job):
        job.report(3, 10, "c.png")
        reported.set()
        gate.wait(30)

    job = runner.submit("count", "files", work)
    assert reported.wait(30)
    clock.run_posted()
    assert (job.progress.done, job.progress.total, job.progress.text) == (3, 10, "c.png")
    assert 3 in seen
    gate.set()


def test_a_taker_that_raises_does_not_stop_the_lane(errors):
    def post(fn):
        fn()

    runner = JobRunner(post, lambda title, error: errors.append((title, str(error))))
    ended, got = [], []

    def bad(_result):
        raise ValueError("taker")

    runner.submit("bad", "files", lambda _job: 1, bad, ended=lambda: ended.append(1))
    runner.submit("good", "files", lambda _job: 2, got.append)
    assert runner.wait_idle()
    assert got == [2]
    assert ended == [1]  # once
    assert errors == []
    assert runner.shutdown()


def test_shutdown_finishes_saving_cancels_the_rest_and_hands_over_results(clock, errors):
    runner = JobRunner(clock.post, lambda title, error: errors.append((title, str(error))))
    gate, saved, ran = threading.Event(), [], []
    runner.submit("hold", "save", lambda _job: gate.wait(30))
    runner.submit("save", "save", lambda _job: "written", saved.append)
    started = threading.Event()

    def endless(job):
        started.set()
        while True:
            job.check()

    runner.submit("endless", "model", endless)
    runner.submit("never", "model", ran.append)
    assert started.wait(30)
    threading.Timer(0.05, gate.set).start()
    assert runner.shutdown()
    assert saved == ["written"]  # although nobody ran what was posted
    assert ran == []
    late = runner.submit("late", "files", ran.append)
    assert late.cancelled
    clock.run_posted()
    assert saved == ["written"]
