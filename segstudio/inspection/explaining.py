"""Why this pixel, this class: scores under the pointer, Grad-CAM, effective fields, logit lens."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import Image, Labels
from segstudio.inspection import explanations
from segstudio.inspection.explanations import (
    Attribution,
    Cam,
    ExplainedClass,
    Field,
    FloatArray,
    LogitLensRow,
    LogitLensView,
    PixelValues,
    PixelXY,
    ScoreMaps,
)
from segstudio.inspection.inspecting import Inspecting
from segstudio.jobs import JobRunner, Latest
from segstudio.session.inspection import ColourMap, Over, TracedNetwork
from segstudio.session.session import Change, Session, What

T = TypeVar("T")
Failed = Callable[[Exception], None]
_KEPT = 16


@dataclass(eq=False)
class _Waiting:
    """Who waits for gradients under way."""

    done: list[Callable[[Attribution], None]] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)

    def add(self, done: Callable[[Attribution], None], failed: Failed | None) -> None:
        self.done.append(done)
        if failed is not None:
            self.failed.append(failed)

    def deliver(self, found: Attribution) -> None:
        for done in self.done:
            done(found)

    def fail(self, error: Exception) -> None:
        for failed in self.failed:
            failed(error)


@dataclass(eq=False)
class _Known:
    """What was computed of one trace, and who waits for more of it.

    Attributes:
        traced: The trace.
        gradients: The latest by target.
        waiting: Who waits for gradients, by target.
        scores: Of every pixel, once they have come.
        scores_asked: Whether they are under way.
        stage_asked: The stage whose activations are being computed again, "" if none.
        pixels: Who waits for a pixel's values, by key.
    """

    traced: TracedNetwork
    gradients: OrderedDict[ExplainedClass, Attribution] = field(default_factory=OrderedDict)
    waiting: dict[ExplainedClass, _Waiting] = field(default_factory=dict)
    scores: ScoreMaps | None = None
    scores_asked: bool = False
    stage_asked: str = ""
    pixels: dict[str, tuple[PixelXY, Callable[[PixelValues], None]]] = field(default_factory=dict)


class Explaining:
    """Explains the main trace. Answers come on the GUI's thread, those of stale traces never.

    Every question goes the same way: what is known already is told at once; else the network is
    asked through `Inspecting.submit`, what it says is kept, and a picture of it is made beside the
    GUI's thread. Nothing of it is put into the session: `PhotoOverlay` and the panels do that.

    Gradients are computed for all stages at once and kept by class and target, so that another
    stage costs nothing. The scores of all pixels are computed once, when the first is asked for.
    """

    def __init__(self, session: Session, jobs: JobRunner, inspecting: Inspecting) -> None:
        self._session, self._jobs, self._inspecting = session, jobs, inspecting
        self._of_trace: _Known | None = None
        self._latest = Latest()
        session.follow(What.TRACE, self._on_trace)

    def _on_trace(self, _change: Change) -> None:
        self._known()

    def _known(self) -> _Known | None:
        """What is known of the main trace, None without one; what was of another is forgotten."""
        traced, known = self._session.inspection.traced, self._of_trace
        if traced is not (None if known is None else known.traced):
            self._latest.begin()
            self._of_trace = None if traced is None else _Known(traced)
        return self._of_trace

    # -- under the pointer -------------------------------------------------------------------

    def values_at(
        self, pixel_xy: PixelXY, done: Callable[[PixelValues], None], *, key: str = "pointer"
    ) -> None:
        """Tell what the network says at a pixel (x, y) of the photo.

        Never runs the network on the calling thread.

        Args:
            pixel_xy: The pixel.
            done: Gets at once what is known, and once more when the rest has come, unless another
                pixel was asked for since.
            key: Who asks; a later question of the same key supersedes an earlier one.
        """
        known = self._known()
        if known is None:
            done(PixelValues(pixel_xy))
            return
        found = self._values(known, pixel_xy)
        known.pixels.pop(key, None)
        if not found.complete:
            known.pixels[key] = (pixel_xy, done)
            self._complete(known, found)
        done(found)

    def _values(self, known: _Known, pixel_xy: PixelXY) -> PixelValues:
        window, (x, y) = known.traced.input_geometry.window, pixel_xy
        stage = self._session.inspection.stage
        if not window.contains(x, y):
            return PixelValues(pixel_xy, stage=stage)
        found = explanations.stage_values(known.traced, stage, pixel_xy)
        if known.scores is None:
            return replace(found, complete=False)
        classes = known.scores.at(known.traced, y - window.top, x - window.left)
        return replace(found, classes=classes)

    def _complete(self, known: _Known, found: PixelValues) -> None:
        """Have computed what is missing: the scores, or a stage that was not kept."""

        def scored(scores: ScoreMaps) -> None:
            known.scores = scores
            self._tell_waiting(known)

        def stage_ended() -> None:
            known.stage_asked = ""

        if known.scores is None and not known.scores_asked:
            known.scores_asked = True
            self._inspecting.submit(
                "Scoring every pixel", explanations.score_maps, scored, key="pixel scores",
                visible=False,
            )  # fmt: skip
        stage = found.stage
        if found.position is None or found.channels or stage == known.stage_asked:
            return
        known.stage_asked = stage
        self._inspecting.submit(
            f"Computing {stage} again",
            lambda _traced_model, traced, _job: traced.trace.activation(stage).shape,
            lambda _shape: self._tell_waiting(known),
            ended=stage_ended,
            key="pixel stage",
            visible=False,
        )

    def _tell_waiting(self, known: _Known) -> None:
        for key, (pixel_xy, done) in list(known.pixels.items()):
            found = self._values(known, pixel_xy)
            if found.complete:
                known.pixels.pop(key, None)
            done(found)

    # -- gradients ---------------------------------------------------------------------------

    def target(self, over: Over | str | None = None) -> ExplainedClass:
        """The class that is asked about over pixels, as the session has them now.

        Args:
            over: Over which pixels; None: what the session says.
        """
        inspection = self._session.inspection
        over = inspection.over if over is None else Over(over)
        pinned = over in (Over.PIXEL, Over.REGION, Over.ANNOTATED)
        read = inspection.traced if over is Over.ANNOTATED else None
        return ExplainedClass(
            inspection.class_id,
            over,
            inspection.point if pinned else None,
            inspection.rectangle if over is Over.RECTANGLE else None,
            0 if read is None else read.document.annotation.revision,
        )

    def attribute(
        self,
        target: ExplainedClass,
        done: Callable[[Attribution], None],
        failed: Failed | None = None,
    ) -> bool:
        """Tell what the gradients of a target say of all stages; at once if it is known.

        A later target of the same kind of pixels supersedes an earlier one that is under way.

        Returns:
            False if nothing is traced.
        """
        known = self._known()
        if known is None:
            return False
        if target in known.gradients:
            known.gradients.move_to_end(target)
            done(known.gradients[target])
            return True
        waiting = known.waiting.get(target)
        if waiting is not None:
            waiting.add(done, failed)
            return True
        waiting = known.waiting[target] = _Waiting()
        waiting.add(done, failed)
        return self._follow_gradients(known, target, waiting)

    def _follow_gradients(self, known: _Known, target: ExplainedClass, waiting: _Waiting) -> bool:
        def arrived(found: Attribution) -> None:
            known.gradients[target] = found
            while len(known.gradients) > _KEPT:
                known.gradients.popitem(last=False)
            waiting.deliver(found)

        def ended() -> None:
            if known.waiting.get(target) is waiting:
                del known.waiting[target]

        job = self._inspecting.submit(
            "Following gradients",
            lambda traced_model, traced, job: explanations.attribution(
                traced_model, traced, target, job
            ),
            arrived,
            failed=waiting.fail,
            ended=ended,
            key=f"gradients {target.over}",
        )
        if job is None:
            ended()
        return job is not None

    def influence(
        self,
        stage_id: str,
        done: Callable[[FloatArray], None],
        *,
        over: Over | str | None = None,
        failed: Failed | None = None,
    ) -> bool:
        """Tell each channel's influence (C,) on the class that is asked about.

        Gradient x activation, summed over the stage's positions: positive where the channel
        raises the class's score.

        Args:
            stage_id: The stage.
            done: Gets the array.
            over: Over which pixels the class is scored; None: the pinned pixel if there is one,
                else wherever the network says the class.
            failed: Told why there is none.

        Returns:
            False if nothing is traced.
        """
        if over is None:
            over = Over.CLASS if self._session.inspection.point is None else Over.PIXEL

        def arrived(found: Attribution) -> None:
            if stage_id in found.influences:
                done(found.influences[stage_id])
            elif failed is not None:
                failed(_unreached(stage_id))

        return self.attribute(self.target(over), arrived, failed)

    def explain(
        self,
        stage_id: str,
        over: Over | str,
        done: Callable[[Cam], None],
        failed: Failed | None = None,
    ) -> bool:
        """Tell Seg-Grad-CAM of a stage for the class that is asked about.

        Args:
            stage_id: The stage.
            over: Over which pixels the class is scored: "pixel", "region", "annotated",
                "rectangle", "class", "all".
            done: Gets the result.
            failed: Told why there is none.

        Returns:
            False if nothing is traced.
        """
        colours = self._colours()

        def arrived(found: Attribution) -> None:
            if stage_id in found.cams:
                self._draw(
                    lambda traced: explanations.cam(traced, found, stage_id, colours), done, failed
                )
            elif failed is not None:
                failed(_unreached(stage_id))

        return self.attribute(self.target(over), arrived, failed)

    def cam_pictures(
        self, px: int, done: Callable[[dict[str, Image]], None], failed: Failed | None = None
    ) -> bool:
        """Tell Seg-Grad-CAM of every stage over a small photo, as the session asks.

        Args:
            px: Longer side of the pictures.
            done: Gets (h, w, 3) uint8 RGB by stage, in the order of the stages.
            failed: Told why there are none.

        Returns:
            False if nothing is traced.
        """
        colours = self._colours()

        def arrived(found: Attribution) -> None:
            self._draw(
                lambda traced: explanations.cam_pictures(traced, found, px, colours),
                done, failed, key="explanations",
            )  # fmt: skip

        return self.attribute(self.target(), arrived, failed)

    def effective_field(
        self,
        done: Callable[[Field], None],
        failed: Failed | None = None,
        *,
        stage_id: str = "",
    ) -> bool:
        """Tell the effective receptive field of the pinned pixel.

        Args:
            done: Gets the result.
            failed: Told why there is none.
            stage_id: Of the stage's position there (of the channel in focus, if there is one);
                "": of the score of the class that is asked about.

        Returns:
            False if nothing is traced.
        """
        inspection, colours = self._session.inspection, self._colours()
        point = inspection.point
        if self._known() is None:
            return False
        if point is None:
            if failed is not None:
                failed(SegstudioError("Click a pixel of the photo first."))
            return True
        if stage_id:
            channel = inspection.channel if inspection.stage == stage_id else None
            job = self._inspecting.submit(
                f"Following gradients from {stage_id}",
                lambda traced_model, traced, job: explanations.stage_field(
                    traced_model, traced, stage_id, point, channel, colours, job
                ),
                done,
                failed=failed,
                key="stage field",
            )
            return job is not None

        def arrived(found: Attribution) -> None:
            self._draw(
                lambda traced: explanations.pixel_field(traced, found, colours), done, failed
            )

        return self.attribute(self.target(Over.PIXEL), arrived, failed)

    # -- the logit lens ----------------------------------------------------------------------

    def logit_lens(
        self,
        stage_id: str,
        done: Callable[[LogitLensView], None],
        failed: Failed | None = None,
    ) -> bool:
        """Tell what the head says from a stage, and how it scores against the annotation.

        Returns:
            False if nothing is traced.
        """
        known = self._known()
        if known is None:
            return False
        reference, schema = _reference(known.traced), self._session.schema
        job = self._inspecting.submit(
            f"Reading {stage_id} with the head",
            lambda traced_model, traced, _job: explanations.logit_lens(
                traced_model, traced, stage_id, reference, schema
            ),
            done,
            failed=failed,
            key=f"lens {stage_id}",
            visible=False,
        )
        return job is not None

    def logit_lens_table(
        self, done: Callable[[tuple[LogitLensRow, ...]], None], failed: Failed | None = None
    ) -> bool:
        """Tell of every stage on the way to the head what the head says from it, or why not.

        Returns:
            False if nothing is traced.
        """
        known = self._known()
        if known is None:
            return False
        reference, schema = _reference(known.traced), self._session.schema
        job = self._inspecting.submit(
            "Reading the stages with the head",
            lambda traced_model, traced, job: explanations.logit_lens_table(
                traced_model, traced, reference, schema, job
            ),
            done,
            failed=failed,
            key="lens table",
            visible=False,
        )
        return job is not None

    # -- pictures ----------------------------------------------------------------------------

    def _draw(
        self,
        work: Callable[[TracedNetwork], T],
        done: Callable[[T], None],
        failed: Failed | None,
        key: str = "explanation",
    ) -> None:
        """Make a picture of what is known, off this thread."""
        known = self._known()
        if known is None:
            return
        traced = known.traced
        self._jobs.submit(
            "Drawing the explanation", "features", lambda _job: work(traced),
            self._latest.only(done), failed=None if failed is None else self._latest.only(failed),
            key=key, visible=False,
        )  # fmt: skip

    def _colours(self) -> ColourMap:
        colours = self._session.inspection.look.colours
        return ColourMap.MAGMA if colours is ColourMap.DIVERGING else colours


def _reference(traced: TracedNetwork) -> Labels | None:
    """A copy of the annotation's window, since the user may paint while it is read."""
    document = traced.document
    if not document.has_reference:
        return None
    return np.array(document.annotation.labels[traced.input_geometry.window.slices])


def _unreached(stage_id: str) -> SegstudioError:
    return SegstudioError(f"No gradient of this class reaches {stage_id}.")
