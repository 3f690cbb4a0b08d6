"""Where a confident prediction contradicts the annotation."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect
from segstudio.core.labels import Labels

ALL_BUT_CERTAIN = 239
"""Confidence, of 255, from which on a contradiction is suspect: `metrics.calibration`'s last bin."""


def thickest_suspect(
    annotation: Labels,
    prediction: Labels,
    confidence: npt.NDArray[np.uint8],
    ignored: tuple[int | None, int | None] = (None, None),
) -> Rect | None:
    """The rectangle around the thickest connected contradiction, the largest of several.

    Outlines that are drawn a pixel wider or narrower contradict along all of their length; what is
    missing or too much altogether is thick.

    Args:
        annotation: (H, W) uint8 class ids.
        prediction: (H, W) uint8 class ids.
        confidence: (H, W) uint8: probability of the predicted class, 0..255 for 0..1.
        ignored: Class ids of the annotation and of the prediction that count nowhere, or None.

    Returns:
        None where there is no such pixel.
    """
    suspect = annotation != prediction
    suspect &= confidence >= ALL_BUT_CERTAIN
    for labels, class_id in zip((annotation, prediction), ignored, strict=True):
        if class_id is not None:
            suspect &= labels != class_id
    padded = np.pad(suspect.view(np.uint8), 1)  # what is cut off by the border is no thicker
    depth = cv2.distanceTransform(padded, cv2.DIST_C, 3)[1:-1, 1:-1]
    numbers, stats = cv2.connectedComponentsWithStats(suspect.view(np.uint8), connectivity=8)[1:3]
    if len(stats) < 2:
        return None
    deepest = np.unique(numbers[depth == depth.max()])
    best = stats[deepest[int(np.argmax(stats[deepest, cv2.CC_STAT_AREA]))]]
    left, top, width, height = (int(value) for value in best[:4])
    return Rect(top, left, top + height, left + width)
