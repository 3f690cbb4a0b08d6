"""The layer rule and the start-up rule, checked on the code itself; and the tests' own rule."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parent.parent


def test_imports_point_down():
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


LIGHT = {
    "import segstudio.core.metrics": ["torch", "PySide6"],
    "import segstudio.storage.project, segstudio.storage.settings": [
        "torch", "PySide6", "tifffile", "PIL", "cv2", "natsort", "platformdirs",
    ],
    "from segstudio.models.registry import registry\n"
    "from segstudio.models.weights import is_available\n"
    "for spec in registry().values(): is_available(spec)": ["torch", "torchvision", "PySide6"],
    "import segstudio.app.studio": ["torch", "PySide6", "tifffile"],
    "import segstudio.ui.application": ["torch", "numpy", "cv2", "pyqtgraph"],
    "import segstudio.ui.contents, segstudio.ui.panels.evaluation.panel": ["torch", "pyqtgraph"],
    "import segstudio.__main__": ["torch", "numpy", "typer", "PySide6"],
}  # fmt: skip
"""What must not be imported by the time that this has been done."""

_ONE_BY_ONE = """
import json, os, sys
for number, (code, forbidden) in enumerate(json.loads(sys.argv[1]).items()):
    child = os.fork()  # each in an interpreter that has imported nothing yet
    if not child:
        exec(code)
        print(number, [name for name in forbidden if name in sys.modules], flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_what_must_be_quick_imports_nothing_large():
    done = subprocess.run(
        [sys.executable, "-c", _ONE_BY_ONE, json.dumps(LIGHT)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout.splitlines() == [f"{n} []" for n in range(len(LIGHT))], done.stderr


def test_no_file_grows_past_its_purpose():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / "segstudio").rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 700
    }
    assert long == {}


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
