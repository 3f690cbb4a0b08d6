"""Training networks that give a class for every pixel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from segstudio.models.preprocess import Preprocess, Scaling
from segstudio.training.data import CropSampler, Sample
from segstudio.training.losses import LossSettings, parse_loss

_SPANS: Final[dict[Scaling, tuple[float, float]]] = {
    "unit": (0.0, 1.0),
    "none": (0.0, 255.0),
    "percentile": (0.0, 1.0),
    "standard": (-8.0, 8.0),
}
"""What the darkest and the brightest byte of a training image stand for."""


def scaled(sample: Sample, preprocess: Preprocess) -> Sample:
    """Apply the preprocessing's scaling to the whole image (kept as bytes) and set its resizing.

    What is the image's own must come from the whole image, as at prediction, and not from a crop.

    Raises:
        ValueError: if images are squashed to a size: crops of them have no scale.
    """
    if preprocess.size is not None:
        raise ValueError("crops cannot be drawn from images that are resized to a given size")
    height, width = sample.target.shape
    zoom = preprocess.resized_hw(height, width)[0] / height
    return replace(sample, image=scaled_bytes(sample.image, preprocess), scale=zoom)


def scaled_bytes(image: npt.NDArray[np.uint8], preprocess: Preprocess) -> npt.NDArray[np.uint8]:
    """Return uint8 RGB (H, W, 3) with 0..255 standing for the `_SPANS` of the scaling."""
    if preprocess.channels == "grey":  # clipped as grey, not as colours
        image = np.repeat(preprocess.in_channels(image), 3, axis=2)
    if preprocess.scaling in ("unit", "none"):
        return image
    low, high = preprocess.value_range(image)
    first, last = _SPANS[preprocess.scaling]
    values = (np.arange(256) - low) / (high - low)
    table = np.clip((values - first) / (last - first) * 255, 0, 255).round().astype(np.uint8)
    bytes_: npt.NDArray[np.uint8] = table[image]
    return bytes_


def semantic_batches(
    sampler: CropSampler, size: int, preprocess: Preprocess
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield endless (images float32 (N, C, H, W) normalised, classes int64 (N, H, W))."""
    while True:
        pairs = [sampler.draw() for _ in range(size)]
        images = torch.stack([torch.from_numpy(image).permute(2, 0, 1) for image, _ in pairs])
        classes = torch.stack([torch.from_numpy(target).long() for _, target in pairs])
        values = byte_values(preprocess.from_rgb(images), preprocess)
        yield preprocess.normalised(values), classes


def byte_values(images: Tensor, preprocess: Preprocess) -> Tensor:
    """What float images (..., C, H, W) in 0..1, made from `scaled_bytes`, stand for."""
    first, last = _SPANS[preprocess.scaling]
    return images * (last - first) + first


def semantic_loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
    """Return cross-entropy + soft Dice of a batch, moved to where the network is.

    The network runs in bfloat16 autocast, the loss in float32; the images take the memory format
    of the weights.
    """
    first = next(model.parameters())
    images, classes = (t.to(first.device) for t in batch)
    images = images.contiguous(memory_format=memory_format(first))
    with torch.autocast(first.device.type, torch.bfloat16):
        out = model(images)
    logits = out["out"] if isinstance(out, dict) else out
    loss = parse_loss("cross-entropy+dice").make(LossSettings(logits.shape[1]))
    return {"loss": loss(logits, classes)}


def memory_format(weight: Tensor) -> torch.memory_format:
    """The one that images must have for a network with such weights to run fastest."""
    last = weight.ndim == 4 and weight.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


def mean_iou(model: nn.Module, batches: Sequence[tuple[Tensor, Tensor]], classes: int) -> float:
    """Return the mean IoU over batches as ``semantic_batches`` gives them; absent classes left out.

    A quick number for watching a training; pixels of an id outside ``0..classes - 1`` do not count.
    """
    confusion = torch.zeros(classes, classes, dtype=torch.int64)
    device = next(model.parameters()).device
    with torch.inference_mode():
        for images, target in batches:
            out = model(images.to(device))
            found = (out["out"] if isinstance(out, dict) else out).argmax(1).cpu()
            valid = target < classes
            keys = target[valid] * classes + found[valid]
            confusion += torch.bincount(keys, minlength=classes**2).view(classes, classes)
    overlap = confusion.diag().double()
    union = confusion.sum(0) + confusion.sum(1) - confusion.diag()
    return float((overlap / union)[union > 0].mean())
