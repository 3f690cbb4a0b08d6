"""What figures say, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import islice
from typing import Final

from segstudio.core.formatting import change_text, ratio_text
from segstudio.metrics.bootstrap import Interval, PairedDifference
from segstudio.metrics.measure import AnyFigure, Unit

_FEW_IMAGES: Final = 20
_NAMED_STACKS: Final = 5


def figure_text(figure: AnyFigure, value: float) -> str:
    """A figure as tables have it; a dash where it is not defined."""
    return ratio_text(value, 2 if figure.unit in (Unit.PIXELS, Unit.SECONDS) else 3)


def interval_text(interval: Interval, level: float) -> str:
    """The ends of an interval, like "95 %: 0.012 to 0.030"."""
    low, high = change_text(interval.low), change_text(interval.high)
    if interval.low >= 0:
        low, high = low.removeprefix("+"), high.removeprefix("+")
    return f"{level * 100:g} %: {low} to {high}"


def verdict(interval: Interval, level: float) -> str:
    """What an interval says of the second model against the first.

    Like "better by 0.021 (95 %: 0.012 to 0.030)", "worse by ..." or "no difference shown (...)".
    """
    if math.isnan(interval.difference):
        return "cannot be compared: one of them has no value"
    if math.isnan(interval.low):
        return f"{change_text(interval.difference)}, but one image cannot show a difference"
    ends = interval_text(interval, level)
    if not interval.is_clear:
        return f"no difference shown ({ends})"
    word = "better" if interval.difference > 0 else "worse"
    return f"{word} by {abs(interval.difference):.3f} ({ends})"


def caution(difference: PairedDifference) -> str:
    """What makes an interval less sure than it looks; "" if nothing does."""
    if difference.images >= _FEW_IMAGES:
        return ""
    if difference.images == 1:
        return "There is only 1 image to draw from, so there is no interval."
    return (
        f"There are only {difference.images} images to draw from: with so few, intervals tend to "
        "be too narrow."
    )


def calibration_text(accuracy: float, confidence: float) -> str:
    """Whether a model promises too much, from its accuracy and mean confidence."""
    if math.isnan(accuracy) or math.isnan(confidence):
        return "not known"
    gap = confidence - accuracy
    if abs(gap) < 0.005:
        return "as sure as it is right, on the whole"
    if gap > 0:
        return f"promises too much: {gap * 100:.1f} points surer than right"
    return f"promises too little: {-gap * 100:.1f} points less sure than right"


def stacks_text(stacks: Mapping[str, tuple[int, int]]) -> str:
    """That pages count as images; "" where there are none.

    Args:
        stacks: How many pages of files are meant, and how many they have, by name.
    """
    if not stacks:
        return ""
    named = [
        f"{name} ({pages})" if seen == pages else f"{name} ({seen} of {pages})"
        for name, (seen, pages) in islice(stacks.items(), _NAMED_STACKS)
    ]
    more = ["..."] * (len(stacks) > _NAMED_STACKS)
    return f"Each page of a stack counts as an image: {', '.join([*named, *more])}."
