"""What choosing the next images needs of a network: features of its bottleneck, and dropout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from segstudio.core.errors import SegstudioError
from segstudio.models.semantic import as_logits

Float32 = npt.NDArray[np.float32]


class _Smallest:
    """The smallest map that passes: of equally small ones that with the most channels, the last.

    A single pixel is no map: squeeze-and-excitation and pooled branches have such ones.
    """

    def __init__(self) -> None:
        self.maps: Tensor | None = None

    def look(self, _module: nn.Module, _inputs: Any, output: Any) -> None:
        if (
            isinstance(output, Tensor)
            and output.ndim == 4
            and self._rank(output) >= self._rank(self.maps)
        ):
            self.maps = output

    @staticmethod
    def _rank(maps: Tensor | None) -> tuple[bool, float, int]:
        if maps is None:
            return False, -float("inf"), 0
        area = maps.shape[2] * maps.shape[3]
        return area > 1, -float(area), maps.shape[1]


@torch.inference_mode()
def bottleneck_features(network: nn.Module, images: Tensor) -> Float32:
    """The mean over the pixels of the network's smallest maps, (N, D).

    Args:
        network: In evaluation mode.
        images: float32 (N, C, H, W), as the network gets them.

    Raises:
        SegstudioError: if no part of the network returns maps.
    """
    smallest = _Smallest()
    parts = [part for part in network.modules() if not any(True for _ in part.children())]
    hooks = [part.register_forward_hook(smallest.look) for part in parts]
    try:
        network(images)
    finally:
        for hook in hooks:
            hook.remove()
    if smallest.maps is None:
        raise SegstudioError(
            "The network has no bottleneck to compare images by.",
            "Choose the next images by uncertainty alone.",
        )
    means: Float32 = smallest.maps.float().mean((2, 3)).cpu().numpy()
    return means


@torch.inference_mode()
def dropout_answers(network: nn.Module, images: Tensor, passes: int = 8, seed: int = 0) -> Float32:
    """Return the probabilities (passes, N, C, H, W) of passes in which dropout is at work.

    Chance and network are afterwards as before.

    Raises:
        SegstudioError: if the network has no dropout.
    """
    with _dropping(network), torch.random.fork_rng(devices=_devices(images)):
        torch.manual_seed(seed)
        answers = [as_logits(network(images)).float().softmax(1) for _ in range(passes)]
    found: Float32 = torch.stack(answers).cpu().numpy()
    return found


def _devices(images: Tensor) -> list[torch.device]:
    return [images.device] if images.is_cuda else []


@contextmanager
def _dropping(network: nn.Module) -> Iterator[None]:
    """With dropout as in training, and all else, batch norm above all, as it is."""
    kinds = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
    parts = [part for part in network.modules() if isinstance(part, kinds) and part.p > 0]
    if not parts:
        raise SegstudioError(
            "The network has no dropout, so its passes do not differ.",
            "Choose the next images by uncertainty, or by several models.",
        )
    before = [part.training for part in parts]
    for part in parts:
        part.train()
    try:
        yield
    finally:
        for part, training in zip(parts, before, strict=True):
            part.train(training)
