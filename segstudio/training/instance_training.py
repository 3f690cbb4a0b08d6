"""Training torchvision's Mask R-CNN on instance ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from skimage.measure import label, regionprops
from torch import Tensor, nn

from segstudio.models.lean_torchvision import compiler_left_out
from segstudio.training.data import CropSampler

with compiler_left_out():
    from torchvision.models.detection import MaskRCNN

MIN_PIXELS = 12
MIN_SIDE = 3


def instance_target(ids: npt.NDArray[np.generic]) -> dict[str, Tensor]:
    """Make a torchvision target from instance ids.

    An id in several parts (cut or mirrored at the border) becomes several objects; parts below
    12 pixels or thinner than 3 are left out.

    Args:
        ids: integers (H, W), 0 is background.

    Returns:
        boxes float32 (K, 4) as x0, y0, x1, y1 with exclusive ends; labels int64 (K,), all 1;
        masks uint8 (K, H, W).
    """
    parts = label(ids, background=0, connectivity=1)  # type: ignore[no-untyped-call]
    found = regionprops(parts)  # type: ignore[no-untyped-call]
    regions = [r for r in found if _large_enough(r)]
    boxes = [(r.bbox[1], r.bbox[0], r.bbox[3], r.bbox[2]) for r in regions]
    masks = np.zeros((len(regions), *ids.shape), np.uint8)
    for mask, region in zip(masks, regions, strict=True):
        mask[region.slice] = region.image
    return {
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        "labels": torch.ones(len(regions), dtype=torch.int64),
        "masks": torch.from_numpy(masks),
    }


def _large_enough(region: Any) -> bool:
    top, left, bottom, right = region.bbox
    return bool(region.area >= MIN_PIXELS and min(bottom - top, right - left) >= MIN_SIDE)


def detection_batches(
    sampler: CropSampler, size: int
) -> Iterator[list[tuple[Tensor, dict[str, Tensor]]]]:
    """Yield endless batches of (image float32 (3, H, W) in 0..1, target); crops hold objects."""
    while True:
        batch: list[tuple[Tensor, dict[str, Tensor]]] = []
        while len(batch) < size:
            image, ids = sampler.draw()
            target = instance_target(ids)
            if len(target["labels"]):
                batch.append((torch.from_numpy(image).permute(2, 0, 1).contiguous(), target))
        yield batch


def detection_loss(
    model: nn.Module, batch: list[tuple[Tensor, dict[str, Tensor]]]
) -> dict[str, Tensor]:
    """Return torchvision's named losses of one batch, moved to where the network is."""
    device = next(model.parameters()).device
    images = [image.to(device) for image, _ in batch]
    targets = [{name: value.to(device) for name, value in t.items()} for _, t in batch]
    losses: dict[str, Tensor] = model(images, targets)
    return losses


def use_bfloat16(model: MaskRCNN) -> None:
    """Run the convolutional parts in bfloat16 autocast and everything about boxes in float32.

    bfloat16 has 8 significant bits: box coordinates would be off by pixels.
    """
    heads = model.roi_heads
    for part in (model.backbone, model.rpn.head, heads.box_head, heads.mask_head):
        part.forward = _autocast(part.forward, next(part.parameters()).device.type)


def _autocast(forward: Callable[..., Any], device_type: str) -> Callable[..., Any]:
    def wrapped(*inputs: Any) -> Any:
        with torch.autocast(device_type, torch.bfloat16):
            out = forward(*inputs)
        return _to_float(out)

    return wrapped


def _to_float(value: Any) -> Any:
    """Return nested tensors as float32."""
    if isinstance(value, Tensor):
        return value.float()
    if isinstance(value, dict):
        return type(value)((k, _to_float(v)) for k, v in value.items())
    return type(value)(_to_float(v) for v in value)
