"""Where several models differ: the entropy of their votes, and the regions by size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect
from segstudio.core.labels import Labels, Mask
from segstudio.metrics.class_sums import require_same_shape

Entropy = npt.NDArray[np.float32]
"""(H, W) float32: 0 where all agree, 1 where every one says something else."""


@dataclass(frozen=True)
class DisagreementRegion:
    """Neighbouring pixels, corners included, on which the models are not of one mind.

    Attributes:
        number: Its number in `VoteEntropy.numbers`.
        rect: The smallest rectangle around it.
        pixels: How many they are.
        mean_entropy: Of its pixels, 0..1.
        point_xy: A pixel of the region, near its middle.
    """

    number: int
    rect: Rect
    pixels: int
    mean_entropy: float
    point_xy: tuple[int, int]


@dataclass(frozen=True, eq=False)
class VoteEntropy:
    """Where label maps of one image differ.

    Attributes:
        entropy: (H, W) float32 vote entropy, 0..1.
        numbers: (H, W) int32 number of the region at every pixel, 0 where all agree.
        regions: The regions, the largest first.
        pixels: Pixels on which the models differ, of regions that are too small as well.
        mean_entropy: Mean over all pixels: how much the models differ on the whole image.
    """

    entropy: Entropy
    numbers: npt.NDArray[np.int32]
    regions: tuple[DisagreementRegion, ...]
    pixels: int
    mean_entropy: float

    def mask(self, region: DisagreementRegion) -> Mask:
        """(h, w) bool: the region's pixels in its rectangle."""
        found: Mask = self.numbers[region.rect.slices] == region.number
        return found


def vote_entropy(maps: Sequence[Labels]) -> Entropy:
    """The entropy of the votes for classes at every pixel, as a share of the most there can be.

    With v_c of N votes for class c it is -sum(v_c / N log(v_c / N)) / log N.

    Args:
        maps: N label maps (H, W) uint8 of one shape, at least one.

    Raises:
        ValueError: if there is no map.
        SegstudioError: if the shapes differ.
    """
    if not maps:
        raise ValueError("no label map")
    number = len(maps)
    entropy = np.zeros(maps[0].shape, np.float32)
    if number == 1:
        return entropy
    # A class with v votes comes v times when each map asks how many agree with it, itself
    # included: the sum over classes is the mean over maps.
    votes = np.arange(1, number + 1)
    table = (-np.log(votes / number) / (number * np.log(number))).astype(np.float32)
    for agreeing in agreement(maps):
        entropy += table[agreeing - 1]
    return entropy


def highest_vote_entropy(votes: int, classes: int) -> float:
    """The largest vote entropy that so many maps of so many classes can have, 0..1.

    Where there are fewer classes than maps, not every map can say something else.
    """
    if votes < 2 or classes < 2 or classes >= votes:
        return 1.0
    shares = np.full(classes, votes // classes)
    shares[: votes % classes] += 1
    p = shares / votes
    return float(-(p * np.log(p)).sum() / np.log(votes))


def agreement(maps: Sequence[Labels]) -> list[npt.NDArray[np.uint8]]:
    """For each map, how many of all maps, itself included, say the same; N of (H, W) uint8.

    Raises:
        SegstudioError: if the shapes differ.
        ValueError: if there are more than 255 maps.
    """
    if len(maps) > 255:
        raise ValueError(f"{len(maps)} label maps, at most 255 can be compared")
    counts = [np.ones(m.shape, np.uint8) for m in maps]
    for i, one in enumerate(maps):
        for j in range(i):
            require_same_shape(maps[j], one)
            same = (one == maps[j]).view(np.uint8)
            counts[i] += same
            counts[j] += same
    return counts


def find_disagreement(
    maps: Sequence[Labels],
    counted: Mask | None = None,
    *,
    min_pixels: int = 1,
    max_regions: int = 1000,
) -> VoteEntropy:
    """Find the regions on which label maps of one image differ.

    Args:
        maps: N label maps (H, W) uint8, at least one.
        counted: (H, W) bool: elsewhere nothing is told (pixels the annotation ignores, say).
        min_pixels: Smaller regions are not listed.
        max_regions: List the largest only.

    Raises:
        ValueError: if there is no map.
        SegstudioError: if the shapes differ.
    """
    entropy = vote_entropy(maps)
    if counted is not None:
        require_same_shape(counted, entropy)
        entropy[~counted] = 0
    differing = (entropy > 0).view(np.uint8)
    found = cv2.connectedComponentsWithStats(differing, connectivity=8, ltype=cv2.CV_32S)
    numbers, stats = (np.asarray(a, np.int32) for a in found[1:3])
    sizes = stats[:, cv2.CC_STAT_AREA].copy()
    sizes[0] = 0
    order = np.argsort(-sizes, kind="stable")[:max_regions]
    order = order[sizes[order] >= max(1, min_pixels)]
    regions = tuple(_region(int(i), stats[i], numbers, entropy) for i in order)
    return VoteEntropy(
        entropy,
        numbers,
        regions,
        int(sizes.sum()),
        float(entropy.mean(dtype=np.float64)) if entropy.size else 0.0,
    )


def _region(
    number: int,
    stats: npt.NDArray[np.int32],
    numbers: npt.NDArray[np.int32],
    entropy: Entropy,
) -> DisagreementRegion:
    left, top, width, height, pixels = (int(v) for v in stats[:5])
    rect = Rect(top, left, top + height, left + width)
    mask = numbers[rect.slices] == number
    y, x = np.nonzero(mask)
    # The pixel of the region that is nearest to the middle of its pixels.
    nearest = int(np.argmin((y - y.mean()) ** 2 + (x - x.mean()) ** 2))
    point = (left + int(x[nearest]), top + int(y[nearest]))
    return DisagreementRegion(
        number, rect, pixels, float(entropy[rect.slices][mask].mean(dtype=np.float64)), point
    )
