"""The version of Qt for Python counts references as the interpreter does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import shiboken6

from segstudio.__main__ import open_window

_MANY_CALLS = """
import segstudio.kit
from PySide6.QtCore import QObject, QPoint
from psygnal import Signal

class Bell:
    rung = Signal(int)

thing, point, bell = QObject(), QPoint(), Bell()
bell.rung.connect(lambda number: None)
for _ in range(50_000):
    point.setX(3)
    thing.setObjectName("")
    thing.blockSignals(True)
    bell.rung.emit(1)
print("alive", True, None, 7)
"""


def test_the_interpreter_survives_many_calls_of_qt_and_of_signals():
    result = subprocess.run(
        [sys.executable, "-c", _MANY_CALLS],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "alive True None 7"


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="no version does harm there")
def test_a_version_that_breaks_python_is_refused(monkeypatch, capsys):
    monkeypatch.setattr("segstudio.window.screen.missing_display", lambda: "")
    monkeypatch.setattr(shiboken6, "__version__", "6.12.0")
    monkeypatch.setattr(shiboken6, "__version_info__", (6, 12, 0, "", ""))
    assert open_window(None) == 2
    assert capsys.readouterr().err == (
        "error: PySide6 6.12.0 breaks Python 3.11. Use Python 3.12, or run "
        "pip install 'PySide6-Essentials<6.12'.\n"
    )
