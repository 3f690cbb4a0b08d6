"""How many pixels each class has, how thin it is, and which loss fits that. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

RARE: Final = 0.01
"""A class of fewer of the pixels needs weights, or a step often sees none of it."""
THIN: Final = 8.0
"""A thin object is this many times as long as wide; a disc has 2, a square 2."""
WIDEST: Final = 16.0
"""Nor is one of more pixels thin, however long: a standing person is not a line."""


@dataclass(frozen=True)
class ClassBalance:
    """What masks hold, class by class, by id.

    Attributes:
        pixels: Of each class, over all masks.
        masks: In how many masks each class is.
        thin: Of each class, the pixels of objects that are long and thin.
        widths: Mean width of each class's objects in pixels, weighted by their area; 0 if there
            are none.
    """

    pixels: tuple[int, ...]
    masks: tuple[int, ...]
    thin: tuple[int, ...]
    widths: tuple[float, ...]

    @classmethod
    def of(
        cls, masks: Iterable[npt.NDArray[np.uint8]], classes: int, ignore_index: int = 255
    ) -> ClassBalance:
        """Count masks (H, W); pixels of the ignored id and of ids from `classes` on do not count."""
        sums = np.zeros((4, classes))
        for mask in masks:
            counts = np.bincount(mask.reshape(-1), minlength=max(256, classes))[:classes]
            for class_id in np.flatnonzero(counts):
                if class_id != ignore_index:
                    thin, widths = _thickness(mask == class_id)
                    sums[:, class_id] += counts[class_id], 1, thin, widths
        means = sums[3] / np.maximum(sums[0], 1)
        pixels, among, thin_ones = (tuple(int(n) for n in row) for row in sums[:3])
        return cls(pixels, among, thin_ones, tuple(float(w) for w in means))

    @property
    def shares(self) -> tuple[float, ...]:
        """Of each class its part of all counted pixels, 0..1."""
        total = max(1, sum(self.pixels))
        return tuple(count / total for count in self.pixels)

    @property
    def thin_classes(self) -> tuple[int, ...]:
        """The classes that are long and thin in most of their pixels."""
        pairs = zip(self.thin, self.pixels, strict=True)
        return tuple(i for i, (thin, all_) in enumerate(pairs) if 2 * thin > all_)


def _thickness(region: npt.NDArray[np.bool_]) -> tuple[int, float]:
    """Pixels of thin objects, and the sum of all pixels' objects' widths.

    In a band of w pixels the mean distance to the outside is m = (w + 1)^2 / 4w.
    """
    if region.all():  # nothing outside: as wide as the image
        return 0, float(region.size * min(region.shape))
    inside = region.astype(np.uint8)
    left, top, width, height = cv2.boundingRect(inside)
    # with a pixel about it, which belongs to the outside if the image goes on there
    inside = inside[max(0, top - 1) : top + height + 1, max(0, left - 1) : left + width + 1]
    away = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5)
    count, numbers = cv2.connectedComponents(inside, connectivity=8)
    areas = np.bincount(numbers.reshape(-1), minlength=count)[1:]
    sums = np.bincount(numbers.reshape(-1), np.asarray(away, float).reshape(-1), count)[1:]
    double = 2 * sums / areas - 1
    widths = double + np.sqrt(np.maximum(0, double**2 - 1))
    long = (areas >= THIN * widths**2) & (widths <= WIDEST)
    return int(areas[long & (areas > 2)].sum()), float((areas * widths).sum())


@dataclass(frozen=True)
class LossAdvice:
    """A loss that fits the masks.

    Attributes:
        loss: As `losses.parse_loss` reads it.
        why: The reason, in one or two sentences.
        thin: Classes whose centre lines count in it.
        missing: Classes that are in no mask.
    """

    loss: str
    why: str
    thin: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()


def advise(balance: ClassBalance, names: Sequence[str]) -> LossAdvice:
    """Suggest a loss.

    Args:
        balance: What the masks hold.
        names: Of the classes, by id.
    """
    shares = balance.shares
    there = [i for i, share in enumerate(shares) if share > 0]
    missing = tuple(i for i, share in enumerate(shares) if share == 0)
    if len(there) < 2:
        only = f"only {names[there[0]]}" if there else "no class"
        why = f"The masks hold {only}: there is nothing to tell apart yet."
        return LossAdvice("cross-entropy+dice", why, missing=missing)
    rarest = min(there, key=lambda i: shares[i])
    if shares[rarest] < RARE:
        loss = "effective-number+dice"
        why = (
            f"The rarest class, {names[rarest]}, has {_percent(shares[rarest])} of the pixels: "
            "rare classes weigh more in the cross-entropy, and Dice counts each class alike."
        )
    else:
        loss = "cross-entropy+dice"
        why = (
            f"No class is rare ({names[rarest]} has {_percent(shares[rarest])} of the pixels): "
            "cross-entropy is steady, and Dice counts each class alike."
        )
    thin = _worth_a_line(balance, there)
    if thin:
        wide = max(balance.widths[i] for i in thin)
        named = " and ".join(names[i] for i in thin)
        loss += "+0.5*cldice"
        why += f" Objects of {named} are thin (about {wide:.0f} px): clDice keeps them connected."
    return LossAdvice(loss, why, thin, missing)


def _worth_a_line(balance: ClassBalance, there: Sequence[int]) -> tuple[int, ...]:
    """The thin classes, if they are what the masks are about: centre lines take time.

    That is, if they have at least half of the pixels that are not of the largest class.
    """
    largest = max(there, key=lambda i: balance.pixels[i])
    thin = tuple(i for i in balance.thin_classes if i != largest)
    others = sum(balance.pixels) - balance.pixels[largest]
    return thin if 2 * sum(balance.pixels[i] for i in thin) >= others else ()


def _percent(share: float) -> str:
    """A share with one digit that tells, as 0.3 % or 12 %."""
    value = 100 * share
    digits = 0 if value >= 9.5 else max(1, -math.floor(math.log10(max(value, 1e-6))))
    return f"{value:.{digits}f} %"
