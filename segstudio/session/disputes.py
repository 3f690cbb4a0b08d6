"""Where the predictions of the open image differ: values that panels and the canvas read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect
from segstudio.core.labels import Mask
from segstudio.session.document import Document


@dataclass(frozen=True)
class RegionVote:
    """What some runs say of a region.

    Attributes:
        runs: The runs that say the same of nearly every pixel, in their order.
        classes: (class id, share of the region's pixels 0..1), the largest share first.
    """

    runs: tuple[str, ...]
    classes: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class DisputedRegion:
    """Neighbouring pixels of which the runs are not of one mind.

    Attributes:
        number: Its number in `Disputes.numbers`.
        rect: The smallest rectangle around it.
        pixels: How many they are.
        entropy: Mean vote entropy of its pixels, 0..1.
        point_xy: A pixel of the region, near its middle.
        answers: Who says what; runs that say the same stand together, the most first.
    """

    number: int
    rect: Rect
    pixels: int
    entropy: float
    point_xy: tuple[int, int]
    answers: tuple[RegionVote, ...]


@dataclass(frozen=True, eq=False)
class Disputes:
    """Where the runs of one image differ.

    Attributes:
        document: The image.
        runs: The runs that were compared, in their order.
        titles: Their names for people.
        values: (H, W) uint8: vote entropy, 0..255 for 0..1 (0: all agree, 255: all differ).
        numbers: (H, W) int32: number of the region at every pixel, 0 where all agree.
        regions: The regions that are large enough, the largest first.
        pixels: Pixels on which the runs differ, of smaller regions as well.
        unlisted: How many regions are not listed since they are small.
        mean: Mean vote entropy of the whole image, 0..1.
    """

    document: Document
    runs: tuple[str, ...]
    titles: tuple[str, ...]
    values: npt.NDArray[np.uint8]
    numbers: npt.NDArray[np.int32]
    regions: tuple[DisputedRegion, ...]
    pixels: int
    unlisted: int
    mean: float

    def mask(self, region: DisputedRegion) -> Mask:
        """(h, w) bool: the region's pixels in its rectangle."""
        found: Mask = self.numbers[region.rect.slices] == region.number
        return found

    def region(self, number: int) -> DisputedRegion | None:
        """The listed region of that number."""
        return next((region for region in self.regions if region.number == number), None)

    def region_at(self, x: int, y: int) -> DisputedRegion | None:
        """The listed region at pixel (x, y)."""
        if not Rect.of_shape((self.numbers.shape[0], self.numbers.shape[1])).contains(x, y):
            return None
        number = int(self.numbers[y, x])
        return self.region(number) if number else None


@dataclass(frozen=True)
class DisagreementState:
    """What is looked at of it; what was chosen stays from image to image.

    Attributes:
        left_out: Runs that are not compared.
        taken_in: Runs that are compared although they were removed as named runs.
        min_pixels: Smaller regions are not listed.
        opened: Number of the region that is looked at, 0 for none.
        waiting: Whether the runs are being compared.
        agreement: Region number -> share of the region's pixels, 0..1, on which each run (in the
            order of `Disputes.runs`) says what the annotation says; empty without an annotation.
    """

    left_out: frozenset[str] = frozenset()
    taken_in: frozenset[str] = frozenset()
    min_pixels: int = 10
    opened: int = 0
    waiting: bool = False
    agreement: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
