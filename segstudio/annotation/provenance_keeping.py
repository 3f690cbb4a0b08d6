"""Keeping who writes which pixels of the annotations: switched on and off, and who that is."""

from __future__ import annotations

from segstudio.annotation.autosave import Autosave
from segstudio.annotation.editing import Editing
from segstudio.core.errors import SegstudioError
from segstudio.core.history import Source
from segstudio.core.labels import Writers
from segstudio.core.provenance import IMPORT, PERSON, UNKNOWN, ModelWriter
from segstudio.folder.documents import Documents
from segstudio.folder.files import FolderFiles, OpenFolder
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notices
from segstudio.runs.batch import model_of
from segstudio.runs.score_sides import run_title
from segstudio.runs.scoring import Scoring
from segstudio.session.document import Document
from segstudio.session.session import Change, Session, What


class ProvenanceKeeping:
    """Follows the switch of the open folder (`ViewState.provenance`).

    While it is on each annotation in memory has a map of its writers, which changes with every
    patch and is saved with the mask; while it is off there is none.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        notices: Notices,
        documents: Documents,
        folder: OpenFolder,
        editing: Editing,
        autosave: Autosave,
        scoring: Scoring,
    ) -> None:
        self._session, self._jobs, self._notices = session, jobs, notices
        self._documents, self._folder = documents, folder
        self._editing, self._autosave, self._scoring = editing, autosave, scoring
        editing.writer_of = self._writer_of
        session.follow(What.VIEW | What.PROJECT, self._on_change)
        session.follow(What.DOCUMENT, self._on_document)

    def toggle(self) -> None:
        """Switch it on or off for the open folder."""
        session = self._session
        if session.read_only:
            self._notices.info(session.read_only)
            return
        self._editing.end_stroke()
        session.set_view(provenance=not session.view.provenance)

    def _writer_of(self, source: Source | None) -> int:
        files = self._folder.files
        if source is None or files is None or not files.writers.kept:
            return PERSON
        if source.imported:
            return IMPORT
        if not source.run:
            return PERSON
        model = ModelWriter(model_of(source.run), run_title(self._session, source.run))
        try:
            return files.writers.number_of(model)
        except SegstudioError as error:
            self._notices.warning(error.message, error.hint, scope="program")
            return files.writers.table.known(model.id) or UNKNOWN

    # -- the switch ----------------------------------------------------------------------------

    def _on_change(self, _change: Change) -> None:
        files, wanted = self._folder.files, self._session.view.provenance
        if files is None or self._session.project is not files.project:
            return
        self._session.writers = files.writers.table
        if files.writers.kept != wanted:
            files.writers.kept = wanted
            if wanted:
                self._begin(files)
            else:
                self._end(files)

    def _on_document(self, _change: Change) -> None:
        """An image that was read before the switch, or read anew, has no map yet, or one too many."""
        files, document = self._folder.files, self._session.document
        if files is None or document is None or document.ref.root != str(files.project.images_root):
            return
        has = document.annotation.writers is not None
        if files.writers.kept and not has:
            self._read(files, document)
        elif has and not files.writers.kept and not document.dirty:
            document.annotation.keep_writers(None)

    def _begin(self, files: FolderFiles) -> None:
        self._scoring.recount()
        for document in list(self._documents):
            self._read(files, document)

    def _read(self, files: FolderFiles, document: Document) -> None:
        """Read, or make, the map of an image in memory; again if it is painted on meanwhile."""
        annotation, revision = document.annotation, document.annotation.revision
        schema, truth = self._session.schema, document.truth
        problems: list[SegstudioError] = []

        def work(_job: Job) -> Writers:
            return files.writers_of(document.ref, annotation, truth, schema, problems)

        def done(writers: Writers) -> None:
            held = self._documents.get(document.ref) is document
            if not held or not files.writers.kept or annotation.writers is not None:
                return
            if document.annotation is not annotation or annotation.revision != revision:
                self._read(files, document)
                return
            annotation.keep_writers(writers)
            for problem in problems:
                self._notices.warning(problem.message, problem.hint, scope="image")
            if document is self._session.document:
                self._session.notify(What.LABELS)
            self._scoring.count_document(document)

        self._jobs.submit(
            f"Finding who wrote {document.ref.title}",
            "files",
            work,
            done,
            front=True,
            visible=False,
        )

    def _end(self, files: FolderFiles) -> None:
        """Save what is kept, then keep nothing any more."""
        self._autosave.save_all()

        def forget() -> None:
            if files.writers.kept:
                return
            for document in self._documents:
                document.annotation.keep_writers(None)
            self._session.notify(What.LABELS)
            self._scoring.recount()

        self._autosave.when_saved(forget)
