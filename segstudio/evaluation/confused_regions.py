"""Where one class was predicted although another is right: connected places, largest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from segstudio.core.geometry import Rect
from segstudio.core.labels import Labels
from segstudio.metrics.class_sums import require_same_shape

_TOUCHING: Final = 8
"""Pixels that share a corner are one place."""
MOST_PLACES: Final = 500
"""More are not told: outlines that are a pixel off make thousands of tiny ones."""


@dataclass(frozen=True)
class Place:
    """Confused pixels that touch each other: their rectangle, and how many they are."""

    rect: Rect
    pixels: int


def confused_places(
    truth: Labels, prediction: Labels, truth_id: int, predicted_id: int, most: int = MOST_PLACES
) -> tuple[Place, ...]:
    """The places where `predicted_id` was predicted on pixels of `truth_id`.

    Args:
        truth: (H, W) uint8 class ids.
        prediction: (H, W) uint8 class ids.
        truth_id: The class that is right.
        predicted_id: The class that was predicted; the same one gives the places it was found at.
        most: More places than these are left out, the smallest ones.

    Raises:
        SegstudioError: if the shapes differ.
    """
    require_same_shape(truth, prediction)
    if not truth.size:
        return ()
    mask = cv2.bitwise_and(
        (truth == truth_id).view(np.uint8), (prediction == predicted_id).view(np.uint8)
    )
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=_TOUCHING)
    rows = stats[1:]  # the first is what lies between the places
    order = np.argsort(-rows[:, cv2.CC_STAT_AREA], kind="stable")[:most]
    return tuple(
        Place(Rect(top, left, top + height, left + width), pixels)
        for left, top, width, height, pixels in rows[order].tolist()
    )
