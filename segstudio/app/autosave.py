"""Saving annotations, and getting back what a crash left unsaved."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from segstudio.app.clock import Cancel, Clock
from segstudio.app.documents import Documents
from segstudio.app.editing import Editing
from segstudio.app.folder import OpenFolder
from segstudio.app.notices import Notices
from segstudio.app.preferences import Preferences
from segstudio.app.recovering import Recovering
from segstudio.core.errors import SegstudioError
from segstudio.core.labels import Patch
from segstudio.core.schema import LabelSchema
from segstudio.jobs import Job, JobRunner
from segstudio.session.document import Document
from segstudio.session.session import Change, Session, What
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.journal import Journal, Recovered
from segstudio.storage.masks import write_annotation
from segstudio.storage.recovery import save_recovery
from segstudio.storage.write_root import Identity, OutsideLinkError

Answer = Literal["save", "discard", "cancel"]
Ask = Callable[[Document], Answer]

# Up to here a patch is packed within about a millisecond, so it is written on the spot and is safe
# when the stroke ends; whole maps are handed to the "journal" lane.
_DIRECT_PIXELS = 1 << 20
_SAVING = "saving"
"""What notices of a failed save are about: they go when a save succeeds."""
_JOURNAL = "journal"
"""Likewise of a journal that cannot be written."""


@dataclass(frozen=True)
class _Target:
    """Where a document is saved and with which classes."""

    root: Path
    schema: LabelSchema
    identity: Identity | None = None


class Autosave:
    """Saves the annotation about a second after the last stroke and when its image is left.

    Every patch is also put into the journal at once, which is cleared when a save succeeded.

    Attributes:
        ask: Asked when an image with unsaved work is left and saving by itself is off.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        clock: Clock,
        notices: Notices,
        preferences: Preferences,
        documents: Documents,
        folder: OpenFolder,
        editing: Editing,
        journal: Journal,
        recovering: Recovering,
    ) -> None:
        self._session = session
        self._jobs = jobs
        self._clock = clock
        self._notices = notices
        self._preferences = preferences
        self._documents = documents
        self._folder = folder
        self._editing = editing
        self._journal = journal
        self._recovering = recovering
        self._targets: dict[ImageRef, _Target] = {}
        self._agreed: set[Path] = set()
        self._cancel_timer: Cancel | None = None
        self._failing = False
        self._told = False
        self._journal_failed = False
        self._in_lane = 0
        self._dirty_told = False
        self.saved_at: float | None = None
        """Time of the last save, seconds since 1970."""
        self.ask: Ask = lambda _document: "save"
        session.changed.connect(self._on_change)

    # -- saving ------------------------------------------------------------------------------

    def save_now(self) -> None:
        """Save the open image's annotation if it has unsaved work; says so if not."""
        document = self._session.document
        if document is None:
            return
        self._editing.end_stroke()
        if document.dirty:
            self._told = False  # asked for by hand: a failure is worth saying again
            self._save(document)
        else:
            self._notices.info(f"{document.ref.title} has no unsaved changes.")

    @property
    def failing(self) -> bool:
        """Whether the last save did not work."""
        return self._failing

    def save_before_leaving(self, document: Document) -> bool:
        """Take care of unsaved work before another image is shown; False keeps this one open."""
        self._stop_timer()
        if not document.dirty:
            return True
        if self._preferences.settings.autosave:
            self._save(document)
            return True
        answer = self.ask(document)
        if answer == "save":
            self._save(document)
        elif answer == "discard":
            self._forget(document)
        return answer != "cancel"

    def save_all(self) -> None:
        """Save everything that is not saved yet."""
        self._stop_timer()
        for document in self._documents.dirty():
            self._save(document)

    def unsaved(self) -> list[Document]:
        """Documents with unsaved work."""
        return self._documents.dirty()

    def emergency(self) -> list[Path]:
        """Write what is not saved to the recovery folder, at once; for uncaught errors.

        Returns:
            The folders written.
        """
        written: list[Path] = []
        folder = self._preferences.folders.data / "recovery"
        for document in self._documents.dirty():
            with contextlib.suppress(Exception):
                ref, schema = document.ref, self._target_of(document).schema
                written.append(
                    save_recovery(folder, ref.path, document.annotation, schema, ref.page)
                )
        return written

    def _save(self, document: Document) -> None:
        annotation, target = document.annotation, self._target_of(document)
        agreed = frozenset(self._agreed)

        def work(_job: Job) -> int:
            copy = annotation.snapshot()
            write_annotation(
                target.root,
                document.ref,
                copy.labels,
                copy.instances,
                target.schema,
                identity=target.identity,
                agreed=agreed,
            )
            return copy.revision

        def done(revision: int) -> None:
            self.saved_at = time.time()
            if document.annotation is annotation:
                document.saved_revision = revision
            if not document.dirty:
                self._clear_journal(document)
            if document is self._session.document:
                self._session.notify(What.SAVED)
            self._saving_works()

        def failed(error: Exception) -> None:
            self._failing = True
            if not self._told:
                self._told = True
                self._say_failed(document, error)
            self._session.notify(What.SAVED)

        self._jobs.submit(
            f"Saving {document.ref.title}",
            "save",
            work,
            done,
            failed=failed,
            visible=False,
        )

    def _say_failed(self, document: Document, error: Exception) -> None:
        if isinstance(error, OutsideLinkError) and error.remedy:
            verb = "Replace the link" if error.remedy == "replace" else "Save there"
            action = (verb, lambda: self._agree(document, error.link))
            self._notices.error(
                error.message, error.hint, about=_SAVING, action=action, scope="program"
            )
            return
        self._notices.failure(f"Saving {document.ref.title}", error, _SAVING, scope="program")

    def _agree(self, document: Document, link: Path) -> None:
        """The user said that a link that leads out of the folder may be used."""
        self._agreed.add(link)
        self._told = False
        if document.dirty:
            self._save(document)

    def _saving_works(self) -> None:
        """After failures: take back what was said, and save what could not be saved then."""
        if not self._failing:
            return
        self._failing = self._told = False
        self._notices.settle(_SAVING)
        if self._preferences.settings.autosave:
            self.save_all()

    def _target_of(self, document: Document) -> _Target:
        """The folder and classes of a document; remembered when its folder is left."""
        files = self._folder.files
        if files is not None and document.ref.root == str(files.project.images_root):
            project = files.project
            self._targets[document.ref] = _Target(
                project.root, self._session.schema, project.identity
            )
        return self._targets[document.ref]

    def _forget(self, document: Document) -> None:
        """Throw unsaved work away: the image is read again when it is shown next."""
        self._documents.drop(document.ref)
        document.saved_revision = document.annotation.revision
        self._clear_journal(document)

    # -- following the session ---------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        painted = change.document
        if What.LABELS in change.what and painted is not None and painted.dirty:
            self._target_of(painted)
            for patch in change.patches:
                self._record(painted, patch)
            self._start_timer()
        document = self._session.document
        dirty = document is not None and document.dirty
        if dirty != self._dirty_told:
            self._dirty_told = dirty
            self._session.notify(What.SAVED)

    def _start_timer(self) -> None:
        self._stop_timer()
        settings = self._preferences.settings
        if settings.autosave:
            self._cancel_timer = self._clock.call_later(settings.autosave_seconds, self._timeout)

    def _stop_timer(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None

    def _timeout(self) -> None:
        self._cancel_timer = None
        document = self._session.document
        if self._editing.stroking:
            self._start_timer()
        elif document is not None and document.dirty:
            self._save(document)

    # -- recovery ----------------------------------------------------------------------------

    def recovery(self) -> list[Recovered]:
        """Strokes that a killed program left behind, the latest first."""
        return self._recovering.pending()

    def tell_unreadable(self) -> None:
        """Say what the last `recovery` could not read."""
        self._recovering.tell_unreadable()

    def restore(self, item: Recovered) -> None:
        """Open the image and paint the strokes onto its annotation as one undoable edit."""
        self._recovering.restore(item)

    def discard(self, item: Recovered) -> None:
        """Delete recovered strokes."""
        self._recovering.discard(item)

    # -- journal -----------------------------------------------------------------------------

    def _record(self, document: Document, patch: Patch) -> None:
        ref, annotation = document.ref, document.annotation
        self._in_journal(
            lambda: self._journal.append(ref.path, patch, annotation, ref.page),
            large=patch.before.size > _DIRECT_PIXELS,
        )

    def _clear_journal(self, document: Document) -> None:
        ref = document.ref
        self._in_journal(lambda: self._journal.clear(ref.path, page=ref.page))

    def _in_journal(self, write: Callable[[], None], *, large: bool = False) -> None:
        """Change the journal: on the spot, or in its lane if that takes long.

        Once something is in the lane all that comes after it follows, so that the order is kept.
        """
        if not self._in_lane and not large:
            try:
                write()
            except SegstudioError as error:
                self._journal_trouble(error)
            else:
                self._journal_works()
            return
        self._in_lane += 1

        def ended() -> None:
            self._in_lane -= 1

        self._jobs.submit(
            "Writing the journal",
            "journal",
            lambda _job: write(),
            lambda _none: self._journal_works(),
            failed=self._journal_trouble,
            ended=ended,
            visible=False,
        )

    def _journal_trouble(self, error: Exception) -> None:
        if not self._journal_failed:
            self._journal_failed = True
            self._notices.failure("Writing the journal", error, _JOURNAL, scope="program")

    def _journal_works(self) -> None:
        if self._journal_failed:
            self._journal_failed = False
            self._notices.settle(_JOURNAL)
