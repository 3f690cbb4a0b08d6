"""An error in an override of Qt's is an error, and not the end of the program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import os
os.environ["QT_QPA_PLATFORM"] = "offscreen"
import segstudio.kit
from PySide6.QtWidgets import QApplication, QWidget

class Wrong(QWidget):
    def resizeEvent(self, event):
        FAULT

class Derived(Wrong):
    def resizeEvent(self, event):
        super().resizeEvent(event)

app = QApplication([])
for kind in (Wrong, Derived):
    widget = kind()
    widget.resize(50, 50)
    try:
        widget.grab()  # Qt sends what is pending, on behalf of Python
    except Exception as error:
        print(type(error).__name__)
print("alive")
"""


@pytest.mark.parametrize(
    ("fault", "name"),
    [("()[self.width()]", "IndexError"), ("1 // 0", "ZeroDivisionError"), ("{}[1.5]", "KeyError")],
)
def test_what_c_code_raises_within_an_override_reaches_python(fault, name):
    """On Python 3.11 this ended in a segmentation fault."""
    result = subprocess.run(
        [sys.executable, "-c", _PROGRAM.replace("FAULT", fault)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-500:]
    assert result.stdout.split() == [name, name, "alive"]
