"""Remembers for each folder which image was open last, where in it, and what lay over it."""

from __future__ import annotations

from dataclasses import replace

from segstudio.clock import Cancel, Clock
from segstudio.jobs import JobRunner
from segstudio.session.session import Change, Layer, Session, What
from segstudio.storage.project import Project
from segstudio.storage.states import NOWHERE, LastPlace, save_place

_SAVE_AFTER_S = 3.0


_RESTORED = frozenset(
    {Layer.ANNOTATION, Layer.PREDICTION, Layer.BOTH, Layer.DIFFERENCE, Layer.NONE}
)
"""Layers that a folder opens with again: those that need no second model."""


def view_at_opening(session: Session, project: Project) -> dict[str, object]:
    """What is shown of a folder at first (fields of `ViewState`); the layer is that of the last time."""
    ids, before = session.schema.ids, project.left_at.layer
    return {
        "run": "",
        "hidden_classes": frozenset(),
        "contrast": project.contrast,
        "channels": project.channels,
        "pixel_sizes": project.pixel_sizes,
        "provenance": project.provenance,
        "layer": Layer(before) if before in _RESTORED else session.view.layer,
        "active_class": ids[min(1, len(ids) - 1)] if ids else 1,
        "previous_class": 0,
    }


class PlaceKeeper:
    """Saves where the user is in the open folder, a little after that changed.

    It is read with the folder: `Project.left_at`.
    """

    def __init__(self, session: Session, jobs: JobRunner, clock: Clock) -> None:
        self._session, self._jobs, self._clock = session, jobs, clock
        self._cancel: Cancel | None = None
        self._project: Project | None = None
        self._saved = self._now = NOWHERE
        session.follow(What.DOCUMENT | What.PROJECT | What.VIEW, self._on_change)

    def look_at(self, zoom: float, middle_xy: tuple[float, float]) -> None:
        """The view shows another part of the image.

        Args:
            zoom: Pixels of the screen for one of the image; 0 if the whole image is kept in sight.
            middle_xy: The image point in the middle of the view.
        """
        if self._session.document is not None:
            self._note(replace(self._now, zoom=zoom, middle_xy=middle_xy))

    def _on_change(self, _change: Change) -> None:
        project, document = self._session.project, self._session.document
        if project is not self._project:
            if project is None or self._project is None or project.root != self._project.root:
                self.save_now()
                self._saved = self._now = NOWHERE if project is None else project.left_at
            self._project = project
        if document is not None:
            ref, layer = document.ref, self._session.view.layer.value
            self._note(replace(self._now, image=ref.name, page=ref.page, layer=layer))

    def _note(self, now: LastPlace) -> None:
        self._now = now
        if now != self._saved and self._cancel is None:
            self._cancel = self._clock.call_later(_SAVE_AFTER_S, self.save_now)

    def save_now(self) -> None:
        """Save what is not saved yet; where that is not possible the folder opens as it did before."""
        if self._cancel is not None:
            self._cancel()
            self._cancel = None
        project, place = self._project, self._now
        if project is None or place == self._saved or not place.image:
            return
        self._saved = place
        self._jobs.submit(
            "Saving the place",
            "save",
            lambda _job: save_place(project.data_folder, project.root, place),
            failed=lambda _error: None,
            visible=False,
        )
