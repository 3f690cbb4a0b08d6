"""The figures of a stage and a channel as text."""

from __future__ import annotations

import math

from segstudio.core.formatting import DASH, percent_text, ratio_text
from segstudio.ui.panels.network.channel_order import ChannelOrder, FloatArray, value_text
from segstudio.ui.panels.network.stage_scores import StageScores

Row = tuple[str, str, str, str]
_AT = "The value at the marked pixel"
_IOU = "IoU of the channel's strongest positions with the class's pixels in the {}"
_INFLUENCE = (
    "Gradient \u00d7 activation, summed over the positions: how much the channel raises the score"
)


def figures(channel: int | None, scores: StageScores, at_point: FloatArray | None) -> list[Row]:
    """Rows of name, number of the stage, number of the channel in focus, tool tip."""
    facts = scores.facts
    if facts is None:
        return []
    found = facts.statistics

    def of(values: FloatArray) -> str:
        return "" if channel is None else value_text(float(values[channel]))

    zeros = "" if channel is None else percent_text(float(found.sparsity[channel]))
    rows: list[Row] = [
        ("", "Stage", "" if channel is None else "Channel", ""),
        ("Mean", value_text(facts.mean), of(found.mean), "Mean of the values over the photo"),
        ("Std deviation", value_text(facts.std), of(found.std), "Of the values over the photo"),
        ("Lowest", value_text(facts.low), of(found.minimum), "Smallest value"),
        ("Highest", value_text(facts.high), of(found.maximum), "Largest value"),
        ("Zeros", percent_text(facts.sparsity), zeros, "Share of values that are exactly zero"),
        (
            "Dead channels",
            str(facts.dead),
            "dead" if channel is not None and found.dead[channel] else "",
            "Channels with the same value everywhere on this image",
        ),
    ]
    if channel is not None:
        rows += _of_class(channel, scores)
        here = math.nan if at_point is None else float(at_point[channel])
        rows.append(("At the pixel", "", value_text(here), _AT))
    return rows


def _of_class(channel: int, scores: StageScores) -> list[Row]:
    rows: list[Row] = []
    for order, name, where in (
        (ChannelOrder.ANNOTATION, "IoU, annotation", "annotation"),
        (ChannelOrder.PREDICTION, "IoU, prediction", "prediction"),
    ):
        values = scores.of(order)
        value = math.nan if values is None else float(values[channel])
        rows.append((name, "", ratio_text(value), _IOU.format(where)))
    influence = scores.of(ChannelOrder.INFLUENCE)
    if influence is not None:
        rows.append(("Influence", "", value_text(float(influence[channel])), _INFLUENCE))
    return rows


def tip_of(channel: int, scores: StageScores, at_point: FloatArray | None) -> str:
    """What the tool tip of a channel says."""
    lines = [f"Channel {channel}"]
    for name, _, value, _ in figures(channel, scores, at_point)[1:]:
        if value and value != DASH:
            lines.append(f"{name}: {value}")
    return "\n".join(lines)
