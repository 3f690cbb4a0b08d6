"""Keeps an explanation over the photo while stage, class, pixel and image change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from segstudio.core.class_mapping import adapt
from segstudio.core.errors import SegstudioError
from segstudio.core.features import Role
from segstudio.core.geometry import Rect
from segstudio.inspection.explanations import Cam, Field, LensView, class_name
from segstudio.session.inspection import (
    ClassMapOverPhoto,
    Heat,
    Inspection,
    Over,
    OverPhoto,
    Traced,
    Why,
)
from segstudio.session.session import Change, Session, What

if TYPE_CHECKING:
    from segstudio.inspection.explaining import Explaining

_COMPUTING = "Computing …"
_NOT_TRACED = "There is no trace yet."


class WhyOverPhoto:
    """What `Inspection.why` asks for, laid over the photo; ends when something else is laid there.

    Each answer replaces the one before when it has come, so that nothing blinks meanwhile.
    """

    def __init__(self, session: Session, explaining: Explaining) -> None:
        self._session, self._explaining = session, explaining
        self._mine: OverPhoto | None = None
        self._asked: object = None
        self._traced: Traced | None = None
        self._opacity: float | None = None
        session.changed.connect(self._on_change)

    # -- verbs -------------------------------------------------------------------------------

    def show(self, why: Why) -> None:
        """Lay an explanation over the photo and keep it there, or take it away."""
        if why is Why.NOTHING:
            self._end(clear=True)
            return
        self._session.set_inspection(why=why, why_note="")
        self._refresh()

    def choose_over(self, over: Over) -> None:
        """Explain the class over other pixels."""
        self._session.set_inspection(over=over)

    def choose_rectangle(self, rect: Rect | None) -> None:
        """Explain the class over a rectangle of the photo (clipped to it); None for none."""
        traced = self._session.inspection.traced
        if traced is not None and rect is not None:
            rect = rect.clip(traced.placement.photo_hw)
        if rect is None or rect.is_empty:
            over = self._session.inspection.over
            over = Over.PIXEL if over is Over.RECTANGLE else over
            self._session.set_inspection(rectangle=None, over=over)
        else:
            self._session.set_inspection(rectangle=rect, over=Over.RECTANGLE)

    def blend(self, opacity: float) -> None:
        """How strongly values cover the photo, 0..1: what lies there now, and what comes."""
        self._opacity = min(1.0, max(0.0, opacity))
        shown = self._session.inspection.over_photo
        if isinstance(shown, Heat) and shown.opacity != self._opacity:
            faded = replace(shown, opacity=self._opacity)
            if shown is self._mine:
                self._mine = faded
            self._session.set_inspection(over_photo=faded)

    # -- following ---------------------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        inspection = self._session.inspection
        if change.what & What.TRACE and inspection.traced is not self._traced:
            self._follow_trace(inspection)
        elif change.what & What.OVER_PHOTO and inspection.over_photo is not self._mine:
            # a channel, a cut, or the close button: this explanation is not wanted any more
            self._end(clear=False)
        if change.what & (What.INSPECTION | What.TRACE) and inspection.why is not Why.NOTHING:
            self._refresh()

    def _follow_trace(self, inspection: Inspection) -> None:
        before, self._traced = self._traced, inspection.traced
        self._mine, self._asked = None, None
        same_image = (
            before is not None
            and inspection.traced is not None
            and before.document is inspection.traced.document
        )
        if not same_image:
            self._session.set_inspection(rectangle=None)
        if not inspection.active:
            self._end(clear=False)

    def _end(self, *, clear: bool) -> None:
        mine, self._mine, self._asked = self._mine, None, None
        values: dict[str, object] = {"why": Why.NOTHING, "why_note": ""}
        if clear and mine is not None and mine is self._session.inspection.over_photo:
            values["over_photo"] = None
        self._session.set_inspection(**values)

    def _refresh(self) -> None:
        """Ask again if anything that the answer depends on differs."""
        inspection = self._session.inspection
        stage = inspection.stage or _default_stage(inspection)
        asked = _question(inspection, stage)
        if asked == self._asked or inspection.why is Why.NOTHING:
            return
        self._asked = asked
        if inspection.traced is None:
            self._session.set_inspection(why_note=inspection.problem or _NOT_TRACED)
            return
        self._session.set_inspection(why_note=_COMPUTING)
        explaining = self._explaining

        def failed(error: Exception) -> None:
            if asked == self._asked:
                self._put(None, error_text(error))

        if inspection.why is Why.CAM:
            explaining.explain(stage, inspection.over, lambda c: self._cam(c, asked), failed)
        elif inspection.why is Why.LENS:
            explaining.lens(stage, lambda view: self._lens(view, asked), failed)
        else:
            of_stage = stage if inspection.why is Why.STAGE_FIELD else ""
            explaining.effective_field(
                lambda found: self._field(found, asked), failed, stage_id=of_stage
            )

    def _cam(self, found: Cam, asked: object) -> None:
        if asked != self._asked:
            return
        self._put(self._faded(found.heat), self._cam_text(found))

    def _cam_text(self, found: Cam) -> str:
        traced, target = self._session.inspection.traced, found.attribution.target
        if traced is None:
            return ""
        name = class_name(traced, target.class_id)
        if not found.values.any():
            return f"Nothing at {found.stage} speaks for {name}: the map is zero everywhere."
        return ""

    def _field(self, found: Field, asked: object) -> None:
        if asked != self._asked:
            return
        self._put(self._faded(found.heat), field_text(found))

    def _lens(self, found: LensView, asked: object) -> None:
        traced = self._session.inspection.traced
        if asked != self._asked or traced is None:
            return
        labels = adapt(found.prediction, self._session.schema).labels
        over = ClassMapOverPhoto(traced.placement.paste(labels), found.prediction.title)
        note = f"Agrees with the network on {100 * found.agreement:.1f} % of the pixels."
        self._put(over, note)

    def _faded(self, heat: Heat) -> Heat:
        return heat if self._opacity is None else replace(heat, opacity=self._opacity)

    def _put(self, over: OverPhoto | None, note: str) -> None:
        self._mine = over
        self._session.set_inspection(over_photo=over, why_note=note)


def error_text(error: Exception) -> str:
    """An error as sentences: those of the engine begin small and end without a full stop."""
    parts = (error.message, error.hint) if isinstance(error, SegstudioError) else (str(error),)
    texts = (part[:1].upper() + part[1:].rstrip(".") + "." for part in parts if part)
    return " ".join(texts)


def field_text(found: Field) -> str:
    """How large an effective field is, beside the theoretical one."""
    if not found.side_half:
        return "The image has no influence on it: the gradient is zero."
    half, most = found.side_half, found.side_most
    text = f"Half of the gradient lies within {half} x {half} px, 95 % within {most} x {most} px."
    if found.theoretical is not None:
        height, width = (round(side) for side in found.theoretical)
        text += f" The theoretical field is {width} x {height} px"
        text += ", and a global path sees the whole image." if found.is_global else "."
    return text


def _question(inspection: Inspection, stage: str) -> object:
    """All that an answer depends on."""
    why = inspection.why
    of_stage = stage if why is not Why.FIELD else ""
    pixels: object = inspection.point
    if why is Why.CAM:
        pinned = inspection.over in (Over.PIXEL, Over.REGION, Over.ANNOTATED)
        drawn = inspection.over is Over.RECTANGLE
        pixels = (
            inspection.over,
            inspection.point if pinned else None,
            inspection.rectangle if drawn else None,
        )
    if why is Why.LENS:
        return (inspection.traced, why, of_stage)
    if why is Why.STAGE_FIELD:
        channel = inspection.channel if inspection.stage == stage else None
        return (inspection.traced, why, of_stage, channel, pixels, inspection.look.colours)
    return (
        inspection.traced, why, of_stage, inspection.class_id, pixels, inspection.look.colours,
    )  # fmt: skip


def _default_stage(inspection: Inspection) -> str:
    """Where one usually looks first: the deepest stage before the head."""
    if inspection.traced is None:
        return ""
    trace = inspection.traced.trace
    if inspection.why is Why.LENS:
        wanted = (Role.DECODER, Role.CONTEXT, Role.PYRAMID)
    else:
        wanted = (Role.BOTTLENECK, Role.CONTEXT, Role.PYRAMID)
    found = trace.of_role(*wanted) or trace.of_role(Role.ENCODER) or trace.layers
    return found[-1].id
