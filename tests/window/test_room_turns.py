"""Rooms are built in turns: the window answers meanwhile, and may be closed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from statistics import median

import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel
from slow_cases import few

_MOST = 6.0
"""Times as long as `_fixed_work`: what took one turn before was 10 to 20 times as long."""


def _fixed_work() -> float:
    """Seconds of this thread that a known piece of work takes just now."""
    begin = time.thread_time()
    labels = [QLabel(f"line {number}") for number in range(200)]
    spent = time.thread_time() - begin
    del labels
    return spent


def _turns(done) -> Iterator[float]:
    """Seconds of this thread in each turn of the event loop until it is done."""
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        begin = time.thread_time()
        QApplication.processEvents()
        yield time.thread_time() - begin
        time.sleep(0.001)


@pytest.fixture
def bench(make_window, folder):
    """A window of the test's own, in which no room was open yet."""
    made = make_window()
    made.open(folder)
    return made


@pytest.fixture
def window(bench):
    bench.settle()
    return bench.window


def _open(window, key) -> None:
    QTest.keyClick(QApplication.focusWidget() or window, key)


@pytest.mark.parametrize(
    ("key", "link"),
    [(Qt.Key.Key_M, "evaluation"), (Qt.Key.Key_N, "network")],
    ids=["evaluation", "network"],
)
def test_no_turn_of_opening_a_room_is_long(window, key, link):
    before = [_fixed_work() for _ in range(5)]
    _open(window, key)
    spent = list(_turns(lambda: getattr(window, link).panel is not None))
    unit = median([*before, *(_fixed_work() for _ in range(5))])
    assert max(spent) < _MOST * unit


@pytest.mark.parametrize("key", [Qt.Key.Key_M, Qt.Key.Key_N])
@pytest.mark.parametrize("parts", few([1, 3, 6], {3}))
def test_a_window_can_be_closed_while_a_room_is_built(bench, window, key, parts):
    link = window.evaluation if key == Qt.Key.Key_M else window.network
    _open(window, key)
    bench.until(lambda: link.building)
    for _ in range(parts):
        QApplication.processEvents()
    window.close()
    bench.settle()
    assert not window.isVisible()


def test_a_room_that_is_closed_while_it_is_built_is_there_when_it_is_opened_again(bench, window):
    _open(window, Qt.Key.Key_M)
    bench.until(lambda: window.evaluation.building)
    window.docks.room.close()
    assert window.docks.room.isHidden()
    bench.until(lambda: window.evaluation.panel is not None)
    assert window.docks.room.isHidden()
    _open(window, Qt.Key.Key_M)
    bench.until(window.evaluation.panel.isVisible)
    bench.until(window.evaluation.panel.header.isVisible)


class _Styles(QObject):
    """Counts how often the style of a widget is worked out anew."""

    def __init__(self, watched) -> None:
        super().__init__(watched)
        self.count = 0
        watched.installEventFilter(self)

    def eventFilter(self, _watched, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.StyleChange
        return False


def test_a_header_moves_below_the_tabs_without_being_styled_anew(bench, window):
    window.resize(1280, 800)
    _open(window, Qt.Key.Key_M)
    bench.until(lambda: window.evaluation.panel is not None)
    bench.settle()
    header = window.evaluation.panel.header
    styles = _Styles(header.models)
    at = header.pos()
    window.resize(1024, 800)
    bench.until(lambda: header.pos() != at)
    bench.settle()
    window.resize(1280, 800)
    bench.until(lambda: header.pos() == at)
    assert styles.count == 0


class _Paints(QObject):
    """In which turns of the event loop each of these widgets was painted."""

    def __init__(self, **watched) -> None:
        super().__init__()
        self.turn = 0
        self.turns: dict[str, list[int]] = {name: [] for name in watched}
        self._names = {widget: name for name, widget in watched.items()}
        for widget in watched.values():
            widget.installEventFilter(self)

    def eventFilter(self, watched, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and watched in self._names:
            self.turns[self._names[watched]].append(self.turn)
        return False


class _PaintedAgain(QObject):
    """Which widgets were painted more than once in a turn of the event loop."""

    def __init__(self) -> None:
        super().__init__()
        self.painted: Counter[QObject] = Counter()
        self.names: set[str] = set()

    def next_turn(self) -> None:
        self.names |= {type(one).__name__ for one, count in self.painted.items() if count > 1}
        self.painted.clear()

    def eventFilter(self, watched, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.painted[watched] += 1
        return False


def test_lists_and_rooms_are_painted_once_a_turn_as_rooms_come_and_go(bench, window):
    window.resize(1280, 800)
    for key, link in ((Qt.Key.Key_N, window.network), (Qt.Key.Key_M, window.evaluation)):
        _open(window, key)
        bench.until(lambda link=link: link.panel is not None)
        bench.settle()
    paints = _PaintedAgain()
    QApplication.instance().installEventFilter(paints)
    try:
        for key in (Qt.Key.Key_N, Qt.Key.Key_M, Qt.Key.Key_M, Qt.Key.Key_M):
            _open(window, key)
            paints.painted.clear()  # what the key itself painted at once
            rest = iter(range(12))
            for _ in _turns(lambda rest=rest: next(rest, None) is None):
                paints.next_turn()
    finally:
        QApplication.instance().removeEventFilter(paints)
    assert window.docks.room.isVisible()
    assert paints.names == set()


def test_views_and_list_are_painted_in_turns_of_their_own_as_a_room_closes(bench, window):
    window.resize(1280, 800)
    _open(window, Qt.Key.Key_M)
    bench.until(lambda: window.evaluation.panel is not None)
    bench.settle()
    paints = _Paints(views=window.canvas.viewport, list=window.images.view.viewport())
    begun = window.canvas.viewport.height()
    _open(window, Qt.Key.Key_M)
    for _ in _turns(lambda: all(paints.turns.values())):
        paints.turn += 1
    bench.settle()
    assert window.canvas.viewport.height() > begun
    assert paints.turns["views"][0] != paints.turns["list"][0]
    assert window.updatesEnabled()
    assert window.central.updatesEnabled()


def test_a_window_that_was_not_painted_meanwhile_is_painted_when_views_come_back(bench, window):
    window.resize(1280, 800)
    _open(window, Qt.Key.Key_M)
    bench.until(lambda: window.evaluation.panel is not None)
    window.docks.place.cover(True)
    bench.settle()
    window.docks.place.cover(False)
    paints = _Paints(views=window.canvas.viewport, panel=window.classes)
    bench.until(lambda: all(paints.turns.values()))
    assert window.updatesEnabled()
