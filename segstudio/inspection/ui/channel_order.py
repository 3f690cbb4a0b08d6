"""In which order a stage's channels are shown, and what is said of each."""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from segstudio.core.formatting import DASH

FloatArray = NDArray[np.float32]


class ChannelOrder(StrEnum):
    """What channels are sorted by."""

    INDEX = "Index"
    MEAN = "Mean"
    VARIANCE = "Variance"
    SPARSITY = "Sparsity"
    ANNOTATION = "IoU with annotation"
    PREDICTION = "IoU with prediction"
    INFLUENCE = "Influence on class"


EXPLAINED = {
    ChannelOrder.INDEX: "As the network counts them",
    ChannelOrder.MEAN: "Mean over the photo",
    ChannelOrder.VARIANCE: "Variance over the photo: channels that tell places apart",
    ChannelOrder.SPARSITY: "Share of positions that are exactly zero",
    ChannelOrder.ANNOTATION: "IoU of the channel's strongest positions with the class's annotation",
    ChannelOrder.PREDICTION: "IoU of the channel's strongest positions with the predicted class",
    ChannelOrder.INFLUENCE: "Gradient \u00d7 activation: how much the channel raises the class's "
    "score, at the pinned pixel or wherever the class is predicted",
}


def ordered(
    values: FloatArray | None, count: int, dead: NDArray[np.bool_] | None, *, falling: bool
) -> NDArray[np.intp]:
    """The channels (count,) in order of their values; dead ones and those without a value last.

    Args:
        values: One value a channel, NaN where there is none; None: by index.
        count: How many channels.
        dead: Which are dead; None if that is not known yet.
        falling: The largest first.
    """
    index = np.arange(count)
    if values is None:
        return index[::-1] if falling else index
    last = np.isnan(values)
    if dead is not None:
        last |= dead
    signed = np.where(last, 0, -values if falling else values)
    return np.lexsort((index, signed, last))


def value_text(value: float) -> str:
    """An activation in at most seven letters."""
    if math.isnan(value):
        return DASH
    size = abs(value)
    if size >= 1e5 or 0 < size < 1e-3:
        return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
    if size >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def order_text(order: ChannelOrder, value: float) -> str:
    """What a cell says of the value that it is sorted by."""
    if math.isnan(value):
        return ""
    if order is ChannelOrder.SPARSITY:
        return f"{100 * value:.0f} %"
    if order in (ChannelOrder.ANNOTATION, ChannelOrder.PREDICTION):
        return f"{value:.2f}"
    return value_text(value)
