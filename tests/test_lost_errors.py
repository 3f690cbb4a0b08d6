"""Errors that nobody can catch fail the test in which they are raised."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

_LOST_ERRORS = """
import threading

import pytest


class Faulty:
    def __del__(self):
        raise ValueError("in __del__")


def test_in_del():
    Faulty()


def test_in_a_thread():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()


def test_in_a_slot(qapp):
    from PySide6.QtCore import QTimer

    QTimer.singleShot(0, lambda: 1 / 0)
    qapp.processEvents()


def test_in_an_override(qtbot):
    from PySide6.QtCore import QCoreApplication, QEvent, QObject

    class Target(QObject):
        def event(self, event):
            raise KeyError("in an override")

    target = Target()
    QCoreApplication.sendEvent(target, QEvent(QEvent.Type.User))
"""


def test_no_error_is_lost_where_nobody_can_catch_it(tmp_path):
    """In `__del__`, in threads, in what Qt calls: each fails the test in which it is raised."""
    path = tmp_path / "test_lost.py"
    path.write_text(_LOST_ERRORS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", ROOT / "pyproject.toml", path],
        capture_output=True,
        text=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        cwd=tmp_path,
        check=False,
    )
    passed = [line for line in done.stdout.splitlines() if "passed" in line]
    assert passed == [], done.stdout
    assert "4 failed" in done.stdout, done.stdout
