"""The bridge to the GUI thread."""

from __future__ import annotations

import sys
import threading

import pytest

from segstudio.ui.dispatch import Dispatcher


@pytest.fixture
def dispatcher(qtbot):
    made = Dispatcher()
    yield made
    made.close()


def test_posts_from_other_threads_arrive_in_order_on_the_gui_thread(dispatcher, qtbot):
    seen = []

    def work() -> None:
        for number in range(200):
            dispatcher.post(lambda n=number: seen.append((n, threading.current_thread())))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == []
    qtbot.waitUntil(lambda: len(seen) == 200)
    assert [n for n, _ in seen] == list(range(200))
    assert {t for _, t in seen} == {threading.main_thread()}


def test_an_error_is_handed_to_the_excepthook_and_the_rest_still_runs(
    dispatcher, qtbot, monkeypatch
):
    errors, ran = [], []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: errors.append(error))

    def fail() -> None:
        raise ValueError("broken")

    dispatcher.post(fail)
    dispatcher.post(lambda: ran.append(1))
    qtbot.waitUntil(lambda: ran == [1])
    assert [str(e) for e in errors] == ["broken"]


def test_call_later_waits_and_can_be_called_off(dispatcher, qtbot):
    seen = []
    dispatcher.call_later(0.02, lambda: seen.append("kept"))
    call_off = dispatcher.call_later(0.01, lambda: seen.append("called off"))
    call_off()
    assert seen == []
    qtbot.waitUntil(lambda: seen != [])
    qtbot.wait(30)
    assert seen == ["kept"]
    call_off()


def test_nothing_runs_after_closing(qtbot):
    dispatcher, seen = Dispatcher(), []
    dispatcher.post(lambda: seen.append(1))
    dispatcher.call_later(0.0, lambda: seen.append(2))
    dispatcher.close()
    dispatcher.post(lambda: seen.append(3))
    qtbot.wait(20)
    assert seen == []
