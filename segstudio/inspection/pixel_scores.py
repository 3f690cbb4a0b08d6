"""What the network says under the pointer, from what was computed once per trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from segstudio.inspection.inspecting import Inspecting
from segstudio.inspection.pixel_values import PixelValues, ScoreMaps, score_maps, strongest
from segstudio.session.inspection import Traced
from segstudio.session.session import Session

PixelXY = tuple[int, int]


class PixelScores:
    """Answers for one pixel after the other, without the network.

    The scores of all pixels are computed by one forward pass in the background, when a trace's
    first pixel is asked for; a stage whose activations were not kept likewise.
    """

    def __init__(self, session: Session, inspecting: Inspecting) -> None:
        self._session, self._inspecting = session, inspecting
        self._traced: Traced | None = None
        self._scores: ScoreMaps | None = None
        self._scores_asked = False
        self._stage_asked = ""
        self._waiting: dict[str, tuple[PixelXY, Callable[[PixelValues], None]]] = {}

    def values_at(self, pixel_xy: PixelXY, done: Callable[[PixelValues], None], key: str) -> None:
        """Tell what the network says at a pixel; see `Explaining.values_at`."""
        found = self._values(pixel_xy)
        self._waiting.pop(key, None)
        if not found.complete:
            self._waiting[key] = (pixel_xy, done)
            self._prepare(found)
        done(found)

    def _values(self, pixel_xy: PixelXY) -> PixelValues:
        traced = self._current()
        if traced is None:
            return PixelValues(pixel_xy)
        window, (x, y) = traced.placement.window, pixel_xy
        if not window.contains(x, y):
            return PixelValues(pixel_xy, stage=self._session.inspection.stage)
        found = self._stage_values(traced, pixel_xy)
        if self._scores is None:
            return replace(found, complete=False)
        classes = self._scores.at(traced, y - window.top, x - window.left)
        return replace(found, classes=classes)

    def _stage_values(self, traced: Traced, pixel_xy: PixelXY) -> PixelValues:
        stage = self._session.inspection.stage
        if not stage:
            return PixelValues(pixel_xy)
        trace = traced.trace
        position = traced.placement.position(trace, stage, pixel_xy)
        if position is None:
            return PixelValues(pixel_xy, stage=stage)
        field = traced.placement.field(trace.layer(stage), *position)
        if stage not in trace.activations.kept:
            return PixelValues(pixel_xy, (), stage, position, (), field, complete=False)
        channels = strongest(trace.activation(stage), *position)
        return PixelValues(pixel_xy, (), stage, position, channels, field)

    def _prepare(self, found: PixelValues) -> None:
        """Have computed what is missing: the scores, or a stage that was not kept."""
        if self._scores is None and not self._scores_asked:
            self._scores_asked = True
            self._inspecting.ask(
                "Scoring every pixel", score_maps, self._take_scores, key="pixel scores",
                visible=False,
            )  # fmt: skip
        stage = found.stage
        if found.position is None or found.channels or stage == self._stage_asked:
            return
        self._stage_asked = stage
        self._inspecting.ask(
            f"Computing {stage} again",
            lambda _subject, traced, _job: traced.trace.activation(stage).shape,
            lambda _shape: self._tell_waiting(),
            ended=self._stage_ended,
            key="pixel stage",
            visible=False,
        )

    def _stage_ended(self) -> None:
        self._stage_asked = ""

    def _take_scores(self, scores: ScoreMaps) -> None:
        self._scores = scores
        self._tell_waiting()

    def _tell_waiting(self) -> None:
        for key, (pixel, done) in list(self._waiting.items()):
            found = self._values(pixel)
            if found.complete:
                self._waiting.pop(key, None)
            done(found)

    def _current(self) -> Traced | None:
        """The main trace; what was kept of another is forgotten."""
        traced = self._session.inspection.traced
        if traced is not self._traced:
            self._traced = traced
            self._scores, self._scores_asked = None, False
            self._stage_asked = ""
            self._waiting.clear()
        return traced
