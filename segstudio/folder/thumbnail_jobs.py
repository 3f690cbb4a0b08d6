"""Small pictures for the list of images."""

from __future__ import annotations

from collections.abc import Callable

from segstudio.core.labels import Image
from segstudio.jobs import Job, JobRunner
from segstudio.session.session import Session
from segstudio.storage.image_ref import image_of
from segstudio.storage.thumbnail_cache import ThumbnailCache

_MAX_WAITING = 256

GiveThumbnail = Callable[[int, Image | None], None]
"""Gets the image's index and (h, w, 3) uint8, or None if there is no picture."""


class Thumbnails:
    """Reads thumbnails in their lane, the latest wish first: that is what is on the screen."""

    def __init__(self, session: Session, jobs: JobRunner, cache: ThumbnailCache) -> None:
        self._session = session
        self._jobs = jobs
        self._cache = cache
        self._waiting: dict[tuple[int, int], Job] = {}

    def get(self, index: int, px: int, done: GiveThumbnail) -> None:
        """Read a picture in the background; see `Browsing.thumbnail`."""
        project = self._session.project
        if project is None or not 0 <= image_of(index) < len(project.images):
            return
        ref = project.images[index]
        key = (index, px)
        answered = False

        def deliver(picture: Image) -> None:
            nonlocal answered
            if project is self._session.project:
                answered = True
                done(index, picture)

        def ended() -> None:
            if self._waiting.get(key) is job:
                del self._waiting[key]
            # A broken image is said when it is opened, not for every look at the list.
            if not answered and project is self._session.project:
                done(index, None)

        job = self._jobs.submit(
            f"Thumbnail of {ref.title}",
            "thumbnails",
            lambda job: self._cache.get(ref.path, px, job.check, ref.page),
            deliver,
            failed=lambda _error: None,
            ended=ended,
            front=True,
            visible=False,
        )
        self._waiting.pop(key, None)
        self._waiting[key] = job
        while len(self._waiting) > _MAX_WAITING:
            self._waiting.pop(next(iter(self._waiting))).cancel()
