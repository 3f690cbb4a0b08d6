"""Reading images ahead and on demand; of several wishes the latest counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from segstudio.core.errors import SegstudioError
from segstudio.core.schema import LabelSchema
from segstudio.folder.documents import Documents
from segstudio.folder.files import FolderFiles, LoadedDocument, OpenFolder
from segstudio.jobs import Job, JobRunner
from segstudio.session.document import Document
from segstudio.session.session import ViewState
from segstudio.storage.image_ref import ImageRef

_USUAL = ViewState()

Shown = Callable[[Document, list[SegstudioError]], None]
Failed = Callable[[ImageRef, Exception], None]


@dataclass(frozen=True)
class ImageWish:
    """An image that someone waits for: what to do once it is shown, or once it will not be."""

    path: Path
    page: int
    then: Callable[[Document], None]
    instead: Callable[[], None]


class Loader:
    """Reads documents in the "files" lane and keeps them in `Documents`.

    An image that is asked for while it is read ahead is not read twice.
    """

    def __init__(
        self,
        jobs: JobRunner,
        documents: Documents,
        folder: OpenFolder,
        *,
        ready: Shown,
        failed: Failed,
    ) -> None:
        """Args (besides the objects it works on):
        ready: Gets the document that was asked for last, and what is wrong with its masks.
        failed: Told that the image that was asked for last cannot be read.
        """
        self._jobs = jobs
        self._documents = documents
        self._folder = folder
        self._ready = ready
        self._failed = failed
        self._running: dict[ImageRef, Job] = {}
        self._problems: dict[ImageRef, list[SegstudioError]] = {}
        self._shown_as: tuple[LabelSchema, ViewState] | None = None
        self.wanted: ImageRef | None = None
        """The image that was asked for and is not there yet."""

    def want(self, ref: ImageRef, schema: LabelSchema, view: ViewState = _USUAL) -> None:
        """Give the document to `ready`, at once if it is held; earlier wishes are forgotten.

        Args:
            ref: The image.
            schema: The classes in force.
            view: Which channels are to be shown, and how.
        """
        document = self._documents.get(ref)
        if document is not None:
            self.wanted = None
            for job in self._running.values():
                if job.visible:  # asked for before; what is read ahead may be wanted next
                    job.cancel()
            self._ready(document, self._problems.pop(ref, []))
            return
        self.wanted, self._shown_as = ref, (schema, view)
        for other, job in list(self._running.items()):
            if other != ref:
                job.cancel()
        running = self._running.get(ref)
        if running is None or running.cancelled:
            self._read(ref, schema, view, ahead=False)

    def read_ahead(
        self, refs: Iterable[ImageRef], schema: LabelSchema, view: ViewState = _USUAL
    ) -> None:
        """Read images that are likely to be asked for next."""
        for ref in refs:
            if self._documents.get(ref) is None and ref not in self._running:
                self._read(ref, schema, view, ahead=True)

    def forget(self) -> None:
        """Stop all reading."""
        for job in self._running.values():
            job.cancel()
        self._running.clear()
        self._problems.clear()
        self.wanted = None

    def _read(self, ref: ImageRef, schema: LabelSchema, view: ViewState, *, ahead: bool) -> None:
        files = self._folder.files
        assert files is not None

        def work(job: Job) -> LoadedDocument:
            return files.load_document(ref, schema, job.check, (view.channel, view.channels))

        def ended() -> None:
            if self._running.get(ref) is not job:
                return
            del self._running[ref]
            if job.cancelled and ref == self.wanted:  # by the user: nothing else stops this one
                stopped = SegstudioError(f"Reading {ref.title} was stopped.", "Choose it again.")
                self._broken(ref, stopped)

        job = self._jobs.submit(
            f"Reading {ref.title}",
            "files",
            work,
            lambda loaded: self._arrived(files, ref, loaded),
            failed=lambda error: self._broken(ref, error),
            ended=ended,
            front=not ahead,
            visible=not ahead,
        )
        self._running[ref] = job

    def _arrived(self, files: FolderFiles, ref: ImageRef, loaded: LoadedDocument) -> None:
        held = self._documents.get(ref)
        if files is not self._folder.files:
            # The folder was read again meanwhile: its masks, and its classes, may be others now.
            if ref == self.wanted and self._shown_as is not None:
                self._read(ref, *self._shown_as, ahead=False)
            return
        if held is None:
            self._documents.put(loaded.document)
            if loaded.problems:
                self._problems[ref] = loaded.problems
        if ref == self.wanted:
            self.wanted = None
            self._ready(held or loaded.document, self._problems.pop(ref, []))

    def _broken(self, ref: ImageRef, error: Exception) -> None:
        if ref == self.wanted:
            self.wanted = None
            self._failed(ref, error)
