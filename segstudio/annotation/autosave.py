"""Saving annotations, and getting back what a crash left unsaved."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from segstudio.annotation.annotation_place import AnnotationPlace
from segstudio.annotation.editing import Editing
from segstudio.clock import Cancel, Clock
from segstudio.core.errors import SegstudioError
from segstudio.core.labels import LabelMap, Patch
from segstudio.core.regular_file import is_there
from segstudio.core.schema import LabelSchema
from segstudio.folder.documents import Documents
from segstudio.folder.files import OpenFolder
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Action, Notice, Notices
from segstudio.preferences import Preferences
from segstudio.session.document import Document
from segstudio.session.session import Change, SchemaOrigin, Session, What
from segstudio.storage.annotations import Annotations, Saved
from segstudio.storage.atomic import ReadOnlyFileError, make_folder
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.journal import Journal
from segstudio.storage.masks import annotation_files, write_annotation
from segstudio.storage.recovery import save_recovery
from segstudio.storage.seen_files import ForeignChangeError, SeenFiles
from segstudio.storage.write_root import OutsideLinkError, WriteRoot, agree_to_link, agreed_links
from segstudio.storage.writer_maps import WriterMaps

T = TypeVar("T")
UnsavedChoice = Literal["save", "discard", "cancel"]
UnsavedQuestion = Callable[[Document], UnsavedChoice]
TakeTheirs = Callable[[Document, Callable[[SeenFiles | None], None]], None]

# Up to here a patch is packed within about a millisecond, so it is written on the spot and is safe
# when the stroke ends; whole maps are handed to the "journal" lane.
_DIRECT_PIXELS = 1 << 20
_SAVING = "saving"
"""What notices of a failed save are about: they go when a save succeeds."""
_JOURNAL = "journal"
"""Likewise of a journal that cannot be written."""
_RETRY_S, _LONGEST_RETRY_S = 5.0, 60.0
"""A failed save is tried again after so long; each time after twice as long."""
_MAY_BE_DIRTY = What.PROJECT | What.DOCUMENT | What.LABELS | What.HISTORY | What.SAVED


@dataclass(frozen=True)
class _Target:
    """Where a document is saved and with which classes."""

    annotations: Annotations
    schema: LabelSchema
    elsewhere: bool
    name_classes: bool
    data_folder: Path
    writers: WriterMaps

    def home(self, ref: ImageRef, agreed: frozenset[Path]) -> WriteRoot:
        """What writes there."""
        annotations = self.annotations
        return WriteRoot(annotations.root, annotations.identity, ref.path, ref.path.parent, agreed)


class Autosave:
    """Saves the annotation about a second after the last stroke and when its image is left.

    Every patch is also put into the journal at once, which is cleared when a save succeeded.

    A save that fails is said once and tried again by itself. Where a person has to decide (a link
    leads out of the folder, another program wrote the mask), nothing is written until the answer.

    Attributes:
        ask: Asked when an image with unsaved work is left and saving by itself is off.
        choose_folder: Asked where to save instead; None: nowhere.
        take_theirs: Shows what another program wrote as an edit that can be undone; calls back
            once it is there.
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
        place: AnnotationPlace,
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
        self._place = place
        self._targets: dict[ImageRef, _Target] = {}
        self._agreed: set[Path] = set()
        self._cancel_timer: Cancel | None = None
        self._told = False
        self._errors: dict[ImageRef, Exception] = {}
        self._asking: dict[ImageRef, str] = {}
        """What was asked about images that wait for the answer (`Notice.about`)."""
        self._elsewhere: dict[ImageRef, int] = {}
        self._cancel_retry: Cancel | None = None
        self._retry_s = _RETRY_S
        self._saves = 0
        self._when_saved: list[Callable[[], None]] = []
        self._journal_failed = False
        self._in_lane = 0
        self._dirty_told = False
        self.ask_unsaved: UnsavedQuestion = lambda _document: "save"
        self.choose_folder: Callable[[], Path | None] = lambda: None
        self.take_theirs: TakeTheirs = lambda _document, _done: None
        session.follow(What.LABELS, self._on_labels)
        session.follow(_MAY_BE_DIRTY, self._on_dirty)

    # -- saving ------------------------------------------------------------------------------

    def save_now(self) -> None:
        """Save the open image's annotation if it has unsaved work; says so if not."""
        document = self._session.document
        if document is None:
            return
        self._editing.end_stroke()
        if document.dirty:
            # Asked for by hand: a failure, or a question, is worth saying again.
            self._told = False
            self._answered(document)
            self._save(document)
        else:
            self._notices.info(f"{document.ref.title} has no unsaved changes.")

    def problem_of(self, document: Document) -> str:
        """Why an image could not be saved; "" if nothing is known to be wrong."""
        error = self._errors.get(document.ref)
        return "" if error is None else getattr(error, "message", str(error))

    def is_asked(self, document: Document) -> bool:
        """Whether a person has to decide what becomes of an image's unsaved work."""
        return document.ref in self._asking

    def is_kept(self, document: Document) -> bool:
        """Whether every stroke that is not saved is in the journal, so that it is not lost."""
        ref = document.ref
        return not self._in_lane and self._journal.holds(ref.path, ref.page)

    def save_before_leaving(self, document: Document) -> bool:
        """Take care of unsaved work before another image is shown; False keeps this one open."""
        self._stop_timer()
        if not document.dirty:
            return True
        if self._preferences.settings.autosave:
            self._save(document)
            return True
        answer = self.ask_unsaved(document)
        if answer == "save":
            self._save(document)
        elif answer == "discard":
            self._forget(document)
        return answer != "cancel"

    def save_all(self) -> None:
        """Save everything that is not saved yet."""
        self._stop_timer()
        self.save(self._documents.dirty())

    def save(self, documents: Iterable[Document]) -> None:
        """Save images that have unsaved work, also where saving by itself is off."""
        for document in documents:
            if document.dirty:
                self._save(document)

    def unsaved(self) -> list[Document]:
        """Documents with unsaved work."""
        return self._documents.dirty()

    def at_risk(self) -> list[Document]:
        """Documents whose unsaved work was not saved elsewhere either."""
        saved = self._elsewhere
        return [d for d in self.unsaved() if saved.get(d.ref) != d.annotation.revision]

    def when_saved(self, then: Callable[[], None]) -> None:
        """Call `then` once the saves that were begun have ended, well or not; perhaps at once."""
        self._when_saved.append(then)
        self._end_saves()

    def _end_saves(self) -> None:
        while not self._saves and self._when_saved:
            self._when_saved.pop(0)()

    def save_elsewhere(self, folder: Path) -> None:
        """Save what could not be saved into `masks/` and `instances/` of another folder.

        The images stay unsaved where they belong, and saving there is tried again.
        """
        for document in self.at_risk():
            self._save_copy(document, folder)

    def _save_copy(self, document: Document, folder: Path) -> None:
        annotation, schema = document.annotation, self._target_of(document).schema
        ref = document.ref

        def work(_job: Job) -> tuple[int, Path]:
            make_folder(folder)
            copy = annotation.snapshot()
            home = _free_folder(folder, ref)
            files = write_annotation(home, ref, copy.labels, copy.instances, schema)
            return copy.revision, files[-1]

        def done(result: tuple[int, Path]) -> None:
            self._elsewhere[ref] = result[0]
            self._told = False  # what is painted from now on is not saved anywhere
            self._notices.settle(_SAVING)
            self._answered(document)
            self._notices.info(
                f"{ref.title} was saved to {result[1]}, not to its own folder.", scope="program"
            )

        def failed(error: Exception) -> None:
            self._notices.failure(f"Saving {ref.title} elsewhere", error, scope="program")

        self._submit(f"Saving {ref.title} elsewhere", work, done, failed)

    def _ask_elsewhere(self) -> None:
        folder = self.choose_folder()
        if folder is not None:
            self.save_elsewhere(folder)

    def last_words(self) -> list[str]:
        """What to say of work that is still not saved when the program ends; nothing is asked.

        What the journal could not take is written to the recovery folder.
        """
        said = []
        with contextlib.suppress(SegstudioError):
            self._journal.retry()
        for document in self.at_risk():
            why = self.problem_of(document)
            said.append(f"{document.ref.title} was not saved. {why}".strip())
            if self.is_kept(document):
                said.append("Its strokes are kept, and offered at the next start.")
                continue
            try:
                said.append(f"A copy is in {self._rescue(document)}.")
            except SegstudioError as error:
                said.append(f"Its strokes are lost: {error.message}")
        return said

    def _rescue(self, document: Document) -> Path:
        """A copy of an annotation in the recovery folder, or where there is room for it."""
        try:
            return self._copy_to(self._preferences.folders.data / "recovery", document)
        except SegstudioError:
            # The user's own disk may be full, and the one for temporary files not.
            with contextlib.suppress(OSError):
                return self._copy_to(Path(tempfile.mkdtemp(prefix="segstudio-")), document)
            raise

    def _copy_to(self, folder: Path, document: Document) -> Path:
        schema = self._target_of(document).schema
        ref = document.ref
        return save_recovery(folder, ref.path, document.annotation, schema, ref.page)

    def emergency(self) -> list[Path]:
        """Write what is not saved to the recovery folder, at once; for uncaught errors.

        Returns:
            The folders written.
        """
        written: list[Path] = []
        for document in self._documents.dirty():
            with contextlib.suppress(Exception):
                written.append(self._rescue(document))
        return written

    def _save(self, document: Document, *, replace: bool = False) -> None:
        """Save an image.

        Where it waits for an answer too: what was asked about may be gone, and else nothing is
        written.

        Args:
            document: The image.
            replace: Whether a version that another program wrote is replaced (a copy is kept).
        """
        annotation, target = document.annotation, self._target_of(document)
        agreed = frozenset(self._agreed)

        def work(_job: Job) -> _Written:
            return _write(document, annotation, target, agreed, replace=replace)

        def done(written: _Written) -> None:
            self._place.saved(document, written.saved)
            if document.annotation is annotation:
                document.saved_revision = written.revision
                if not (written.annotated or document.dirty):
                    document.edited_at = None  # it is as the ground truth again
            self._saved(document, written.copies)
            self._mark(document, annotated=written.annotated)

        def failed(error: Exception) -> None:
            self._errors[document.ref] = error
            is_elsewhere = self._elsewhere.get(document.ref) == document.annotation.revision
            if not is_elsewhere and not self._ask_about(document, error):
                self._say_failed(document, error)
            self._start_retry()
            self._tell_saved()

        self._submit(f"Saving {document.ref.title}", work, done, failed)

    def _saved(self, document: Document, copies: list[Path]) -> None:
        if not document.dirty:
            self._clear_journal(document)
        if document is self._session.document:
            self._tell_saved()
        for copy in copies:
            self._notices.info(f"The other version of {document.ref.title} is kept as {copy}.")
        self._saving_works(document)

    def _submit(
        self,
        title: str,
        work: Callable[[Job], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._saves += 1

        def ended() -> None:
            self._saves -= 1
            self._end_saves()

        self._jobs.submit(title, "save", work, done, failed=failed, ended=ended, visible=False)

    # -- trouble -----------------------------------------------------------------------------

    def _say_failed(self, document: Document, error: Exception) -> None:
        if self._told:
            return
        self._told = True
        if not isinstance(error, SegstudioError):
            self._notices.failure(f"Saving {document.ref.title}", error, _SAVING, scope="program")
            return
        elsewhere: Action = ("Save elsewhere…", self._ask_elsewhere)
        instead = self._corrections_instead(document, error)
        self._notices.post(
            Notice(
                "error",
                error.message,
                f"{error.hint} {self._what_next(document)}",
                action=instead or elsewhere,
                second=elsewhere if instead else None,
                about=_SAVING,
                scope="program",
            )
        )

    def _corrections_instead(self, document: Document, error: Exception) -> Action | None:
        """A button that leaves read-only ground truth as it is, where that would help."""
        saving = self._session.saving
        is_open = document is self._session.document
        if not isinstance(error, ReadOnlyFileError) or document.truth is None or not is_open:
            return None

        def act() -> None:
            self._place.save_to_annotations()
            self.save_all()

        return None if saving.elsewhere else (f"Save to {saving.folder}/", act)

    def _what_next(self, document: Document) -> str:
        kept = "The strokes are kept in the journal"
        if not self.is_kept(document):
            kept = "The strokes are in memory only, since the journal cannot be written either"
        again = "; saving is tried again by itself." if self._retries else "."
        return f"{kept}{again}"

    def _ask_about(self, document: Document, error: Exception) -> bool:
        """Ask, if a person has to decide; whether that is so."""
        first: Action
        second: Action | None
        if isinstance(error, ForeignChangeError):
            question = f"{_SAVING}: {document.ref.path} {document.ref.page}"
            first = ("Keep mine", lambda: self._keep_mine(document))
            second = ("Take theirs", lambda: self._take_theirs(document))
        elif isinstance(error, OutsideLinkError):
            question, verb = error.question, error.agreement
            elsewhere: Action = ("Save elsewhere…", self._ask_elsewhere)
            agree: Action = (verb, lambda: self._agree(document, error))
            first, second = (agree, elsewhere) if verb else (elsewhere, None)
        else:
            self._answered(document)
            return False
        if self._asking.get(document.ref) == question:
            return True
        self._answered(document)
        self._asking[document.ref] = question
        self._notices.settle(question)  # asked about another image, or about the classes
        self._notices.post(
            Notice(
                "warning" if isinstance(error, ForeignChangeError) else "error",
                error.message,
                error.hint,
                action=first,
                second=second,
                about=question,
                scope="program",
                stays=True,
            )
        )
        return True

    def _answered(self, document: Document) -> None:
        question = self._asking.pop(document.ref, None)
        if question is not None and question not in self._asking.values():
            self._notices.settle(question)

    def _agree(self, document: Document, asked: OutsideLinkError) -> None:
        """The user said that a link that leads out of the folder may be used."""
        self._agreed.add(asked.link)
        if asked.remedy == "follow":
            folder = self._target_of(document).data_folder
            self._jobs.submit(
                "Keeping what you agreed to",
                "save",
                lambda _job: agree_to_link(folder, asked.link),
                visible=False,
            )
        waiting = [d for d in self._documents.dirty() if self._asking.get(d.ref) == asked.question]
        self._asking = {r: q for r, q in self._asking.items() if q != asked.question}
        self._notices.settle(asked.question)
        self.save(waiting)

    def _keep_mine(self, document: Document) -> None:
        self._answered(document)
        self._save(document, replace=True)

    def _take_theirs(self, document: Document) -> None:
        """Show the other version; what was painted is kept in the recovery folder, and undoable."""
        self._answered(document)

        def rescued(folder: Path) -> None:
            self.take_theirs(document, lambda seen: taken(seen, folder))

        def taken(seen: SeenFiles | None, folder: Path) -> None:
            if seen is None:
                self._save(document)  # it could not be read: ask again
                return
            document.saved_revision, document.seen = document.annotation.revision, seen
            self._clear_journal(document)
            self._notices.info(
                f"{document.ref.title} now shows the other version.",
                f"Undo brings yours back; a copy is in {folder}.",
            )
            self._tell_saved()
            self._saving_works(document)

        def failed(error: Exception) -> None:
            self._notices.failure(f"Keeping your version of {document.ref.title}", error)
            self._save(document)

        self._submit(
            f"Keeping {document.ref.title}", lambda _job: self._rescue(document), rescued, failed
        )

    @property
    def _retries(self) -> bool:
        return self._preferences.settings.autosave

    def _start_retry(self) -> None:
        if self._retries and self._cancel_retry is None:
            self._cancel_retry = self._clock.call_later(self._retry_s, self._retry)
            self._retry_s = min(2 * self._retry_s, _LONGEST_RETRY_S)

    def _retry(self) -> None:
        """Perhaps there is space now, or the drive is back."""
        self._cancel_retry = None
        if self._journal_failed:
            self._in_journal(self._journal.retry)
        if self._editing.stroking:
            self._start_retry()
        else:
            self.save_all()

    def _saving_works(self, document: Document) -> None:
        """After a save: take back what was said of failures, and save what could not be then."""
        self._elsewhere.pop(document.ref, None)
        had_failed = self._errors.pop(document.ref, None) is not None
        self._answered(document)
        if not (had_failed or self._errors or self._told):
            return
        self._told, self._retry_s = False, _RETRY_S
        self._notices.settle(_SAVING)
        if self._retries and self._errors:
            self.save_all()

    def _target_of(self, document: Document) -> _Target:
        """The folder and classes of a document; remembered when its folder is left."""
        files = self._folder.files
        if files is not None and document.ref.root == str(files.project.images_root):
            self._targets[document.ref] = _Target(
                files.annotations,
                self._session.schema,
                self._session.saving.elsewhere,
                self._session.schema_origin is SchemaOrigin.MODEL,
                files.project.data_folder,
                files.writers,
            )
        return self._targets[document.ref]

    def _forget(self, document: Document) -> None:
        """Throw unsaved work away: the image is read again when it is shown next."""
        self._errors.pop(document.ref, None)
        self._answered(document)
        self._documents.drop(document.ref)
        document.saved_revision = document.annotation.revision
        self._clear_journal(document)
        annotations = self._target_of(document).annotations
        self._jobs.submit(
            "Looking for the annotation",
            "save",
            lambda _job: annotations.has(document.ref),
            lambda found: self._mark(document, annotated=found),
            visible=False,
        )

    def _mark(self, document: Document, *, annotated: bool) -> None:
        """The list's marks follow what is on the disk, unless something is painted again."""
        held, index = self._documents.get(document.ref), self._session.index_of(document)
        if index is not None and (held is None or not held.dirty):
            self._session.set_state(index, annotated=annotated, edited=annotated)

    # -- following the session ---------------------------------------------------------------

    def _on_labels(self, change: Change) -> None:
        painted = change.document
        if painted is not None and painted.dirty:
            self._target_of(painted)
            for patch in change.patches:
                self._record(painted, patch)
            self._start_timer()

    def _on_dirty(self, change: Change) -> None:
        if self._is_dirty() == self._dirty_told:
            return
        if What.SAVED in change.what:
            self._dirty_told = not self._dirty_told  # who announced it has told that as well
        else:
            self._tell_saved()

    def _is_dirty(self) -> bool:
        document = self._session.document
        return document is not None and document.dirty

    def _tell_saved(self) -> None:
        """Say that the open image was saved, or could not be, or is no longer as it was saved."""
        self._dirty_told = self._is_dirty()
        self._session.notify(What.SAVED, by=self)

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
            self._start_retry()
            self._notices.failure("Writing the journal", error, _JOURNAL, scope="program")

    def _journal_works(self) -> None:
        if self._journal_failed:
            self._journal_failed = False
            self._notices.settle(_JOURNAL)


@dataclass(frozen=True)
class _Written:
    """What a save did.

    Attributes:
        revision: The annotation's revision that was written.
        saved: The files.
        copies: Of what another program had written meanwhile.
        annotated: Whether there is an annotation now; not where the ground truth is as it was.
    """

    revision: int
    saved: Saved
    copies: list[Path]
    annotated: bool


def _write(
    document: Document,
    annotation: LabelMap,
    target: _Target,
    agreed: frozenset[Path],
    *,
    replace: bool,
) -> _Written:
    agreed |= agreed_links(target.data_folder)
    copies, seen = [], document.seen
    if replace and seen is not None:
        copies, seen = seen.keep_changed(target.home(document.ref, agreed)), None
    copy = annotation.snapshot()
    saved = target.annotations.write(
        document.ref,
        copy.labels,
        copy.instances,
        target.schema,
        elsewhere=target.elsewhere,
        name_classes=target.name_classes,
        agreed=agreed,
        seen=seen,
    )
    # Not when the result arrives: the next save may be at work before.
    document.seen = target.annotations.seen(document.ref)
    target.writers.save(target.annotations, document.ref, copy, agreed)
    annotation.checksum()
    return _Written(copy.revision, saved, copies, target.annotations.has(document.ref))


def _free_folder(folder: Path, ref: ImageRef) -> Path:
    """The folder, or one in it, in which nothing is replaced."""
    home, number = folder, 1
    while any(is_there(path) for path in annotation_files(home, ref).paths):
        number += 1
        home = folder / f"annotations-{number}"
    make_folder(home)
    return home
