"""Edits of the open image one after the other, large ones made beside the window."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from segstudio.annotation.patching import PackedAll
from segstudio.jobs import Job, JobRunner, Lane
from segstudio.session.document import Document
from segstudio.session.session import Session


@dataclass(frozen=True)
class WantedEdit:
    """An edit that was asked for.

    Attributes:
        document: Whose annotation it changes.
        title: What it is called.
        make: Makes its patches of what the annotation is then, in the job where there is one.
        done: Commits them.
        is_large: Whether they are made in a job.
        looks_at_photo: Whether what it paints is found in the photo, whatever the annotation is.
            It takes long, and others need not wait for it.
    """

    document: Document
    title: str
    make: Callable[[Job | None], PackedAll]
    done: Callable[[PackedAll], None]
    is_large: bool
    looks_at_photo: bool = False


class EditQueue:
    """Makes edits in the order in which they were asked for; none of them is lost to the next.

    A job reads the annotation while the user may paint on; if that happened, it is made again from
    what is there then.
    """

    def __init__(
        self, session: Session, jobs: JobRunner | None, say: Callable[[str], None]
    ) -> None:
        """Args:
        session: What is open.
        jobs: Makes large edits; without it they are made at once.
        say: Told what was not done because its image was left.
        """
        self._session, self._jobs, self._say = session, jobs, say
        self._job: Job | None = None
        self._looking: list[Job] = []
        self._waiting: deque[WantedEdit] = deque()

    def add(self, edit: WantedEdit) -> None:
        """Make an edit, at once where it is small and nothing is made before it."""
        if edit.looks_at_photo:
            self._start(edit)
        else:
            self._waiting.append(edit)
            self._go_on()

    def give_up_last(self) -> bool:
        """Give up what was asked for last and is not made yet; whether there was something."""
        if self._waiting:
            self._waiting.pop()
            return True
        job, self._job = self._job, None
        if job is None and self._looking:
            job = self._looking.pop()
        if job is None:
            return False
        job.cancel()
        return True

    def _start(self, edit: WantedEdit) -> None:
        jobs = self._jobs
        if jobs is None or not (edit.is_large or edit.looks_at_photo):
            edit.done(edit.make(None))
            return
        document = edit.document
        annotation, revision = document.annotation, document.annotation.revision

        def done(made: PackedAll) -> None:
            self._forget(job)
            if document is not self._session.document:
                self._say_left(edit)
            elif document.annotation is annotation and annotation.revision == revision:
                edit.done(made)
            else:
                self._start(edit)

        def ended() -> None:
            self._forget(job)  # if it failed, which is said elsewhere
            self._go_on()

        lane: Lane = "assists" if edit.looks_at_photo else "edits"
        first = not edit.looks_at_photo
        job = jobs.submit(edit.title, lane, edit.make, done, ended=ended, front=first)
        if edit.looks_at_photo:
            self._looking.append(job)
        else:
            self._job = job

    def _forget(self, job: Job) -> None:
        if job in self._looking:
            self._looking.remove(job)
        if self._job is job:
            self._job = None

    def _go_on(self) -> None:
        while self._waiting and self._job is None:
            edit = self._waiting.popleft()
            if edit.document is self._session.document:
                self._start(edit)
            else:
                self._say_left(edit)

    def _say_left(self, edit: WantedEdit) -> None:
        self._say(f"{edit.title} was not done: {edit.document.ref.title} was left.")
