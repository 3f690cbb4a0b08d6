"""The marks in the list of images: found out in the background, a chunk at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from psygnal import Signal

from segstudio.folder.files import FolderFiles, OpenFolder
from segstudio.jobs import Job, JobRunner
from segstudio.session.document import Document
from segstudio.session.session import Change, ImageState, Session, What
from segstudio.storage.image_ref import PAGE_MARK, ImageRef, image_of, place_of
from segstudio.storage.project import Project
from segstudio.storage.states import (
    Mark,
    load_marked,
    load_notes,
    load_sources,
    save_marked,
    save_note,
    save_sources,
)

_CHUNK = 1000
_OTHER = {Mark.REVIEWED: Mark.FLAGGED, Mark.FLAGGED: Mark.REVIEWED}
"""The mark that goes when an image gets one."""


class FolderStates:
    """Fills `session.states` after a folder was opened and keeps the marks of the open image.

    Signals:
        marked: The user gave an image (its key) a mark, or took it away.
    """

    marked = Signal(str, Mark, bool)

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        folder: OpenFolder,
        count_missing: Callable[[], None],
    ) -> None:
        self._session = session
        self._jobs = jobs
        self._folder = folder
        self._count_missing = count_missing
        self._known_of: FolderFiles | None = None
        self._said: set[str] = set()
        """Keys of the images of which the user said something since the folder was opened."""
        self._said_of: Path | None = None
        session.follow(What.LABELS | What.HISTORY, self._on_change)

    @property
    def known(self) -> bool:
        """Whether the marks of all images of the open folder are read."""
        return self._known_of is not None and self._known_of is self._folder.files

    def read(self, files: FolderFiles) -> None:
        """Find out all marks again; what is known stays until then."""
        if self._said_of != files.project.data_folder:
            self._said_of = files.project.data_folder
            self._said.clear()
        self._read_chunk(files, 0)

    def read_page(self, files: FolderFiles, place: int) -> None:
        """Find out the marks of a page after the first, when it is shown."""

        def done(state: ImageState) -> None:
            if files is self._folder.files:
                self._take({place: state})

        self._jobs.submit(
            "Looking for masks",
            "files",
            lambda _job: _state_of_page(files, place),
            done,
            key=f"page-state:{place}",
            visible=False,
        )

    def count_missing(self) -> None:
        """Count what waited for the masks to be looked at."""
        self._count_missing()

    def toggle(self, mark: Mark, by: object = None) -> None:
        """Give the open image a mark of the user's or take it away; `by`: see `Change.by`.

        An image is done or flagged, never both: what is flagged and then done was come back to.
        """
        session, files = self._session, self._folder.files
        if files is None or session.document is None:
            return
        project, key = files.project, session.document.ref.key
        marked = not getattr(session.state(session.index), mark.value)
        values = {mark.value: marked} | ({_OTHER[mark].value: False} if marked else {})
        self._said.add(key)
        self.marked.emit(key, mark, marked)
        session.set_state(session.index, by=by, **values)

        def work(_job: Job) -> None:
            for name, is_so in values.items():
                # Read again, since another window may have marked other images.
                names = load_marked(project.data_folder, Mark(name))
                if is_so != (key in names):
                    names = names | {key} if is_so else names - {key}
                    save_marked(project.data_folder, project.root, Mark(name), names)

        self._jobs.submit("Saving the marks", "save", work, visible=False)

    def set_note(self, place: int, note: str) -> None:
        """Write a line on an image of the open folder, or take it away with an empty one."""
        session, files = self._session, self._folder.files
        note = " ".join(note.split())
        if files is None or note == session.state(place).note:
            return
        key = files.project.images[place].key
        self._said.add(key)
        session.set_state(place, note=note)
        self._save_note(files.project, key, note)

    def keep_note(self, project: Project, ref: ImageRef, note: str) -> None:
        """Write a line on an image of a folder, whether that is still open or was left meanwhile."""
        now = self._session.project
        place = None if now is None else now.index_of(ref.path, ref.page)
        if place is not None:
            self.set_note(place, note)
        else:
            self._save_note(project, ref.key, " ".join(note.split()))

    def _save_note(self, project: Project, key: str, note: str) -> None:
        self._jobs.submit(
            "Saving the notes",
            "save",
            lambda _job: save_note(project.data_folder, project.root, key, note),
            visible=False,
        )

    def _read_chunk(self, files: FolderFiles, start: int) -> None:
        def done(states: dict[int, ImageState]) -> None:
            if files is not self._folder.files:
                return
            end = start + _CHUNK
            if end >= len(files.project.images):
                self._known_of = files
            self._take(states)
            if end < len(files.project.images):
                self._read_chunk(files, end)
            else:
                self._count_missing()

        self._jobs.submit(
            "Looking for masks",
            "files",
            lambda job: _states(job, files, start),
            done,
            key="states",
            visible=False,
        )

    def _take(self, found: dict[int, ImageState]) -> None:
        states = self._session.states
        images = tuple(found)
        for index, state in found.items():
            known = states.get(index, ImageState())
            # What happened since the folder was opened is newer than what was read.
            said = known if self._is_said(index) else state
            states[index] = ImageState(
                has_truth=state.has_truth,
                annotated=state.annotated or known.annotated,
                edited=state.edited or known.edited,
                reviewed=said.reviewed,
                flagged=said.flagged,
                note=said.note,
                runs=state.runs | known.runs,
                taken=known.taken if known.edited else state.taken,
            )
        self._session.notify(What.STATES, images=images)

    def _is_said(self, place: int) -> bool:
        project = self._session.project
        return bool(self._said) and project is not None and project.images[place].key in self._said

    def _on_change(self, change: Change) -> None:
        session, document = self._session, change.document
        index = session.index_of(document)
        if document is None or index is None:
            return
        if What.LABELS in change.what and change.patches:
            session.set_state(index, annotated=True, edited=True)
        if What.HISTORY in change.what:
            self._follow_sources(index, document)

    def _follow_sources(self, index: int, document: Document) -> None:
        """Keep from which predictions an image's annotation has pixels."""
        files, taken = self._folder.files, document.runs_taken
        if files is None or taken == self._session.state(index).taken:
            return
        self._session.set_state(index, taken=taken)
        project, key = files.project, document.ref.key
        self._jobs.submit(
            "Saving the marks",
            "save",
            lambda _job: save_sources(project.data_folder, project.root, key, taken),
            visible=False,
        )


def _state_of_page(files: FolderFiles, place: int) -> ImageState:
    project = files.project
    ref = project.images[place]
    marks = _Marks(project.data_folder)
    return _state(files, ref, marks, files.predictions.runs_of_page(ref.path, ref.page))


def _state(files: FolderFiles, ref: ImageRef, marks: _Marks, runs: frozenset[str]) -> ImageState:
    truth, saved = files.project.truth, files.annotations.has(ref)
    known = load_sources(files.project.data_folder) if saved else {}
    return ImageState(
        has_truth=truth is not None and truth.has(ref),
        annotated=saved,
        edited=saved,
        reviewed=ref.key in marks.reviewed and ref.key not in marks.flagged,
        flagged=ref.key in marks.flagged,
        note=marks.notes.get(ref.key, ""),
        runs=runs,
        taken=known.get(ref.key, frozenset()),
    )


class _Marks:
    """What the user said of a folder's images, by their keys."""

    def __init__(self, data_folder: Path) -> None:
        self.reviewed = load_marked(data_folder, Mark.REVIEWED)
        self.flagged = load_marked(data_folder, Mark.FLAGGED)
        self.notes = load_notes(data_folder)

    @property
    def keys(self) -> set[str]:
        """Every image of which something was said."""
        return self.reviewed | self.flagged | self.notes.keys()


def _states(job: Job, files: FolderFiles, start: int) -> dict[int, ImageState]:
    project = files.project
    refs = {i: project.images[i] for i in range(start, min(start + _CHUNK, len(project.images)))}
    runs = files.predictions.runs_of([ref.path for ref in refs.values()])
    marks = _Marks(project.data_folder)
    job.check()
    found: dict[int, ImageState] = {}
    for index, ref in refs.items():
        state = _state(files, ref, marks, runs.get(ref.path, frozenset()))
        if state != ImageState():
            found[index] = state
    # later pages that nothing is known of are looked at when they are shown
    marked = (project.place_of_key(key) for key in marks.keys if PAGE_MARK in key)
    places = {place for place in marked if place is not None and image_of(place) in refs}
    pages = files.predictions.pages_with_runs([ref.path for ref in refs.values()])
    places |= {place_of(i, page) for i, ref in refs.items() for page in pages.get(ref.path, ())}
    for place in places - refs.keys():
        ref = project.images[place]
        held = files.predictions.runs_of_page(ref.path, ref.page)
        found[place] = _state(files, ref, marks, held)
    return found
