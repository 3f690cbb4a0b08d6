"""Confusion matrices: ratio to one pass over both label maps, and to numpy's bincount.

One pass is `.max()` of both maps: numpy's vectorised read of every byte, as fast as the memory
gives them. The maps of one pass are laid together to 8192 x 8192, so that they come from memory
and not from a cache. `.sum()` of uint8 maps widens every value first and takes 10 times as long;
its ratio is shown beside. All ways see the same maps in turn, the best of several rounds counts,
and every result is compared with bincount's.

The prediction is the ground truth, moved by a few pixels and smoothed, as a good model errs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from segstudio.core.geometry import Rect
from segstudio.core.labels import Labels, Patch
from segstudio.metrics.confusion import ConfusionMatrix

Pair = tuple[Labels, Labels]
Row = tuple[str, float, float, bool]

_ROUNDS = 9
_MAPS = 60
_LARGE = 8192


def rows() -> list[Row]:
    """Measure.

    Returns:
        (name, value, target, whether the target is met); values are ratios.
    """
    found: list[Row] = []
    for name, num_classes, pairs in _sets():
        if pairs:
            found += _set_rows(name, num_classes, pairs)
    found.append(_patch_row())
    return found


def _set_rows(name: str, num_classes: int, pairs: list[Pair]) -> Iterator[Row]:
    for truth, prediction in pairs:
        matrix = ConfusionMatrix.of(truth, prediction, num_classes, None)
        if not np.array_equal(matrix.counts, _bincount(truth, prediction, num_classes)):
            raise AssertionError(f"{name}: the counts are wrong")
    ours = _seconds(lambda a, b: ConfusionMatrix.of(a, b, num_classes, None), pairs)
    numpy = _seconds(lambda a, b: _bincount(a, b, num_classes), pairs)
    if name == "noise":
        yield _row("confusion matrix / np.bincount, noise (worst case)", ours / numpy, 1.5)
        return
    total = _seconds(lambda a, b: (a.sum(), b.sum()), pairs)
    yield _row(f"confusion matrix / np.sum of both maps, {name}", ours / total, 2.0)
    yield _row(f"confusion matrix / np.bincount, {name}", ours / numpy, 0.5)
    large = [_tiled(pairs)]
    ours = _seconds(lambda a, b: ConfusionMatrix.of(a, b, num_classes, None), large)
    read = _seconds(lambda a, b: (a.max(), b.max()), large)
    yield _row(f"confusion matrix / one pass over memory, {name}", ours / read, 2.0)


def _row(name: str, ratio: float, target: float) -> Row:
    return (name, ratio, target, ratio <= target)


def _sets() -> Iterator[tuple[str, int, list[Pair]]]:
    data = Path(__file__).resolve().parents[2] / "shared" / "data"
    nuclei = _read(data / "nuclei" / "instances")
    yield "nuclei", 2, [_predicted((m > 0).astype(np.uint8)) for m in nuclei]
    camvid = _read(data / "camvid" / "trainannot")
    yield "camvid", 12, [_predicted(m) for m in camvid]
    # Every way to count has its worst case: no two neighbours alike.
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 12, (2, 360, 480), dtype=np.uint8) for _ in range(8)]
    yield "noise", 12, [(a, b) for a, b in noise]


def _read(folder: Path) -> list[Labels]:
    files = sorted(folder.glob("*.png"))
    return [np.asarray(cv2.imread(str(f), cv2.IMREAD_UNCHANGED)) for f in files[:_MAPS]]


def _predicted(truth: Labels) -> Pair:
    moved = np.roll(truth, (2, 3), (0, 1))
    return truth, np.ascontiguousarray(cv2.medianBlur(moved, 5))


def _tiled(pairs: list[Pair]) -> Pair:
    """All maps one after the other, again and again, as one of 8192 x 8192."""
    whole = (np.concatenate([part.ravel() for part in parts]) for parts in zip(*pairs, strict=True))
    truth, prediction = (np.resize(pixels, (_LARGE, _LARGE)) for pixels in whole)
    return truth, prediction


def _bincount(truth: Labels, prediction: Labels, num_classes: int) -> np.ndarray:
    keys = truth.astype(np.int64) * num_classes + prediction
    return np.bincount(keys.ravel(), minlength=num_classes**2).reshape(num_classes, num_classes)


def _seconds(count: Callable[[Labels, Labels], object], pairs: list[Pair]) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        for truth, prediction in pairs:
            count(truth, prediction)
        best = min(best, time.perf_counter() - start)
    return best


def _patch_row() -> Row:
    """Updating by a 64 x 64 patch: the same in a map of 512 px and in one of 8192 px."""
    seconds = []
    for side in (512, 8192):
        prediction = np.zeros((side, side), np.uint8)
        rect = Rect(100, 100, 164, 164)
        patch = Patch(rect, np.zeros((64, 64), np.uint8), np.eye(64, dtype=np.uint8))
        matrix = ConfusionMatrix.of(np.zeros_like(prediction), prediction, 12, 255)

        def update(_a: Labels, _b: Labels, m=matrix, p=patch, q=prediction) -> object:
            return m.after(p, q[p.rect.slices], 255)

        seconds.append(_seconds(update, [(prediction, prediction)] * 200))
    return _row("update by a patch, 8192 px / 512 px", seconds[1] / seconds[0], 1.5)


def main() -> None:
    """Print the table."""
    for name, value, target, ok in rows():
        print(f"{name:52s} {value:7.2f}  target {target:5.2f}  {'ok' if ok else 'missed'}")


if __name__ == "__main__":
    main()
