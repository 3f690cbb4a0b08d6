"""Matching detections with objects as COCO does, at all its IoU thresholds at once.

In order of falling score, each detection takes the object of its class, of those still free, that
it overlaps most, if the IoU reaches the threshold. Detections may overlap each other. Pixels that
the ground truth ignores are cut out of the masks; a detection without partner that lies there with
more than half of its pixels is left out, neither right nor wrong. So is, as in COCO, one on pixels
of its class whose objects the ground truth does not tell apart (a crowd), at the thresholds that
its share there reaches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from segstudio.core.found_objects import FoundObjects
from segstudio.core.geometry import Rect
from segstudio.core.instances import Instances
from segstudio.core.labels import Mask
from segstudio.metrics.class_sums import ClassSums
from segstudio.metrics.confusion import ratios
from segstudio.metrics.segments import (
    BACKGROUND,
    KeyMap,
    Keys,
    Pixels,
    SegmentMaps,
    boxes_of,
    class_of,
    is_object,
    number_of,
    summed,
    tally,
)

Kind = Literal["mask", "box"]
KINDS: tuple[Kind, ...] = ("mask", "box")
THRESHOLDS: tuple[float, ...] = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))
"""IoU thresholds: 0.50, 0.55, ... 0.95."""
_MOST_IGNORED = 0.5
_EVERY = (1 << len(THRESHOLDS)) - 1

Flags = npt.NDArray[np.uint16]
"""Bit i is of THRESHOLDS[i]."""
Boxes = npt.NDArray[np.float64]
"""(n, 4) float64: x0, y0, x1, y1 in pixels."""


class ObjectCounts(ClassSums):
    """Objects of the ground truth by class."""

    columns = ("objects",)


@dataclass(frozen=True, eq=False)
class DetectionMatches:
    """The detections of images after matching; adds up by `total`.

    Attributes:
        classes: (n,) uint8 class ids of the detections.
        scores: (n,) float32; 1 where there is no score.
        hits: By kind of overlap, (n,) uint16: at which thresholds each found an object.
        left_out: By kind, (n,) uint16: at which thresholds each counts neither way.
        objects: How many objects of each class there were to find.
        scored: Whether the scores are a model's.
    """

    classes: npt.NDArray[np.uint8]
    scores: npt.NDArray[np.float32]
    hits: Mapping[Kind, Flags]
    left_out: Mapping[Kind, Flags]
    objects: ObjectCounts
    scored: bool

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def of_instances(
        cls, maps: SegmentMaps, instances: Instances, mask_threshold: float = 0.5
    ) -> DetectionMatches:
        """Match a model's detections, whatever their score, with an image's objects.

        Args:
            maps: The segments of the image; only the ground truth's are used.
            instances: The detections; those of background or of the ignore index are dropped.
            mask_threshold: A pixel belongs to a detection above this probability.
        """
        shape = (maps.truth.shape[0], maps.truth.shape[1])
        kept = _that_count(maps, instances.classes)
        masks = (instances.mask(int(i), shape, mask_threshold) for i in kept)
        boxes = instances.boxes[kept].astype(np.float64)
        found = _Found(instances.classes[kept], instances.scores[kept], boxes)
        return cls._of_masks(maps, found, masks)

    @classmethod
    def of_found(cls, maps: SegmentMaps, objects: FoundObjects) -> DetectionMatches:
        """Match detections with sharp masks, whatever their score, with an image's objects.

        Args:
            maps: The segments of the image; only the ground truth's are used.
            objects: The detections; those of background or of the ignore index are dropped.
        """
        kept = _that_count(maps, objects.classes)
        found = _Found(objects.classes[kept], objects.scores[kept], objects.boxes[kept])
        return cls._of_masks(maps, found, (objects.masks[int(i)] for i in kept))

    @classmethod
    def _of_masks(
        cls, maps: SegmentMaps, found: _Found, masks: Iterable[tuple[Rect, Mask]]
    ) -> DetectionMatches:
        objects = _Objects.of(maps.truth, maps.ignored_class)
        inside = _Inside.of(tally(maps.truth[rect.slices][mask]) for rect, mask in masks)
        return cls._matched(maps, objects, found, inside, scored=True)

    @classmethod
    def of_segments(
        cls, maps: SegmentMaps, scores: npt.NDArray[np.float32] | None = None
    ) -> DetectionMatches:
        """Match predicted objects that do not overlap each other.

        Args:
            maps: The segments of the image.
            scores: (n,) score of the objects 1 to n; if None, or if an object has none, or if
                connected regions stand for objects, all count alike.
        """
        first, second, pixels = maps.overlaps
        keys, _ = summed(second, pixels)
        keys = keys[is_object(keys) & (class_of(keys) != maps.ignored_class)]
        mine = np.isin(second, keys)
        inside = _Inside(np.searchsorted(keys, second[mine]), first[mine], pixels[mine])
        known = None if maps.from_regions else _scores_of(keys, scores)
        found = _Found(
            class_of(keys).astype(np.uint8),
            np.ones(len(keys), np.float32) if known is None else known,
            boxes_of(maps.prediction, keys),
        )
        objects = _Objects.of(maps.truth, maps.ignored_class)
        return cls._matched(maps, objects, found, inside, scored=known is not None)

    @classmethod
    def _matched(
        cls,
        maps: SegmentMaps,
        objects: _Objects,
        found: _Found,
        inside: _Inside,
        *,
        scored: bool,
    ) -> DetectionMatches:
        whole = inside.pixels_where(True, len(found.scores))
        ignored = inside.pixels_where(class_of(inside.keys) == maps.ignored_class, len(whole))
        own = class_of(inside.keys) == found.classes[inside.detections]
        crowd = inside.pixels_where(own & maps.is_crowd(inside.keys), len(whole))
        areas = whole - ignored
        excused = _reached(ratios(crowd, areas))
        excused[ignored > _MOST_IGNORED * whole] = _EVERY
        ious = {
            "mask": _mask_ious(objects, inside, areas),
            "box": _box_ious(objects.boxes, found.boxes),
        }
        hits: dict[Kind, Flags] = {k: _match(objects.classes, found, ious[k]) for k in KINDS}
        left_out: dict[Kind, Flags] = {k: excused & ~hits[k] for k in KINDS}
        numbers = dict(zip(*(a.tolist() for a in tally(np.sort(objects.classes))), strict=True))
        counts = ObjectCounts.of_rows({int(i): (n,) for i, n in numbers.items()})
        return cls(found.classes, found.scores, hits, left_out, counts, scored)

    @classmethod
    def total(cls, parts: Iterable[DetectionMatches]) -> DetectionMatches:
        """The matches of any number of images, in their order."""
        images = list(parts)
        empty = np.zeros(0, np.uint16)
        return cls(
            np.concatenate([np.zeros(0, np.uint8), *(p.classes for p in images)]),
            np.concatenate([np.zeros(0, np.float32), *(p.scores for p in images)]),
            {k: np.concatenate([empty, *(p.hits[k] for p in images)]) for k in KINDS},
            {k: np.concatenate([empty, *(p.left_out[k] for p in images)]) for k in KINDS},
            ObjectCounts.total(p.objects for p in images),
            all(p.scored for p in images),
        )

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {
            "classes": self.classes.tolist(),
            # Nine digits are enough to get the same float32 back.
            "scores": [float(f"{s:.9g}") for s in self.scores],
            "hits": {k: v.tolist() for k, v in self.hits.items()},
            "left_out": {k: v.tolist() for k, v in self.left_out.items()},
            "objects": self.objects.to_json(),
            "scored": self.scored,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DetectionMatches:
        """The inverse of `to_json`."""
        return cls(
            np.array(data["classes"], np.uint8),
            np.array(data["scores"], np.float32),
            {k: np.array(data["hits"][k], np.uint16) for k in KINDS},
            {k: np.array(data["left_out"][k], np.uint16) for k in KINDS},
            ObjectCounts.from_json(data["objects"]),
            bool(data["scored"]),
        )


@dataclass(frozen=True, eq=False)
class _Objects:
    """The objects of the ground truth: keys (m,) ascending, class ids, areas and boxes."""

    keys: Keys
    classes: npt.NDArray[np.int64]
    areas: Pixels
    boxes: Boxes

    @classmethod
    def of(cls, truth: KeyMap, ignored_class: int) -> _Objects:
        keys, areas = tally(truth.ravel())
        real = is_object(keys) & (class_of(keys) != ignored_class)
        keys, areas = keys[real], areas[real]
        return cls(keys, class_of(keys), areas, boxes_of(truth, keys))


class _Inside(NamedTuple):
    """What of the ground truth lies inside detections: three arrays of the same length.

    Attributes:
        detections: Number of the detection.
        keys: A segment of the ground truth, each once for a detection.
        pixels: How many pixels of it lie inside.
    """

    detections: npt.NDArray[np.intp]
    keys: Keys
    pixels: Pixels

    @classmethod
    def of(cls, tallies: Iterable[tuple[Keys, Pixels]]) -> _Inside:
        """From the tally of each detection."""
        parts = list(tallies)
        return cls(
            np.repeat(np.arange(len(parts)), [len(keys) for keys, _ in parts]),
            np.concatenate([np.zeros(0, np.uint32), *(keys for keys, _ in parts)]),
            np.concatenate([np.zeros(0, np.int64), *(pixels for _, pixels in parts)]),
        )

    def pixels_where(
        self, chosen: npt.NDArray[np.bool_] | bool, number: int
    ) -> npt.NDArray[np.float64]:
        """(number,) pixels of each detection in the chosen segments."""
        used = np.broadcast_to(chosen, self.keys.shape)
        sums: npt.NDArray[np.float64] = np.zeros(number)
        np.add.at(sums, self.detections[used], self.pixels[used])
        return sums


class _Found(NamedTuple):
    """Detections: class ids (n,), scores (n,) and boxes (n, 4)."""

    classes: npt.NDArray[np.uint8]
    scores: npt.NDArray[np.float32]
    boxes: Boxes


def _that_count(maps: SegmentMaps, classes: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    return np.flatnonzero(~np.isin(classes, (BACKGROUND, maps.ignored_class)))


def _scores_of(
    keys: Keys, scores: npt.NDArray[np.float32] | None
) -> npt.NDArray[np.float32] | None:
    """The score of each object; None if one has none."""
    if not keys.size:
        return np.zeros(0, np.float32)
    numbers = number_of(keys)
    if scores is None or numbers.max() > len(scores):
        return None
    return scores[numbers - 1]


def _mask_ious(
    objects: _Objects, inside: _Inside, areas: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """(n, m) IoU of masks; `areas` (n,) are the detections' pixels that are not ignored."""
    ious = np.zeros((len(areas), len(objects.keys)))
    hit = np.isin(inside.keys, objects.keys)
    detections, shared = inside.detections[hit], inside.pixels[hit]
    places = np.searchsorted(objects.keys, inside.keys[hit])
    ious[detections, places] = shared / (objects.areas[places] + areas[detections] - shared)
    return ious


def _box_ious(truths: Boxes, found: Boxes) -> npt.NDArray[np.float64]:
    """(n, m) IoU of boxes."""
    low = np.maximum(found[:, None, :2], truths[None, :, :2])
    high = np.minimum(found[:, None, 2:], truths[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(axis=2)
    sizes = [np.maximum(b[:, 2:] - b[:, :2], 0).prod(axis=1) for b in (found, truths)]
    union = sizes[0][:, None] + sizes[1][None, :] - shared
    ious: npt.NDArray[np.float64] = np.divide(
        shared, union, out=np.zeros_like(shared), where=union > 0
    )
    return ious


def _match(classes: npt.NDArray[np.int64], found: _Found, ious: npt.NDArray[np.float64]) -> Flags:
    """(n,) uint16: at which thresholds each detection takes an object; `ious` is (n, m)."""
    near = (ious >= THRESHOLDS[0]) & (found.classes[:, None] == classes[None, :])
    detections, places = np.nonzero(near)
    values = ious[detections, places]
    rank = np.empty(len(found.scores), np.int64)
    rank[np.argsort(-found.scores, kind="stable")] = np.arange(len(rank))
    # The best object first; of equals the last, as pycocotools takes them.
    order = np.lexsort((-places, -values, rank[detections]))
    hits = [0] * len(found.scores)
    taken = [0] * len(classes)
    pairs = (a[order].tolist() for a in (detections, places, _reached(values)))
    for detection, place, bits in zip(*pairs, strict=True):
        free = bits & ~taken[place] & ~hits[detection]
        taken[place] |= free
        hits[detection] |= free
    return np.array(hits, np.uint16)


def _reached(values: npt.NDArray[np.float64]) -> Flags:
    """(n,) uint16: the thresholds that values reach; NaN reaches none."""
    steps = np.searchsorted(THRESHOLDS, np.nan_to_num(values), side="right")
    return ((1 << steps) - 1).astype(np.uint16)
