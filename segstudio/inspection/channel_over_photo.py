"""A channel over the photo, in step with what is looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from segstudio.inspection.inspecting import Inspecting
from segstudio.inspection.stage_work import StageWork
from segstudio.jobs import JobRunner
from segstudio.session.inspection import Heat, Look, OverPhoto
from segstudio.session.session import Change, Session, What

_KEY: Final = "channel over photo"


class ChannelOverPhoto:
    """Lays a channel over the photo until something else is laid there or it is taken away.

    It is the channel in focus that lies there, in the colours chosen, also on the next image.
    """

    def __init__(
        self, session: Session, jobs: JobRunner, inspecting: Inspecting, work: StageWork
    ) -> None:
        self._session, self._jobs, self._inspecting = session, jobs, inspecting
        self._work = work
        self._shown: tuple[str, int] | None = None
        self._heat: Heat | None = None
        self._look = Look()
        self._opacity = 0.6
        session.changed.connect(self._on_change)

    @property
    def shown(self) -> tuple[str, int] | None:
        """Stage and channel that lie over the photo, or are on their way; None if none."""
        return self._shown

    @property
    def opacity(self) -> float:
        """How strongly a channel covers the photo, 0..1."""
        return self._opacity

    def show(self, stage_id: str, channel: int) -> None:
        """Look at a channel, and lay it over the photo."""
        self._shown = (stage_id, channel)
        self._inspecting.open_stage(stage_id, channel)
        self._lay()

    def hide(self) -> None:
        """Take the channel off the photo."""
        if self._shown is not None:
            over = self._session.inspection.over_photo
            mine = over is not None and over is self._heat
            self._stop()
            if mine:
                self._inspecting.clear_photo()
            else:  # it had not come yet, so that nothing else tells of it
                self._session.notify(What.OVER_PHOTO)

    def blend(self, opacity: float) -> None:
        """Set how strongly a channel covers the photo, 0..1."""
        self._opacity = min(max(opacity, 0.0), 1.0)
        heat = self._heat
        if self._shown and heat is not None and self._session.inspection.over_photo is heat:
            self._heat = replace(heat, opacity=self._opacity)
            self._session.set_inspection(over_photo=self._heat)

    def _lay(self) -> None:
        inspection = self._session.inspection
        traced, shown, look = inspection.traced, self._shown, inspection.look
        if shown is None or traced is None:
            return
        stage_id, channel = shown
        layer = next((one for one in traced.trace.layers if one.id == stage_id), None)
        if layer is None or layer.receptive_field is None or channel >= layer.shape[0]:
            self.hide()
            return
        there, self._look = layer, look

        def arrived(heat: Heat) -> None:
            if self._shown == shown and self._session.inspection.traced is traced:
                self._heat = replace(heat, opacity=self._opacity)
                self._session.set_inspection(over_photo=self._heat)

        self._jobs.submit(
            f"Channel {channel} of {stage_id}",
            "features",
            lambda job: self._work.heat(traced, there, channel, look, job),
            arrived,
            key=_KEY,
            front=True,
            visible=False,
        )

    def _stop(self) -> None:
        self._shown = None
        self._jobs.cancel_key(_KEY)

    # -- keeping in step ---------------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        if self._shown is None:
            return
        inspection = self._session.inspection
        if change.what & What.TRACE and inspection.traced is None:
            self._stop_without_trace()
        elif change.what & What.OVER_PHOTO and not self._is_mine(inspection.over_photo):
            # another trace took the channel away: lay the new one's there; else the user did
            if change.what & What.TRACE:
                self._lay()
            else:
                self._stop()
        elif change.what & What.INSPECTION:
            self._follow_choices()

    def _stop_without_trace(self) -> None:
        """While another image is read there is no trace; it stays wanted if the panel is open."""
        if not self._session.inspection.active:
            self._stop()

    def _is_mine(self, over: OverPhoto | None) -> bool:
        """Whether it is the channel that lies over the photo, perhaps blended otherwise."""
        if over is self._heat:
            return True
        if isinstance(over, Heat) and self._heat and over.levels is self._heat.levels:
            self._heat, self._opacity = over, over.opacity
            return True
        return False

    def _follow_choices(self) -> None:
        inspection = self._session.inspection
        focus = (inspection.stage, inspection.channel)
        if inspection.channel is not None and focus != self._shown:
            self._shown = (inspection.stage, inspection.channel)
            self._lay()
        elif inspection.look != self._look:
            self._lay()
