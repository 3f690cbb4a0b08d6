"""A folder through `segstudio predict` against the bare loop of eager forwards.

The bare loop calls the network in float32 on tensors that lie ready, in the memory layout that
PyTorch gives them: no reading, no resampling, no result. segstudio reads, prepares, runs by the
route that its test chose here, and writes PNGs. The targets are those of the fastest route that
this computer has. CPU seconds of one thread count, so that what else the computer does does not.
"""

import os
import tempfile
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch

from segstudio.core.labels import Image
from segstudio.core.prediction import RunOptions, with_routes
from segstudio.jobs import Job
from segstudio.models.checkpoints import load_into, load_state
from segstudio.models.conversion import is_installed
from segstudio.models.preprocess import Preprocess
from segstudio.models.registry import registry
from segstudio.models.routes import fastest, has_bfloat16
from segstudio.models.segmenter import Segmenter, resolve_builder
from segstudio.models.weights import require_weights
from segstudio.runs.engine import TorchEngine
from segstudio.runs.predicting import Predicting, PredictionRequest

IMAGES = 60
TARGETS = {"unet-nuclei": (0.8, 0.65, 0.5), "deeplab-nuclei": (1.05, 0.6, 0.7)}
"""Without OpenVINO, with it, and on a CPU with bfloat16."""


def _pictures() -> list[Image]:
    folder = Path(__file__).resolve().parents[2] / "shared" / "data" / "nuclei" / "images"
    files = sorted(folder.glob("*"))[:IMAGES]
    if files:
        return [np.ascontiguousarray(cv2.imread(str(f))[..., ::-1]) for f in files]
    return list(np.random.default_rng(0).integers(0, 256, (IMAGES, 256, 256, 3), np.uint8))


def _bare_seconds(model: str, pictures: list[Image]) -> float:
    spec = registry()[model]
    network = resolve_builder(spec.builder)(**spec.options).eval()
    weights = require_weights(spec)
    load_into(network, load_state(weights), str(weights))
    network = network.to(memory_format=torch.contiguous_format)
    settings = Preprocess.from_dict(dict(spec.preprocess))
    tensors = [settings.prepare(p)[0].contiguous() for p in pictures]
    with torch.inference_mode():
        network(tensors[0])
        start = time.process_time()
        for tensor in tensors:
            network(tensor)
        return time.process_time() - start


def _predict_seconds(model: str, pictures: list[Image]) -> tuple[float, str]:
    options = RunOptions(device="cpu")
    spec = registry()[model]
    answer = fastest(Segmenter(spec, device="cpu"), pictures[0], options, clock=time.process_time)
    spec = with_routes(spec, lambda _part: answer.route)
    engine = TorchEngine()
    with tempfile.TemporaryDirectory() as place:
        images = Path(place) / "images"
        images.mkdir()
        for number, picture in enumerate(pictures):
            cv2.imwrite(str(images / f"{number:02d}.png"), picture[..., ::-1])
        nothing = (lambda: None, lambda *_: None)
        engine.predictor(spec, "cpu", nothing[0]).predict(pictures[0], options, *nothing)
        work = Predicting(PredictionRequest(images, Path(place) / "out", spec, options))
        work.prepare(lambda chosen, _images: chosen)
        start = time.process_time()
        work.run(engine, Job("Segmenting", "model"))
        return time.process_time() - start, answer.route


def rows() -> list[tuple[str, float, float, bool]]:
    """Name, value, target, whether it is met."""
    before, pictures = torch.get_num_threads(), _pictures()
    torch.set_num_threads(1)
    kind = 2 if has_bfloat16(torch.device("cpu")) else int(is_installed("openvino"))
    found = []
    with tempfile.TemporaryDirectory() as home:
        outer = os.environ.get("SEGSTUDIO_HOME")
        os.environ["SEGSTUDIO_HOME"] = home
        try:
            for model, targets in TARGETS.items():
                bare = _bare_seconds(model, pictures)
                ours, route = _predict_seconds(model, pictures)
                name = f"{model}, {len(pictures)} images, predict ({route or 'exact'}) / eager forwards"
                found.append((name, ours / bare, targets[kind], ours / bare <= targets[kind]))
        finally:
            restore = partial(os.environ.__setitem__, "SEGSTUDIO_HOME")
            restore(outer) if outer is not None else os.environ.pop("SEGSTUDIO_HOME")
            torch.set_num_threads(before)
    return found


if __name__ == "__main__":
    for name, value, target, ok in rows():
        print(f"{name}: {value:.3f} (target {target}) {'ok' if ok else 'missed'}")
