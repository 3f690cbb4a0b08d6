"""Run torchvision's Mask R-CNN and keep the small soft masks that it makes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.models.detection.transform import resize_boxes
from torchvision.ops import batched_nms

from segstudio.core.instances import Instances
from segstudio.core.labels import Image
from segstudio.models.download import Check, Report
from segstudio.models.preprocess import Preprocess, percentile_range
from segstudio.models.semantic import prepare_tile
from segstudio.models.tiling import Span, TileGrid

_GRID: Final = 28
_SIZE_ATTRIBUTES: Final = ("min_size", "max_size", "min_scale")


@dataclass(frozen=True)
class Detections:
    """N detections as tensors on the CPU, in pixels of the image.

    Attributes:
        boxes: (N, 4) float32 x0, y0, x1, y1.
        scores: (N,) float32.
        labels: (N,) int64 class ids.
        masks: (N, m, m) float32 probabilities over each box.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor
    masks: Tensor

    def pick(self, index: Tensor) -> Detections:
        """Those of an index or a bool mask, in its order."""
        return Detections(
            self.boxes[index], self.scores[index], self.labels[index], self.masks[index]
        )

    def shifted(self, x: int, y: int) -> Detections:
        """Moved by (x, y) pixels."""
        return Detections(
            self.boxes + torch.tensor([x, y, x, y]), self.scores, self.labels, self.masks
        )


@dataclass(frozen=True)
class InstanceRunner:
    """A loaded Mask R-CNN with the preprocessing that it wants."""

    network: GeneralizedRCNN
    preprocess: Preprocess
    device: torch.device
    class_ids: tuple[int, ...]

    def predict(
        self,
        pixels: Image,
        tile_px: int,
        overlap_px: int,
        check: Check,
        report: Report,
        input_scale: float = 1.0,
    ) -> tuple[Instances, int, bool]:
        """Find the objects of an image (H, W, 3) uint8 RGB.

        Args:
            pixels: The image.
            tile_px: Images with a longer side are cut into tiles, unless the network shrinks them.
            overlap_px: Overlap of the tiles.
            check: Called before each tile.
            report: Told (tiles done, tiles in all, text).
            input_scale: The network's input is made smaller by this factor (to save memory).

        Returns:
            All detections, in how many tiles, and whether the network reached its limit on the
            number of objects somewhere.
        """
        value_range = percentile_range(pixels)
        limit = int(self.network.roi_heads.detections_per_img)
        with smaller_input(self.network.transform, input_scale):
            if max(pixels.shape[:2]) <= tile_px or self._shrinks(pixels):
                found = self.detect(pixels, value_range)
                return self._instances(found), 1, len(found.scores) >= limit
            grid = TileGrid.of((pixels.shape[0], pixels.shape[1]), tile_px, overlap_px)
            parts = list(self._tiles(pixels, value_range, grid, check, report))
        found = self._merge(parts, grid)
        return self._instances(found), len(grid), any(len(p.scores) >= limit for p in parts)

    def detect(self, pixels: Image, value_range: tuple[float, float]) -> Detections:
        """Detections of an image or a tile, best first, with boxes in its pixels.

        These are the steps of torchvision's `GeneralizedRCNN.forward`, but for the last one,
        which would paste every mask into an array of the image's size.
        """
        network = self.network
        x, geometry = prepare_tile(self.preprocess, pixels, value_range)
        images, _ = network.transform([x[0].to(self.device)])
        inputs = images.tensors.contiguous(memory_format=torch.channels_last)
        features = network.backbone(inputs)
        if isinstance(features, Tensor):
            features = {"0": features}
        proposals, _ = network.rpn(images, features)
        results, _ = network.roi_heads(features, proposals, images.image_sizes)
        result: Mapping[str, Tensor] = results[0]
        boxes = resize_boxes(result["boxes"], list(images.image_sizes[0]), list(x.shape[-2:]))
        height, width = geometry.source_hw
        scale_x, scale_y = width / geometry.resized_hw[1], height / geometry.resized_hw[0]
        boxes = boxes.cpu().float() * torch.tensor([scale_x, scale_y, scale_x, scale_y])
        boxes[:, 0::2].clamp_(0, width)
        boxes[:, 1::2].clamp_(0, height)
        masks = result.get("masks", torch.ones(len(boxes), 1, _GRID, _GRID))
        found = Detections(
            boxes, result["scores"].cpu().float(), result["labels"].cpu(), masks[:, 0].cpu().float()
        )
        return found.pick(torch.argsort(found.scores, descending=True, stable=True))

    def _shrinks(self, pixels: Image) -> bool:
        """Whether the network makes an image of this size smaller by itself."""
        height, width = self.preprocess.resized_hw(pixels.shape[0], pixels.shape[1])
        shape = torch.empty(3, height, width, device="meta")
        resized, _ = self.network.transform.resize(shape)
        return bool(max(resized.shape[-2:]) < max(pixels.shape[:2]))

    def _tiles(
        self,
        pixels: Image,
        value_range: tuple[float, float],
        grid: TileGrid,
        check: Check,
        report: Report,
    ) -> Iterator[Detections]:
        for done, rect in enumerate(grid.rects()):
            check()
            report(done, len(grid), f"Tile {done + 1} of {len(grid)}")
            found = self.detect(pixels[rect.slices], value_range)
            yield found.shifted(rect.left, rect.top)
        report(len(grid), len(grid), "")

    def _merge(self, parts: list[Detections], grid: TileGrid) -> Detections:
        """One list from the tiles': an object counts in the tile that its centre belongs to."""
        rows, columns = _owned(grid.rows), _owned(grid.columns)
        kept = []
        for index, part in enumerate(parts):
            top, bottom = rows[index // len(columns)]
            left, right = columns[index % len(columns)]
            x = (part.boxes[:, 0] + part.boxes[:, 2]) / 2
            y = (part.boxes[:, 1] + part.boxes[:, 3]) / 2
            kept.append(part.pick((x >= left) & (x < right) & (y >= top) & (y < bottom)))
        whole = Detections(
            torch.cat([p.boxes for p in kept]),
            torch.cat([p.scores for p in kept]),
            torch.cat([p.labels for p in kept]),
            torch.cat([p.masks for p in kept]),
        )
        threshold = float(self.network.roi_heads.nms_thresh)
        return whole.pick(batched_nms(whole.boxes, whole.scores, whole.labels, threshold))

    def _instances(self, found: Detections) -> Instances:
        known = found.pick(torch.isin(found.labels, torch.tensor(self.class_ids)))
        return Instances(
            known.boxes.numpy().astype(np.float32),
            known.scores.numpy().astype(np.float32),
            known.labels.numpy().astype(np.uint8),
            known.masks.numpy().astype(np.float16),
        )


def _owned(spans: list[Span]) -> list[tuple[float, float]]:
    """The part of the axis that belongs to each tile: up to the middle of the overlaps."""
    cuts = [(a.stop + b.start) / 2 for a, b in itertools.pairwise(spans)]
    return list(zip([-np.inf, *cuts], [*cuts, np.inf], strict=True))


@contextmanager
def smaller_input(transform: Any, scale: float) -> Iterator[None]:
    """Let torchvision's transform resize images to sizes smaller by `scale`, for a while."""
    before = {k: getattr(transform, k) for k in _SIZE_ATTRIBUTES if hasattr(transform, k)}
    try:
        for name, value in before.items():
            setattr(transform, name, _scaled(value, scale))
        yield
    finally:
        for name, value in before.items():
            setattr(transform, name, value)


def _scaled(value: Any, scale: float) -> Any:
    if scale == 1:
        return value
    if isinstance(value, tuple | list):
        return tuple(max(1, round(v * scale)) for v in value)
    return value * scale if isinstance(value, float) else max(1, round(value * scale))
