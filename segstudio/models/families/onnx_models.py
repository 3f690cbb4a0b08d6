"""ONNX models: recognised by their graphs and by a try-out, run by ONNX Runtime."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn

from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import ModelSpec
from segstudio.core.progress import Check, Report, no_check
from segstudio.models.conversion import (
    Answer,
    is_installed,
    onnx_session,
    openvino_of_onnx,
)
from segstudio.models.families import Found
from segstudio.models.families.torchscript import confine, found_of, tried_apart
from segstudio.models.onnx_file import (
    FLOATS,
    GraphValue,
    OnnxGraph,
    data_files,
    is_onnx,
    read_graph,
)
from segstudio.models.tryout import GIVES, NoMapError, ProgramNetwork, Tried, try_out

INSTALL: Final = "Install what runs it: pip install segstudio[onnx]"
_USUAL_CHANNELS: Final = (3, 1, 4, 2)
_MOST_CHANNELS: Final = 64
"""More is rather the side of an image."""

Layout = Literal["NCHW", "NHWC"]


class OnnxNetwork(ProgramNetwork):
    """An ONNX model as a semantic network; it runs on the CPU, wherever the image is.

    Attributes:
        file: The model's file.
        answer: Runs it.
    """

    unseen = "ONNX Runtime runs an ONNX model as a whole"
    routes = ("openvino", "openvino-bfloat16")
    only_on_cpu = True

    def __init__(
        self,
        file: Path,
        answer: Answer,
        graph: OnnxGraph,
        in_channels: int,
        gives: str = GIVES[0],
        input_hw: Sequence[int] | None = None,
        layout: Layout = "NCHW",
    ) -> None:
        """Args (besides those of every program):
        file: The model's file.
        answer: Runs it.
        graph: What the file says.
        layout: Order of the axes of what goes in.
        """
        super().__init__(in_channels, gives, input_hw)
        self.file, self.answer, self._layout = file, answer, layout
        self._kind = FLOATS[graph.inputs[0].kind]
        shape = graph.inputs[0].shape
        self._batch = (shape[0] if shape else None) or 1
        self._output = _output_of(graph)
        self.hidden_bytes = sum(each.stat().st_size for each in (file, *data_files(file, graph)))

    def run(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, K, h, w), with axes in the order in which the graph has them."""
        height, width = x.shape[-2:]
        given = x.float().cpu().expand(self._batch, -1, -1, -1)
        if self._layout == "NHWC":
            given = given.permute(0, 2, 3, 1)
        array = given.contiguous().numpy()
        if self._kind == "uint8":
            array = array.round().clip(0, 255)
        found = self.answer(array.astype(self._kind, copy=False))[self._output]
        maps = torch.from_numpy(found)
        if not maps.is_floating_point():
            raise NoMapError("it returns class ids and no scores of classes")
        maps = maps[:1].float().to(x.device)
        return _channels_first(maps, (height, width), self._layout)

    def by_openvino(self, key: str, precision: str) -> OnnxNetwork:
        """The same, run by OpenVINO.

        Args:
            key: Of the converted file.
            precision: "f32" or "bf16".
        """
        other = copy.copy(self)
        other.answer = openvino_of_onnx(self.file, key, precision)
        return other


def network(**options: Any) -> nn.Module:
    """Refuse: such a network is no architecture that could be filled with weights.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"an ONNX model comes with its weights ({', '.join(options)})")


def loaded_network(spec: ModelSpec, path: Path) -> nn.Module:
    """The network of a spec from its file.

    Raises:
        SegstudioError: if ONNX Runtime is not there or cannot load it.
    """
    _require_runtime(path)
    graph = _checked_graph(path)
    options = spec.options
    return OnnxNetwork(
        path,
        _answer(path),
        graph,
        int(options["in_channels"]),
        str(options["gives"]),
        options.get("input_hw"),
        "NHWC" if options.get("layout") == "NHWC" else "NCHW",
    )


def recognise_onnx(path: Path, check: Check = no_check) -> Found | None:
    """Tell what an ONNX model is, by its graph and by trying it in a process of its own.

    Returns:
        None for another kind of file.

    Raises:
        SegstudioError: if it cannot be run, or is no network that segments.
    """
    if not is_onnx(path):
        return None
    graph = _checked_graph(path)
    _require_runtime(path)
    tried = tried_apart(_tried, path, check)
    layout = _layout(graph.inputs[0], graph.channels)
    found = found_of("ONNX model", tried, str(path), layout=layout)
    if FLOATS[graph.inputs[0].kind] == "uint8":  # it scales the bytes itself
        found.preprocess["scaling"] = "none"
    return found


def _require_runtime(path: Path) -> None:
    if not is_installed("onnxruntime"):
        raise SegstudioError(f"{path} is an ONNX model, which needs ONNX Runtime.", INSTALL)


def _tried(_report: Report, path: Path) -> dict[str, Any]:
    """The other process's work."""
    importlib.import_module("onnxruntime")  # before it may write no file
    confine()
    return look(path).to_json()


def look(path: Path) -> Tried:
    """Load and try an ONNX model in this process.

    Raises:
        SegstudioError: if it is of no use; names the file.
    """
    graph = _checked_graph(path)
    layout = _layout(graph.inputs[0], graph.channels)
    shape = graph.inputs[0].shape or (None,) * 4
    _, channels, height, width = _in_order(shape, layout)
    height, width = height or width, width or height  # one that may vary is taken as the other
    size = None if height is None or width is None else (height, width)
    counts = [channels] if channels else [c for c in (graph.channels,) if c]
    run = OnnxNetwork(path, _answer(path), graph, 0, layout=layout).run
    bright = 255 if FLOATS[graph.inputs[0].kind] == "uint8" else 1
    try:
        return try_out(
            lambda x: run(x * bright), list(dict.fromkeys(counts or _USUAL_CHANNELS)), size
        )
    except SegstudioError as error:
        raise SegstudioError(f"{path} cannot be used. {error.message}", error.hint) from error


def _answer(path: Path) -> Answer:
    try:
        return onnx_session(path)
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise SegstudioError(
            f"ONNX Runtime cannot run {path} ({lines[0] if lines else type(error).__name__}).",
            "Export it again for an older version of ONNX (opset), or update onnxruntime.",
        ) from error


def _checked_graph(path: Path) -> OnnxGraph:
    """What the file says, if a network that segments images can say so.

    Raises:
        SegstudioError: if it cannot; if weights lie outside its folder.
    """
    graph = read_graph(path)
    data_files(path, graph)
    hint = "segstudio runs networks that take one image (N, C, H, W) or (N, H, W, C)."
    if len(graph.inputs) != 1:
        names = ", ".join(value.name for value in graph.inputs) or "nothing"
        raise SegstudioError(f"{path} takes {names}, and not one image.", hint)
    given = graph.inputs[0]
    if given.kind not in FLOATS or (given.shape is not None and len(given.shape) != 4):
        raise SegstudioError(f"{path} takes {given.name}, which is no image.", hint)
    if not graph.outputs:
        raise SegstudioError(f"{path} gives nothing.", "Export the model again.")
    return graph


def _layout(given: GraphValue, channels: int) -> Layout:
    """Whether channels come before the sides of the image or after them."""
    if given.shape is None:
        return "NCHW"
    first, last = given.shape[1], given.shape[3]
    if channels and channels in (first, last) and first != last:
        return "NHWC" if last == channels else "NCHW"
    fits = [side is not None and side <= _MOST_CHANNELS for side in (first, last)]
    return "NHWC" if fits == [False, True] else "NCHW"


def _in_order(shape: Sequence[int | None], layout: Layout) -> tuple[int | None, ...]:
    """(N, C, H, W) of a shape in another order."""
    n, *rest = shape
    return (n, rest[2], rest[0], rest[1]) if layout == "NHWC" else (n, *rest)


def _output_of(graph: OnnxGraph) -> int:
    """Which output holds the scores: "out" or "logits", else the first map of floats."""
    names = [value.name for value in graph.outputs]
    for name in ("out", "logits"):
        if name in names:
            return names.index(name)
    maps = [
        number
        for number, value in enumerate(graph.outputs)
        if value.kind in (0, 1, 10, 11) and (value.shape is None or len(value.shape) in (3, 4))
    ]
    return maps[0] if maps else 0


def _channels_first(maps: Tensor, input_hw: tuple[int, int], layout: Layout) -> Tensor:
    """Maps (N, K, h, w), whichever axis the classes have: the one that does not grow with the image."""
    if maps.ndim != 4:
        return maps
    height, width = input_hw
    first, middle, last = maps.shape[1:]
    planes = middle * width == last * height
    rows = first * width == middle * height
    if planes == rows:
        return maps.permute(0, 3, 1, 2) if layout == "NHWC" else maps
    return maps if planes else maps.permute(0, 3, 1, 2)
