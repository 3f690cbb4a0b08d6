"""A studio that has traced the tiny U-Net, without a window, for all tests of a module."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import network_desk
from network_desk import put_back
from pauses import let_pass
from PySide6.QtCore import QEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from tiny_networks import UNET, TinyEngine
from windows import kept_studio

from segstudio.kit.dispatch import Dispatcher
from segstudio.studio import Studio

_PATIENCE_S = 60.0


class TracedDesk:
    """A studio in which the first image of a folder was traced; tests put pages before it."""

    def __init__(self, studio: Studio, dispatcher: Dispatcher, folder: Path) -> None:
        self.studio, self.session, self._dispatcher = studio, studio.session, dispatcher
        self._widgets: list[QWidget] = []
        self.until(lambda: bool(self.session.model.chosen))
        studio.segmenting.choose(UNET)
        studio.browsing.open_path(folder)
        self.until(lambda: self.session.document is not None)
        studio.inspecting.open()
        self.until(lambda: self.session.inspection.traced is not None)
        self.idle()
        network_desk.found(self)

    def until(self, condition) -> None:
        """Let the event loop run until the condition holds."""
        deadline = time.monotonic() + _PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            QTest.qWait(1)

    def wait(self, ms: int) -> None:
        """Let the event loop run for a while."""
        QTest.qWait(ms)

    def put(self, widget: QWidget) -> None:
        """Note a page that is before it during a test."""
        self._widgets.append(widget)

    def idle(self) -> None:
        """Let all jobs end, and what was put off happen, also in the pages before it."""
        while True:
            let_pass(self, self._dispatcher, *self._widgets, ms=500, before_each=self._end_work)
            if self._is_idle():
                return

    def clear(self) -> None:
        """Delete the pages."""
        for widget in self._widgets:
            widget.close()
            widget.deleteLater()
        self._widgets.clear()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def _end_work(self) -> None:
        self.until(self._is_idle)

    def _is_idle(self) -> bool:
        """Whether nothing runs and every result was taken."""
        return self.studio.jobs.wait_idle(0) and not self.studio.jobs._inbox


@contextmanager
def kept_desk(home: Path, specs, folder: Path) -> Iterator[TracedDesk]:
    """Makes one; `for_a_test` gives it to each test as it was found."""
    with kept_studio(home / "home", TinyEngine(specs)) as (studio, dispatcher):
        yield TracedDesk(studio, dispatcher, folder)


@contextmanager
def for_a_test(desk: TracedDesk) -> Iterator[TracedDesk]:
    """The desk as it was found; the pages of a test are gone afterwards, and hear nothing more."""
    put_back(desk)
    desk.idle()
    listeners = desk.session.changed._slots
    before = list(listeners)
    yield desk
    desk.idle()
    listeners[:] = before
    desk.clear()
