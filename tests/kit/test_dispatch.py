"""The bridge to the GUI thread."""

from __future__ import annotations

import sys
import threading

import pytest
from pauses import let_pass
from PySide6.QtCore import QCoreApplication, QEventLoop, QTimer

from segstudio.kit.dispatch import Dispatcher


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
    let_pass(qtbot, dispatcher)
    assert seen == ["kept"]
    call_off()


def test_nothing_runs_after_closing(qtbot):
    dispatcher, seen = Dispatcher(), []
    dispatcher.post(lambda: seen.append(1))
    dispatcher.call_later(0.0, lambda: seen.append(2))
    dispatcher.close()
    dispatcher.post(lambda: seen.append(3))
    let_pass(qtbot, dispatcher)
    assert seen == []


def patience(loop: QEventLoop) -> QTimer:
    """Ends a loop that nothing else ends, so that the test fails instead of hanging."""
    timer = QTimer(singleShot=True, interval=5000)
    timer.timeout.connect(loop.quit)
    timer.start()
    return timer


def test_what_is_posted_runs_while_a_question_waits_inside_a_posted_function(dispatcher, qtbot):
    seen, loop = [], QEventLoop()

    def ask() -> None:
        seen.append("asked")
        loop.exec()
        seen.append("answered")

    def late() -> None:
        dispatcher.post(lambda: seen.append("from a thread"))
        dispatcher.post(loop.quit)

    dispatcher.post(ask)
    dispatcher.post(lambda: seen.append("waited behind it"))
    threading.Timer(0.02, late).start()
    given_up = patience(loop)
    qtbot.waitUntil(lambda: "answered" in seen)
    assert seen == ["asked", "waited behind it", "from a thread", "answered"]
    assert given_up.isActive()


def test_a_question_inside_a_question_starves_nothing_either(dispatcher, qtbot):
    seen, loops = [], [QEventLoop(), QEventLoop()]
    given_up = [patience(loop) for loop in loops]

    def ask(number: int) -> None:
        seen.append(number)
        loops[number].exec()
        seen.append(-number)

    dispatcher.post(lambda: ask(0))
    dispatcher.post(lambda: ask(1))
    dispatcher.post(lambda: seen.append("between"))
    dispatcher.post(loops[1].quit)
    dispatcher.post(lambda: dispatcher.call_later(0.01, loops[0].quit))
    qtbot.waitUntil(lambda: len(seen) == 5)
    assert seen == [0, 1, "between", -1, 0]
    assert all(timer.isActive() for timer in given_up)


def test_a_turn_ends_for_input_and_goes_on_after_it(dispatcher, qtbot, monkeypatch):
    monkeypatch.setattr("segstudio.kit.dispatch._SLICE_SECONDS", -1.0)
    seen = []
    for number in range(5):
        dispatcher.post(lambda n=number: seen.append(n))
    QCoreApplication.processEvents()
    assert 0 < len(seen) <= 5
    qtbot.waitUntil(lambda: len(seen) == 5)
    assert seen == [0, 1, 2, 3, 4]
