"""What is asked of a network's output: one class's score at a pixel, over a region, or everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from segstudio.core.errors import SegstudioError
from segstudio.inspection.nets.running import main_output


@dataclass(frozen=True)
class LogitTarget:
    """A class over some of the image's pixels.

    Attributes:
        class_id: of the class; for a network with one logit, 1 is the class and 0 its negative.
        region: (H, W) bool, pixels of the traced image that count; None: all.
        pixel: (row, col) of the only pixel that counts; overrides ``region``.
    """

    class_id: int
    region: NDArray[np.bool_] | None = None
    pixel: tuple[int, int] | None = None


def class_map(output: Any, class_id: int) -> Tensor:
    """Return one class's score map (h, w), differentiable.

    Semantic networks give the class's logits. Instance networks have none: there it is the sum of
    the masks of that class's detections, each times its score.

    Raises:
        SegstudioError: for an unknown class, or an output without a map.
    """
    logits = main_output(output)
    if logits is not None:
        return _of_logits(logits[0], class_id)
    first = output[0] if isinstance(output, list) and output else output
    if not isinstance(first, Mapping) or "masks" not in first:
        raise SegstudioError("the network's output is no map of classes and no instance masks")
    chosen = first["labels"] == class_id
    if not bool(chosen.any()):
        raise SegstudioError(f"the network found nothing of class {class_id} in this image")
    scores: Tensor = first["scores"][chosen]
    masks = first["masks"][chosen]
    summed: Tensor = (masks.reshape(-1, *masks.shape[-2:]) * scores[:, None, None]).sum(0)
    return summed


def _of_logits(logits: Tensor, class_id: int) -> Tensor:
    if logits.shape[0] == 1 and class_id in (0, 1):
        return logits[0] if class_id == 1 else -logits[0]
    if not 0 <= class_id < logits.shape[0]:
        raise SegstudioError(f"there is no class {class_id} among {logits.shape[0]}")
    return logits[class_id]


def target_score(output: Any, target: LogitTarget, image_size: tuple[int, int]) -> Tensor:
    """Return the sum of a class's scores over the target's pixels: a scalar, differentiable.

    Args:
        output: of the network.
        target: which class and pixels.
        image_size: height and width of the image that the target's pixels refer to; where the
            output is of another size, the nearest positions stand for them.

    Raises:
        SegstudioError: for an unknown class, a pixel outside, or an empty region.
    """
    scores = class_map(output, target.class_id)
    height, width = image_size
    if target.pixel is not None:
        row, col = target.pixel
        if not (0 <= row < height and 0 <= col < width):
            raise SegstudioError(f"pixel {target.pixel} lies outside {height} x {width}")
        return scores[row * scores.shape[0] // height, col * scores.shape[1] // width]
    if target.region is None:
        return scores.sum()
    if target.region.shape != (height, width):
        raise SegstudioError(f"the region is {target.region.shape}, the image {image_size}")
    mask = torch.from_numpy(target.region.astype(np.float32)).to(scores.device)
    if scores.shape != mask.shape:
        mask = F.interpolate(mask[None, None], size=tuple(scores.shape), mode="nearest")[0, 0]
    if not bool(mask.any()):
        raise SegstudioError("the region has no pixel at the output's resolution")
    return (scores * mask).sum()
