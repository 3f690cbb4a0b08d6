"""Run a network on an image as it wants it, and find the logits in what it returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from segstudio.inspection.nets.recording import Recorder, tensors_in
from segstudio.models.detection import own_runner


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, and each of its modules back into its own afterwards."""
    training = [module for module in model.modules() if module.training]
    try:
        model.eval()
        yield
    finally:
        for module in training:
            module.training = True


def masks_left_small(model: nn.Module) -> AbstractContextManager[None]:
    """Leave an instance network's masks as its mask head makes them, in passes for the features.

    Hundreds of masks, each pasted into an array of the photo's size, would take gigabytes; what
    the stages hold does not depend on it. Other networks run as ever.
    """
    runner = own_runner(model)
    return nullcontext() if runner is None else runner.masks_left_small(model)


def run(model: nn.Module, images: Tensor, recorder: Recorder | None = None) -> Any:
    """Run a model on images (N, C, H, W); detection models get a list of (C, H, W).

    Where a recorder is given, the images become its first node.
    """
    index = recorder.add_input(images) if recorder is not None else 0
    if own_runner(model) is None:
        return model(images)
    items = list(images.unbind(0))
    if recorder is not None:
        for item in items:
            recorder.add_alias(item, index)
    return model(items)


def to_numpy(tensor: Tensor) -> NDArray[np.float32]:
    """The numbers of a tensor on any device."""
    array: NDArray[np.float32] = tensor.detach().float().cpu().numpy()
    return array


def main_output(output: Any) -> Tensor | None:
    """Return the first map (N, C, H, W) in a model's output, or None: the logits, if any.

    Detections (a list with scores, and boxes or masks) have no logits.
    """
    first = output[0] if isinstance(output, list) and output else output
    if isinstance(first, Mapping) and "scores" in first and {"boxes", "masks"} & first.keys():
        return None
    return next((tensor for tensor in tensors_in(output) if tensor.ndim == 4), None)
