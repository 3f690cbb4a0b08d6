"""The magic wand at 4096 x 4096: from the press to the shown region, and the turns of the window.

A canvas with real events on a studio with its jobs. The baseline is OpenCV's bare flood of the
whole region, pixel by pixel; what is shown while the button is down has to come sooner.
"""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import tempfile
import time
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from bench import Row
from bench.bench_brush import WINDOW, _studio_with, _TimedClock
from segstudio.annotation.ui.tools.tool_table import TOOLS
from segstudio.annotation.ui.tools.wand_tool import WandTool
from segstudio.canvas.canvas import Canvas

SIDE, ROUNDS = 4096, 8
TARGET_MS, TURN_MS = 50.0, 16.0
KINDS = {"small": 8, "large": 255}
"""Regions, by the tolerance that gives them."""


class _WatchedWand(WandTool):
    """Can be asked what it shows."""

    made: ClassVar[list[WandTool]] = []

    def __init__(self, host) -> None:
        super().__init__(host)
        self.made.append(self)


class _Wand:
    """A canvas with a large image, and the wand in hand."""

    def __init__(self, folder: Path) -> None:
        self.clock = _TimedClock()
        self.studio = _studio_with(SIDE, folder, self.clock)
        studio = self.studio
        tools = [_WatchedWand if tool is WandTool else tool for tool in TOOLS]
        self.canvas = Canvas(
            studio.session, studio.editing, studio.comparing, studio.jobs, lambda: True, tools
        )
        self.canvas.resize(*WINDOW)
        self.canvas.show()
        QApplication.processEvents()
        studio.session.set_view(tool="wand", active_class=2)
        self._tool = _WatchedWand.made[-1]

    def round(self, tolerance: int, at: QPoint) -> tuple[float, float]:
        """Seconds to the shown region, and of the longest turn until it is painted."""
        studio, clock = self.studio, self.clock
        studio.session.set_view(wand_tolerance=tolerance)
        viewport, left, clock.longest = self.canvas.viewport, Qt.MouseButton.LeftButton, 0.0
        start = time.perf_counter()
        clock.timed(lambda: QTest.mousePress(viewport, left, pos=at))
        self._until(lambda: self._tool.found is not None)
        clock.timed(QApplication.processEvents)
        shown = time.perf_counter() - start
        clock.timed(lambda: QTest.mouseRelease(viewport, left, pos=at))
        self._until(lambda: not self._tool.busy)
        clock.timed(QApplication.processEvents)
        longest = clock.longest
        studio.editing.undo()
        self._until(lambda: not studio.session.document.history.can_undo)
        return shown, longest

    def _until(self, condition) -> None:
        while not condition():
            self.clock.wait_posted(0.05)
            self.clock.run_posted()
        self.studio.jobs.wait_idle(60)
        self.clock.run_posted()

    def close(self) -> None:
        self.canvas.close()
        self.studio.close()


def _flood_ms(pixels: np.ndarray, tolerance: int) -> float:
    best = float("inf")
    for _ in range(3):
        mask = np.zeros((SIDE + 2, SIDE + 2), np.uint8)
        flags = 4 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
        start = time.perf_counter()
        cv2.floodFill(
            pixels, mask, (SIDE // 2, SIDE // 2), 0, (tolerance,) * 3, (tolerance,) * 3, flags
        )
        best = min(best, time.perf_counter() - start)
    return best * 1000


def rows() -> list[Row]:
    """Name, value, target, whether it is met."""
    app = QApplication.instance() or QApplication([])
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        wand = _Wand(Path(name) / "images")
        pixels = wand.studio.session.document.shown
        for kind, tolerance in KINDS.items():
            middle = wand.canvas.viewport.rect().center()
            rounds = [wand.round(tolerance, middle) for _ in range(ROUNDS)][1:]
            shown, turn = (min(value) * 1000 for value in zip(*rounds, strict=True))
            bare = _flood_ms(pixels, tolerance)
            what = f"wand at {SIDE} px, {kind} region"
            name = f"{what}, shown, ms (bare flood {bare:.0f})"
            found.append((name, shown, TARGET_MS, shown <= TARGET_MS))
            found.append((f"{what}, longest turn, ms", turn, TURN_MS, turn <= TURN_MS))
        wand.close()
    del app
    return found
