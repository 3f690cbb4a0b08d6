"""Networks converted for other runtimes: traced once, kept in the user's cache, run from there."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import platformdirs
import torch
from torch import Tensor, nn

from segstudio.core.prediction import ModelSpec
from segstudio.models.shared_libraries import load_shared_libraries
from segstudio.models.weights import content_digest

Outputs = list[Tensor]
Answer = Callable[[Any], list[Any]]
"""Takes a NumPy array, returns those that come out, in their order."""
Run = Callable[[Tensor], Outputs]
"""A network (N, C, H, W) float32 -> its outputs in order, all float32 on the CPU."""

_EXAMPLE_HW: Final = (128, 96)
"""Two different sides, so that no graph takes one for the other; every usual stride divides them."""
_MAX_KEPT_BYTES: Final = 2 << 30

_log = logging.getLogger(__name__)


def is_installed(package: str) -> bool:
    """Whether a package is there, without importing it."""
    return importlib.util.find_spec(package) is not None


def converted_folder() -> Path:
    """Where converted networks are kept; they can be made again."""
    home = os.environ.get("SEGSTUDIO_HOME")
    cache = (
        Path(home) / "cache" if home else platformdirs.user_cache_path("segstudio", appauthor=False)
    )
    return cache / "routes"


@functools.lru_cache(maxsize=64)
def _digest_at(path: Path, _size: int, _mtime_ns: int) -> str:
    return content_digest(path)


def weights_digest(path: Path) -> str:
    """SHA-256 of a file, worked out once as long as it does not change."""
    stat = path.stat()
    return _digest_at(path, stat.st_size, stat.st_mtime_ns)


def network_key(spec: ModelSpec, weights: Path) -> str:
    """Changes when the converted network would: weights, architecture, what part of it, torch."""
    told = [weights_digest(weights), spec.builder, dict(spec.options), spec.task, torch.__version__]
    text = json.dumps(told, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Outlet(nn.Module):
    """A network whose outputs are a plain tuple, whatever it gives by itself."""

    def __init__(self, network: nn.Module) -> None:
        """Take a network without hooks."""
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """What `unpacked` finds in the answer."""
        return tuple(unpacked(self.network(x)).values())


def unpacked(output: Any) -> dict[str, Tensor]:
    """The tensors of an answer by name; of logits with others beside (auxiliary heads) only them.

    Raises:
        TypeError: if there is anything else in it.
    """
    if isinstance(output, Mapping):
        found = {"out": output["out"]} if "out" in output else dict(output)
    else:
        found = {"": output}
    if not all(isinstance(value, Tensor) for value in found.values()):
        raise TypeError(f"the network returns {type(output).__name__}")
    return found


def openvino_run(network: nn.Module, key: str, precision: str, channels: int = 3) -> Run:
    """A network run by OpenVINO on the CPU.

    The frontend is called itself: `openvino.convert_model` would load telemetry, and traces the
    network several times.

    Args:
        network: Without hooks, in evaluation mode, on the CPU.
        key: See `network_key`.
        precision: "f32" or "bf16".
        channels: Of its input.
    """
    path = _kept(key, _openvino_ending(), functools.partial(_save_openvino, network, channels))
    answer = openvino_request(path, precision)

    def run(x: Tensor) -> Outputs:
        return [torch.from_numpy(found) for found in answer(x.contiguous().numpy())]

    return run


def _openvino_ending() -> str:
    return f"-openvino-{importlib.metadata.version('openvino')}.xml"


def kept_openvino(key: str, onnx: Path) -> Path:
    """The file of an ONNX model converted for OpenVINO, made if it is not there."""
    load_shared_libraries("openvino")
    import openvino

    def save(path: Path) -> None:
        openvino.save_model(openvino.Core().read_model(str(onnx)), str(path), False)

    return _kept(key, _openvino_ending(), save)


def openvino_request(path: Path, precision: str) -> Answer:
    """What runs a converted network by OpenVINO on the CPU; arguments as `openvino_run`."""
    load_shared_libraries("openvino")
    import openvino

    config = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = openvino.Core().compile_model(str(path), "CPU", config).create_infer_request()

    def answer(x: Any) -> list[Any]:
        found = request.infer([x])
        return [found[number] for number in range(len(found))]

    return answer


def _save_openvino(network: nn.Module, channels: int, path: Path) -> None:
    import openvino
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = torch.zeros(1, channels, *_EXAMPLE_HW)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing: the answers are compared afterwards
        trace: Any = torch.jit.trace  # without types
        traced = trace(Outlet(network).eval(), example, check_trace=False)
        frontend = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(traced, example_input=example)  # has to outlive both
        model = frontend.convert(frontend.load(decoder))
    openvino.save_model(model, str(path), compress_to_fp16=False)


def onnx_run(network: nn.Module, key: str, channels: int = 3) -> Run:
    """A network run by ONNX Runtime on the CPU; arguments as `openvino_run`."""
    answer = onnx_session(_kept(key, ".onnx", functools.partial(_save_onnx, network, channels)))

    def run(x: Tensor) -> Outputs:
        return [torch.from_numpy(found) for found in answer(x.contiguous().numpy())]

    return run


def onnx_session(path: Path) -> Answer:
    """What runs an ONNX model with one input by ONNX Runtime on the CPU."""
    load_shared_libraries("onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4
    onnxruntime.disable_telemetry_events()
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: list(session.run(None, {name: x}))


def _save_onnx(network: nn.Module, channels: int, path: Path) -> None:
    """By the exporter that traces: the other one needs onnxscript besides."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Outlet(network).eval(),
            (torch.zeros(1, channels, *_EXAMPLE_HW),),
            str(path),
            input_names=["x"],
            dynamic_axes={"x": {0: "n", 2: "h", 3: "w"}},
            dynamo=False,
        )


def _kept(key: str, ending: str, save: Callable[[Path], None]) -> Path:
    """A converted network's file, made if it is not there; it appears whole or not at all."""
    folder = converted_folder()
    path = folder / f"{key}{ending}"
    if path.is_file():
        path.touch()
        return path
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        save(Path(place) / path.name)
        # the file that the others belong to comes last
        for made in sorted(Path(place).iterdir(), key=lambda file: file.name == path.name):
            made.replace(folder / made.name)
    _make_room(folder, path)
    return path


def _make_room(folder: Path, newest: Path) -> None:
    """Remove the networks that were not run for the longest time, until the rest is small."""
    files = sorted((f for f in folder.glob("*-*") if f.is_file()), key=lambda f: f.stat().st_mtime)
    files += sorted((f for f in folder.glob("*.onnx")), key=lambda f: f.stat().st_mtime)
    total = sum(file.stat().st_size for file in files)
    for file in files:
        if total <= _MAX_KEPT_BYTES:
            return
        if file.stem != newest.stem:
            total -= file.stat().st_size
            file.unlink(missing_ok=True)
            _log.info("%s was removed to make room", file)
