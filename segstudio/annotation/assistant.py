"""Work for tools that look at the photo, beside the GUI's thread; of several questions the latest."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from segstudio.jobs import Job, JobRunner
from segstudio.session.document import Document
from segstudio.session.session import Session

if TYPE_CHECKING:
    from segstudio.annotation.photo_regions import ShownPhoto

T = TypeVar("T")
_KEPT: Final = 3
"""Images whose superpixels are still known when one comes back to them."""


@dataclass(frozen=True)
class _Question:
    """What is asked, and who is told the answer."""

    title: str
    document: Document
    work: Callable[[Job | None], Any]
    then: Callable[[Any], None]
    visible: bool


class Assistant:
    """Answers questions of the tool in hand about the open image, one after the other.

    Of those that come while one is worked on only the last is answered, so that a preview follows
    the pointer as fast as it can be made. An answer about an image that is left is dropped.
    """

    def __init__(self, session: Session, jobs: JobRunner | None) -> None:
        """Args:
        session: What is open.
        jobs: Where the work is done; without it answers come at once.
        """
        self._session, self._jobs = session, jobs
        self._next: _Question | None = None
        self._job: Job | None = None
        self._is_working = False
        self._photos: deque[ShownPhoto] = deque(maxlen=_KEPT)

    def photo(self) -> ShownPhoto | None:
        """The open image as it is shown, with what was worked out of it before; None without one.

        Those of the images that were open last are kept.
        """
        from segstudio.annotation.photo_regions import ShownPhoto

        document = self._session.document
        if document is None:
            return None
        pixels = document.shown
        found = next((photo for photo in self._photos if photo.pixels is pixels), None)
        if found is None:
            found = ShownPhoto(pixels)
            self._photos.append(found)
        return found

    @property
    def is_working(self) -> bool:
        """Whether an answer is still to come."""
        return self._is_working

    def ask(
        self,
        title: str,
        work: Callable[[Job | None], T],
        then: Callable[[T], None],
        *,
        visible: bool = False,
    ) -> None:
        """Have something worked out about the open image.

        Args:
            title: What the status bar calls it.
            work: Does it, in a job (None without jobs); must not touch the session.
            then: Told the result, unless something else was asked before it was begun.
            visible: Whether the status bar shows it.
        """
        document = self._session.document
        if document is None:
            return
        if self._jobs is None:
            then(work(None))
            return
        self._next = _Question(title, document, work, then, visible)
        self._answer()

    def forget(self) -> None:
        """Let go of what waits and of what is worked on."""
        self._next = None
        if self._job is not None:
            self._job.cancel()

    def _answer(self) -> None:
        question, jobs = self._next, self._jobs
        if self._is_working or question is None or jobs is None:
            return
        self._next, self._is_working = None, True

        def done(answer: Any) -> None:
            if question.document is self._session.document:
                question.then(answer)

        def ended() -> None:
            self._is_working, self._job = False, None
            self._answer()

        self._job = jobs.submit(
            question.title,
            "assists",
            question.work,
            done,
            ended=ended,
            visible=question.visible,
        )
