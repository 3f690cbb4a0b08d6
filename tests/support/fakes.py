"""Stand-ins for models and files: numpy only, deterministic, small."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as pil
from PIL.PngImagePlugin import PngInfo

from segstudio.clock import ManualClock
from segstudio.core.errors import SegstudioError
from segstudio.core.instances import Instances
from segstudio.core.prediction import ModelSpec, Prediction, RunOptions, WeightsFile
from segstudio.core.schema import LabelSchema
from segstudio.runs.engine import Examined, Previewed
from segstudio.studio import Studio

BRIGHT = ModelSpec(
    id="bright",
    title="Bright",
    family="fake",
    task="semantic",
    schema=LabelSchema.from_names(("background", "nucleus")),
    builder="",
    weights=WeightsFile("bright"),
    embedded=True,
)
BLOBS = ModelSpec(
    id="blobs",
    title="Blobs",
    family="fake",
    task="instance",
    schema=LabelSchema.from_names(("background", "nucleus")),
    builder="",
    weights=WeightsFile("blobs"),
    embedded=True,
)


class FakePredictor:
    """Class 1 where red is above 127; as instances, one a connected blob.

    The blobs' scores are 0.9, 0.8, ... in reading order of their first pixels.
    """

    def __init__(self, engine: FakeEngine, spec: ModelSpec) -> None:
        self._engine = engine
        self._spec = spec

    def predict(self, pixels, options: RunOptions, check, report) -> Prediction:
        engine = self._engine
        engine.runs.append(self._spec.id)
        engine.entered.set()
        while not engine.gate.is_set():
            check()
            engine.gate.wait(0.002)
        check()
        if engine.failing is not None:
            raise engine.failing
        report(1, 1, "")
        bright = (pixels[..., 0] > 127).astype(np.uint8)
        labels = bright * np.uint8(engine.bright_id)
        confidence = np.full(labels.shape, 204, np.uint8)
        if self._spec.task == "semantic":
            return Prediction(
                self._spec.id, self._spec.title, self._spec.schema, labels, confidence
            )
        instances = blobs(bright)
        flat = instances.flatten(labels.shape, options.score_threshold, options.mask_threshold)
        return Prediction(
            self._spec.id,
            self._spec.title,
            self._spec.schema,
            flat[0],
            flat[2],
            instances,
            flat[1],
        )


def blobs(bright: np.ndarray) -> Instances:
    """Rectangular blobs as detections with full masks."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(bright, connectivity=4)
    boxes = [
        (left, top, left + width, top + height)
        for left, top, width, height, _ in stats[1:count].tolist()
    ]
    n = len(boxes)
    return Instances(
        np.array(boxes, np.float32).reshape(n, 4),
        np.array([0.9 - 0.1 * i for i in range(n)], np.float32),
        np.ones(n, np.uint8),
        np.ones((n, 28, 28), np.float16),
    )


class FakeEngine:
    """Two models; `gate` holds a run until it is set, `failing` makes it fail."""

    def __init__(self, *specs: ModelSpec) -> None:
        self._specs = {spec.id: spec for spec in (specs or (BRIGHT, BLOBS))}
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.failing: Exception | None = None
        self.bright_id = 1
        self.runs: list[str] = []
        self.downloads: list[str] = []
        self.missing: set[str] = set()
        self.is_told = True

    def specs(self):
        return dict(self._specs)

    def is_available(self, spec):
        return spec.id not in self.missing and (not spec.own_file or Path(spec.own_file).exists())

    def download(self, spec, check, report):
        for done in range(1, 4):
            check()
            report(done, 3, "Downloading")
        self.downloads.append(spec.id)
        self.missing.discard(spec.id)

    def spec_from_weights(self, path: Path):
        if not path.exists():
            raise SegstudioError(f"{path} is not there.", "Choose another file.")
        return ModelSpec(
            path.stem,
            f"Own {path.stem}",
            "fake",
            "semantic",
            BRIGHT.schema,
            "",
            weights=WeightsFile(str(path / "model.safetensors" if path.is_dir() else path)),
        )

    def examine(self, path: Path, check):
        return Examined(self.spec_from_weights(path), is_told=self.is_told, tensors=4)

    def preview(self, spec, pixels, options, check):
        answer = FakePredictor(self, spec).predict(pixels, options, check, lambda *_: None)
        return Previewed(answer, pixels.shape[:2], (0.0, 1.0))

    def predictor(self, spec, device, check):
        if spec.id in self.missing:
            raise SegstudioError(f"The weights of {spec.title} are not there.")
        return FakePredictor(self, spec)


def settle(studio: Studio, clock: ManualClock, timeout: float = 30.0) -> None:
    """Let all jobs end and their results arrive."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        idle = studio.jobs.wait_idle(0.05)
        if clock.run_posted() == 0 and idle and studio.jobs.wait_idle(0):
            return
    raise AssertionError(f"still busy: {[j.title for j in studio.jobs.jobs()]}")


def wait_for(clock: ManualClock, condition, timeout: float = 30.0) -> None:
    """Deliver results as they come until the condition holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        clock.wait_posted(0.02)
        clock.run_posted()
        assert time.monotonic() < deadline, "the condition never held"


def write_photo(path: Path, bright: np.ndarray) -> None:
    """A grey photo, 200 where `bright` is not 0, else 50; files of other names differ in bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = np.where(bright, np.uint8(200), np.uint8(50))
    text = PngInfo()
    text.add_text("Title", path.name)
    pil.fromarray(np.stack([grey] * 3, axis=-1)).save(path, pnginfo=text)


def write_mask(path: Path, labels: np.ndarray) -> None:
    """A grey PNG of class ids, as another program would write it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pil.fromarray(labels.astype(np.uint8)).save(path)


def square(shape=(20, 30), top=5, left=5, size=10) -> np.ndarray:
    """1 in a square, else 0; uint8."""
    mask = np.zeros(shape, np.uint8)
    mask[top : top + size, left : left + size] = 1
    return mask


def make_folder(root: Path, count: int = 3, truth: bool = True) -> Path:
    """Images a0.png, a1.png ... with a bright square, whose truth is two columns further right."""
    for i in range(count):
        write_photo(root / f"a{i}.png", square())
        if truth:
            write_mask(root / "masks" / f"a{i}.png", square(left=7))
    return root
