"""Quicker ways to run a network, and the test that chooses one by time and by what it answers.

A route replaces a semantic network as a whole; of one that finds instances it replaces the
backbone (with its feature pyramid), and the heads stay as they are.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from segstudio.core.errors import CancelledError, SegstudioError, one_line
from segstudio.core.labels import Image, Labels
from segstudio.core.prediction import Prediction, RunOptions
from segstudio.core.progress import Check, Report, no_check, no_report
from segstudio.core.route_answer import EXACT, RouteAnswer, route_title
from segstudio.models.conversion import Run, is_installed, onnx_run, openvino_run, unpacked

if TYPE_CHECKING:
    from segstudio.models.segmenter import Segmenter

LEAST_GAIN: Final = 1.1
"""A route has to be this many times faster than the exact one."""
LEAST_AGREEMENT: Final = 0.999
MOST_IOU_CHANGE: Final = 0.001
_LEAST_CLASS_IOU: Final = 0.98
"""Of each class's pixels by the route and by the exact one: no small class may be lost."""
_TEST_PX: Final = 1024
_HOPELESS: Final = 3.0
"""A first run that takes this many times the exact one's needs no second."""
_ROUNDS: Final = 2
_BFLOAT16_FLAGS: Final = {"avx512_bf16", "amx_bf16"}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReplacedPart:
    """The network that a route replaces.

    Attributes:
        module: The exact one, with segstudio's hooks, on its device.
        fresh: Builds the same without hooks, on the CPU and with the same weights.
        key: Of its converted file.
        channels: Of its input.
    """

    module: nn.Module
    fresh: Callable[[], nn.Module]
    key: Callable[[], str]
    channels: int = 3


Call = Callable[[Tensor], Any]
"""What runs in the place of a part: the same tensor in, the same kind of answer out."""


@dataclass(frozen=True)
class Route:
    """A way to run a network.

    Attributes:
        key: Its name in keys and files; its title is in `core.route_answer`.
        available: Whether it can be taken on a device, and is not plainly a loss there.
        make: Makes what runs in the place of a part.
    """

    key: str
    available: Callable[[torch.device], bool]
    make: Callable[[ReplacedPart, torch.device], Call]


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device computes in bfloat16 itself: by emulation it takes seven times as long."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(cpu_flags() & _BFLOAT16_FLAGS)


@functools.cache
def cpu_flags() -> frozenset[str]:
    """What the processor can do, as Linux names it; elsewhere what torch tells of it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        asked = {"avx512_bf16": "_is_avx512_bf16_supported", "amx_bf16": "_is_amx_tile_supported"}
        has = {flag: getattr(torch.cpu, name, None) for flag, name in asked.items()}
        return frozenset(flag for flag, ask in has.items() if ask is not None and ask())
    line = next((line for line in text.splitlines() if line.startswith(("flags", "Features"))), "")
    return frozenset(line.partition(":")[2].split())


def _on_cpu(device: torch.device) -> bool:
    return device.type == "cpu"


def _in_rows(part: ReplacedPart, device: torch.device) -> Call:
    """NCHW memory: some convolutions (depthwise, dilated) are slower in channels-last on a CPU."""
    network = part.fresh().to(memory_format=torch.contiguous_format).to(device)
    return lambda x: network(x.contiguous())


def _autocast(part: ReplacedPart, device: torch.device) -> Call:
    def run(x: Tensor) -> Any:
        with torch.autocast(device.type, torch.bfloat16):
            answer = part.module(x)
        if isinstance(answer, Tensor):
            return answer.float()
        return {name: value.float() for name, value in unpacked(answer).items()}

    return run


def _named(part: ReplacedPart, run: Run, fresh: nn.Module) -> Call:
    """Outputs with the names that the network gives them; of logits alone there are none."""
    with torch.inference_mode():
        names = list(unpacked(fresh(torch.zeros(1, part.channels, 128, 96))))
    if len(names) == 1 and names[0] in ("", "out"):
        return lambda x: run(x)[0]
    return lambda x: dict(zip(names, run(x), strict=True))


def _by_openvino(precision: str) -> Callable[[ReplacedPart, torch.device], Call]:
    def make(part: ReplacedPart, _device: torch.device) -> Call:
        own = getattr(part.module, "by_openvino", None)
        if own is not None:
            call: Call = own(part.key(), precision)
            return call
        fresh = part.fresh().to(memory_format=torch.contiguous_format)
        return _named(part, openvino_run(fresh, part.key(), precision, part.channels), fresh)

    return make


def _by_onnx(part: ReplacedPart, _device: torch.device) -> Call:
    fresh = part.fresh().to(memory_format=torch.contiguous_format)
    return _named(part, onnx_run(fresh, part.key(), part.channels), fresh)


ROUTES: Final = (
    Route("contiguous", _on_cpu, _in_rows),
    Route("bfloat16", has_bfloat16, _autocast),
    Route("openvino", lambda d: _on_cpu(d) and is_installed("openvino"), _by_openvino("f32")),
    Route(
        "openvino-bfloat16",
        lambda d: _on_cpu(d) and has_bfloat16(d) and is_installed("openvino"),
        _by_openvino("bf16"),
    ),
    Route("onnxruntime", lambda d: _on_cpu(d) and is_installed("onnxruntime"), _by_onnx),
)


def route_of(key: str) -> Route | None:
    """The route of that key, or None."""
    return next((route for route in ROUTES if route.key == key), None)


class _InPlace(nn.Module):
    """Runs what a route made where the network's own part would be called."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self._call = call

    def forward(self, x: Tensor) -> Any:
        return self._call(x)


def part_of(network: nn.Module, task: str) -> nn.Module | None:
    """What a route replaces of a network, or None: instances without a backbone of their own."""
    if task == "semantic":
        return network
    backbone = getattr(network, "backbone", None)
    return backbone if isinstance(backbone, nn.Module) else None


@contextmanager
def taking(network: nn.Module, task: str, call: Call) -> Iterator[nn.Module]:
    """A network with what a route made in the place of its part, for a while."""
    if task == "semantic":
        yield _InPlace(call)
        return
    whole: Any = network
    own = whole.backbone
    whole.backbone = _InPlace(call)
    try:
        yield network
    finally:
        whole.backbone = own


# -- the test ----------------------------------------------------------------------------------


Clock = Callable[[], float]


def fastest(
    segmenter: Segmenter,
    pixels: Image,
    options: RunOptions,
    check: Check = no_check,
    report: Report = no_report,
    *,
    truth: Labels | None = None,
    clock: Clock = time.perf_counter,
) -> RouteAnswer:
    """Choose the route that is quickest for a model here, on a real image.

    Each is run once to get warm, and of three runs the best time counts. What is chosen has to be at least a tenth quicker, to keep the class of 99.9 % of the pixels, of no class
    more than a few, and to find as many objects. It is held against the exact one on a part of
    the image too whose shape is another: a traced network may have kept the first one's.

    Args:
        segmenter: The model.
        pixels: (H, W, 3) uint8 RGB; of a large image the middle is taken.
        options: As the model is run.
        check: Called before every module of exact runs and between the others.
        report: Told (routes done, routes in all, which one).
        truth: (H, W) uint8 class ids of the model's classes: then the mean IoU may change by
            0.001 at most.
        clock: Tells seconds.

    Raises:
        SegstudioError: if the exact route fails.
        CancelledError: if `check` raised it.
    """
    test = _Test(segmenter, _middle(pixels), options, check, clock)
    truth = None if truth is None else _middle(truth)
    there = [r for r in ROUTES if r.available(segmenter.device)] if segmenter.has_routes else []
    own = getattr(segmenter.network, "routes", None)  # of one that comes as a program
    tried = [r for r in there if own is None or r.key in own]
    report(0, len(tried) + 1, route_title(EXACT))
    exact = test.first(EXACT)
    times, agreements = {EXACT: exact.seconds}, {}
    for number, route in enumerate(tried, 1):
        report(number, len(tried) + 1, route_title(route.key))
        found = _tried(test, route.key, exact, truth)
        if found is not None:
            times[route.key], agreements[route.key] = found
    # in turn, so that what else the computer does meets all alike
    for _ in range(_ROUNDS if agreements else 0):
        times = {key: min(best, test.timed(key)[0]) for key, best in times.items()}
    quickest = min(times, key=lambda key: times[key])
    gain = times[EXACT] / times[quickest]
    if gain < LEAST_GAIN:
        return RouteAnswer()
    return RouteAnswer(quickest, gain, agreements[quickest])


def _tried(
    test: _Test, route: str, exact: _Runs, truth: Labels | None
) -> tuple[float, float] | None:
    """Seconds and agreement of a route; None if it fails, answers otherwise or is hopeless."""
    try:
        runs = test.first(route)
    except CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - other packages may raise anything
        _log.info("%s cannot run by %s: %s", test.title, route_title(route), error)
        return None
    pairs = [(exact.whole, runs.whole), (exact.part, runs.part)]
    agreement = min(_agreement(a.labels, b.labels) for a, b in pairs)
    alike = agreement >= LEAST_AGREEMENT and all(_same_objects(a, b) for a, b in pairs)
    alike = alike and _lowest_iou(exact.whole.labels, runs.whole.labels) >= _LEAST_CLASS_IOU
    if alike and truth is not None:
        change = mean_iou(truth, runs.whole.labels) - mean_iou(truth, exact.whole.labels)
        alike = abs(change) <= MOST_IOU_CHANGE
    _log.info(
        "%s by %s: %.3f s instead of %.3f s, %.4f %% the same",
        test.title, route_title(route), runs.seconds, exact.seconds, 100 * agreement,
    )  # fmt: skip
    return (runs.seconds, agreement) if alike and runs.seconds < _HOPELESS * exact.seconds else None


@dataclass(frozen=True)
class _Runs:
    whole: Prediction
    part: Prediction
    seconds: float


class _Test:
    """A model on one image, by one route after the other."""

    def __init__(
        self, segmenter: Segmenter, pixels: Image, options: RunOptions, check: Check, clock: Clock
    ) -> None:
        self._segmenter, self._options = segmenter, replace(options, flips=False, scales=(1.0,))
        self._pixels, self._check, self._clock = pixels, check, clock
        height, width = pixels.shape[:2]
        self._other = np.ascontiguousarray(pixels[: -(-height * 3 // 4), : -(-width // 2)])

    @property
    def title(self) -> str:
        """The model's name."""
        return self._segmenter.spec.title

    def first(self, route: str) -> _Runs:
        """Run by a route on the part, to get warm, and on the whole."""
        part = self._predict(self._other, route)
        seconds, whole = self.timed(route)
        return _Runs(whole, part, seconds)

    def timed(self, route: str) -> tuple[float, Prediction]:
        """Seconds that a run takes, and its answer."""
        start = self._clock()
        answer = self._predict(self._pixels, route)
        return max(self._clock() - start, 1e-9), answer

    def _predict(self, pixels: Image, route: str) -> Prediction:
        self._check()
        return self._segmenter.predict(pixels, self._options, self._check, route=route)


def _middle(values: Any) -> Any:
    """The middle of an image or a map, at most `_TEST_PX` high and wide."""
    top, left = (max(0, (side - _TEST_PX) // 2) for side in values.shape[:2])
    return np.ascontiguousarray(values[top : top + _TEST_PX, left : left + _TEST_PX])


def _agreement(exact: Labels, other: Labels) -> float:
    return float(np.count_nonzero(exact == other)) / exact.size


def _same_objects(exact: Prediction, other: Prediction) -> bool:
    if exact.instance_ids is None or other.instance_ids is None:
        return True
    return int(exact.instance_ids.max(initial=0)) == int(other.instance_ids.max(initial=0))


def _ious(first: Labels, second: Labels) -> list[float]:
    """IoU of each class that is in one of the maps."""
    pairs = first.astype(np.intp).ravel() * 256 + second.ravel()
    counts = np.bincount(pairs, minlength=256 * 256).reshape(256, 256)
    hits = np.diagonal(counts)
    union = counts.sum(axis=0) + counts.sum(axis=1) - hits
    ious: list[float] = (hits[union > 0] / union[union > 0]).tolist()
    return ious


def _lowest_iou(exact: Labels, other: Labels) -> float:
    """Of classes that have at least a thousand pixels by the exact route."""
    sizes = np.bincount(exact.ravel(), minlength=256)
    large: list[int] = np.flatnonzero(sizes >= 1000).tolist()
    ious = [_iou(exact == class_id, other == class_id) for class_id in large]
    return min(ious, default=1.0)


def _iou(first: Any, second: Any) -> float:
    return float(np.count_nonzero(first & second) / np.count_nonzero(first | second))


def mean_iou(truth: Labels, labels: Labels) -> float:
    """Over the classes that are in one of the maps, each (H, W) uint8; 255 counts nowhere."""
    known = truth != 255
    ious = _ious(truth[known], labels[known])
    return sum(ious) / len(ious) if ious else 1.0


def cannot_be_taken(title: str, route: str, error: Exception) -> SegstudioError:
    """What to say of a route that was chosen and fails now."""
    return SegstudioError(
        f"{title} cannot be run by {route_title(route)} any more ({one_line(error)}).",
        "Switch faster ways to run models off in the settings, or give --exact.",
    )
