from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes import FakeEngine, make_folder, settle

from segstudio.clock import ManualClock
from segstudio.studio import Studio


class Desk:
    """A studio with its clock and fake models."""

    def __init__(self, home: Path, engine: FakeEngine | None = None) -> None:
        self.clock = ManualClock()
        self.engine = engine or FakeEngine()
        self.studio = Studio(self.clock, home, self.engine)
        self.changes = []
        self.studio.session.changed.connect(self._note)
        self.settle()

    def __getattr__(self, name):
        return getattr(self.studio, name)

    def _note(self, change) -> None:
        self.changes.append(change)

    def settle(self) -> None:
        settle(self.studio, self.clock)

    def open(self, path: Path) -> None:
        self.studio.browsing.open_path(path)
        self.settle()

    @property
    def document(self):
        return self.studio.session.document

    @property
    def messages(self) -> list[str]:
        return [n.message for n in self.studio.notices.recent]

    def close(self) -> bool:
        result = self.studio.close()
        self.clock.run_posted()
        return result


@pytest.fixture
def new_desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    before = set(threading.enumerate())
    desks: list[Desk] = []

    def make(engine: FakeEngine | None = None, home: Path | None = None) -> Desk:
        desk = Desk(home or tmp_path / "home", engine)
        desks.append(desk)
        return desk

    yield make
    for desk in desks:
        desk.engine.gate.set()
        desk.close()
    end = time.monotonic() + 10.0  # a server's thread notices a moment later that nobody listens
    while leaked := [t.name for t in threading.enumerate() if t not in before and t.is_alive()]:
        if time.monotonic() > end:
            break
        time.sleep(0.01)
    assert not leaked, f"threads left running: {leaked}"


@pytest.fixture
def desk(new_desk) -> Desk:
    return new_desk()


@pytest.fixture
def empty(desk, tmp_path):
    """A desk with an image of 30 x 20 pixels and nothing painted."""
    desk.open(make_folder(tmp_path / "nuclei", truth=False))
    desk.session.set_view(active_class=1, brush_size=1)
    return desk
