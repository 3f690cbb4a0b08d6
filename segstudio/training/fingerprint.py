"""What a data set is like: sizes, brightness, shares of classes, sizes of objects.

All of it is measured on the images to train on, before anything is chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.training.class_balance import ClassBalance
from segstudio.training.data import Sample
from segstudio.training.dataset import IGNORED

_DARK, _BRIGHT = 1.0, 99.8
_LEAST_OBJECT: Final = 4
_LEAST_SHARE: Final = 0.005
_NOTHING: Final = ClassBalance((), (), (), ())


@dataclass(frozen=True)
class ClassFigures:
    """One class in the images.

    Attributes:
        pixels: How many, over all images.
        images: In how many images it is.
        objects: Connected regions of it.
        size: Median diameter of a circle as large as a region, in pixels; 0 without regions.
        width: How wide it is where it is usual, in pixels: twice its area over its outline.
        row: Where its pixels lie on the whole, from 0 (top) to 1 (bottom).
    """

    pixels: int = 0
    images: int = 0
    objects: int = 0
    size: float = 0.0
    width: float = 0.0
    row: float = 0.5


@dataclass(frozen=True)
class Fingerprint:
    """A data set in numbers.

    Attributes:
        images: How many were measured.
        heights: Smallest, median and largest height.
        widths: Likewise.
        pixels: Of all images.
        ignored: Share of pixels that count nowhere.
        grey: Whether no image has colours.
        mean: Of red, green and blue over all images, 0..1.
        std: Likewise.
        contrast: How much brighter the brightest of an image is than its darkest: of ten images
            the second-darkest against the second-brightest; 1 if all are alike.
        by_class: Figures of each class by its id.
        balance: How rare and how thin the classes are.
    """

    images: int
    heights: tuple[int, int, int]
    widths: tuple[int, int, int]
    pixels: int
    ignored: float
    grey: bool
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    contrast: float
    by_class: dict[int, ClassFigures] = field(default_factory=dict)
    balance: ClassBalance = _NOTHING

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> Fingerprint:
        """Measure images, of which there must be at least one."""
        sums = _Sums()

        def masks() -> Iterator[npt.NDArray[np.uint8]]:
            for sample in samples:
                sums.add(sample)
                yield np.asarray(sample.target, np.uint8)

        balance = ClassBalance.of(masks(), IGNORED)
        return replace(sums.result(), balance=balance)

    def share(self, class_id: int) -> float:
        """The part of all counted pixels that a class has, 0..1."""
        total = sum(each.pixels for each in self.by_class.values())
        found = self.by_class.get(class_id)
        return found.pixels / total if found is not None and total else 0.0

    @property
    def present(self) -> tuple[int, ...]:
        """Ids of the classes that have pixels."""
        return tuple(i for i, each in sorted(self.by_class.items()) if each.pixels)

    @property
    def upright(self) -> bool:
        """Whether classes keep to their place above or below, as in photographs of streets.

        Such images must not be turned. One class of less than a twentieth does not tell.
        """
        rows = [each.row for i, each in self.by_class.items() if self.share(i) > 0.05]
        return len(rows) > 2 and max(rows) - min(rows) > 0.25

    @property
    def thinnest(self) -> float:
        """Width in pixels of the thinnest class that is no rarity."""
        widths = [each.width for i, each in self.by_class.items() if self.share(i) > _LEAST_SHARE]
        return min(widths, default=0.0)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {name: value for name, value in asdict(self).items() if name != "balance"}


class _Sums:
    """Adds up what a fingerprint is made of, one image after the other."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []
        self.ignored = 0
        self.grey = True
        self.total = np.zeros(3)
        self.squares = np.zeros(3)
        self.spans: list[float] = []
        self.pixels = np.zeros(256, np.int64)
        self.having = np.zeros(256, np.int64)
        self.outlines = np.zeros(256, np.int64)
        self.rows = np.zeros(256)
        self.objects: dict[int, list[float]] = {}

    def add(self, sample: Sample) -> None:
        image, target = sample.image, np.asarray(sample.target, np.uint8)
        self.sizes.append((target.shape[0], target.shape[1]))
        counts = np.stack([np.bincount(image[..., c].reshape(-1), minlength=256) for c in range(3)])
        levels = np.arange(256) / 255
        self.total += counts @ levels
        self.squares += counts @ levels**2
        self.grey = self.grey and _is_grey(image)
        ends = np.cumsum(counts.sum(0))
        low, high = np.searchsorted(ends, np.array([_DARK, _BRIGHT]) / 100 * ends[-1])
        self.spans.append(max(1.0, float(high - low)))
        self._add_classes(target)

    def _add_classes(self, target: npt.NDArray[np.uint8]) -> None:
        found = np.bincount(target.reshape(-1), minlength=256)
        self.ignored += int(found[IGNORED])
        heights = (np.arange(target.shape[0]) + 0.5) / target.shape[0]
        for class_id in np.flatnonzero(found[:IGNORED]):
            mask = (target == class_id).astype(np.uint8)
            self.pixels[class_id] += found[class_id]
            self.having[class_id] += 1
            self.rows[class_id] += float(mask.sum(1) @ heights)
            self.outlines[class_id] += int((mask - _inner(mask)).sum())
            stats = cv2.connectedComponentsWithStats(mask, connectivity=8)[2]
            areas = stats[1:, cv2.CC_STAT_AREA]
            sizes = 2 * np.sqrt(areas[areas >= _LEAST_OBJECT] / np.pi)
            self.objects.setdefault(int(class_id), []).extend(sizes.tolist())

    def result(self) -> Fingerprint:
        if not self.sizes:
            raise ValueError("no images were measured")
        heights, widths = np.array(self.sizes).T
        count = int((heights * widths).sum())
        mean = self.total / count
        std = np.sqrt(np.maximum(self.squares / count - mean**2, 1e-6))
        dark, bright = np.quantile(self.spans, (0.1, 0.9))
        by_class = {
            int(i): ClassFigures(
                int(self.pixels[i]),
                int(self.having[i]),
                len(self.objects[i]),
                float(np.median(self.objects[i])) if self.objects[i] else 0.0,
                2 * float(self.pixels[i]) / max(1, int(self.outlines[i])),
                float(self.rows[i] / self.pixels[i]),
            )
            for i in sorted(self.objects)
        }
        return Fingerprint(
            len(self.sizes),
            _three(heights),
            _three(widths),
            count,
            self.ignored / count,
            self.grey,
            (float(mean[0]), float(mean[1]), float(mean[2])),
            (float(std[0]), float(std[1]), float(std[2])),
            float(bright / dark),
            by_class,
        )


def _inner(mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The pixels whose four neighbours belong to it too; beyond the image all do."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return np.asarray(cv2.erode(mask, cross), np.uint8)


def _is_grey(image: npt.NDArray[np.uint8]) -> bool:
    first = image[..., 0]
    return bool((image[..., 1] == first).all() and (image[..., 2] == first).all())


def _three(values: npt.NDArray[np.int64]) -> tuple[int, int, int]:
    return int(values.min()), int(np.median(values)), int(values.max())
