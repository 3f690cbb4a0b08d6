"""Objects that PySide6 takes for immortal are never freed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import shiboken6

from segstudio.immortals import keep_immortals_alive, takes_references

_MANY_CALLS = """
import segstudio.ui
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


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="nothing is counted there")
@pytest.mark.parametrize(
    ("version", "expected"),
    [((6, 8, 3), False), ((6, 11, 3), False), ((6, 12, 0), True), ((7, 0, 0), True)],
)
def test_only_versions_with_the_fault_need_it(monkeypatch, version, expected):
    monkeypatch.setattr(shiboken6, "__version_info__", (*version, "", ""))
    assert takes_references() == expected


def test_where_nothing_is_taken_away_no_object_is_touched(monkeypatch):
    monkeypatch.setattr(shiboken6, "__version_info__", (6, 11, 3, "", ""))
    before = sys.getrefcount(None)
    keep_immortals_alive()
    assert abs(sys.getrefcount(None) - before) < 1000
