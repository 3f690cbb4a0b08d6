"""Objects that extensions take for immortal are never freed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_MANY_CALLS = """
from segstudio.immortals import keep_immortals_alive
keep_immortals_alive()
keep_immortals_alive()
from PySide6.QtCore import QObject, QPoint
thing, point = QObject(), QPoint()
for _ in range(50_000):
    point.setX(3)
    thing.setObjectName("")
    thing.blockSignals(True)
print("alive", True, None, 7)
"""


def test_the_interpreter_survives_many_calls_of_qt():
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
