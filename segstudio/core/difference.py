"""Where a prediction differs from the reference."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.labels import Labels
from segstudio.core.series_colors import GREEN, PINK, SKY, VERMILION, rgb_of

NOTHING = 0
"""Background in both."""
AGREE = 1
ONLY_PREDICTION = 2
ONLY_REFERENCE = 3
WRONG_CLASS = 4
"""Both have an object, of different classes."""
IGNORED = 5

DIFFERENCE_COLORS: dict[int, tuple[int, int, int]] = {
    AGREE: rgb_of(GREEN),
    ONLY_PREDICTION: rgb_of(VERMILION),
    ONLY_REFERENCE: rgb_of(SKY),
    WRONG_CLASS: rgb_of(PINK),
}
"""Colours (r, g, b) of the codes that are drawn."""

DIFFERENCE_NAMES: dict[int, str] = {
    AGREE: "agree",
    ONLY_PREDICTION: "only in prediction",
    ONLY_REFERENCE: "only in ground truth",
    WRONG_CLASS: "wrong class",
}

_EQUAL, _IN_REFERENCE, _IN_PREDICTION, _SKIP = 1, 2, 4, 8


def difference(
    reference: Labels,
    prediction: Labels,
    ignore_index: int | None = 255,
    left_out: int | None = None,
    nothing: int = 0,
) -> npt.NDArray[np.uint8]:
    """Say for each pixel how the prediction relates to the reference.

    Works alike on whole maps and on the same rectangle of both.

    Args:
        reference: (H, W) uint8 class ids.
        prediction: (H, W) uint8 class ids, same shape.
        ignore_index: Pixels of this id in the reference are IGNORED.
        left_out: Pixels of this id in the prediction are IGNORED.
        nothing: The id that stands for no object: `LabelSchema.elsewhere_id`.

    Returns:
        (H, W) uint8 of the codes of this module.

    Raises:
        ValueError: if the shapes differ.
    """
    if reference.shape != prediction.shape:
        raise ValueError(f"maps of {reference.shape} and {prediction.shape}")
    if not reference.size:
        return np.zeros(reference.shape, np.uint8)
    facts = (reference == prediction).view(np.uint8)
    facts |= (reference != nothing).view(np.uint8) * np.uint8(_IN_REFERENCE)
    facts |= (prediction != nothing).view(np.uint8) * np.uint8(_IN_PREDICTION)
    if ignore_index is not None:
        facts |= (reference == ignore_index).view(np.uint8) * np.uint8(_SKIP)
    if left_out is not None:
        facts |= (prediction == left_out).view(np.uint8) * np.uint8(_SKIP)
    return np.asarray(cv2.LUT(facts, _codes_of_facts()), np.uint8)


def _codes_of_facts() -> npt.NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    table[_IN_REFERENCE | _IN_PREDICTION | _EQUAL] = AGREE
    table[_IN_PREDICTION] = ONLY_PREDICTION
    table[_IN_REFERENCE] = ONLY_REFERENCE
    table[_IN_REFERENCE | _IN_PREDICTION] = WRONG_CLASS
    table[_SKIP:] = IGNORED
    return table
