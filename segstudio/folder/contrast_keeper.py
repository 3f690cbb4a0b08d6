"""Remembers for each folder how bright its images are shown."""

from __future__ import annotations

from segstudio.clock import Cancel, Clock
from segstudio.core.tones import AS_FOUND, Contrast
from segstudio.jobs import JobRunner
from segstudio.session.session import Change, Session, What
from segstudio.storage.project import Project
from segstudio.storage.states import save_contrast

_SAVE_AFTER_S = 1.0


class ContrastKeeper:
    """Saves the contrast of the open folder a little after it was changed last.

    It is read with the folder: `Project.contrast`.
    """

    def __init__(self, session: Session, jobs: JobRunner, clock: Clock) -> None:
        self._session, self._jobs, self._clock = session, jobs, clock
        self._cancel: Cancel | None = None
        self._project: Project | None = None
        self._saved = AS_FOUND
        self._wanted = AS_FOUND
        session.follow(What.VIEW | What.PROJECT, self._on_change)

    def _on_change(self, _change: Change) -> None:
        project, now = self._session.project, self._session.view.contrast
        if project is not self._project:
            self.save_now()
            self._project, self._saved, self._wanted = project, now, now
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
        project, chosen = self._project, self._wanted
        if project is None or chosen == self._saved:
            return
        self._saved = chosen
        self._jobs.submit(
            "Saving the contrast",
            "save",
            lambda _job: save_contrast(project.data_folder, project.root, chosen),
            failed=lambda _error: self._retry(project, chosen),
            visible=False,
        )

    def _retry(self, project: Project, chosen: Contrast) -> None:
        if project is self._project and chosen == self._saved:
            self._saved = project.contrast  # the next change tries again
