"""Trace a network: stages, skip edges and activations of one image.

A small probe that is not square shows the network's structure once (it is kept as long as the
model lives); the image itself then goes through the network once, in which the activations are
copied as they are made.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from segstudio.core.errors import CancelledError, SegstudioError, one_line
from segstudio.core.features import (
    DEFAULT_BUDGET,
    ActivationStore,
    FeatureMap,
    FeatureTrace,
    Site,
)
from segstudio.core.progress import Check
from segstudio.inspection.nets.assembly import Assembler, chw, stage_ids
from segstudio.inspection.nets.graph import OperationGraph
from segstudio.inspection.nets.recording import PassThrough, Recorder, recording
from segstudio.inspection.nets.running import evaluating, main_output, run
from segstudio.inspection.nets.structure import NetworkStructure, Stage, find_structure

PROBES: Final = ((96, 160), (192, 320), (384, 640))
"""Heights and widths of the images that show a structure: no common square fits into them."""

_FLOAT16_MAX: Final = 65504.0
_ALLOCATIONS: Final = frozenset({"new_full", "new_zeros", "new_empty", "zeros_like", "full_like"})
_structures: weakref.WeakKeyDictionary[nn.Module, NetworkStructure] = weakref.WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Traced:
    """A trace and what the model returned in it, as without tracing."""

    trace: FeatureTrace
    output: Any


def trace(
    model: nn.Module,
    image: Tensor,
    *,
    budget: int = DEFAULT_BUDGET,
    check: Check | None = None,
    keep: Iterable[str] | None = None,
) -> FeatureTrace:
    """Return the stages, skip edges and activations of one image in a network.

    The model is run in evaluation mode and is afterwards what it was.

    Args:
        model: any network that maps (N, C, H, W) to logits (N, K, H', W'), to a mapping or a tuple
            with them, or that detects instances as torchvision's do.
        image: (C, H, W) or (1, C, H, W), pre-processed as the model expects, on its device.
        budget: bytes of activations to keep; others are computed again when asked for, for which
            the trace holds the model and the image.
        check: called before every module; may raise to cancel.
        keep: names of the stages whose activations are kept; None: as many as fit.

    Raises:
        SegstudioError: if the network does not run on the image.
    """
    return trace_with_output(model, image, budget=budget, check=check, keep=keep).trace


def trace_with_output(
    model: nn.Module,
    image: Tensor,
    *,
    budget: int = DEFAULT_BUDGET,
    check: Check | None = None,
    keep: Iterable[str] | None = None,
) -> Traced:
    """Return the trace as ``trace`` does, and the model's output, bitwise as without tracing."""
    images = as_batch(image)
    structure = structure_of(model, images, check=check)
    wanted = _wanted(structure, images, budget, None if keep is None else frozenset(keep))
    capture = _Capture({stage.site for stage in wanted})
    recorder, output, seconds = _record(model, images, capture, check)
    capture.keep_input(images)
    graph = OperationGraph(recorder.nodes, structure.maps)
    ids = stage_ids(structure.stages)
    store = ActivationStore(budget, _recompute(model, images, structure, ids))
    assembler = Assembler(structure, graph, ids, recorder, images)
    layers = assembler.layers()
    for layer in layers:
        if layer.site in capture.arrays:
            store.put(layer.id, capture.arrays[layer.site])
    logits = main_output(output)
    found = FeatureTrace(
        model=type(model).__name__,
        input_size=(int(images.shape[-2]), int(images.shape[-1])),
        input_scale=assembler.scale,
        output_shape=None if logits is None else chw(tuple(logits.shape)),
        layers=layers,
        skips=assembler.skips(),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        macs=graph.macs,
        seconds=seconds,
        notes=(*_unseen(model), *structure.notes, *assembler.notes),
        activations=store,
        remainder=assembler.remainder(model),
    )
    return Traced(found, output)


def _unseen(model: nn.Module) -> tuple[str, ...]:
    """What of a network takes no hooks, in words: compiled modules."""
    compiled: list[str] = []
    for name, module in model.named_modules():
        within = any(name.startswith(f"{outer}.") or not outer for outer in compiled)
        if isinstance(module, torch.jit.ScriptModule) and not within:
            compiled.append(name)
    if not compiled:
        return ()
    names = ", ".join(name or "the network" for name in compiled)
    return (f"compiled by TorchScript, so not seen from inside, nor what leads to it: {names}",)


def structure_of(
    model: nn.Module, images: Tensor, *, check: Check | None = None
) -> NetworkStructure:
    """Return a network's structure, from a probe the first time.

    Args:
        model: the network.
        images: (N, C, H, W); its channels, type and device make the probe.
        check: as in ``trace``.

    Raises:
        SegstudioError: if the network runs neither on a probe nor on the images.
    """
    if model in _structures:
        return _structures[model]
    recorder, output = _probe(model, images, check)
    logits = main_output(output)
    goal = None if logits is None else recorder.node_of(logits)
    structure = find_structure(OperationGraph(recorder.nodes), goal)
    _structures[model] = structure
    return structure


def as_batch(image: Tensor) -> Tensor:
    """Return (1, C, H, W) for (C, H, W) or (1, C, H, W).

    Raises:
        SegstudioError: for another shape.
    """
    images = image[None] if image.ndim == 3 else image
    if images.ndim != 4 or images.shape[0] != 1:
        raise SegstudioError(f"one image (C, H, W) is traced at a time, not {tuple(image.shape)}")
    return images


def _probe(model: nn.Module, images: Tensor, check: Check | None) -> tuple[Recorder, Any]:
    error: Exception | None = None
    generator = torch.Generator().manual_seed(0)
    for size in PROBES:
        noise = torch.rand((1, images.shape[1], *size), generator=generator)
        probe = noise.to(images.device, images.dtype)
        try:
            recorder, output, _ = _record(model, probe, PassThrough(), check)
        except CancelledError:
            raise
        except Exception as caught:  # noqa: BLE001  any network may refuse any size
            if check is not None:
                check()
            error = caught
        else:
            return recorder, output
    try:
        recorder, output, _ = _record(model, images, PassThrough(), check)
    except CancelledError:
        raise
    except Exception as caught:
        shape = " x ".join(map(str, images.shape[-2:]))
        raise SegstudioError(
            f"{type(model).__name__} does not run on an image of {shape}: {one_line(caught)}",
            f"It did not run on a probe either: {one_line(error)}",
        ) from caught
    return recorder, output


def _record(
    model: nn.Module, images: Tensor, interceptor: PassThrough, check: Check | None
) -> tuple[Recorder, Any, float]:
    recorder = Recorder(model, interceptor, check=check)
    with torch.inference_mode(), evaluating(model), recording(model, recorder):
        begin = time.perf_counter()
        output = run(model, images, recorder)
        if images.is_cuda:
            torch.cuda.synchronize()
        seconds = time.perf_counter() - begin
    recorder.read_clock()
    return recorder, output, seconds


class _Capture(PassThrough):
    """Copies the results of the wanted operations as they are made."""

    def __init__(self, sites: set[Site]) -> None:
        self.sites = sites
        self.arrays: dict[Site, FeatureMap] = {}
        self._empty: tuple[Site, Tensor] | None = None

    def before(self, site: Site, args: tuple[Any, ...]) -> tuple[Any, ...]:
        # a batch may be made empty and filled later: what a convolution reads of it counts
        if self._empty is not None and site.op == "conv2d" and args[0] is self._empty[1]:
            self.arrays[self._empty[0]] = to_array(args[0])
            self._empty = None
        return args

    def after(self, site: Site, result: Tensor, *, in_place: bool) -> Tensor:
        del in_place
        if site in self.sites:
            self.arrays[site] = to_array(result)
            if site.op in _ALLOCATIONS:
                self._empty = site, result
        return result

    def keep_input(self, images: Tensor) -> None:
        """Copy the input itself, which no operation makes."""
        site = Site("", "input")
        if site in self.sites:
            self.arrays[site] = to_array(images)


def to_array(features: Tensor) -> FeatureMap:
    """Return (C, h, w) float16 on the CPU of the first item of (N, C, h, w) or (N, C).

    Values beyond float16's range become its largest. Where there is no item (a head that saw no
    region), there is one of zeros.
    """
    shape = chw(tuple(features.shape))
    if features.shape[0] == 0:
        return np.zeros(shape, np.float16)
    first = features[0].detach().float().clamp(-_FLOAT16_MAX, _FLOAT16_MAX)
    array: FeatureMap = first.to(torch.float16).cpu().numpy().reshape(shape)
    return array


def _wanted(
    structure: NetworkStructure, images: Tensor, budget: int, keep: frozenset[str] | None
) -> list[Stage]:
    """Return the stages whose activations fit the budget, coarse (small) ones first."""
    if keep is not None:
        ids = stage_ids(structure.stages)
        return [stage for stage in structure.stages if ids[stage.site] in keep]
    pixels = images.shape[-2] * images.shape[-1]
    left = budget
    wanted = []
    for stage in sorted(structure.stages, key=lambda stage: -stage.stride):
        size = 2 * stage.channels * (pixels // max(stage.stride, 1) ** 2 or 1)
        if stage.stride and size > left:
            continue
        left -= size if stage.stride else 0
        wanted.append(stage)
    return wanted


def _recompute(
    model: nn.Module, images: Tensor, structure: NetworkStructure, ids: dict[Site, str]
) -> Callable[[tuple[str, ...]], dict[str, FeatureMap]]:
    sites = {stage_id: site for site, stage_id in ids.items()}
    del structure

    def compute(wanted: tuple[str, ...]) -> dict[str, FeatureMap]:
        capture = _Capture({sites[name] for name in wanted})
        recorder = Recorder(model, capture, graph=False)
        with torch.inference_mode(), evaluating(model), recording(model, recorder):
            run(model, images)
        capture.keep_input(images)
        return {ids[site]: array for site, array in capture.arrays.items()}

    return compute
