"""Undo and redo: small steps at once, large ones unpacked in a job and given back in parts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from segstudio.core.history import Step
from segstudio.core.labels import Patch
from segstudio.core.merging import in_parts, merged
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notices
from segstudio.session.document import Document
from segstudio.session.session import Session, What

# Unpacking takes 5 ms per megapixel: past this it is done in a job.
AT_ONCE_PIXELS = 1 << 20
_AT_ONCE_PATCHES = 64
"""A patch takes its time even if it is small."""
Apply = Callable[[Document, tuple[Patch, ...], What], None]


class Stepping:
    """Goes back and forth in the open image's history.

    A large step is unpacked in a job and applied in parts, each in a turn of its own, so that the
    window answers in between. Steps that were asked for meanwhile follow in order. Whoever changes
    the annotation in another way calls `settle` first, so that the order stays the user's.
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
        self._parts: deque[tuple[Patch, ...]] = deque()
        self._given_up: Step | None = None

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

    def take_back(self, document: Document, step: Step) -> None:
        """Undo what never came into the history: a stroke that is given up."""
        self.settle()
        self._document, self._given_up = document, step
        if self._jobs is not None and _is_large(step):
            self._job = self._unpack(self._jobs, document, step)
        else:
            self._stop()

    def settle(self) -> None:
        """Finish all that was asked for, here and now."""
        document = self._document
        if document is None or document is not self._session.document:
            self._forget()
            return
        self._stop()
        while self._waiting:
            step = self._next(document)
            self._waiting.popleft()
            if step is not None:
                self._take(document, step)

    def _stop(self) -> None:
        """End the job; what is applied in part is applied as a whole."""
        if self._job is not None:
            self._job.cancel()
            self._job = None
        if self._document is None:
            return
        if self._given_up is not None:
            self._parts.append(self._given_up.unpack().patches)
            self._given_up = None
        while self._parts:
            self._apply(self._document, self._parts.popleft(), What(0))

    def _forget(self) -> None:
        self._stop()
        self._waiting.clear()
        self._document = None

    def _next(self, document: Document) -> Step | None:
        history = document.history
        return history.next_undo() if self._waiting[0] else history.next_redo()

    def _advance(self, document: Document) -> None:
        """Go the waiting steps up to one that takes a job."""
        while self._waiting:
            step = self._next(document)
            if step is not None and self._jobs is not None and _is_large(step):
                self._job = self._unpack(self._jobs, document, step)
                return
            self._waiting.popleft()
            if step is not None:
                self._take(document, step)

    def _unpack(self, jobs: JobRunner, document: Document, step: Step) -> Job:
        title = f"{'Undoing' if step.undoes else 'Redoing'} {step.packed.title}"
        annotation = document.annotation

        def done(parts: list[tuple[Patch, ...]]) -> None:
            self._job = None
            if document is not self._session.document:
                self._forget()
                if self._notices is not None:
                    self._notices.info(f"{title} was not done: {document.ref.title} was left.")
                return
            if self._given_up is step:
                self._given_up = None
                self._parts.extend(parts)
                self._give_part(jobs, document, title, What(0))
                return
            self._waiting.popleft()
            if document.history.take(step):
                self._parts.extend(parts)
            self._give_part(jobs, document, title, What.HISTORY)

        def failed(error: Exception) -> None:
            self._forget()
            if self._notices is not None:
                self._notices.failure(title, error)

        # nothing changes the annotation meanwhile: who wants to calls `settle`
        return jobs.submit(
            title,
            "edits",
            lambda _job: in_parts(merged(annotation, step.unpack().patches)),
            done,
            failed=failed,
        )

    def _give_part(self, jobs: JobRunner, document: Document, title: str, also: What) -> None:
        """Apply the next part; the one after it follows in a turn of its own."""
        self._job = None
        if self._parts:
            self._apply(document, self._parts.popleft(), also)
        if not self._parts:
            self._advance(document)
            return
        self._job = jobs.submit(
            title,
            "edits",
            lambda _job: None,
            lambda _none: self._give_part(jobs, document, title, What(0)),
        )

    def _take(self, document: Document, step: Step) -> None:
        edit = step.unpack()
        if document.history.take(step):
            self._apply(document, edit.patches, What.HISTORY)


def _is_large(step: Step) -> bool:
    # patches first: those of a stroke are hundreds, whose pixels take their time to be added up
    return len(step.packed.patches) > _AT_ONCE_PATCHES or step.pixels > AT_ONCE_PIXELS
