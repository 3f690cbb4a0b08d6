"""Whether another window has the same folder open, and windows that only look."""

from __future__ import annotations

import logging

from segstudio.core.errors import SegstudioError
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notice, Notices
from segstudio.session.session import Session, What
from segstudio.storage.atomic import make_folder
from segstudio.storage.process_lock import ProcessLock
from segstudio.storage.project import Project

_log = logging.getLogger(__name__)
_ABOUT = "another window"
_REASON = "This window is read-only: turn that off in the File menu to edit."


class FolderClaim:
    """Holds a lock on the open folder, tells a second window of it, and locks the tools.

    The lock is only for telling: two windows may edit, since a save compares the files first.
    """

    def __init__(self, session: Session, jobs: JobRunner, notices: Notices) -> None:
        self._session = session
        self._jobs = jobs
        self._notices = notices
        self._lock: ProcessLock | None = None
        self._project: Project | None = None

    def take(self, project: Project) -> None:
        """Claim a folder that was just opened; the one before is let go."""
        before, self._project = self._project, project
        if before is not None and before.data_folder == project.data_folder:
            return
        self.release()
        self._set("")
        place = project.data_folder / "window"

        def work(_job: Job) -> ProcessLock | None:
            make_folder(place)
            return ProcessLock.try_acquire(place)

        def done(lock: ProcessLock | None) -> None:
            if project.data_folder != (self._project and self._project.data_folder):
                if lock is not None:
                    lock.release()
            elif lock is None:
                self._tell(project)
            else:
                self._lock = lock

        def failed(error: Exception) -> None:
            # Nothing is lost by not knowing: saving compares the files all the same.
            told = error if isinstance(error, SegstudioError) else repr(error)
            _log.warning("whether another window has %s open is not known: %s", project.name, told)

        self._jobs.submit(
            "Looking for other windows", "journal", work, done, failed=failed, visible=False
        )

    def release(self) -> None:
        """Let go of the folder."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def set_read_only(self, *, read_only: bool) -> None:
        """Let this window only look at the folder, or edit again."""
        self._set(_REASON if read_only else "")
        self._notices.settle(_ABOUT)
        if read_only:
            self._notices.info(
                _REASON, "", ("Edit here", lambda: self.set_read_only(read_only=False))
            )

    def _set(self, reason: str) -> None:
        if reason != self._session.read_only:
            self._session.read_only = reason
            self._session.notify(What.SAVED | What.VIEW)

    def _tell(self, project: Project) -> None:
        self._notices.post(
            Notice(
                "warning",
                f"{project.name} is open in another window too.",
                "Both can edit: before one replaces what the other saved, it asks.",
                action=(
                    "Make this window read-only",
                    lambda: self.set_read_only(read_only=True),
                ),
                about=_ABOUT,
                stays=True,
            )
        )
