"""Where a class comes from: gradients of its score at every stage, in one backward pass."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from segstudio.core.errors import SegstudioError
from segstudio.core.features import FeatureTrace, LayerInfo, Site
from segstudio.core.formatting import bytes_text
from segstudio.inspection.nets.recording import PassThrough, Recorder, recording
from segstudio.inspection.nets.running import evaluating, run, to_numpy
from segstudio.inspection.nets.targets import LogitTarget, target_score
from segstudio.inspection.nets.tracing import as_batch

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Gradients:
    """One class's score and its gradients.

    Attributes:
        score: of the target.
        activations: (C, h, w) float32 by stage id, of the stages that gradients reach.
        gradients: of the score with respect to them; zeros where the score does not depend.
        image: gradient (C, H, W) with respect to the image.
    """

    score: float
    activations: dict[str, FloatArray] = field(repr=False)
    gradients: dict[str, FloatArray] = field(repr=False)
    image: FloatArray = field(repr=False)

    def grad_cam(self, layer_id: str) -> FloatArray:
        """Return Seg-Grad-CAM (h, w) of a stage: non-negative, not scaled.

        The channels' sum weighted with their mean gradients, negative values set to zero. After
        Vinogradova, Dibrov and Myers (2020), https://arxiv.org/abs/2002.11434.
        """
        weights = self.gradients[layer_id].mean(axis=(1, 2))
        summed = np.tensordot(weights, self.activations[layer_id], axes=1)
        cam: FloatArray = np.maximum(summed, 0).astype(np.float32)
        return cam

    def influence(self, layer_id: str) -> FloatArray:
        """Return each channel's gradient x activation, summed over the positions: (C,)."""
        product = self.gradients[layer_id] * self.activations[layer_id]
        summed: FloatArray = product.sum(axis=(1, 2), dtype=np.float64).astype(np.float32)
        return summed

    def effective_field(self) -> FloatArray:
        """Return the effective receptive field (H, W): the image gradient's magnitude.

        For a target of one pixel. After Luo et al. (2016), https://arxiv.org/abs/1701.04128.
        """
        found: FloatArray = np.abs(self.image).sum(axis=0)
        return found


def gradients(
    model: nn.Module,
    image: Tensor,
    found: FeatureTrace,
    target: LogitTarget,
    *,
    layers: tuple[str, ...] | None = None,
    check: Callable[[], None] | None = None,
) -> Gradients:
    """Return the gradients of a class's score at the stages of a trace.

    The model's parameters get no gradients; it is afterwards what it was.

    Args:
        model: that was traced.
        image: (C, H, W) or (1, C, H, W).
        found: its trace.
        target: class and pixels.
        layers: ids of the stages; None: all that are maps.
        check: called before every module; may raise to cancel.

    Raises:
        SegstudioError: for an unknown stage or class, or a network without gradients.
    """
    wanted = found.layers if layers is None else tuple(found.layer(name) for name in layers)
    wanted = tuple(layer for layer in wanted if layer.receptive_field is not None)
    images = as_batch(image).detach().clone().requires_grad_()
    size = (int(images.shape[-2]), int(images.shape[-1]))

    def score(output: object, _: dict[Site, Tensor]) -> Tensor:
        return target_score(output, target, size)

    return _backward(model, images, wanted, score, check)


def stage_field(
    model: nn.Module,
    image: Tensor,
    layer: LayerInfo,
    position: tuple[int, int],
    *,
    channel: int | None = None,
    check: Callable[[], None] | None = None,
) -> FloatArray:
    """Return the effective receptive field (H, W) of one position of a stage.

    Args:
        model: that was traced.
        image: (C, H, W) or (1, C, H, W).
        layer: the stage.
        position: (row, col) in its map.
        channel: one channel; None: the sum of all.
        check: called before every module; may raise to cancel.
    """
    images = as_batch(image).detach().clone().requires_grad_()

    def score(_: object, taken: dict[Site, Tensor]) -> Tensor:
        vector = taken[layer.site][0, :, position[0], position[1]]
        return vector.sum() if channel is None else vector[channel]

    return _backward(model, images, (layer,), score, check).effective_field()


class _Tap(PassThrough):
    """Keeps the live results of some operations, safe from later changes in place."""

    def __init__(self, sites: set[Site]) -> None:
        self.sites = sites
        self.taken: dict[Site, Tensor] = {}

    def before(self, site: Site, args: tuple[Any, ...]) -> tuple[Any, ...]:
        # what a network made in an earlier pass without gradients and kept cannot be saved for this
        del site
        return tuple(_usable(value) for value in args)

    def after(self, site: Site, result: Tensor, *, in_place: bool) -> Tensor:
        del in_place
        if site not in self.sites:
            return result
        self.taken[site] = result
        return result.clone()


def _usable(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.clone() if value.is_inference() else value
    if type(value) in (tuple, list):
        return type(value)(_usable(item) for item in value)
    return value


def _backward(
    model: nn.Module,
    images: Tensor,
    layers: tuple[LayerInfo, ...],
    score_of: Callable[[object, dict[Site, Tensor]], Tensor],
    check: Callable[[], None] | None,
) -> Gradients:
    tap = _Tap({layer.site for layer in layers})
    recorder = Recorder(model, tap, graph=False, check=check)
    with torch.inference_mode(False), torch.enable_grad(), evaluating(model):
        with recording(model, recorder), kept_within(memory_to_spare(images.device)):
            output = run(model, images)
        tap.taken[Site("", "input")] = images
        taken = [
            layer
            for layer in layers
            if layer.site in tap.taken and tap.taken[layer.site].requires_grad
        ]
        score = score_of(output, tap.taken)
        if not score.requires_grad:
            raise SegstudioError("the network's output does not depend on the image by gradients")
        tensors = [tap.taken[layer.site] for layer in taken]
        found = torch.autograd.grad(score, [images, *tensors], allow_unused=True)
    arrays = [to_numpy(tensor[0]) for tensor in tensors]
    grads = [
        np.zeros_like(array) if grad is None else to_numpy(grad[0])
        for array, grad in zip(arrays, found[1:], strict=True)
    ]
    ids = [layer.id for layer in taken]
    image = np.zeros(images.shape[1:], np.float32) if found[0] is None else to_numpy(found[0][0])
    return Gradients(
        float(score.detach()),
        dict(zip(ids, arrays, strict=True)),
        dict(zip(ids, grads, strict=True)),
        image,
    )


_SHARE: Final = 0.5
"""Of the free memory; the gradients themselves and the rest of the program need some, too."""
_UNKNOWN: Final = 4 << 30


def memory_to_spare(device: torch.device) -> int:
    """Bytes on a device that the tensors kept for a backward pass may take now."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free * _SHARE)
    return int(_available() * _SHARE)


@contextmanager
def kept_within(limit: int) -> Iterator[None]:
    """Stop a forward pass that would keep more than `limit` bytes for its backward pass.

    Every storage counts once, as saved tensors share them.

    Raises:
        SegstudioError: as soon as the limit is passed, before the machine runs out of memory.
    """
    seen: set[int] = set()
    total = 0

    def keep(tensor: Tensor) -> Tensor:
        nonlocal total
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in seen:
            seen.add(storage.data_ptr())
            total += storage.nbytes()
        if total > limit:
            raise SegstudioError(
                f"Following gradients through this image needs more than {bytes_text(limit)} of memory, "
                "more than can be spared.",
                "Open a smaller image or a part of it, or close other programs.",
            )
        # a result that is kept as itself would hold the graph, and the graph the result
        return tensor.detach()

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield


def _available() -> int:
    """Bytes of main memory that programs can get without swapping; a guess where unknown."""
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    sysconf = getattr(os, "sysconf", None)
    if sysconf is not None:
        try:
            return int(sysconf("SC_PHYS_PAGES")) * int(sysconf("SC_PAGE_SIZE")) // 2
        except (OSError, ValueError):
            return _UNKNOWN
    return _UNKNOWN
