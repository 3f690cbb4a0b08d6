"""Run networks that find instances, and keep small soft masks of what they find."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from segstudio.core.errors import SegstudioError, one_line
from segstudio.core.instances import Instances
from segstudio.core.labels import Image
from segstudio.core.progress import Check, Report
from segstudio.models.augmentation import PLAIN, Mirror, Variants
from segstudio.models.families import FAMILIES, imported
from segstudio.models.lean_torchvision import compiler_left_out
from segstudio.models.preprocess import Geometry, Preprocess
from segstudio.models.tiling import Span, TileGrid

with compiler_left_out():
    from torchvision.models.detection.transform import resize_boxes
    from torchvision.ops import batched_nms, box_iou, masks_to_boxes, roi_align

_GRID: Final = 28
_NMS_THRESHOLD: Final = 0.5
_SIZE_ATTRIBUTES: Final = ("min_size", "max_size", "min_scale")
_INSIDE: Final = 0.5
_PARTS: Final = (
    "transform.resize", "transform.postprocess", "backbone", "rpn.head", "roi_heads.box_predictor",
    "roi_heads.detections_per_img", "roi_heads.nms_thresh",
)  # fmt: skip
"""Of a Mask R-CNN, as torchvision lays it out."""
_finding: Final[weakref.WeakSet[nn.Module]] = weakref.WeakSet()


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

    def stretched(self, x: float, y: float) -> Detections:
        """In an image (x, y) times as large."""
        return replace(self, boxes=self.boxes * torch.tensor([x, y, x, y]))

    def mirrored(self, mirror: Mirror, size_hw: tuple[int, int]) -> Detections:
        """Mirrored in an image of that size."""
        boxes, masks = self.boxes.clone(), self.masks
        for axis in mirror:
            low, high = (1, 3) if axis == 0 else (0, 2)
            boxes[:, low] = size_hw[axis] - self.boxes[:, high]
            boxes[:, high] = size_hw[axis] - self.boxes[:, low]
        if mirror:
            masks = masks.flip([axis + 1 for axis in mirror])
        return Detections(boxes, self.scores, self.labels, masks)


def agreed(found: Sequence[Detections], threshold: float) -> Detections:
    """One list from several of the same image: each object once, best first.

    Of detections that overlap by more than `threshold` (IoU of the boxes) the best gives box and
    mask; its score is the mean over the lists, in which a list without it counts as 0.
    """
    if len(found) == 1:
        return found[0]
    whole = Detections(
        torch.cat([part.boxes for part in found]),
        torch.cat([part.scores for part in found]),
        torch.cat([part.labels for part in found]),
        torch.cat([part.masks for part in found]),
    )
    source = torch.cat([torch.full((len(p.scores),), i) for i, p in enumerate(found)])
    kept = batched_nms(whole.boxes, whole.scores, whole.labels, threshold)
    alike = box_iou(whole.boxes[kept], whole.boxes) > threshold
    alike &= whole.labels[kept][:, None] == whole.labels[None]
    alike[torch.arange(len(kept)), kept] = True
    scores = torch.zeros(len(kept))
    for number in range(len(found)):
        of_list = whole.scores * (source == number)
        scores += (alike * of_list).amax(dim=1) if len(of_list) else 0
    best = replace(whole.pick(kept), scores=scores / len(found))
    return best.pick(torch.argsort(best.scores, descending=True, stable=True))


def _resized(pixels: npt.NDArray[Any], size_wh: tuple[int, int]) -> npt.NDArray[Any]:
    """An image (H, W, C) of any type in another size; OpenCV takes four channels at most."""
    import cv2

    if pixels.dtype == np.uint8 and pixels.shape[2] <= 4:
        return np.asarray(cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    planes = [
        cv2.resize(pixels[..., c].astype(np.float32), size_wh, interpolation=cv2.INTER_AREA)
        for c in range(pixels.shape[2])
    ]
    return np.stack(planes, axis=-1).astype(pixels.dtype)


@dataclass(frozen=True)
class InstanceRunner:
    """A loaded network that gives detections, with the preprocessing that it wants.

    Networks are called as torchvision's are, with a list of images (3, h, w) float32; for each
    they return "boxes" (N, 4), "scores" (N,), "labels" (N,) and "masks" (N, 1, h, w) or (N, h, w)
    in a dict. Either boxes or masks may be left out.
    A family whose networks can be run better has a subclass.
    """

    network: nn.Module
    preprocess: Preprocess
    device: torch.device
    class_ids: tuple[int, ...]

    @staticmethod
    def runs(network: nn.Module) -> bool:
        """Whether a network is one that a subclass was made for."""
        return False

    @staticmethod
    def deciding(network: nn.Module) -> list[nn.Module]:
        """Parts that rank and choose, where NaN would count as nothing found."""
        return []

    @staticmethod
    def masks_left_small(network: nn.Module) -> AbstractContextManager[None]:
        """Leave masks as small as the network makes them, where it can be told to."""
        return nullcontext()

    @property
    def limit(self) -> int | None:
        """How many objects the network reports at most, or None."""
        return None

    @property
    def nms_threshold(self) -> float:
        """IoU of boxes from which on two detections of a class are one."""
        return _NMS_THRESHOLD

    def shrinks(self, pixels: Image) -> bool:
        """Whether the network makes an image of this size smaller by itself."""
        return False

    def detect(self, pixels: Image, value_range: tuple[float, float]) -> Detections:
        """Detections of an image or a tile, best first, with boxes in its pixels.

        Raises:
            SegstudioError: if the network returns no detections.
        """
        x, geometry = self.preprocess.prepare(pixels, value_range)
        try:
            (result,) = self.network([x[0].to(self.device)])
            scores, labels = result["scores"], result["labels"]
            boxes, masks = _boxes_and_masks(result)
            if "boxes" not in result:  # where a mask has no pixel there is no object
                kept = boxes[:, 2] > boxes[:, 0]
                scores, labels, boxes = scores[kept], labels[kept], boxes[kept]
                masks = None if masks is None else masks[kept]
        except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
            raise SegstudioError(
                "The network is said to find instances, but does not give boxes or masks, scores "
                f"and labels for a list of images ({one_line(error)}).",
                'Call its task "semantic" if it gives logits.',
            ) from error
        small = torch.ones(len(boxes), 1, _GRID, _GRID)
        if masks is not None and len(boxes):
            small = roi_align(masks.float(), list(boxes.float()[:, None]), _GRID, aligned=True)
        return self._found(boxes, scores, labels, small, geometry)

    def whole_at(
        self,
        pixels: Image,
        scale: float,
        tile_px: int,
        overlap_px: int,
        check: Check,
        report: Report,
    ) -> tuple[Detections, int, bool]:
        """Detections of an image that the network sees `scale` times as large; see `predict`."""
        if scale == 1:
            return self.whole(pixels, tile_px, overlap_px, check, report)
        height, width = pixels.shape[:2]
        size_wh = max(1, round(width * scale)), max(1, round(height * scale))
        seen = _resized(pixels, size_wh)
        part, tiles, full = self.whole(seen, tile_px, overlap_px, check, report)
        return part.stretched(width / size_wh[0], height / size_wh[1]), tiles, full

    def predict(
        self,
        pixels: Image,
        tile_px: int,
        overlap_px: int,
        check: Check,
        report: Report,
        augmentation: Variants = PLAIN,
    ) -> tuple[Instances, int, bool]:
        """Find the objects of an image (H, W, 3) uint8 RGB.

        Args:
            pixels: The image.
            tile_px: Images with a longer side are cut into tiles, unless the network shrinks them.
            overlap_px: Overlap of the tiles.
            check: Called before each tile.
            report: Told (tiles done, tiles in all, text).
            augmentation: Sizes and mirrorings of the image that the network sees.

        Returns:
            All detections, in how many tiles, and whether the network reached its limit on the
            number of objects somewhere.
        """
        found, tiles, limited = [], 1, False
        for scale, mirror in augmentation.variants():
            seen = np.ascontiguousarray(np.flip(pixels, mirror)) if mirror else pixels
            part, tiles, full = self.whole_at(seen, scale, tile_px, overlap_px, check, report)
            found.append(part.mirrored(mirror, (pixels.shape[0], pixels.shape[1])))
            limited = limited or full
        return self._instances(agreed(found, self.nms_threshold)), tiles, limited

    def whole(
        self, pixels: Image, tile_px: int, overlap_px: int, check: Check, report: Report
    ) -> tuple[Detections, int, bool]:
        """Detections of an image seen one way; see `predict`."""
        value_range = self.preprocess.value_range(pixels)
        limit = np.inf if self.limit is None else self.limit
        if max(pixels.shape[:2]) <= tile_px or self.shrinks(pixels):
            found = self.detect(pixels, value_range)
            return found, 1, len(found.scores) >= limit
        grid = TileGrid.of((pixels.shape[0], pixels.shape[1]), tile_px, overlap_px)
        parts = list(self._tiles(pixels, value_range, grid, check, report))
        return self._merge(parts, grid), len(grid), any(len(p.scores) >= limit for p in parts)

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
        kept_ones = batched_nms(whole.boxes, whole.scores, whole.labels, self.nms_threshold)
        return whole.pick(kept_ones)

    def _found(
        self, boxes: Tensor, scores: Tensor, labels: Tensor, masks: Tensor, geometry: Geometry
    ) -> Detections:
        """Detections of a prepared image (N, 1, m, m masks) in pixels of the image itself."""
        height, width = geometry.source_hw
        scale_x, scale_y = width / geometry.resized_hw[1], height / geometry.resized_hw[0]
        boxes = boxes.cpu().float() * torch.tensor([scale_x, scale_y, scale_x, scale_y])
        boxes[:, 0::2].clamp_(0, width)
        boxes[:, 1::2].clamp_(0, height)
        found = Detections(boxes, scores.cpu().float(), labels.cpu(), masks[:, 0].cpu().float())
        return found.pick(torch.argsort(found.scores, descending=True, stable=True))

    def _instances(self, found: Detections) -> Instances:
        known = found.pick(torch.isin(found.labels, torch.tensor(self.class_ids)))
        return Instances(
            known.boxes.numpy().astype(np.float32),
            known.scores.numpy().astype(np.float32),
            known.labels.numpy().astype(np.uint8),
            known.masks.numpy().astype(np.float16),
        )


class MaskRCNNRunner(InstanceRunner):
    """Runs torchvision's Mask R-CNN without pasting each mask into an array of the image's size."""

    network: Any

    @staticmethod
    def runs(network: nn.Module) -> bool:
        """Whether it has the parts of one, whatever its class is."""
        return all(_has(network, path) for path in _PARTS)

    @staticmethod
    def deciding(network: nn.Module) -> list[nn.Module]:
        """The heads that propose and classify."""
        rcnn: Any = network
        heads = rcnn.roi_heads
        mask_predictor = getattr(heads, "mask_predictor", None)
        return [rcnn.rpn.head, heads.box_predictor, *filter(None, [mask_predictor])]

    @staticmethod
    @contextmanager
    def masks_left_small(network: nn.Module) -> Iterator[None]:
        """Leave out torchvision's last step, which pastes them."""
        own = vars(network.transform)
        before = own.get("postprocess")
        own["postprocess"] = _as_found
        try:
            yield
        finally:
            del own["postprocess"]
            if before is not None:
                own["postprocess"] = before

    @property
    def limit(self) -> int | None:
        """How many objects it reports at most."""
        return int(self.network.roi_heads.detections_per_img)

    @property
    def nms_threshold(self) -> float:
        """The network's own."""
        return float(self.network.roi_heads.nms_thresh)

    def shrinks(self, pixels: Image) -> bool:
        """Whether the network makes an image of this size smaller by itself."""
        height, width = self.preprocess.resized_hw(pixels.shape[0], pixels.shape[1])
        shape = torch.empty(3, height, width, device="meta")
        resized, _ = self.network.transform.resize(shape)
        return bool(max(resized.shape[-2:]) < max(pixels.shape[:2]))

    def detect(self, pixels: Image, value_range: tuple[float, float]) -> Detections:
        """Detections of an image or a tile, best first, with boxes in its pixels.

        These are the steps of torchvision's `GeneralizedRCNN.forward`, but for the last one,
        which would paste every mask into an array of the image's size.
        """
        network = self.network
        x, geometry = self.preprocess.prepare(pixels, value_range)
        images, _ = network.transform([x[0].to(self.device)])
        inputs = images.tensors.contiguous(memory_format=torch.channels_last)
        features = network.backbone(inputs)
        if isinstance(features, Tensor):
            features = {"0": features}
        proposals, _ = network.rpn(images, features)
        results, _ = network.roi_heads(features, proposals, images.image_sizes)
        result: Mapping[str, Tensor] = results[0]
        boxes = resize_boxes(result["boxes"], list(images.image_sizes[0]), list(x.shape[-2:]))
        masks = result.get("masks", torch.ones(len(boxes), 1, _GRID, _GRID))
        return self._found(boxes, result["scores"], result["labels"], masks, geometry)

    def whole_at(
        self,
        pixels: Image,
        scale: float,
        tile_px: int,
        overlap_px: int,
        check: Check,
        report: Report,
    ) -> tuple[Detections, int, bool]:
        """The network resizes the image itself, so it is told to resize it to less."""
        with smaller_input(self.network.transform, scale):
            return self.whole(pixels, tile_px, overlap_px, check, report)


def own_runner(network: nn.Module) -> type[InstanceRunner] | None:
    """The runner of a network that finds instances; None for one that gives logits.

    A family's own, if there is one for such networks.
    """
    runners = (imported(family.runner) for family in FAMILIES.values() if family.runner)
    own = next((runner for runner in runners if runner.runs(network)), None)
    return InstanceRunner if own is None and network in _finding else own


def finds_instances(network: nn.Module) -> None:
    """Remember that a network is called as those that find instances are, whatever its class."""
    _finding.add(network)


def _has(network: object, path: str) -> bool:
    part: Any = network
    for name in path.split("."):
        part = getattr(part, name, None)
    return part is not None


def _boxes_and_masks(result: Mapping[str, Tensor]) -> tuple[Tensor, Tensor | None]:
    """Boxes (N, 4) and masks (N, 1, h, w) of what a network found; without boxes the masks'."""
    masks = result.get("masks")
    if masks is not None and masks.ndim == 3:
        masks = masks[:, None]
    if "boxes" in result:
        return result["boxes"], masks
    if masks is None:
        raise KeyError("boxes")
    inside = masks[:, 0] > _INSIDE
    boxes = torch.zeros(len(masks), 4, device=masks.device)
    filled = inside.flatten(1).any(dim=1)
    if bool(filled.any()):
        corners = masks_to_boxes(inside[filled])
        boxes[filled] = corners + corners.new_tensor([0, 0, 1, 1])  # its last pixel belongs to it
    return boxes, masks


def _as_found(result: Any, _image_shapes: Any, _original_sizes: Any) -> Any:
    return result


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
