"""Remembers for each folder how its images are shown: how bright, and how large a pixel is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from segstudio.clock import Cancel, Clock
from segstudio.jobs import JobRunner
from segstudio.session.session import Change, Session, What
from segstudio.storage.project import Project
from segstudio.storage.states import save_channels, save_contrast, save_pixel_sizes, save_provenance

_SAVE_AFTER_S = 1.0


@dataclass(frozen=True)
class _Kept:
    """What is kept: a field of the session's view and of `Project`, with which it is read."""

    field: str
    title: str
    save: Callable[[Path, Path, Any], None]


KEPT: Final = (
    _Kept("contrast", "Saving the contrast", save_contrast),
    _Kept("channels", "Saving how channels are shown", save_channels),
    _Kept("pixel_sizes", "Saving the size of pixels", save_pixel_sizes),
    _Kept("provenance", "Saving whether it is kept who writes pixels", save_provenance),
)


class ViewKeeper:
    """Saves what is kept of the open folder a little after it was changed last."""

    def __init__(self, session: Session, jobs: JobRunner, clock: Clock) -> None:
        self._session, self._jobs, self._clock = session, jobs, clock
        self._cancel: Cancel | None = None
        self._project: Project | None = None
        self._saved: dict[str, Any] = {}
        self._wanted: dict[str, Any] = {}
        session.follow(What.VIEW | What.PROJECT, self._on_change)

    def _on_change(self, _change: Change) -> None:
        project, view = self._session.project, self._session.view
        now = {kept.field: getattr(view, kept.field) for kept in KEPT}
        if project is not self._project:
            self.save_now()
            self._project, self._saved, self._wanted = project, now, dict(now)
        elif now != self._wanted:
            self._wanted = now
            if self._cancel is not None:
                self._cancel()
            self._cancel = self._clock.call_later(_SAVE_AFTER_S, self.save_now)

    def save_now(self) -> None:
        """Save what is not saved yet; what cannot be saved is forgotten with the folder."""
        if self._cancel is not None:
            self._cancel()
            self._cancel = None
        project = self._project
        for kept in KEPT:
            if project is not None and self._wanted[kept.field] != self._saved[kept.field]:
                self._save(project, kept, self._wanted[kept.field])

    def _save(self, project: Project, kept: _Kept, chosen: Any) -> None:
        self._saved[kept.field] = chosen
        self._jobs.submit(
            kept.title,
            "save",
            lambda _job: kept.save(project.data_folder, project.root, chosen),
            failed=lambda _error: self._retry(project, kept.field, chosen),
            visible=False,
        )

    def _retry(self, project: Project, field: str, chosen: Any) -> None:
        if project is self._project and chosen == self._saved[field]:
            self._saved[field] = getattr(project, field)  # the next change tries again
