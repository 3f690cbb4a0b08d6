"""The folders that were open before: what is kept of them, and whether they are still there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from segstudio.jobs import Job, JobRunner
from segstudio.preferences import Preferences
from segstudio.session.session import Change, Session, What
from segstudio.storage.image_ref import PAGE_STEP
from segstudio.storage.project import Project
from segstudio.storage.recent_folders import FolderFacts, RecentFolder, recent_folders, why_gone


class RecentFolders:
    """Counts a folder's images and marks when it is opened and left; nothing is looked through."""

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        preferences: Preferences,
        marks_known: Callable[[], bool],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Args (besides the objects it works on):
        marks_known: Whether the marks of all images of the open folder are read.
        now: The time.
        """
        self._session = session
        self._jobs = jobs
        self._preferences = preferences
        self._marks_known = marks_known
        self._now = now
        self._counted: Project | None = None
        session.follow(What.STATES, self._on_states)

    def rows(self) -> tuple[RecentFolder, ...]:
        """The list, the latest first."""
        settings = self._preferences.settings
        return recent_folders(settings.recent, settings.recent_facts)

    def enter(self, project: Project) -> None:
        """A folder was opened."""
        known = self._preferences.settings.recent_facts.get(str(project.root))
        images = len(project.images)
        done = None if known is None or known.done is None else min(known.done, images)
        moment = self._now().isoformat(timespec="seconds")
        self._preferences.remember_folder(project.root, FolderFacts(images, done, moment))

    def leave(self) -> None:
        """The open folder is about to be left: keep how far it is."""
        project = self._session.project
        if project is None or not self._marks_known():
            return
        known = self._preferences.settings.recent_facts.get(str(project.root))
        if known is not None:
            states = self._session.states
            done = sum(state.reviewed for i, state in states.items() if i < PAGE_STEP)
            facts = replace(known, images=len(project.images), done=done)
            self._preferences.remember_facts(project.root, facts)

    def forget(self, folder: Path) -> None:
        """Take a folder out of the list; nothing of the folder itself is touched."""
        self._preferences.forget_folder(folder)

    def look(self, folders: Iterable[Path], told: Callable[[Path, str], None]) -> None:
        """Find out in the background which folders can't be opened now.

        Args:
            folders: The folders.
            told: Gets each that can't be opened, and why in two or three words.
        """
        for folder in folders:
            self._look_at(folder, told)

    def _look_at(self, folder: Path, told: Callable[[Path, str], None]) -> None:
        def work(_job: Job) -> str:
            return why_gone(folder)

        def done(reason: str) -> None:
            if reason:
                told(folder, reason)

        self._jobs.submit("Looking for recent folders", "recent", work, done, visible=False)

    def _on_states(self, change: Change) -> None:
        """Once all marks are read they are counted: a program that is ended leaves no old count."""
        project = self._session.project
        if project is not self._counted and self._marks_known():
            self._counted = project
            self.leave()
