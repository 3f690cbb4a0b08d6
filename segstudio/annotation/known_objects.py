"""The objects of the open image's annotation, kept in step with every edit."""

from __future__ import annotations

from segstudio.core.labels import LabelMap, Patch
from segstudio.core.object_index import ObjectIndex
from segstudio.jobs import JobRunner
from segstudio.session.document import Document
from segstudio.session.session import Change, Session, What

_AT_ONCE_PIXELS = 1 << 18
"""A larger map is looked at in a job: it takes 12 ms per megapixel."""
_FOLLOWED_PIXELS = 1 << 20
"""After larger patches the map is looked at anew."""


class KnownObjects:
    """Knows number, class, area and place of every object of the open image.

    Small maps are looked at when they are asked about, large ones in a job, after which OBJECTS is
    said. From then on the patches of each edit are followed, so that asking costs nothing.
    """

    def __init__(self, session: Session, jobs: JobRunner | None = None) -> None:
        """Args:
        session: What is open.
        jobs: Looks at large maps in the background; without it they are looked at at once.
        """
        self._session, self._jobs = session, jobs
        self._index = ObjectIndex()
        self._of: LabelMap | None = None
        self._revision = -1
        self._looking_at: LabelMap | None = None
        self._without_ids = ObjectIndex()
        session.follow(What.DOCUMENT, self._on_document)

    def of(self, document: Document) -> ObjectIndex | None:
        """The objects of an image's annotation; None while a large map is looked at."""
        annotation = document.annotation
        if annotation.instances is None:
            return self._without_ids
        if annotation is self._of and annotation.revision == self._revision:
            return self._index
        if self._jobs is not None and annotation.labels.size > _AT_ONCE_PIXELS:
            self._look(self._jobs, document)
            return None
        self._take(annotation, annotation.revision, ObjectIndex.of(annotation))
        return self._index

    def begin(self, document: Document) -> None:
        """The annotation keeps ids from now on, which are all 0."""
        self._take(document.annotation, document.annotation.revision, ObjectIndex())
        if document is self._session.document:
            self._session.notify(What.OBJECTS)

    def follow(self, document: Document, patches: tuple[Patch, ...]) -> None:
        """Patches were just applied to an image's annotation."""
        annotation = document.annotation
        if annotation is not self._of or annotation.revision != self._revision + len(patches):
            return
        small = sum(patch.before.size for patch in patches) <= _FOLLOWED_PIXELS
        if small and all(patch.instances_after is not None for patch in patches):
            for patch in patches:
                self._index.follow(patch)
            self._revision = annotation.revision
        else:
            self._of = None
            if document is self._session.document and self._jobs is not None:
                self._look(self._jobs, document)

    def _take(self, annotation: LabelMap, revision: int, index: ObjectIndex) -> None:
        self._of, self._revision, self._index = annotation, revision, index

    def _on_document(self, _change: Change) -> None:
        document = self._session.document
        if document is None or document.annotation is not self._of:
            self._of = None
            if document is not None and document.annotation.instances is not None:
                self.of(document)  # a large map is looked at before it is asked about

    def _look(self, jobs: JobRunner, document: Document) -> None:
        """Look at a large map in a job; again, if it was edited meanwhile."""
        annotation, revision = document.annotation, document.annotation.revision
        if self._looking_at is annotation:
            return
        self._looking_at = annotation

        def done(index: ObjectIndex) -> None:
            self._looking_at = None
            if document is not self._session.document or document.annotation is not annotation:
                return
            if annotation.revision != revision:
                self._look(jobs, document)
                return
            self._take(annotation, revision, index)
            self._session.notify(What.OBJECTS)

        jobs.submit(
            "Looking for objects",
            "scores",
            lambda _job: ObjectIndex.of(annotation),
            done,
            key="object index",
            visible=False,
        )
