"""Killing the program at random moments, and looking at what is left."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image as pil

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SIZE_HW = (48, 64)
PATIENCE_S = 120.0


@dataclass
class Tally:
    """What trials found.

    Attributes:
        trials: How many kills.
        offered: How many of them had unsaved strokes to offer at the next start.
        actions: Finished actions that had to survive.
        problems: What was lost or broken; empty if all is well.
    """

    trials: int = 0
    offered: int = 0
    actions: int = 0
    problems: list[str] = field(default_factory=list)


def unpacked(text: str) -> np.ndarray:
    """Maps that a child told, (2, H, W): classes and numbers of objects."""
    data = zlib.decompress(base64.b64decode(text))
    return np.frombuffer(data, np.uint16).reshape(2, *SIZE_HW)


class Shadow:
    """What every image must look like after the next start, by what the child told."""

    def __init__(self) -> None:
        self.maps: dict[str, np.ndarray] = {}
        self.begun: dict[str, object] = {}
        self.actions = 0

    def take(self, line: str) -> None:
        """Learn from a line of the child."""
        said = json.loads(line)
        if said["tell"] == "disk":
            self.maps = {name: unpacked(text) for name, text in said["maps"].items()}
        elif said["tell"] == "begin":
            self.begun = said
        elif said["tell"] == "done":
            self.maps[said["image"]] = unpacked(said["labels"])
            self.begun = {}
            self.actions += 1

    def problems(self, found: dict[str, np.ndarray]) -> list[str]:
        """What is not as it must be; of the action that was being done a part may be there."""
        return [
            f"{name}: {np.count_nonzero(found[name] != labels)} pixels differ"
            for name, labels in self.maps.items()
            if not self._is_right(name, labels, found[name])
        ]

    def _is_right(self, name: str, labels: np.ndarray, found: np.ndarray) -> bool:
        differs = labels != found
        if not differs.any():
            return True
        if self.begun.get("image") != name:
            return False
        if self.begun["kind"] == "stroke":
            return bool((found[0][differs[0]] == self.begun["value"]).all())
        if self.begun["kind"] == "tool":  # it may be done as a whole, or not begun
            return not found[1][found[0] == 0].any()
        return np.array_equal(found, unpacked(str(self.begun["labels"])))


class Window:
    """A child that runs the real window offscreen."""

    def __init__(self, folder: Path, home: Path, seed: int, mode: str) -> None:
        environment = {
            **os.environ,
            "QT_QPA_PLATFORM": "offscreen",
            "SEGSTUDIO_HOME": str(home),
            "PYTHONPATH": str(ROOT),
        }
        self._said = home.parent / "stderr.txt"
        with self._said.open("ab") as said:
            self._process = subprocess.Popen(
                [sys.executable, str(HERE / "painter.py"), str(folder), str(seed), mode],
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                env=environment,
            )

    @property
    def journals(self) -> str:
        """How its own folder of journals begins: it paints on while its parent looks."""
        return f"{self._process.pid}-"

    def until_recovered(self) -> tuple[int, dict[str, np.ndarray], str]:
        """Wait for the recovery: images offered, maps on disk, and the line that told them."""
        offered = 0
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            if said["tell"] == "recovered":
                offered = said["offered"]
            elif said["tell"] == "disk":
                return offered, {n: unpacked(t) for n, t in said["maps"].items()}, line
        self._process.stdout.close()
        code, said = self._process.wait(), self._said.read_text(errors="replace")
        raise RuntimeError(f"the window ended by itself ({code}): {said[-3000:]}")

    def end(self) -> tuple[int, float, str]:
        """End it as the system does that is shut down: exit code, seconds, what it said."""
        assert self._process.stdout is not None
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        for _line in self._process.stdout:  # it must not wait for its reader
            pass
        self._process.stdout.close()
        code = self._process.wait(PATIENCE_S)
        return code, time.monotonic() - began, self._said.read_text(errors="replace")

    def kill(self) -> list[str]:
        """End it as the system does when it has no memory left; gives what it told until then."""
        self._process.send_signal(signal.SIGKILL)
        assert self._process.stdout is not None
        lines = [line for line in self._process.stdout if line.endswith("\n")]
        self._process.stdout.close()
        self._process.wait()
        return lines


def end_while_saving_fails(place: Path, seed: int = 0) -> tuple[int, float, str]:
    """Ask the window to end, as the system does, while its masks cannot be written.

    Returns:
        The exit code, the seconds it took, and what it said on the terminal.
    """
    folder = make_folder(place / "set")
    (folder / "masks").write_text("a file where the folder should be")
    window = Window(folder, place / "home", seed, "paint")
    window.until_recovered()
    time.sleep(2.0)
    return window.end()


def make_folder(root: Path, count: int = 3) -> Path:
    """Images without masks."""
    rng = np.random.default_rng(1)
    root.mkdir(parents=True)
    for number in range(count):
        pixels = rng.integers(0, 256, (*SIZE_HW, 3), np.uint8)
        pil.fromarray(pixels).save(root / f"field_{number}.png")
    return root


def kill_the_window(place: Path, kills: int, mode: str, seed: int = 0) -> Tally:
    """Kill the window while it paints or while it saves, and start it again.

    Every start must bring back what the last one had finished, through the real dialog. The mode
    is "stroke" for the brush alone, "paint" for all tools, or "save".
    """
    rng = random.Random(seed)
    folder, home = make_folder(place / "set"), place / "home"
    tally, shadow = Tally(), Shadow()
    for trial in range(kills + 1):
        window = Window(folder, home, rng.randrange(1 << 30), mode)
        offered, found, line = window.until_recovered()
        if trial:
            tally.trials += 1
            tally.offered += offered > 0
            tally.problems += [f"kill {trial}: {p}" for p in shadow.problems(found)]
            left = left_over(folder, home, window.journals)
            tally.problems += [f"kill {trial}: {problem}" for problem in left]
        tally.actions += shadow.actions
        shadow = Shadow()
        shadow.take(line)
        if trial < kills:
            _wait(folder, rng, mode)
        for told in window.kill():
            shadow.take(told)
    return tally


def _wait(folder: Path, rng: random.Random, mode: str) -> None:
    """Until the moment of the kill: some time, or the moment a mask is being written."""
    time.sleep(rng.uniform(0.1, 1.8))
    end = time.monotonic() + PATIENCE_S
    while mode == "save" and time.monotonic() < end:
        # the folder comes with the first save
        with contextlib.suppress(FileNotFoundError), os.scandir(folder / "masks") as entries:
            if any(entry.name.endswith(".tmp") for entry in entries):
                return


def left_over(folder: Path, home: Path, living: str) -> list[str]:
    """What a start after a kill must not leave: half masks, journals that are saved by now.

    Journals of the living window (their folder begins with `living`) are as they should be.
    """
    problems = [f"{path} is not whole" for path in masks_below(folder) if not is_whole(path)]
    journals = home.rglob("*.journal")
    problems += [f"{p} is left" for p in journals if not p.parent.name.startswith(living)]
    return problems


def masks_below(folder: Path) -> list[Path]:
    """PNGs in masks/ and instances/."""
    return [p for name in ("masks", "instances") for p in (folder / name).rglob("*.png")]


def is_whole(path: Path) -> bool:
    """Whether a PNG can be read to its end."""
    try:
        with pil.open(path) as image:
            image.load()
    except OSError:
        return False
    return True


def kill_a_command(place: Path, arguments: list[str], out: Path, kills: int, seed: int) -> Tally:
    """Kill a command again and again, then let it end; every file in `out` must be whole.

    Args:
        place: Where what it says goes.
        arguments: Of Python.
        out: Where it writes.
        kills: How often it is killed.
        seed: Of the moments.
    """
    rng, tally = random.Random(seed), Tally()
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "SEGSTUDIO_HOME": str(place / "home"),
        "PYTHONPATH": str(ROOT),
    }
    with (place / "said.txt").open("ab") as said:
        for _ in range(kills):
            process = subprocess.Popen(
                [sys.executable, *arguments], stdout=said, stderr=said, env=environment
            )
            _until_something_new(out, process)
            time.sleep(rng.uniform(0.0, 0.3))
            process.kill()
            process.wait()
            tally.trials += 1
            tally.problems += [f"{p} is not whole" for p in out.rglob("*.png") if not is_whole(p)]
        code = subprocess.call(
            [sys.executable, *arguments], stdout=said, stderr=said, env=environment
        )
    if code:
        tally.problems.append(f"it ended with {code} after the kills; see {place / 'said.txt'}")
    return tally


def _until_something_new(out: Path, process: subprocess.Popen[bytes]) -> None:
    before = _files(out)
    while process.poll() is None and _files(out) == before:
        time.sleep(0.002)


def _files(out: Path) -> set[tuple[str, int]]:
    return {(p.name, p.stat().st_mtime_ns) for p in out.rglob("*.png") if p.exists()}
