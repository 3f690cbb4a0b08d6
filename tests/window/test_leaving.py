"""The process is gone soon after its window, whatever still works or is imported beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
BESIDE_S = 30

CLOSED_AT_ONCE = f"""
import atexit, sys, threading, time
from PySide6.QtCore import QTimer
from segstudio.__main__ import main
from segstudio.window.main_window import MainWindow

def painted(self, event, original=MainWindow.paintEvent):
    original(self, event)
    if beside:
        beside.pop().start()
        QTimer.singleShot(0, self, self.close)

beside = [threading.Thread(target=time.sleep, args=({BESIDE_S},))]
MainWindow.paintEvent = painted
atexit.register(lambda: print("left in order"))
sys.argv = ["segstudio"]
sys.exit(main())
"""


def test_the_process_waits_for_nothing_once_its_window_is_closed(user_folders):
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", CLOSED_AT_ONCE],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    assert time.monotonic() - started < BESIDE_S
    assert (done.returncode, done.stdout) == (0, "left in order\n"), done.stderr
