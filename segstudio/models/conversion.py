"""Networks converted for other runtimes: traced once, kept in the user's cache, run from there."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import importlib.util
import io
import json
import logging
import os
import shutil
import sys
import tempfile
import time
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
_UNFINISHED: Final = "tmp"
_ABANDONED_S: Final = 3600.0

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

    The frontend is called itself: `openvino.convert_model` traces the network several times.

    Args:
        network: Without hooks, in evaluation mode, on the CPU.
        key: See `network_key`.
        precision: "f32" or "bf16".
        channels: Of its input.
    """
    convert = functools.partial(_as_openvino, network, channels)
    return _on_tensors(_kept_openvino(key, convert, precision))


def openvino_of_onnx(onnx: Path, key: str, precision: str) -> Answer:
    """What runs an ONNX model by OpenVINO on the CPU; the rest as `openvino_run`."""

    def convert() -> Any:
        import openvino

        return openvino.Core().read_model(str(onnx))

    return _kept_openvino(key, convert, precision)


def _on_tensors(answer: Answer) -> Run:
    def run(x: Tensor) -> Outputs:
        return [torch.from_numpy(found) for found in answer(x.contiguous().numpy())]

    return run


def _kept_openvino(key: str, convert: Callable[[], Any], precision: str) -> Answer:
    refuse_telemetry()
    load_shared_libraries("openvino")
    import openvino

    config = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
    }

    def load(model: Any) -> Any:
        model = str(model) if isinstance(model, Path) else model
        return openvino.Core().compile_model(model, "CPU", config).create_infer_request()

    def save(model: Any, path: Path) -> None:
        openvino.save_model(model, str(path), compress_to_fp16=False)

    version = importlib.metadata.version("openvino")
    request = _loaded(f"{key}-openvino-{version}.xml", convert, save, load)

    def answer(x: Any) -> list[Any]:
        found = request.infer([x])
        return [found[number] for number in range(len(found))]

    return answer


def _as_openvino(network: nn.Module, channels: int) -> Any:
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = torch.zeros(1, channels, *_EXAMPLE_HW)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing: the answers are compared afterwards
        trace: Any = torch.jit.trace  # without types
        traced = trace(Outlet(network).eval(), example, check_trace=False)
        frontend = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(traced, example_input=example)  # has to outlive both
        return frontend.convert(frontend.load(decoder))


def onnx_run(network: nn.Module, key: str, channels: int = 3) -> Run:
    """A network run by ONNX Runtime on the CPU; arguments as `openvino_run`."""
    convert = functools.partial(_as_onnx, network, channels)
    return _on_tensors(_loaded(f"{key}.onnx", convert, _save_onnx, onnx_session))


def onnx_session(model: Path | bytes) -> Answer:
    """What runs an ONNX model with one input by ONNX Runtime on the CPU."""
    refuse_telemetry()
    load_shared_libraries("onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4
    onnxruntime.disable_telemetry_events()
    source = str(model) if isinstance(model, Path) else model
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: list(session.run(None, {name: x}))


def _save_onnx(model: bytes, path: Path) -> None:
    path.write_bytes(model)


def _as_onnx(network: nn.Module, channels: int) -> bytes:
    """By the exporter that traces: the other one needs onnxscript besides."""
    written: Any = io.BytesIO()  # which the exporter's types leave out
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Outlet(network).eval(),
            (torch.zeros(1, channels, *_EXAMPLE_HW),),
            written,
            input_names=["x"],
            dynamic_axes={"x": {0: "n", 2: "h", 3: "w"}},
            dynamo=False,
        )
    content: bytes = written.getvalue()
    return content


def refuse_telemetry() -> None:
    """See to it that neither runtime notes or sends what it is used for.

    OpenVINO sends a message when it is imported, by a package that it can do without; ONNX Runtime
    makes an id of the computer before it can be told not to.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    if "openvino" not in sys.modules:
        modules: dict[str, Any] = sys.modules
        modules["openvino_telemetry"] = None  # importing it fails, as where it is not installed


def _loaded(
    name: str,
    convert: Callable[[], Any],
    save: Callable[[Any, Path], None],
    load: Callable[[Any], Any],
) -> Any:
    """What runs a converted network: the kept one, or one made now and kept if the disk lets it.

    Args:
        name: Of its file in the cache.
        convert: Makes the network for the other runtime, in memory.
        save: Writes what `convert` made, and maybe files beside it.
        load: Makes what runs of a file, or of what `convert` made.
    """
    path = converted_folder() / name
    if path.is_file():
        try:
            found = load(path)
        except Exception as error:  # noqa: BLE001 - each runtime has its own; it is made anew
            _log.warning("%s is damaged (%s) and made anew", path, error)
        else:
            with contextlib.suppress(OSError):  # of a disk that is read-only
                path.touch()
            return found
    made = convert()
    try:
        _keep(path, functools.partial(save, made))
        return load(path)
    except Exception as error:  # noqa: BLE001 - as above; of a full disk OpenVINO says no OSError
        _log.warning("%s is not kept: %s", path, error)
    return load(made)


def _keep(path: Path, save: Callable[[Path], None]) -> None:
    """Write a converted network's files, which appear whole or not at all."""
    folder = path.parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=_UNFINISHED) as place:
        save(Path(place) / path.name)
        # the file that the others belong to comes last
        for made in sorted(Path(place).iterdir(), key=lambda file: file.name == path.name):
            made.replace(folder / made.name)
    _sweep(folder)
    _make_room(folder, path)


def _sweep(folder: Path) -> None:
    """Remove what programs that were killed had begun: no network takes an hour."""
    for place in folder.glob(f"{_UNFINISHED}*"):
        with contextlib.suppress(OSError):
            if time.time() - place.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(place, ignore_errors=True)


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
