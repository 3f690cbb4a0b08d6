"""Undo and redo: small steps at once, those of large areas unpacked in a job."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from segstudio.app.notices import Notices
from segstudio.core.history import Edit, Step
from segstudio.core.labels import Patch
from segstudio.jobs import Job, JobRunner
from segstudio.session.document import Document
from segstudio.session.session import Session, What

# Unpacking takes 5 ms per megapixel: past this it is done in a job.
AT_ONCE_PIXELS = 1 << 20
Apply = Callable[[Document, tuple[Patch, ...], What], None]


class Stepping:
    """Goes back and forth in the open image's history.

    Steps that were asked for while one is being unpacked follow in order. Whoever changes the
    annotation in another way calls `settle` first, so that the order stays the user's.
    """

    def __init__(
        self, session: Session, jobs: JobRunner | None, notices: Notices | None, apply: Apply
    ) -> None:
        """Args:
        session: What is open.
        jobs: Unpacks steps of large areas; without it they are unpacked at once.
        notices: Where to say that a step was not done.
        apply: Applies patches and announces them.
        """
        self._session = session
        self._jobs = jobs
        self._notices = notices
        self._apply = apply
        self._job: Job | None = None
        self._document: Document | None = None
        self._waiting: deque[bool] = deque()

    def go(self, *, undo: bool) -> None:
        """Undo or redo; does nothing if there is nothing to."""
        document = self._session.document
        if self._document is not document:
            self._forget()
        if document is None:
            return
        self._document = document
        self._waiting.append(undo)
        if self._job is None:
            self._advance(document)

    def settle(self) -> None:
        """Finish all that was asked for, here and now."""
        document = self._document
        if self._job is not None:
            self._job.cancel()
            self._job = None
        if document is None or document is not self._session.document:
            self._forget()
            return
        while self._waiting:
            step = self._next(document)
            self._waiting.popleft()
            if step is not None:
                self._take(document, step, step.unpack())

    def _forget(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._job = None
        self._waiting.clear()
        self._document = None

    def _next(self, document: Document) -> Step | None:
        history = document.history
        return history.next_undo() if self._waiting[0] else history.next_redo()

    def _advance(self, document: Document) -> None:
        """Go the waiting steps up to one that takes a job."""
        while self._waiting:
            step = self._next(document)
            if step is not None and self._jobs is not None and step.pixels > AT_ONCE_PIXELS:
                self._job = self._unpack(self._jobs, document, step)
                return
            self._waiting.popleft()
            if step is not None:
                self._take(document, step, step.unpack())

    def _unpack(self, jobs: JobRunner, document: Document, step: Step) -> Job:
        title = f"{'Undoing' if step.undoes else 'Redoing'} {step.packed.title}"

        def done(edit: Edit) -> None:
            self._job = None
            if document is not self._session.document:
                self._forget()
                if self._notices is not None:
                    self._notices.info(f"{title} was not done: {document.ref.name} was left.")
                return
            self._waiting.popleft()
            self._take(document, step, edit)
            self._advance(document)

        def failed(error: Exception) -> None:
            self._forget()
            if self._notices is not None:
                self._notices.failure(title, error)

        return jobs.submit(title, "edits", lambda _job: step.unpack(), done, failed=failed)

    def _take(self, document: Document, step: Step, edit: Edit) -> None:
        if document.history.take(step):
            self._apply(document, edit.patches, What.HISTORY)
