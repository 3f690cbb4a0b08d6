"""The figures of an opened stage's channels, asked for as they are needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from segstudio.app.feature_maps import FeatureMaps, Reference
from segstudio.app.stage_work import StageFacts
from segstudio.session.inspection import Traced
from segstudio.ui.panels.network.channel_order import ChannelOrder, FloatArray

if TYPE_CHECKING:
    from segstudio.app.explaining import Explaining

_REFERENCES = {
    ChannelOrder.ANNOTATION: Reference.ANNOTATION,
    ChannelOrder.PREDICTION: Reference.PREDICTION,
}


class StageScores:
    """One stage's figures; what is not known yet is asked for once, and `changed` is called.

    Attributes:
        facts: The statistics, None until they have come.
        problem: Why a figure is missing, "" if none is.
    """

    def __init__(
        self, feature_maps: FeatureMaps, explaining: Explaining, changed: Callable[[], None]
    ) -> None:
        self._maps, self._explaining, self._changed = feature_maps, explaining, changed
        self._asker = f"stage page {id(self)}"
        self._traced: Traced | None = None
        self._stage, self._class_id = "", 0
        self._known: dict[ChannelOrder, FloatArray] = {}
        self._asked: dict[ChannelOrder, object] = {}
        self.facts: StageFacts | None = None
        self.problem = ""

    def open(self, traced: Traced | None, stage: str, class_id: int) -> None:
        """Begin with another stage, and ask for its statistics."""
        self._traced, self._stage, self._class_id = traced, stage, class_id
        self._known, self._asked, self.facts, self.problem = {}, {}, None, ""
        if traced is not None:
            self._maps.facts(traced, stage, self._take_facts(traced, stage), asker=self._asker)

    def ask_about(self, class_id: int) -> None:
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

    def _take_facts(self, traced: Traced, stage: str) -> Callable[[StageFacts], None]:
        def take(facts: StageFacts) -> None:
            if (traced, stage) == (self._traced, self._stage):
                self.facts = facts
                self._changed()

        return take

    def _take(self, order: ChannelOrder, token: object, values: FloatArray) -> None:
        if self._asked.get(order) is token:
            self._asked[order] = None
            self._known[order] = values
            self._changed()

    def _fail(self, order: ChannelOrder, token: object, error: Exception) -> None:
        if self._asked.get(order) is token:
            self._asked[order] = None
            self._known.pop(order, None)
            self.problem = str(error)
            self._changed()

    @property
    def dead(self) -> NDArray[np.bool_] | None:
        """Which channels are the same everywhere."""
        return None if self.facts is None else self.facts.statistics.dead
