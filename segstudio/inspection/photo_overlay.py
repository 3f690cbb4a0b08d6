"""What the inspector lays over the photo: a channel, an explanation, the mask of a cut network."""

from __future__ import annotations

from dataclasses import replace

from segstudio.core.class_mapping import adapt
from segstudio.core.labels import Labels
from segstudio.core.prediction import Prediction
from segstudio.inspection.attending import Attending, AttentionView
from segstudio.inspection.cut_list import describe
from segstudio.inspection.explaining import Explaining
from segstudio.inspection.explanations import (
    Cam,
    Field,
    LogitLensView,
    class_name,
    error_text,
    field_text,
)
from segstudio.inspection.feature_maps import FeatureMaps
from segstudio.inspection.proposing import Proposing, has_proposals
from segstudio.jobs import JobRunner, Latest
from segstudio.session.inspection import (
    ClassMapOverPhoto,
    Over,
    Overlay,
    OverPhoto,
    OverPhotoHeat,
    TracedNetwork,
)
from segstudio.session.session import Change, Session, What

_COMPUTING = "Computing …"
_NO_PIXEL = "Click a pixel of the photo first."
_NO_ATTENTION = "This network has no attention over the image."
_NO_PROPOSALS = "This network proposes no regions."
_NOT_TRACED = "There is no trace yet."


class PhotoOverlay:
    """Keeps one thing over the photo, in step with stage, channel, class, pixel, cuts and image.

    The order: `show`, or a change of what the picture depends on -> the question that follows from
    the session, unless it is the one that was asked last -> its answer, unless another was asked
    meanwhile -> `Inspection.over_photo`. Until then what lay there stays, so that nothing blinks.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        feature_maps: FeatureMaps,
        explaining: Explaining,
        attending: Attending,
        proposing: Proposing,
    ) -> None:
        self._session, self._jobs = session, jobs
        self._maps, self._explaining = feature_maps, explaining
        self._attending, self._proposing = attending, proposing
        self._channel: tuple[str, int] | None = None
        self._opacity: float | None = None
        self._asked: object = None
        self._latest = Latest()
        session.follow(What.TRACE | What.INSPECTION | What.CUTS | What.SCHEMA, self._on_change)

    # -- verbs -------------------------------------------------------------------------------

    def show(self, overlay: Overlay) -> None:
        """Lay something over the photo and keep it there, or take away what lies there."""
        if overlay is Overlay.NOTHING:
            self.clear()
        elif overlay is not self._session.inspection.overlay:
            self._channel = None
            self._session.set_inspection(overlay=overlay, overlay_note="")
            self._ask()

    def clear(self) -> None:
        """Take away what lies over the photo, or is on its way."""
        self._asked = None
        self._latest.begin()
        self._session.set_inspection(overlay=Overlay.NOTHING, overlay_note="", over_photo=None)

    def blend(self, opacity: float) -> None:
        """How strongly values cover the photo, 0..1: what lies there now, and what comes."""
        self._opacity = min(1.0, max(0.0, opacity))
        shown = self._session.inspection.over_photo
        if isinstance(shown, OverPhotoHeat) and shown.opacity != self._opacity:
            self._session.set_inspection(over_photo=replace(shown, opacity=self._opacity))

    @property
    def channel(self) -> tuple[str, int] | None:
        """Stage and channel that lie over the photo, or are on their way; None if none."""
        return self._channel if self._session.inspection.overlay is Overlay.CHANNEL else None

    @property
    def opacity(self) -> float:
        """How strongly a channel covers the photo, 0..1."""
        return OverPhotoHeat.opacity if self._opacity is None else self._opacity

    # -- what follows from the session -------------------------------------------------------

    def _on_change(self, _change: Change) -> None:
        inspection = self._session.inspection
        if inspection.overlay is Overlay.NOTHING:
            return
        if inspection.active:
            self._ask()
        else:
            self.clear()

    def _question(self) -> tuple[object, ...]:
        """All that the picture depends on."""
        inspection, schema = self._session.inspection, self._session.schema
        overlay, stage, look = inspection.overlay, inspection.stage, inspection.look
        of_overlay: tuple[object, ...]
        if overlay is Overlay.CHANNEL:
            of_overlay = (self._channel, look)
        elif overlay is Overlay.CUTS:
            of_overlay = (inspection.cut_result, schema)
        elif overlay is Overlay.LOGIT_LENS:
            of_overlay = (stage, schema)
        elif overlay is Overlay.CAM:
            of_overlay = (stage, self._explaining.target(), look.colours)
        elif overlay is Overlay.ATTENTION:
            state, point = self._attending.state, inspection.point
            of_overlay = (state.kept, state.blocks, state.problem, self._attending.head, point,
                          look.colours)  # fmt: skip
        elif overlay is Overlay.PROPOSALS:
            of_overlay = (self._proposing.state, inspection.proposals_before,
                          inspection.proposals_shown, inspection.proposal, look.colours)  # fmt: skip
        elif overlay is Overlay.FIELD:
            of_overlay = (self._explaining.target(Over.PIXEL), look.colours)
        else:
            of_overlay = (stage, inspection.channel, inspection.point, look.colours)
        return (overlay, inspection.traced, inspection.problem, *of_overlay)

    def _ask(self) -> None:
        """Ask what follows from the session, unless that was done."""
        inspection = self._session.inspection
        if inspection.channel is not None:
            self._channel = (inspection.stage, inspection.channel)
        question = self._question()
        if question == self._asked:
            return
        self._asked = question
        self._latest.begin()
        traced, overlay = inspection.traced, inspection.overlay
        if overlay is Overlay.CHANNEL:
            self._ask_channel(traced)
        elif overlay is Overlay.CUTS:
            self._ask_cuts(traced)
        elif traced is None:
            self._session.set_inspection(overlay_note=inspection.problem or _NOT_TRACED)
        elif overlay is Overlay.ATTENTION:
            self._ask_attention(inspection.point)
        elif overlay is Overlay.PROPOSALS:
            self._lay_proposals(traced)
        else:
            self._session.set_inspection(overlay_note=_COMPUTING)
            self._ask_explanation(traced, overlay)

    def _ask_channel(self, traced: TracedNetwork | None) -> None:
        """The channel in focus; where no other is, as on the next image, the one before."""
        if traced is None or self._channel is None:
            return
        stage, channel = self._channel
        layer = next((one for one in traced.trace.layers if one.id == stage), None)
        if layer is None or layer.receptive_field is None or channel >= layer.shape[0]:
            self.clear()
            return
        self._maps.heat(traced, stage, channel, self._latest.only(self._lay))

    def _ask_cuts(self, traced: TracedNetwork | None) -> None:
        """The mask with the enabled cuts, in the folder's classes."""
        result = self._session.inspection.cut_result
        if traced is None or result is None:
            self._lay(None)
            return
        names = ", ".join(describe(cut) for cut in result.cuts)
        self._lay_classes(traced, result.cut, f"{traced.title} without {names}")

    def _ask_attention(self, point: tuple[int, int] | None) -> None:
        """What the pinned pixel's token looks at; what is not there yet comes with a change."""
        state, only = self._attending.state, self._latest.only
        problem = state.problem
        if state.blocks is not None and not state.blocks.blocks:
            problem = _NO_ATTENTION
        elif point is None:
            problem = problem or _NO_PIXEL
        if problem or point is None:
            self._lay(None, problem)
            return

        def found(view: AttentionView) -> None:
            self._lay(view.heat, view.text)

        def failed(error: Exception) -> None:
            self._lay(None, error_text(error))

        if not self._attending.of_pixel(
            point, only(found), only(failed), over_photo=True, key="attention over photo"
        ):
            self._session.set_inspection(overlay_note=_COMPUTING)

    def _lay_proposals(self, traced: TracedNetwork) -> None:
        """The proposals, if they have come; else they come with a change."""
        boxes, state = self._proposing.over_photo(), self._proposing.state
        note = state.problem if has_proposals(traced) else _NO_PROPOSALS
        if boxes is None and not note:
            self._session.set_inspection(overlay_note=_COMPUTING)
        else:
            self._lay(boxes, note)

    def _ask_explanation(self, traced: TracedNetwork, overlay: Overlay) -> None:
        inspection, explaining = self._session.inspection, self._explaining

        def failed(error: Exception) -> None:
            self._lay(None, error_text(error))

        def explained(found: Cam) -> None:
            name = class_name(traced, found.attribution.target.class_id)
            nothing = f"Nothing at {found.stage} speaks for {name}: the map is zero everywhere."
            self._lay(found.heat, "" if found.values.any() else nothing)

        def depends(found: Field) -> None:
            self._lay(found.heat, field_text(found))

        def read(found: LogitLensView) -> None:
            note = f"Agrees with the network on {100 * found.agreement:.1f} % of the pixels."
            self._lay_classes(traced, found.prediction, found.prediction.title, note)

        only = self._latest.only
        if overlay is Overlay.CAM:
            explaining.explain(inspection.stage, inspection.over, only(explained), only(failed))
        elif overlay is Overlay.LOGIT_LENS:
            explaining.logit_lens(inspection.stage, only(read), only(failed))
        else:
            stage = inspection.stage if overlay is Overlay.STAGE_FIELD else ""
            explaining.effective_field(only(depends), only(failed), stage_id=stage)

    # -- what comes of it --------------------------------------------------------------------

    def _lay_classes(
        self, traced: TracedNetwork, said: Prediction, caption: str, note: str = ""
    ) -> None:
        """Lay a class map of the network over the photo, in the folder's classes."""
        schema = self._session.schema

        def done(labels: Labels) -> None:
            self._lay(ClassMapOverPhoto(labels, caption), note)

        self._jobs.submit(
            "Laying a mask over the photo", "features",
            lambda _job: traced.input_geometry.paste(adapt(said, schema).labels),
            self._latest.only(done), key="mask over photo", visible=False,
        )  # fmt: skip

    def _lay(self, over: OverPhoto | None, note: str = "") -> None:
        if isinstance(over, OverPhotoHeat) and self._opacity is not None:
            over = replace(over, opacity=self._opacity)
        self._session.set_inspection(over_photo=over, overlay_note=note)
