"""Proposals of a network that finds instances, taken where it suppresses overlapping ones.

A region proposal network is known by what it does, as torchvision writes it: a module whose
`filter_proposals` gets all boxes with their scores and returns those that are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from segstudio.core.proposals import Proposals, Ranked
from segstudio.inspection.nets.recording import PassThrough, Recorder, recording
from segstudio.inspection.nets.running import evaluating, run, to_numpy
from segstudio.inspection.nets.tracing import as_batch

_FILTER: Final = "filter_proposals"
MOST: Final = 1000
"""So many are kept before suppression."""
_SMALLEST: Final = 1e-3
"""Boxes beyond the image's edge have no side of this length on it, and are never kept."""


def proposal_network(model: nn.Module) -> nn.Module | None:
    """Return the module that filters a network's proposals; None if it has none."""
    return next((m for m in model.modules() if callable(getattr(m, _FILTER, None))), None)


def proposals(
    model: nn.Module, image: Tensor, *, check: Callable[[], None] | None = None
) -> Proposals | None:
    """Return the proposals on an image, in its pixels; None if the network makes none.

    Args:
        model: any network.
        image: (C, H, W) or (1, C, H, W).
        check: called before every module; may raise to cancel.
    """
    proposer = proposal_network(model)
    if proposer is None:
        return None
    images = as_batch(image)
    taken: list[_Filtered] = []
    original: Any = getattr(proposer, _FILTER)

    def watched(boxes: Tensor, objectness: Tensor, shapes: Any, *rest: Any) -> Any:
        found = original(boxes, objectness, shapes, *rest)
        taken.append(_Filtered(boxes[0], objectness.reshape(len(boxes), -1)[0], shapes[0], found))
        return found

    recorder = Recorder(model, PassThrough(), graph=False, check=check)
    setattr(proposer, _FILTER, watched)
    try:
        with torch.inference_mode(), evaluating(model), recording(model, recorder):
            run(model, images)
    finally:
        delattr(proposer, _FILTER)
    if not taken:
        return None
    threshold = float(getattr(proposer, "nms_thresh", 0.0))
    return taken[0].told(images.shape[-2:], threshold)


@dataclass(frozen=True, eq=False)
class _Filtered:
    """What went into the filter and what came out, of the first image."""

    boxes: Tensor
    objectness: Tensor
    shape: Sequence[int]
    kept: tuple[Sequence[Tensor], Sequence[Tensor]]

    def told(self, image_hw: Sequence[int], threshold: float) -> Proposals:
        """The same in pixels of the image."""
        scale = np.array([image_hw[1] / self.shape[1], image_hw[0] / self.shape[0]] * 2, np.float32)
        limits = self.boxes.new_tensor([self.shape[1], self.shape[0]] * 2)
        inside = torch.minimum(self.boxes.clamp_min(0), limits)
        has_area = (inside[:, 2:] - inside[:, :2] >= _SMALLEST).all(1)
        inside, objectness = inside[has_area], self.objectness[has_area]
        best = objectness.topk(min(MOST, len(objectness)))
        before = inside[best.indices]
        boxes, scores = self.kept[0][0], self.kept[1][0]
        order = scores.argsort(descending=True, stable=True)
        return Proposals(
            Ranked(to_numpy(before) * scale, to_numpy(best.values.sigmoid())),
            Ranked(to_numpy(boxes[order]) * scale, to_numpy(scores[order])),
            len(self.objectness),
            threshold,
        )
