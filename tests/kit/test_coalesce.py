"""What is drawn anew for many reasons at once is called once, and shares the turns."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from segstudio.kit.coalesce import Coalescer


@pytest.fixture
def owner(qtbot: QtBot) -> QObject:
    return QObject(QApplication.instance())


def busy(done: list[str], name: str, seconds: float) -> Callable[[], None]:
    """A function that takes so long."""

    def work() -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pass
        done.append(name)

    return work


def turns(done: list[str], count: int) -> list[list[str]]:
    """What was done in each turn that did anything, until so many are done."""
    found: list[list[str]] = []
    deadline = time.monotonic() + 20
    while sum(map(len, found)) < count:
        assert time.monotonic() < deadline
        before = len(done)
        QApplication.processEvents()
        if len(done) > before:
            found.append(done[before:])
    return found


def test_what_takes_long_has_a_turn_of_its_own_and_keeps_its_order(owner: QObject) -> None:
    done: list[str] = []
    all_of_them = [Coalescer(owner, busy(done, name, 0.006)) for name in "abcd"]
    for one in all_of_them:
        one.request()
        one.request()
    assert turns(done, 4) == [["a"], ["b"], ["c"], ["d"]]


def test_what_is_quick_shares_a_turn(owner: QObject) -> None:
    done: list[str] = []
    all_of_them = [Coalescer(owner, busy(done, name, 0.0)) for name in "abcd"]
    for one in all_of_them:
        one.request()
    assert turns(done, 4) == [["a", "b", "c", "d"]]


def test_a_request_while_it_waits_is_no_second_call(qtbot: QtBot, owner: QObject) -> None:
    done: list[str] = []
    first = Coalescer(owner, busy(done, "first", 0.006))
    second = Coalescer(owner, busy(done, "second", 0.0), 0.0)
    first.request()
    second.request()
    assert turns(done, 1) == [["first"]]
    second.request()
    qtbot.wait(60)
    assert done == ["first", "second"]
    second.request()
    qtbot.waitUntil(lambda: done == ["first", "second", "second"])


def test_what_is_gone_is_not_called(qtbot: QtBot, owner: QObject) -> None:
    done: list[str] = []
    long, gone, last = (Coalescer(owner, busy(done, name, 0.006)) for name in ("a", "gone", "b"))
    for one in (long, gone, last):
        one.request()
    assert turns(done, 1) == [["a"]]
    gone.deleteLater()
    QApplication.sendPostedEvents(gone, QEvent.Type.DeferredDelete)
    qtbot.waitUntil(lambda: done == ["a", "b"])


def test_after_one_that_fails_the_others_are_called(qtbot: QtBot, owner: QObject) -> None:
    done: list[str] = []

    def fail() -> None:
        busy(done, "failed", 0.006)()
        raise ValueError("as it happens")

    failing, other = Coalescer(owner, fail), Coalescer(owner, busy(done, "other", 0.0))
    with qtbot.captureExceptions() as caught:
        failing.request()
        other.request()
        qtbot.waitUntil(lambda: done == ["failed", "other"])
    assert [str(error) for _, error, _ in caught] == ["as it happens"]
