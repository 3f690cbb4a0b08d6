"""Start-up and large folders: time to the first painted window, time to the first image shown."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

Row = tuple[str, float, float, bool]

_RUNS = 11
_ROOT = Path(__file__).resolve().parent.parent
_HEAVY = ("torch", "numpy", "cv2", "psygnal", "pyqtgraph", "skimage", "tifffile", "typer")

_BARE = """
import json, os, time
from PySide6.QtWidgets import QApplication, QMainWindow
class Window(QMainWindow):
    def paintEvent(self, event):
        super().paintEvent(event)
        print(json.dumps({"at": time.monotonic(), "loaded": []}), flush=True)
        os._exit(0)
app = QApplication([])
window = Window()
window.resize(1280, 800)
window.show()
app.exec()
"""
_OURS = f"""
import json, os, sys, time
from segstudio.window.main_window import MainWindow
def painted(self, event, original=MainWindow.paintEvent):
    original(self, event)
    at = time.monotonic()
    loaded = [name for name in {_HEAVY!r} if name in sys.modules]
    print(json.dumps({{"at": at, "loaded": loaded}}), flush=True)
    os._exit(0)
MainWindow.paintEvent = painted
from segstudio.__main__ import main
main([])
"""
_FOLDER = """
import json, os, sys, threading, time
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from segstudio.studio import Studio
from segstudio.kit.dispatch import Dispatcher
from segstudio.window.main_window import MainWindow
from segstudio.kit.theme import Theme
import segstudio.window.preload  # as the program has it before a folder can be opened
app = QApplication([])
app.setStyle("Fusion")
home = Path(sys.argv[2])
window = MainWindow(home / "window.ini", Theme(app))
dispatcher = Dispatcher()
studio = Studio(dispatcher, home)
window.build_bars()
window.attach(studio)
window.show()
stalls, last = [0.0], [time.perf_counter()]
def tick():
    now = time.perf_counter()
    stalls.append(now - last[0])
    last[0] = now
timer = QTimer()
timer.timeout.connect(tick)
timer.start(1)
def begin():
    stalls.clear()
    last[0] = start[0] = time.perf_counter()
    studio.browsing.open_path(Path(sys.argv[1]))
start, shown = [0.0], []
def watch(_change):
    if studio.session.document is not None and not shown:
        window.canvas.viewport.repaint()
        shown.append(time.perf_counter() - start[0])
        QTimer.singleShot(1500, finish)
def finish():
    print(json.dumps({"shown": shown[0], "stall": max(stalls),
                      "images": len(window.images.model.images)}), flush=True)
    os._exit(0)
studio.session.changed.connect(watch)
QTimer.singleShot(1500, begin)
app.exec()
"""


def rows() -> list[Row]:
    """Measure and judge."""
    return [*_start_rows(), *(row for n in (10_000, 100_000) for row in _folder_rows(n))]


def _start_rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as home:
        environment = environment_of(Path(home))
        _time_to_paint(_BARE, environment)
        _time_to_paint(_OURS, environment)
        pairs = [
            (_time_to_paint(_BARE, environment), _time_to_paint(_OURS, environment))
            for _ in range(_RUNS)
        ]
    bare = statistics.median(b[0] for b, _ in pairs)
    ours = statistics.median(o[0] for _, o in pairs)
    loaded = sorted({name for _, (_, names) in pairs for name in names})
    ratio = statistics.median(o[0] / b[0] for b, o in pairs)
    times = f"{ours * 1000:.0f} ms / {bare * 1000:.0f} ms"
    found = f" (found: {', '.join(loaded)})" if loaded else ""
    return [
        (f"first painted window / bare QMainWindow ({times})", ratio, 1.5, ratio <= 1.5),
        (
            f"of {', '.join(_HEAVY)} imported at the first paint{found}",
            float(len(loaded)),
            0.0,
            not loaded,
        ),
    ]


def _time_to_paint(script: str, environment: dict[str, str]) -> tuple[float, list[str]]:
    """Seconds from starting a process to its first paint, and what it had imported of _HEAVY."""
    started = time.monotonic()
    answer = run_script(["-c", script], environment)
    return float(answer["at"]) - started, list(answer["loaded"])


def _folder_rows(count: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as place:
        images, home = Path(place, "images"), Path(place, "home")
        _write_images(images, count)
        answer = run_script(["-c", _FOLDER, str(images), str(home)], environment_of(home))
    assert answer["images"] == count, f"only {answer['images']} of {count} images are listed"
    shown, stall = float(answer["shown"]), float(answer["stall"])
    name = f"folder of {count:,} images"
    return [
        (f"{name}: seconds to the first image", shown, 1.0, shown <= 1.0),
        (f"{name}: longest stall of the window, seconds", stall, 0.25, stall <= 0.25),
    ]


def _write_images(folder: Path, count: int) -> None:
    """One small image under many names (hard links where the system has them)."""
    import cv2
    import numpy as np

    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    first = folder / "image_0.png"
    cv2.imwrite(str(first), rng.integers(0, 255, (16, 16, 3), np.uint8))
    link = _linker(first)
    for number in range(1, count):
        link(folder / f"image_{number}.png")


def _linker(first: Path) -> Callable[[Path], None]:
    data = first.read_bytes()

    def link(path: Path) -> None:
        try:
            os.link(first, path)
        except OSError:
            path.write_bytes(data)

    return link


def environment_of(home: Path) -> dict[str, str]:
    """What the measured processes see: byte code is kept, as on any start but a user's first.

    Where the caller's environment forbids byte code, every start would compile all modules again.
    """
    has_screen = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    platform = {} if has_screen else {"QT_QPA_PLATFORM": "offscreen"}
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **kept,
        **platform,
        "PYTHONPYCACHEPREFIX": str(home / "bytecode"),
        "SEGSTUDIO_HOME": str(home),
        "PYTHONPATH": str(_ROOT),
    }


def run_script(arguments: list[str], environment: dict[str, str]) -> dict[str, object]:
    """Run Python with these arguments; what its line of JSON says."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(f"no answer: {done.stderr[-2000:]}")
    return dict(json.loads(lines[-1]))


if __name__ == "__main__":
    for name, value, target, ok in rows():
        print(f"{'ok  ' if ok else 'FAIL'} {name}: {value:.3g} (target {target:g})")
