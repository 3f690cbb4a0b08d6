"""Python's garbage is collected by the GUI thread."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLabel

from segstudio.jobs import JobRunner
from segstudio.kit.dispatch import Dispatcher
from segstudio.kit.garbage import GuiGarbage
from segstudio.window.application import Application


class Node:
    """Something that holds itself, as widgets and their slots do."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def modules_stay() -> Iterator[None]:
    """What is loaded is not looked at again afterwards, which takes seconds."""
    yield
    gc.freeze()


@pytest.fixture
def garbage(qapp):
    made = GuiGarbage()
    yield made
    made.stop()


def litter() -> None:
    """Make so much garbage that Python would collect by itself."""
    for _ in range(20_000):
        Node()


def test_what_another_thread_drops_is_deleted_in_the_gui_thread(garbage, qtbot):
    garbage.start()
    deleted_in = []

    def work() -> None:
        weakref.finalize(Node(), lambda: deleted_in.append(threading.get_ident()))
        litter()

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert deleted_in == []
    qtbot.waitUntil(lambda: bool(deleted_in))
    assert deleted_in == [threading.main_thread().ident]


def test_nothing_is_collected_while_it_is_held(garbage, qtbot):
    deleted = []
    garbage.hold()
    weakref.finalize(Node(), deleted.append, True)
    litter()
    assert not garbage.findChild(
        QTimer
    ).isActive()  # no timer runs that could, and Python does not by itself
    qtbot.wait(1)
    assert deleted == []


def test_python_collects_again_at_the_end(garbage):
    garbage.start()
    assert not gc.isenabled()
    assert gc.get_freeze_count() > 0
    garbage.stop()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_the_application_collects_so_once_torch_is_there(qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_HOME", str(tmp_path))
    application = Application(None, samples=False, screenshot=None)
    qtbot.addWidget(application.window)
    try:
        application.garbage.hold()
        application.window.show()
        qtbot.waitUntil(lambda: application.garbage.findChild(QTimer).isActive(), timeout=100_000)
        assert "torch" in sys.modules
        assert not gc.isenabled()
    finally:
        application.close()
    assert gc.isenabled()


def test_a_widget_that_only_a_finished_job_holds_is_deleted_in_the_gui_thread(qtbot):
    dispatcher = Dispatcher()
    runner = JobRunner(dispatcher.post, lambda title, error: None)
    deleted_in = []

    def note() -> None:
        deleted_in.append(threading.current_thread().name)

    def submit() -> None:
        widget = QLabel("a panel")
        weakref.finalize(widget, note)
        runner.submit("reading", "files", lambda _job: 1, lambda _result: widget.setText("read"))

    submit()
    qtbot.waitUntil(lambda: bool(deleted_in))
    runner.submit("next", "files", lambda _job: 2)
    assert runner.shutdown()
    assert deleted_in == [threading.main_thread().name]
    dispatcher.close()
