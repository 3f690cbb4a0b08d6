"""How well objects are found, by their size.

Objects are the instances of the ground truth or, where it does not tell them apart, the connected
regions of each class but background, touching corners included; the objects of the prediction
likewise. An object's partner is the predicted object of its class with the highest IoU.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from segstudio.core.labels import InstanceIds, Labels
from segstudio.metrics.class_sums import Numbers, require_same_shape, without_ignored
from segstudio.metrics.confusion import ratios
from segstudio.metrics.measure import Measure, MeasuredImage
from segstudio.metrics.segments import (
    BACKGROUND,
    KeyMap,
    Overlaps,
    class_of,
    connected_regions,
    is_object,
    key_map,
    overlaps,
    summed,
    used_classes,
)

SIDES = (4, 8, 16, 32, 64, 128, 256)
"""Square roots of the areas between the bins, in pixels: an object of 32 x 32 is in 32..64."""
BINS = len(SIDES) + 1
FOUND_AT = 0.5
_COLUMNS = ("objects", "found", "iou", "pixels", "right")


@dataclass(frozen=True, eq=False)
class SizeBins:
    """Objects of the ground truth by size; images add up.

    Attributes:
        values: (8, 5) float64: in each bin of size the number of objects, how many have a partner
            with an IoU of 0.5 or more, the sum of the IoU with the partner (0 without one), the
            pixels of the objects, and how many of those have the right class.
    """

    values: Numbers

    @classmethod
    def none(cls) -> SizeBins:
        """Nothing counted."""
        return cls(np.zeros((BINS, len(_COLUMNS))))

    @classmethod
    def of(
        cls,
        truth: Labels,
        truth_ids: InstanceIds | None,
        prediction: Labels,
        predicted_ids: InstanceIds | None,
        ignore_index: int | None,
        background: int = 0,
    ) -> SizeBins:
        """Count an image.

        Args:
            truth: (H, W) uint8 class ids.
            truth_ids: (H, W) uint16 instances, or None.
            prediction: (H, W) uint8 class ids.
            predicted_ids: (H, W) uint16 instances, or None.
            ignore_index: Class id of the truth that counts nowhere, or None.
            background: The class that has no objects.

        Raises:
            SegstudioError: if the shapes differ.
        """
        require_same_shape(truth, prediction)
        nothing = {background, ignore_index}
        prediction = without_ignored(truth, prediction, ignore_index, background)
        # Without instances in the truth, its regions are held against regions.
        if truth_ids is None:
            predicted_ids = None
        wanted = _objects(truth, truth_ids, nothing)
        found = _objects(prediction, predicted_ids, nothing)
        return cls.of_overlaps(overlaps(wanted, found))

    @classmethod
    def of_overlaps(cls, shared_pixels: Overlaps) -> SizeBins:
        """Count an image by the pixels that segments share.

        Args:
            shared_pixels: Of the ground truth's and the prediction's segments, in which all
                classes but background are objects and nothing is ignored.
        """
        first, second, pixels = shared_pixels
        keys, areas = summed(first[is_object(first)], pixels[is_object(first)])
        others, other_areas = summed(second, pixels)
        same = is_object(first) & (class_of(first) == class_of(second))
        right = np.bincount(np.searchsorted(keys, first[same]), pixels[same], len(keys))
        pair = same & is_object(second)
        at = np.searchsorted(keys, first[pair])
        shared = pixels[pair]
        beside = other_areas[np.searchsorted(others, second[pair])]
        best = np.zeros(len(keys))
        np.maximum.at(best, at, shared / (areas[at] + beside - shared))
        return cls._of_objects(areas, best, right.astype(np.float64))

    @classmethod
    def _of_objects(cls, areas: npt.NDArray[np.int64], best: Numbers, right: Numbers) -> SizeBins:
        place = np.searchsorted(np.square(SIDES), areas, side="right")
        columns = (np.ones(len(areas)), best >= FOUND_AT, best, areas, right)
        return cls(np.stack([np.bincount(place, c, BINS) for c in columns], axis=1))

    @classmethod
    def total(cls, parts: Iterable[SizeBins]) -> SizeBins:
        """The sum of any number of images."""
        values = cls.none().values
        for part in parts:
            values += part.values
        return cls(values)

    def __add__(self, other: SizeBins) -> SizeBins:
        return SizeBins(self.values + other.values)

    def column(self, name: str) -> Numbers:
        """(8,) one of "objects", "found", "iou", "pixels", "right"."""
        found: Numbers = self.values[:, _COLUMNS.index(name)]
        return found

    @property
    def mean_iou(self) -> Numbers:
        """(8,) mean IoU of the objects with their partners; NaN for a bin without objects."""
        return ratios(self.column("iou"), self.column("objects"))

    @property
    def recall(self) -> Numbers:
        """(8,) share of the objects that have a partner with an IoU of 0.5 or more."""
        return ratios(self.column("found"), self.column("objects"))

    @property
    def pixel_recall(self) -> Numbers:
        """(8,) share of the objects' pixels that have the right class."""
        return ratios(self.column("right"), self.column("pixels"))

    def to_json(self) -> list[list[float]]:
        """Plain lists."""
        rows: list[list[float]] = self.values.tolist()
        return rows

    @classmethod
    def from_json(cls, data: Iterable[Iterable[float]]) -> SizeBins:
        """The inverse of `to_json`."""
        return cls(np.array([list(row) for row in data], np.float64))


def bin_names() -> tuple[str, ...]:
    """What the bins are called: "under 4", "4 to 8", ... "256 and more" pixels wide."""
    between = [f"{a} to {b}" for a, b in pairwise(SIDES)]
    return (f"under {SIDES[0]}", *between, f"{SIDES[-1]} and more")


def _objects(labels: Labels, ids: InstanceIds | None, nothing: set[int | None]) -> KeyMap:
    classes = [i for i in used_classes(labels) if i not in nothing]
    if ids is None:
        return key_map(labels, connected_regions(labels, classes))
    keys = key_map(labels, ids)
    keys[~np.isin(labels, classes)] = 0
    return keys


def _of_image(sample: MeasuredImage) -> SizeBins:
    """Objects by size; from segments that are there already, if they are the same."""
    maps, pairs = sample.maps_if_made, sample.pairs
    if maps is not None and not pairs.ignored and maps.things >= {*pairs.class_ids} - {BACKGROUND}:
        return SizeBins.of_overlaps(maps.overlaps)
    said = sample.candidate
    return SizeBins.of(
        sample.truth, sample.truth_ids, said.labels, said.instance_ids, sample.ignore_index
    )


SIZES: Measure[SizeBins, Any] = Measure("sizes", sums=SizeBins, count=_of_image)
