"""The figures of an opened stage and its channels, asked for as they are needed, and as text."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from segstudio.core.formatting import DASH, percent_text, ratio_text
from segstudio.core.labels import Image
from segstudio.inspection.feature_maps import FeatureMaps, StageReference
from segstudio.inspection.stage_work import StageFacts
from segstudio.inspection.ui.channel_order import ChannelOrder, FloatArray, value_text
from segstudio.session.inspection import StageLook, TracedNetwork

if TYPE_CHECKING:
    from segstudio.inspection.explaining import Explaining

_Row = tuple[str, str, str, str]
_AT = "The value at the marked pixel"
_IOU = "IoU of the channel's strongest positions with the class's pixels in the {}"
_INFLUENCE = (
    "Gradient \u00d7 activation, summed over the positions: how much the channel raises the score"
)
_REFERENCES = {
    ChannelOrder.ANNOTATION: StageReference.ANNOTATION,
    ChannelOrder.PREDICTION: StageReference.PREDICTION,
}


class StageScores:
    """One stage's figures; what is not known yet is asked for once, and `changed` is called.

    Attributes:
        changed: Called when figures have come, or could not be had.
        facts: The statistics, None until they have come.
        problem: Why a figure is missing, "" if none is.
    """

    def __init__(self, feature_maps: FeatureMaps, explaining: Explaining) -> None:
        self._maps, self._explaining = feature_maps, explaining
        self.changed: Callable[[], None] = lambda: None
        self._asker = f"stage page {id(self)}"
        self._traced: TracedNetwork | None = None
        self._stage, self._class_id = "", 0
        self._known: dict[ChannelOrder, FloatArray] = {}
        self._asked: dict[ChannelOrder, object] = {}
        self.facts: StageFacts | None = None
        self.problem = ""

    def open(self, traced: TracedNetwork | None, stage: str, class_id: int) -> None:
        """Begin with another stage, and ask for its statistics."""
        self._traced, self._stage, self._class_id = traced, stage, class_id
        self._known, self._asked, self.facts, self.problem = {}, {}, None, ""
        if traced is not None:
            self._maps.facts(traced, stage, self._take_facts(traced, stage), asker=self._asker)

    def show_class(self, class_id: int) -> None:
        """The figures are about another class from now on."""
        if class_id != self._class_id:
            self._class_id = class_id
            self.forget(ChannelOrder.ANNOTATION, ChannelOrder.PREDICTION, ChannelOrder.INFLUENCE)

    def forget(self, *orders: ChannelOrder) -> None:
        """Figures that are not true any more; the old ones serve until new ones have come."""
        for order in orders:
            self._asked.pop(order, None)
        self.problem = ""

    def of(self, order: ChannelOrder) -> FloatArray | None:
        """One value a channel, or None if it is not known (yet)."""
        if self.facts is not None:
            found = self.facts.statistics
            if order is ChannelOrder.MEAN:
                return found.mean
            if order is ChannelOrder.VARIANCE:
                return self.facts.variance
            if order is ChannelOrder.SPARSITY:
                return found.sparsity
        return self._known.get(order)

    def waits_for(self, order: ChannelOrder) -> bool:
        """Whether values of an order are on their way."""
        if order in _REFERENCES or order is ChannelOrder.INFLUENCE:
            return order in self._asked and self._asked[order] is not None
        return order is not ChannelOrder.INDEX and self.facts is None

    def want(self, order: ChannelOrder) -> None:
        """Ask for the values of an order, unless that was done."""
        traced = self._traced
        if traced is None or order in self._asked:
            return
        if order in _REFERENCES:
            token = self._asked[order] = object()
            self._maps.agreement(
                traced,
                self._stage,
                self._class_id,
                _REFERENCES[order],
                lambda values: self._take(order, token, values),
                asker=self._asker,
            )
        elif order is ChannelOrder.INFLUENCE:
            token = self._asked[order] = object()
            there = self._explaining.influence(
                self._stage,
                lambda values: self._take(order, token, values),
                failed=lambda error: self._fail(order, token, error),
            )
            if not there and self._asked.get(order) is token:
                self._asked[order] = None

    def values_at(self, pixel_xy: tuple[int, int]) -> FloatArray | None:
        """Each channel's value (C,) at a photo pixel (x, y), at once; None where there is none."""
        if self._traced is None:
            return None
        return self._maps.values_at(self._traced, self._stage, pixel_xy)

    def ends(self, channel: int) -> tuple[float, float] | None:
        """The values that get the ends of the colours in a channel; None if not known yet."""
        return None if self._traced is None else self._maps.ends(self._traced, self._stage, channel)

    def count_values(self, channel: int, done: Callable[[NDArray[np.int64]], None]) -> None:
        """Give how many values lie in equal steps from a channel's lowest to its highest."""
        if self._traced is not None:
            self._maps.channel_histogram(
                self._traced, self._stage, channel, done, asker=self._asker
            )

    def give_pictures(
        self,
        channels: tuple[int, ...],
        look: StageLook,
        px: int,
        done: Callable[[dict[int, Image]], None],
    ) -> None:
        """Give pictures of channels as RGB (h, w, 3) uint8; their longer side has `px` pixels."""
        if self._traced is not None:
            # why there is nothing to see is told with the statistics, once
            self._maps.thumbnails(
                self._traced, self._stage, channels, look, px, done,
                asker=self._asker, failed=lambda _: None,
            )  # fmt: skip

    def _take_facts(self, traced: TracedNetwork, stage: str) -> Callable[[StageFacts], None]:
        def take(facts: StageFacts) -> None:
            if (traced, stage) == (self._traced, self._stage):
                self.facts = facts
                self.changed()

        return take

    def _take(self, order: ChannelOrder, token: object, values: FloatArray) -> None:
        if self._asked.get(order) is token:
            self._asked[order] = None
            self._known[order] = values
            self.changed()

    def _fail(self, order: ChannelOrder, token: object, error: Exception) -> None:
        if self._asked.get(order) is token:
            self._asked[order] = None
            self._known.pop(order, None)
            self.problem = str(error)
            self.changed()

    @property
    def dead(self) -> NDArray[np.bool_] | None:
        """Which channels are the same everywhere."""
        return None if self.facts is None else self.facts.statistics.dead


def figures(channel: int | None, scores: StageScores, at_point: FloatArray | None) -> list[_Row]:
    """Rows of name, number of the stage, number of the channel in focus, tool tip."""
    facts = scores.facts
    if facts is None:
        return []
    found = facts.statistics

    def of(values: FloatArray) -> str:
        return "" if channel is None else value_text(float(values[channel]))

    zeros = "" if channel is None else percent_text(float(found.sparsity[channel]))
    rows: list[_Row] = [
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


def _of_class(channel: int, scores: StageScores) -> list[_Row]:
    rows: list[_Row] = []
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
