"""Why this pixel, this class: scores under the pointer, Grad-CAM, effective fields, logit lens."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import Image, Labels
from segstudio.inspection import explanation_work
from segstudio.inspection.explanations import (
    Attribution,
    Cam,
    Field,
    FloatArray,
    LensRow,
    LensView,
    PixelXY,
    Target,
)
from segstudio.inspection.inspecting import Inspecting
from segstudio.inspection.pixel_scores import PixelScores
from segstudio.inspection.pixel_values import PixelValues
from segstudio.inspection.why_over_photo import WhyOverPhoto
from segstudio.jobs import JobRunner
from segstudio.session.inspection import ColourMap, Over, Traced
from segstudio.session.session import Change, Session, What

T = TypeVar("T")
Failed = Callable[[Exception], None]
_KEPT = 16


@dataclass(eq=False)
class _Waiting:
    """Who waits for gradients under way."""

    done: list[Callable[[Attribution], None]]
    failed: list[Failed]


class Explaining:
    """Explains the main trace. Answers come on the GUI's thread, those of stale traces never.

    Gradients are computed for all stages at once and kept by class and target, so that another
    stage costs nothing.

    Attributes:
        over_photo: The verbs that lay explanations over the photo and keep them there.
    """

    def __init__(self, session: Session, jobs: JobRunner, inspecting: Inspecting) -> None:
        self._session, self._jobs, self._inspecting = session, jobs, inspecting
        self._pixels = PixelScores(session, inspecting)
        self._traced: Traced | None = None
        self._kept: OrderedDict[Target, Attribution] = OrderedDict()
        self._waiting: dict[Target, _Waiting] = {}
        self.over_photo = WhyOverPhoto(session, self)
        session.changed.connect(self._on_change)

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
        self._pixels.values_at(pixel_xy, done, key)

    # -- gradients ---------------------------------------------------------------------------

    def target(self, over: Over | str | None = None) -> Target:
        """The class that is asked about over pixels, as the session has them now.

        Args:
            over: Over which pixels; None: what the session says.
        """
        inspection = self._session.inspection
        over = inspection.over if over is None else Over(over)
        pinned = over in (Over.PIXEL, Over.REGION, Over.ANNOTATED)
        traced = inspection.traced
        annotated = over is Over.ANNOTATED and traced is not None
        return Target(
            inspection.class_id,
            over,
            inspection.point if pinned else None,
            inspection.rectangle if over is Over.RECTANGLE else None,
            traced.document.annotation.revision if annotated and traced is not None else 0,
        )

    def attribute(
        self, target: Target, done: Callable[[Attribution], None], failed: Failed | None = None
    ) -> bool:
        """Tell what the gradients of a target say of all stages; at once if it is known.

        A later target of the same kind of pixels supersedes an earlier one that is under way.

        Returns:
            False if nothing is traced.
        """
        if self._current() is None:
            return False
        if target in self._kept:
            self._kept.move_to_end(target)
            done(self._kept[target])
            return True
        waiting = self._waiting.get(target)
        if waiting is not None:
            waiting.done.append(done)
            waiting.failed += [failed] if failed is not None else []
            return True
        waiting = _Waiting([done], [failed] if failed is not None else [])
        self._waiting[target] = waiting
        job = self._inspecting.ask(
            "Following gradients",
            lambda subject, traced, job: explanation_work.attribution(subject, traced, target, job),
            lambda found: self._attributed(found, waiting),
            failed=lambda error: _tell_all(waiting.failed, error),
            ended=lambda: self._ended(target, waiting),
            key=f"gradients {target.over}",
        )
        if job is None:
            self._waiting.pop(target, None)
        return job is not None

    def _attributed(self, found: Attribution, waiting: _Waiting) -> None:
        self._kept[found.target] = found
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        for done in waiting.done:
            done(found)

    def _ended(self, target: Target, waiting: _Waiting) -> None:
        if self._waiting.get(target) is waiting:
            del self._waiting[target]

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
            if stage_id not in found.cams:
                if failed is not None:
                    failed(_unreached(stage_id))
                return
            self._draw(
                lambda traced: explanation_work.cam(traced, found, stage_id, colours), done, failed
            )

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
                lambda traced: explanation_work.cam_pictures(traced, found, px, colours),
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
        point, colours = self._session.inspection.point, self._colours()
        if self._current() is None:
            return False
        if point is None:
            if failed is not None:
                failed(SegstudioError("Click a pixel of the photo first."))
            return True
        if stage_id:
            channel = self._session.inspection.channel
            if self._session.inspection.stage != stage_id:
                channel = None
            job = self._inspecting.ask(
                f"Following gradients from {stage_id}",
                lambda subject, traced, job: explanation_work.stage_field(
                    subject, traced, stage_id, point, channel, colours, job
                ),
                done,
                failed=failed,
                key="stage field",
            )
            return job is not None

        def arrived(found: Attribution) -> None:
            self._draw(
                lambda traced: explanation_work.pixel_field(traced, found, colours), done, failed
            )

        return self.attribute(self.target(Over.PIXEL), arrived, failed)

    def lens(
        self,
        stage_id: str,
        done: Callable[[LensView], None],
        failed: Failed | None = None,
    ) -> bool:
        """Tell what the head says from a stage, and how it scores against the annotation.

        Returns:
            False if nothing is traced.
        """
        traced = self._current()
        if traced is None:
            return False
        reference, schema = _reference(traced), self._session.schema
        job = self._inspecting.ask(
            f"Reading {stage_id} with the head",
            lambda subject, found, _job: explanation_work.lens(
                subject, found, stage_id, reference, schema
            ),
            done,
            failed=failed,
            key=f"lens {stage_id}",
            visible=False,
        )
        return job is not None

    def lens_table(
        self, done: Callable[[tuple[LensRow, ...]], None], failed: Failed | None = None
    ) -> bool:
        """Tell of every stage on the way to the head what the head says from it, or why not.

        Returns:
            False if nothing is traced.
        """
        traced = self._current()
        if traced is None:
            return False
        reference, schema = _reference(traced), self._session.schema
        job = self._inspecting.ask(
            "Reading the stages with the head",
            lambda subject, found, job: explanation_work.lens_table(
                subject, found, reference, schema, job
            ),
            done,
            failed=failed,
            key="lens table",
            visible=False,
        )
        return job is not None

    def _draw(
        self,
        work: Callable[[Traced], T],
        done: Callable[[T], None],
        failed: Failed | None,
        key: str = "explanation",
    ) -> None:
        """Make a picture of what is known, off this thread."""
        traced = self._current()
        if traced is None:
            return

        def arrived(result: T) -> None:
            if traced is self._session.inspection.traced:
                done(result)

        self._jobs.submit(
            "Drawing the explanation", "features", lambda _job: work(traced), arrived,
            failed=failed, key=key, visible=False,
        )  # fmt: skip

    def _colours(self) -> ColourMap:
        colours = self._session.inspection.look.colours
        return ColourMap.MAGMA if colours is ColourMap.DIVERGING else colours

    # -- following the session ---------------------------------------------------------------

    def _current(self) -> Traced | None:
        """The main trace; what was kept of another is forgotten."""
        traced = self._session.inspection.traced
        if traced is not self._traced:
            self._traced = traced
            self._kept.clear()
            self._waiting.clear()
        return traced

    def _on_change(self, change: Change) -> None:
        if change.what & What.TRACE:
            self._current()


def _reference(traced: Traced) -> Labels | None:
    """A copy of the annotation's window, since the user may paint while it is read."""
    document = traced.document
    if not document.has_reference:
        return None
    return np.array(document.annotation.labels[traced.placement.window.slices])


def _tell_all(listeners: list[Failed], error: Exception) -> None:
    for listener in listeners:
        listener(error)


def _unreached(stage_id: str) -> SegstudioError:
    return SegstudioError(f"No gradient of this class reaches {stage_id}.")
