from __future__ import annotations

import logging
import threading
import traceback
import weakref

import pytest

from segstudio.clock import ManualClock
from segstudio.core.errors import SegstudioError
from segstudio.jobs import JobRunner, Latest


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
    job.cancel()
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


class Thing:
    """Something that work or its taker holds; says in which thread it is let go."""

    def __init__(self, name, freed):
        self._freed = freed
        weakref.finalize(self, lambda: freed.append((name, threading.current_thread().name)))


def submitted(runner, name, freed, *, work=None, **more):
    """Submit work whose functions are all that hold a thing each."""

    def bound(function, what):
        thing = Thing(f"{name} {what}", freed)
        return lambda *args: (thing, function(*args))[1]

    return runner.submit(
        name,
        "files",
        bound(work or (lambda _job: Thing(f"{name} result", freed)), "work"),
        bound(lambda _result: None, "done"),
        failed=bound(lambda _error: None, "failed"),
        ended=bound(lambda: None, "ended"),
        **more,
    )


def fail(_job):
    raise ValueError("no")


def stop(job):
    job.cancel()
    job.check()


def leave(_job):
    raise SystemExit(3)


@pytest.mark.parametrize("work", [None, fail, stop, leave], ids=["done", "fails", "stops", "exits"])
def test_what_a_task_holds_dies_on_the_owners_thread_as_soon_as_it_was_taken(
    runner, clock, work, monkeypatch
):
    monkeypatch.setattr(logging.getLogger("segstudio.jobs"), "disabled", True)  # pytest keeps it
    freed, owner = [], threading.current_thread().name
    submitted(runner, "one", freed, work=work)
    assert runner.wait_idle()
    assert freed == []
    clock.run_posted()
    names = {"one work", "one done", "one failed", "one ended"}
    assert dict(freed) == dict.fromkeys(names | ({"one result"} if work is None else set()), owner)


def test_superseded_and_waiting_tasks_die_on_the_owners_thread(runner, clock):
    gate, freed, owner = threading.Event(), [], threading.current_thread().name
    begun = threading.Event()
    submitted(runner, "old", freed, work=lambda _job: begun.set() or gate.wait(30), key="k")
    assert begun.wait(30)  # else it is the one that waits, and "waits" is at work
    submitted(runner, "waits", freed, key="k")
    submitted(runner, "new", freed, key="k")
    gate.set()
    finish(runner, clock)
    assert len(freed) == 13
    assert {thread for _, thread in freed} == {owner}


def test_what_failed_work_had_at_hand_does_not_stay_with_the_error(runner, clock):
    freed, kept = [], []

    def work(_job):
        pixels = Thing("pixels", freed)
        try:
            raise KeyError("inner")
        except KeyError as inner:
            raise ValueError(f"{pixels!r:.1}") from inner

    runner.submit("broken", "files", work, failed=kept.append)
    finish(runner, clock)
    assert freed == [("pixels", threading.current_thread().name)]
    assert "in work" in "".join(traceback.format_exception(kept[0]))


def test_what_is_left_when_a_lane_does_not_stop_ends_on_the_owners_thread(clock):
    runner = JobRunner(clock.post, lambda title, error: None)
    gate, started, freed, ended = threading.Event(), threading.Event(), [], []

    def stuck(_job):
        started.set()
        gate.wait(30)

    runner.submit("stuck", "files", stuck)
    submitted(runner, "left", freed)
    runner.submit("too", "files", lambda _job: None, ended=lambda: ended.append(1))
    assert started.wait(30)
    try:
        assert not runner.shutdown(0.1)
        owner = threading.current_thread().name
        assert dict(freed) == dict.fromkeys(
            ["left work", "left done", "left failed", "left ended"], owner
        )
        assert ended == [1]
    finally:
        gate.set()
        assert runner.shutdown()


def test_work_that_ends_by_something_else_than_an_exception_fails_and_its_lane_goes_on(
    runner, clock, errors
):
    class Panic(BaseException):
        """As libraries written in Rust raise."""

    def panic(_job):
        raise Panic("index out of bounds")

    got, ended = [], []
    runner.submit("panics", "files", panic, ended=lambda: ended.append(1))
    runner.submit("exits", "files", leave)
    runner.submit("goes on", "files", lambda _job: 2, got.append)
    finish(runner, clock)
    assert errors == [
        ("panics", "The work ended by Panic: index out of bounds"),
        ("exits", "The work ended by SystemExit: 3"),
    ]
    assert ended == [1]
    assert got == [2]


def test_a_listener_or_taker_that_raises_anything_does_not_stop_the_lane(errors):
    """As on the command line, where results are taken on the lane's thread."""
    runner = JobRunner(lambda fn: fn(), lambda title, error: None)
    got = []

    def listener():
        if threading.current_thread() is not threading.main_thread():
            raise SystemExit(3)

    def exits(_result):
        raise SystemExit(3)

    runner.changed.connect(listener)
    runner.submit("one", "files", lambda _job: 1, exits)
    runner.submit("two", "files", lambda _job: 2, got.append)
    assert runner.wait_idle()
    assert got == [2]
    assert runner.shutdown()


def test_a_lane_whose_thread_cannot_be_started_takes_the_next_work(runner, clock, monkeypatch):
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    got = []
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            runner.submit("refused", "files", got.append)
    runner.submit("next", "files", lambda _job: "next", got.append)
    finish(runner, clock)
    assert got == ["next"]


def test_only_what_answers_the_latest_question_is_let_through():
    latest, told = Latest(), []
    first = latest.only(told.append)
    first(1)
    latest.begin()
    second = latest.only(told.append)
    first(2)
    second(3)
    latest.begin()
    second(4)
    assert told == [1, 3]


def test_a_question_of_several_jobs_ends_with_what_was_begun_last(runner, clock):
    latest, told = Latest(), []

    def ask(name: str, left: int) -> None:
        latest.begin()

        def done(text: str) -> None:
            told.append(text)
            if left:
                ask(name, left - 1)

        runner.submit(name, "files", lambda _job: f"{name} {left}", latest.only(done))

    ask("first", 3)
    finish(runner, clock)
    ask("second", 1)
    finish(runner, clock)
    finish(runner, clock)
    finish(runner, clock)
    assert told == ["first 3", "second 1", "second 0"]
