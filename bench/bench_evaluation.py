"""Evaluation of a folder: what it costs beside the models, and when everything is on disk.

The models' forward passes are timed by hooks of the networks; everything else (reading images and
masks, preparing the input, resampling, hashing, storing predictions, all figures but the Hausdorff
distance) is time outside of them. Without an argument some images of `nuclei` are taken, since
the three embedded models take a second or more on each: `python -m bench.bench_evaluation 670`
takes all.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from torch import nn

from segstudio.core.prediction import ModelSpec, Prediction, RunOptions
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.evaluation.conditions import Conditions, Contender, References
from segstudio.evaluation.folder_evaluation import FolderEvaluation, evaluate_folder
from segstudio.folder.files import FolderFiles
from segstudio.jobs import Job
from segstudio.models.registry import registry
from segstudio.runs.engine import TorchEngine
from segstudio.storage.figures import FigureStore
from segstudio.storage.predictions import PredictionStore
from segstudio.storage.project import open_project

Row = tuple[str, float, float | str, bool]

MODELS = ("unet-nuclei", "deeplab-nuclei", "maskrcnn-nuclei")
_IMAGES = 40
_CACHED_IMAGES = 100
_SIDE = 512
_SCHEMA = LabelSchema(
    (ClassSpec(0, "background", (0, 0, 0)), ClassSpec(1, "nucleus", (0, 158, 115), True))
)
_NUCLEI = Path(__file__).resolve().parents[2] / "shared" / "data" / "nuclei"


class _Forward:
    """Adds up the time between the beginning and the end of forward passes, nested or not."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._start = 0.0
        self._depth = 0

    def watch(self, network: nn.Module) -> None:
        """Watch a network and its parts: of a detector only the parts are called."""
        for module in (network, *network.children()):
            module.register_forward_pre_hook(self._begins)
            module.register_forward_hook(self._ends)

    def _begins(self, *_: object) -> None:
        if not self._depth:
            self._start = time.perf_counter()
        self._depth += 1

    def _ends(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            self.seconds += time.perf_counter() - self._start


class _TimedEngine(TorchEngine):
    """The engine of the application with hooks on the networks."""

    def __init__(self) -> None:
        super().__init__()
        self.forward = _Forward()
        self._hooked: set[str] = set()

    def predictor(self, spec: ModelSpec, device: str, check: object) -> object:
        segmenter = super().predictor(spec, device, check)
        if spec.id not in self._hooked:
            self._hooked.add(spec.id)
            self.forward.watch(segmenter.network)
        return segmenter


class _Threshold:
    """Stands for a model: bright pixels are nuclei. Takes no time worth speaking of."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec

    def predict(self, pixels: np.ndarray, *_: object) -> Prediction:
        grey = cv2.GaussianBlur(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (9, 9), 0)
        level, labels = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        away = np.clip(np.abs(grey.astype(np.int16) - int(level)) + 128, 0, 255)
        return Prediction(
            self._spec.id, self._spec.title, _SCHEMA, labels, away.astype(np.uint8), seconds=0.001
        )


class _NoModels:
    """An engine whose models are thresholds."""

    def is_available(self, _spec: ModelSpec) -> bool:
        return True

    def predictor(self, spec: ModelSpec, *_: object) -> _Threshold:
        return _Threshold(spec)


def rows(images: int = _IMAGES) -> list[Row]:
    """Measure.

    Args:
        images: How many images of `nuclei` the models run on.

    Returns:
        (name, value, target, whether the target is met).
    """
    if not _NUCLEI.is_dir():
        return []
    with _folder() as home:
        folder = _copied(home / "set", images, 0)
        shares = list(_with_models(folder, home))
    with _folder() as home:
        folder = _copied(home / "set", _CACHED_IMAGES, _SIDE)
        return [*shares, *_cached(folder, home)]


def _with_models(folder: Path, home: Path) -> Iterator[Row]:
    engine = _TimedEngine()
    specs = [registry()[name] for name in MODELS]
    _evaluate(folder, home, specs, engine, limit=1)  # loads the models
    engine.forward.seconds = 0.0
    start = time.perf_counter()
    found = _evaluate(folder, home, specs, engine)
    whole = time.perf_counter() - start
    number = len(found.table.names) - 1
    share = 1 - engine.forward.seconds / whole
    yield (f"outside forward passes / whole, 3 models, {number} images", share, 0.1, share < 0.1)
    outside = 1 - found.in_models / whole
    yield ("  of it outside segstudio.models", outside, "-", True)
    yield ("  milliseconds of an image, 3 models", 1000 * whole / number, "-", True)


def _cached(folder: Path, home: Path) -> Iterator[Row]:
    spec = registry()["unet-nuclei"]
    _evaluate(folder, home, [spec], _NoModels())
    ways = ("all figures on disk", 200.0), ("predictions on disk, figures counted anew", None)
    for way, target in ways:
        if target is None:
            (home / "figures.sqlite").unlink()
        start = time.perf_counter()
        found = _evaluate(folder, home, [spec], None)
        speed = len(found.table.names) / (time.perf_counter() - start)
        assert found.table.indices(spec.id, scored=True).size == len(found.table.names)
        name = f"images a second, {_SIDE} x {_SIDE}, {way}"
        yield (
            name,
            speed,
            "-" if target is None else f"> {target:g}",
            not target or speed > target,
        )


def _evaluate(
    folder: Path,
    home: Path,
    specs: Sequence[ModelSpec],
    engine: object,
    limit: int = 0,
) -> FolderEvaluation:
    predictions = PredictionStore(home / "predictions")
    figures = FigureStore(home / "figures.sqlite")
    files = FolderFiles(open_project(folder, home), predictions)
    options = RunOptions(device="cpu")
    conditions = Conditions(tuple(Contender.of(spec, options) for spec in specs), _SCHEMA)
    number = limit or len(files.project.images)
    try:
        return evaluate_folder(
            engine,
            conditions,
            References(files, _SCHEMA),
            figures,
            Job("Evaluating", "model"),
            limit=number,
        )
    finally:
        figures.close()
        predictions.close()


@contextmanager
def _folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="segstudio-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path)


def _copied(target: Path, images: int, side: int) -> Path:
    """Images of `nuclei` spread over the set, with their instance masks; scaled to a side."""
    for part in ("images", "instances"):
        (target / part).mkdir(parents=True)
    names = sorted(p.name for p in (_NUCLEI / "images").glob("*.png"))
    for name in names[:: max(1, len(names) // images)][:images]:
        for part, way in (("images", cv2.INTER_LINEAR), ("instances", cv2.INTER_NEAREST)):
            source = _NUCLEI / part / name
            if not side:
                shutil.copyfile(source, target / part / name)
                continue
            pixels = cv2.imread(str(source), cv2.IMREAD_UNCHANGED)
            cv2.imwrite(
                str(target / part / name), cv2.resize(pixels, (side, side), interpolation=way)
            )
    return target


def main() -> None:
    """Print the table; the number of images may be given."""
    images = int(sys.argv[1]) if len(sys.argv) > 1 else _IMAGES
    for name, value, target, ok in rows(images):
        print(f"{name:62s} {value:9.3f}  target {target}  {'ok' if ok else 'missed'}", flush=True)


if __name__ == "__main__":
    main()
