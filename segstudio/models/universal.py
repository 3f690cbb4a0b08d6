"""Networks that answer with queries, each a mask and a class: classes, objects and both at once.

Mask2Former, MaskFormer and OneFormer (Cheng et al. 2021, 2022; Jain et al. 2023). What their
queries mean for each pixel follows the image processors of transformers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.core.ground import USUAL_THRESHOLD, Panoptic
from segstudio.core.labels import Image
from segstudio.core.prediction import ModelSpec, Prediction, RunOptions, with_thresholds
from segstudio.core.progress import Check, Report
from segstudio.models.augmentation import Variants
from segstudio.models.detection import Detections, InstanceRunner
from segstudio.models.lean_torchvision import compiler_left_out
from segstudio.models.preprocess import Geometry, Preprocess
from segstudio.models.semantic import ClassMap, enlarged_rows, require_numbers, to_class_map

with compiler_left_out():
    from torchvision.ops import roi_align

_GRID: Final = 112
"""Cells of an object's mask; these networks have finer masks than 28 cells could hold."""
_FAINTEST: Final = 0.05
"""Objects below this score are not kept."""
_OWNED: Final = 0.8
"""Of what a query claims, so much must be left to it by the others."""
_TINY: Final = 1e-6
_WHOLE_BYTES: Final = 64 << 20


class UniversalNet(nn.Module):
    """One of transformers' networks with queries, called with images (N, 3, h, w) or a list of one.

    It gives, in a dict: "out" (N, C + 1, h, w), the logarithm of each class's score at each pixel,
    0 what belongs to none; "classes" (N, Q, C + 1) and "masks" (N, Q, h, w), the queries' logits.
    """

    def __init__(
        self,
        inner: nn.Module,
        *,
        mask_hw: tuple[int, int] | None = None,
        scored_masks: bool = True,
        task_words: Tensor | None = None,
    ) -> None:
        """Args:
        inner: The network.
        mask_hw: The size to which masks are brought before anything is decided.
        scored_masks: Whether an object's score tells how sure its mask is, too.
        task_words: What the network is asked for, for those that are told.
        """
        super().__init__()
        self.inner = inner
        self.mask_hw, self.scored_masks = mask_hw, scored_masks
        self.register_buffer("task_words", task_words, persistent=False)

    def forward(self, images: Tensor | Sequence[Tensor]) -> dict[str, Tensor]:
        """Run the network; see the class."""
        x = images if isinstance(images, Tensor) else torch.stack([*images])
        words: Any = self.task_words
        more = {} if words is None else {"task_inputs": words.expand(len(x), -1)}
        found = self.inner(pixel_values=x, **more)
        classes, masks = found.class_queries_logits, found.masks_queries_logits
        shares = torch.einsum("bqc,bqhw->bchw", classes.softmax(-1)[..., :-1], masks.sigmoid())
        out = F.pad(shares, (0, 0, 0, 0, 1, 0)).clamp_min(_TINY).log()
        return {"out": out, "classes": classes, "masks": masks}


@dataclass(frozen=True)
class Queries:
    """What the queries of an image say.

    Attributes:
        classes: (Q, C) probabilities of the network's classes, which leave some for "nothing".
        winners: (Q,) the likeliest of the C classes, or C for "nothing".
        scores: (Q,) its probability.
        masks: (Q, h, w) logits.
        scored_masks: See `UniversalNet`.
    """

    classes: Tensor
    winners: Tensor
    scores: Tensor
    masks: Tensor
    scored_masks: bool = True

    @classmethod
    def of(cls, output: dict[str, Tensor], network: UniversalNet) -> Queries:
        """The queries of the only image in a network's output."""
        shares = require_numbers(output["classes"][0].float()).softmax(-1)
        masks = require_numbers(output["masks"].float())
        if network.mask_hw is not None:
            masks = F.interpolate(masks, network.mask_hw, mode="bilinear", align_corners=False)
        scores, winners = shares.max(-1)
        return cls(shares[:, :-1], winners, scores, masks[0], network.scored_masks)

    def class_scores(self) -> Tensor:
        """(C, h, w): over the queries, the sum of a class's probability times the mask's."""
        return torch.einsum("qc,qhw->chw", self.classes, self.masks.sigmoid())

    def ranked(self, things: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Objects for instance segmentation, best first: queries, classes and scores.

        As many as there are queries, each a query and any of its classes; then those of `things`
        with a mask.
        """
        count, classes = len(self.classes), self.classes.shape[1]
        scores, places = self.classes.flatten().topk(count)
        queries, labels = places // classes, places % classes
        positive = self.masks[queries] > 0
        if self.scored_masks:
            sure = (self.masks[queries].sigmoid() * positive).flatten(1).sum(1)
            scores = scores * sure / (positive.flatten(1).sum(1) + _TINY)
        wanted = torch.tensor([*things], device=labels.device)
        kept = torch.isin(labels, wanted) & positive.flatten(1).any(1) & (scores > _FAINTEST)
        order = torch.argsort(scores[kept], descending=True, stable=True)
        return queries[kept][order], labels[kept][order], scores[kept][order]


@dataclass(frozen=True)
class PixelOwners:
    """How an image's pixels are shared out among queries.

    Attributes:
        owner: (H, W) int64: place of the query that owns a pixel, among those that compete.
        behind: (H, W) int64: the same among the competing stuff alone; -1 for none.
        strength: (H, W) float32: the owner's probability, its score with it.
        valid: (K,) bool: which of the competing queries are left enough of what they claim.
    """

    owner: Tensor
    behind: Tensor
    strength: Tensor
    valid: Tensor


def shared_out(
    masks: Tensor, scores: Tensor, stuff: Tensor, size_hw: tuple[int, int], check: Check
) -> PixelOwners:
    """Give each pixel to the query with the highest probability times score.

    Args:
        masks: (K, h, w) probabilities.
        scores: (K,).
        stuff: (K,) bool.
        size_hw: Of the image.
        check: Called now and then.
    """
    owner = torch.empty(size_hw, dtype=torch.int64)
    behind, strength = torch.empty_like(owner), torch.empty(size_hw)
    owned, claimed = torch.zeros(len(masks)), torch.zeros(len(masks))
    for rows, part in _enlarged(masks, size_hw, check):
        weighted = (part * scores.view(-1, 1, 1)).cpu()
        best, winner = weighted.max(0)
        owner[rows], strength[rows] = winner, best
        owned += torch.bincount(winner.flatten(), minlength=len(masks))
        claimed += (weighted >= USUAL_THRESHOLD).flatten(1).sum(1)
        ground = torch.where(stuff.cpu().view(-1, 1, 1), weighted, -1.0).max(0)
        behind[rows] = torch.where(ground.values >= USUAL_THRESHOLD, ground.indices, -1)
    return PixelOwners(
        owner, behind, strength, (owned > 0) & (owned > _OWNED * claimed) & (claimed > 0)
    )


def _enlarged(
    maps: Tensor, size_hw: tuple[int, int], check: Check
) -> Iterator[tuple[slice, Tensor]]:
    """Maps (K, h, w) resampled bilinearly to a size: all rows at once, or in strips of them."""
    if len(maps) * size_hw[0] * size_hw[1] * 4 > _WHOLE_BYTES:
        yield from ((rows, part[0]) for rows, part in enlarged_rows(maps[None], size_hw, check))
        return
    check()
    whole = F.interpolate(maps[None], size_hw, mode="bilinear", align_corners=False)
    yield slice(0, size_hw[0]), whole[0]


class UniversalRunner(InstanceRunner):
    """Runs `UniversalNet`s: an image goes through whole, at the size that its processor makes."""

    network: UniversalNet

    @classmethod
    def for_spec(
        cls, spec: ModelSpec, network: nn.Module, preprocess: Preprocess, device: torch.device
    ) -> UniversalRunner:
        """The runner of a model's network: its objects are those of the things among the classes."""
        things = tuple(c.id for c in spec.schema.classes if c.thing)
        return cls(network, preprocess, device, things)

    @staticmethod
    def runs(network: nn.Module) -> bool:
        """Whether it is one of them."""
        return isinstance(network, UniversalNet)

    @property
    def limit(self) -> int | None:
        """None: nobody has as many objects in an image as there are queries."""
        return None

    def answer(
        self, spec: ModelSpec, pixels: Image, options: RunOptions, check: Check
    ) -> Prediction:
        """What the network says of an image (H, W, 3) uint8 RGB, by the model's task."""
        augmentation = Variants.of(options)
        if spec.task == "semantic":
            found = self._class_map(pixels, augmentation, check)
            return Prediction(
                spec.id, spec.title, spec.schema, found.labels, found.confidence,
                entropy=found.entropy,
            )  # fmt: skip
        if spec.task == "panoptic":
            raw = self._panoptic(spec, pixels, augmentation, check)
        else:
            instances, _, _ = self.predict(
                pixels, options.tile_px, options.overlap_px, check, _silent, augmentation
            )
            empty = np.zeros(pixels.shape[:2], np.uint8)
            raw = Prediction(spec.id, spec.title, spec.schema, empty, empty, instances)
        return with_thresholds(raw, options.score_threshold, options.mask_threshold)

    def queries(self, pixels: Image, scale: float = 1.0) -> Queries:
        """What the queries say of an image, which is made `scale` times as large as usual."""
        return self._queries(pixels, self.preprocess.value_range(pixels), scale)

    def shares(
        self, pixels: Image, augmentation: Variants, check: Check
    ) -> npt.NDArray[np.float32]:
        """Probabilities (C + 1, H, W) of the classes, which sum to 1; 0 has none of it."""
        scores = self._class_scores(pixels, augmentation, check)
        parts = [part for _, part in _enlarged(scores, _size(pixels), check)]
        whole = torch.cat(parts, 1)
        whole /= whole.sum(0).clamp_min(_TINY)
        found: npt.NDArray[np.float32] = F.pad(whole, (0, 0, 0, 0, 1, 0)).cpu().numpy()
        return found

    def whole_at(
        self,
        pixels: Image,
        scale: float,
        tile_px: int,
        overlap_px: int,
        check: Check,
        report: Report,
    ) -> tuple[Detections, int, bool]:
        """Detections of an image that the network sees `scale` times as large."""
        check()
        queries = self._queries(pixels, self.preprocess.value_range(pixels), scale)
        things = [i - 1 for i in self.class_ids if i > 0]
        chosen, labels, scores = queries.ranked(things)
        return self._detections(queries, chosen, labels, scores, pixels), 1, False

    def _queries(self, pixels: Image, value_range: tuple[float, float], scale: float) -> Queries:
        x, _ = self._prepared(pixels, value_range, scale)
        x = x.to(self.device).contiguous(memory_format=torch.channels_last)
        return Queries.of(self.network(x), self.network)

    def _prepared(
        self, pixels: Image, value_range: tuple[float, float], scale: float
    ) -> tuple[Tensor, Geometry]:
        """The network's input, stretched to a multiple of the divisor instead of padded."""
        wanted = self.preprocess.scaled(scale)
        sides = wanted.resized_hw(pixels.shape[0], pixels.shape[1])
        height, width = (math.ceil(side / wanted.divisor) * wanted.divisor for side in sides)
        stretched = replace(
            wanted, short_side=None, max_side=None, factor=None, size=(height, width), divisor=1
        )
        return stretched.prepare(pixels, value_range)

    def _class_scores(self, pixels: Image, augmentation: Variants, check: Check) -> Tensor:
        """(C, h, w), the mean over the sizes and mirrorings asked for."""
        total: Tensor | None = None
        for scale, mirror in augmentation.variants():
            check()
            seen = np.ascontiguousarray(np.flip(pixels, mirror)) if mirror else pixels
            scores = self.queries(seen, scale).class_scores()
            scores = scores.flip([axis + 1 for axis in mirror]) if mirror else scores
            if total is not None and scores.shape != total.shape:
                scores = F.interpolate(
                    scores[None], total.shape[1:], mode="bilinear", align_corners=False
                )[0]
            total = scores if total is None else total + scores
        assert total is not None
        return total / len([*augmentation.variants()])

    def _class_map(self, pixels: Image, augmentation: Variants, check: Check) -> ClassMap:
        size_hw = _size(pixels)
        labels, confidence, entropy = (np.empty(size_hw, np.uint8) for _ in range(3))
        scores = self._class_scores(pixels, augmentation, check)
        for rows, part in _enlarged(scores, size_hw, check):
            # the scores' logarithm has the scores as its softmax, and the same winner
            found = to_class_map(part.clamp_min(_TINY).log()[None])
            labels[rows], confidence[rows] = found.labels + np.uint8(1), found.confidence
            if found.entropy is not None:
                entropy[rows] = found.entropy
        return ClassMap(labels, confidence, entropy if len(scores) > 2 else None)

    def _panoptic(
        self, spec: ModelSpec, pixels: Image, augmentation: Variants, check: Check
    ) -> Prediction:
        """Objects over stuff, at the usual thresholds."""
        queries = self.queries(pixels, augmentation.scales[0])
        things = {c.id - 1 for c in spec.schema.classes if c.thing}
        stuff_of = torch.tensor([i not in things for i in range(queries.classes.shape[1] + 1)])
        stuff = stuff_of.to(queries.winners.device)[queries.winners]
        real = queries.winners < queries.classes.shape[1]
        (objects,) = torch.where(real & ~stuff & (queries.scores > _FAINTEST))
        objects = objects[(queries.masks[objects] > 0).flatten(1).any(1)]
        order = torch.argsort(queries.scores[objects], descending=True, stable=True)
        objects = objects[order]
        found = self._detections(
            queries, objects, queries.winners[objects], queries.scores[objects], pixels
        )
        (kept,) = torch.where(real & (queries.scores > USUAL_THRESHOLD))
        number = {int(query): i + 1 for i, query in enumerate(objects)}
        panoptic = _laid_out(queries, kept, stuff[kept], number, _size(pixels), check)
        empty = np.zeros(pixels.shape[:2], np.uint8)
        notes: tuple[str, ...] = ()
        if not augmentation.is_single:
            notes = ("Sizes and mirror images are not averaged for objects over stuff.",)
        return Prediction(
            spec.id, spec.title, spec.schema, empty, empty, self._instances(found),
            panoptic=panoptic, notes=notes,
        )  # fmt: skip

    def _detections(
        self, queries: Queries, chosen: Tensor, labels: Tensor, scores: Tensor, pixels: Image
    ) -> Detections:
        """Objects with boxes in pixels of the image, a cell of the mask wider than the mask."""
        masks = queries.masks[chosen].sigmoid()
        boxes = _boxes(masks > USUAL_THRESHOLD)
        grids = torch.zeros(0, 1, _GRID, _GRID)
        if len(chosen):
            grids = roi_align(masks[:, None], list(boxes[:, None]), _GRID, aligned=True)
        across = pixels.shape[1] / masks.shape[2], pixels.shape[0] / masks.shape[1]
        in_image = boxes.cpu() * torch.tensor([*across, *across])
        return Detections(in_image, scores.cpu().float(), labels.cpu() + 1, grids[:, 0].cpu())


def _laid_out(
    queries: Queries,
    kept: Tensor,
    stuff: Tensor,
    number: dict[int, int],
    size_hw: tuple[int, int],
    check: Check,
) -> Panoptic:
    """Objects and ground of an image from the queries that compete for its pixels.

    Args:
        queries: All of them.
        kept: (K,) places of those that compete.
        stuff: (K,) bool.
        number: An object's number by its query.
        size_hw: Of the image.
        check: Called now and then.
    """
    if not len(kept):
        none = np.zeros(size_hw, np.uint8)
        return Panoptic(none.astype(np.uint16), none, np.full(size_hw, 255, np.uint8))
    scores = queries.scores[kept]
    parts = shared_out(queries.masks[kept].sigmoid(), scores, stuff, size_hw, check)
    classes = (queries.winners[kept].cpu() + 1) * (stuff.cpu() & parts.valid)
    numbers = torch.tensor([number.get(int(query), 0) for query in kept]) * parts.valid
    objects = numbers[parts.owner]
    sure = classes > 0
    behind = torch.where(parts.behind >= 0, classes[parts.behind], 0)
    ground = torch.where(objects > 0, behind, classes[parts.owner])
    owner = torch.where(objects > 0, parts.behind.clamp_min(0), parts.owner)
    confidence = torch.where(
        (ground > 0) & sure[owner], scores.cpu()[owner], 1 - parts.strength.clamp(0, 1)
    )
    return Panoptic(
        objects.numpy().astype(np.uint16),
        ground.numpy().astype(np.uint8),
        (confidence * 255).round().numpy().astype(np.uint8),
    )


def _boxes(masks: Tensor) -> Tensor:
    """(N, 4) x0, y0, x1, y1 around masks (N, h, w), one cell wider, within the map."""
    height, width = masks.shape[1:]
    ends = []
    for axis, size in ((1, width), (2, height)):
        there = masks.any(axis).float()
        first = there.argmax(1)
        last = size - there.flip(1).argmax(1)
        ends.append(((first - 1).clamp_min(0), (last + 1).clamp_max(size)))
    (left, right), (top, bottom) = ends
    return torch.stack([left, top, right, bottom], 1).float()


def _size(pixels: Image) -> tuple[int, int]:
    return pixels.shape[0], pixels.shape[1]


def _silent(_done: int, _total: int, _text: str) -> None:
    pass
