"""Strokes that a killed program left behind: finding, restoring, discarding them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path

from segstudio.annotation.editing import Editing
from segstudio.core.formatting import counted
from segstudio.core.labels import LabelMap
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notices
from segstudio.session.document import Document
from segstudio.session.session import Session
from segstudio.storage.journal import Journal, Recovered, replay

OpenImage = Callable[[Path, int, Callable[[Document], None], Callable[[], None]], None]
"""Opens a page of an image and calls back with its document, or the second if it is not shown."""
_AGAIN = "They are offered again at the next start."


class Recovering:
    """Brings strokes of an ended program back as one undoable edit of their image.

    Each image has to be opened, so one is restored after the other.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        notices: Notices,
        editing: Editing,
        journal: Journal,
        open_image: OpenImage,
    ) -> None:
        self._session = session
        self._jobs = jobs
        self._notices = notices
        self._editing = editing
        self._journal = journal
        self._open_image = open_image
        self._waiting: deque[Recovered] = deque()
        self._restoring = False

    def pending(self) -> list[Recovered]:
        """Strokes that an ended program left behind, the latest first."""
        return self._journal.pending()

    def notify_unreadable(self) -> None:
        """Say which journals the last `pending` could not read; nothing of them was deleted."""
        for trouble in self._journal.unreadable:
            if trouble.set_aside:
                self._notices.error(
                    f"Unsaved strokes of an earlier session cannot be read: {trouble.why}.",
                    f"The journal was set aside as {trouble.path}; nothing of it was deleted.",
                    scope="program",
                )
            else:
                self._notices.error(
                    f"{trouble.path} cannot be read now ({trouble.why}); it may hold unsaved "
                    "strokes.",
                    "It was left as it is. The next start tries again.",
                    scope="program",
                )

    def restore(self, item: Recovered) -> None:
        """Open the image and paint the strokes onto its annotation as one edit."""
        self._waiting.append(item)
        if not self._restoring:
            self._restore_next()

    def _restore_next(self) -> None:
        self._restoring = bool(self._waiting)
        if not self._restoring:
            return
        item = self._waiting.popleft()

        def not_shown() -> None:
            self._warn(f"The strokes on {item.title} were not restored, since it is not open.")
            # Not from within the opening of another image.
            self._jobs.submit(
                "Restoring strokes", "journal", lambda _job: None, ended=self._restore_next
            )

        self._open_image(
            item.image, item.page, lambda document: self._replay(item, document), not_shown
        )

    def discard(self, item: Recovered) -> None:
        """Delete the strokes."""
        self._jobs.submit(
            "Discarding strokes",
            "journal",
            lambda _job: self._journal.discard(item),
            visible=False,
        )

    def _warn(self, message: str, hint: str = _AGAIN) -> None:
        # of the program: the strokes may be of another folder, and the next ones open it
        self._notices.warning(message, hint, scope="program")

    def _replay(self, item: Recovered, document: Document) -> None:
        base = document.annotation.copy()

        def work(_job: Job) -> tuple[LabelMap, int]:
            return replay(item, base)

        def done(result: tuple[LabelMap, int]) -> None:
            restored, conflicts = result
            if self._session.read_only:
                self._warn(
                    f"The strokes on {item.title} were not restored. {self._session.read_only}"
                )
                return
            if document is not self._session.document or (
                document.annotation.revision != base.revision
            ):
                self._warn(
                    f"The strokes on {item.title} were not restored, since it was changed or left "
                    "meanwhile."
                )
                return
            self._editing.become(document, restored, "Recovered strokes")
            self.discard(item)
            if item.damaged:
                places = counted(item.damaged, "place")
                self._warn(
                    f"The strokes on {item.title} are back but for {places} where their journal "
                    "is damaged.",
                    f"The journal is kept in {self._journal.set_aside_folder}.",
                )
            if conflicts:
                self._warn(
                    f"{counted(conflicts, 'pixel')} of {item.title} had changed since the strokes "
                    "were painted.",
                    "Check the result; undo takes the strokes back.",
                )
            elif not item.damaged:
                self._notices.info(f"The strokes on {item.title} are back.")

        self._jobs.submit(
            f"Restoring {item.title}", "journal", work, done, ended=self._restore_next
        )
