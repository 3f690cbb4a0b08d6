"""The long soak: kills, damaged images, weights with code, names that are markup or formulas.

`python tests/soak` runs everything as often as it was run at first (an hour or so); `--trials N`,
`--only paint save predict export images pickles names` do less. Exit code 1 if anything was lost.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from hostile import mutated_images, pickles_with_code
from kills import HERE, Tally, kill_a_command, kill_the_window, make_folder
from names import hostile_names
from PIL import Image as pil


def _predict(place: Path, kills: int, seed: int) -> Tally:
    folder, out = make_folder(place / "set", 60), place / "out"
    arguments = ["-m", "segstudio", "predict", str(folder), "--model", "unet-small-no-skips"]
    tally = kill_a_command(place, [*arguments, "--out", str(out)], out, kills, seed)
    if len(list(out.glob("*.png"))) != 60:
        tally.problems.append("not every image has its result")
    return tally


def _export(place: Path, kills: int, seed: int) -> Tally:
    folder, out = make_folder(place / "set", 40), place / "out"
    (folder / "masks").mkdir()
    for photo in folder.glob("*.png"):
        pil.open(photo).convert("L").point(lambda v: v > 127).convert("L").save(
            folder / "masks" / photo.name
        )
    arguments = [str(HERE / "exporter.py"), str(folder), str(out), str(place / "home")]
    return kill_a_command(place, arguments, out, kills, seed)


def _images(place: Path, count: int, seed: int) -> Tally:
    return Tally(15 * (count // 15 or 1), problems=mutated_images(place / "x", count // 15, seed))


def _pickles(place: Path, count: int, _seed: int) -> Tally:
    return Tally(count, problems=pickles_with_code(place / "x", count))


def _names(place: Path, count: int, seed: int) -> Tally:
    problems = [
        f"seed {seed + number}: {problem}"
        for number in range(count)
        for problem in hostile_names(place / str(number), 4, seed + number)
    ]
    return Tally(count, problems=problems)


TRIALS: dict[str, tuple[int, Callable[[Path, int, int], Tally]]] = {
    "paint": (60, lambda place, n, seed: kill_the_window(place, n, "paint", seed)),
    "save": (45, lambda place, n, seed: kill_the_window(place, n, "save", seed)),
    "predict": (41, _predict),
    "export": (20, _export),
    "images": (360, _images),
    "pickles": (20, _pickles),
    "names": (30, _names),
}
"""How often each was tried at first, and what does it."""


def main() -> int:
    """Run the trials and say what they found."""
    parser = argparse.ArgumentParser(description="Kill it, feed it rubbish, look what is lost.")
    parser.add_argument("--only", nargs="+", choices=TRIALS, default=list(TRIALS))
    parser.add_argument("--trials", type=int, help="of each kind; else as often as at first")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}")
    bad = 0
    for name in chosen.only:
        count, run = TRIALS[name]
        with tempfile.TemporaryDirectory(prefix=f"soak-{name}-") as place:
            began = time.monotonic()
            tally = run(Path(place), chosen.trials or count, chosen.seed)
        seconds = time.monotonic() - began
        print(
            f"{name}: {tally.trials} trials, {tally.actions} finished actions, "
            f"{tally.offered} with something to recover, {len(tally.problems)} problems, "
            f"{seconds:.0f} s",
            flush=True,
        )
        for problem in tally.problems:
            print(f"  {problem}")
        bad += len(tally.problems)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
