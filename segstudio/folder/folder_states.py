"""The marks in the list of images: found out in the background, a chunk at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from segstudio.folder.files import FolderFiles, OpenFolder
from segstudio.jobs import Job, JobRunner
from segstudio.session.document import Document
from segstudio.session.session import Change, ImageState, Session, What
from segstudio.storage.image_ref import PAGE_MARK, ImageRef, image_of, place_of
from segstudio.storage.states import (
    Mark,
    load_marked,
    load_sources,
    save_marked,
    save_sources,
)

_CHUNK = 1000


class FolderStates:
    """Fills `session.states` after a folder was opened and keeps the marks of the open image."""

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
        session.follow(What.LABELS | What.HISTORY, self._on_change)

    @property
    def known(self) -> bool:
        """Whether the marks of all images of the open folder are read."""
        return self._known_of is not None and self._known_of is self._folder.files

    def read(self, files: FolderFiles) -> None:
        """Find out all marks again; what is known stays until then."""
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
        """Give the open image a mark of the user's or take it away; `by`: see `Change.by`."""
        session, files = self._session, self._folder.files
        if files is None or session.document is None:
            return
        ref, name = session.document.ref, mark.value
        marked = not getattr(session.state(session.index), name)
        session.set_state(session.index, by=by, **{name: marked})

        def work(_job: Job) -> None:
            # Read again, since another window may have marked other images.
            names = load_marked(files.project.data_folder, mark)
            names = names | {ref.key} if marked else names - {ref.key}
            save_marked(files.project.data_folder, files.project.root, mark, names)

        self._jobs.submit("Saving the marks", "save", work, visible=False)

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
            states[index] = ImageState(
                has_truth=state.has_truth,
                annotated=state.annotated or known.annotated,
                edited=state.edited or known.edited,
                reviewed=state.reviewed or known.reviewed,
                flagged=state.flagged or known.flagged,
                runs=state.runs | known.runs,
                taken=known.taken if known.edited else state.taken,
            )
        self._session.notify(What.STATES, images=images)

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
    marks = _marks(project.data_folder)
    return _state(files, ref, marks, files.predictions.runs_of_page(ref.path, ref.page))


def _state(
    files: FolderFiles, ref: ImageRef, marks: dict[Mark, set[str]], runs: frozenset[str]
) -> ImageState:
    truth, saved = files.project.truth, files.annotations.has(ref)
    known = load_sources(files.project.data_folder) if saved else {}
    return ImageState(
        has_truth=truth is not None and truth.has(ref),
        annotated=saved,
        edited=saved,
        reviewed=ref.key in marks[Mark.REVIEWED],
        flagged=ref.key in marks[Mark.FLAGGED],
        runs=runs,
        taken=known.get(ref.key, frozenset()),
    )


def _marks(data_folder: Path) -> dict[Mark, set[str]]:
    return {mark: load_marked(data_folder, mark) for mark in (Mark.REVIEWED, Mark.FLAGGED)}


def _states(job: Job, files: FolderFiles, start: int) -> dict[int, ImageState]:
    project = files.project
    refs = {i: project.images[i] for i in range(start, min(start + _CHUNK, len(project.images)))}
    runs = files.predictions.runs_of([ref.path for ref in refs.values()])
    marks = _marks(project.data_folder)
    job.check()
    found: dict[int, ImageState] = {}
    for index, ref in refs.items():
        state = _state(files, ref, marks, runs.get(ref.path, frozenset()))
        if state != ImageState():
            found[index] = state
    # later pages that nothing is known of are looked at when they are shown
    marked = (project.place_of_key(key) for key in set().union(*marks.values()) if PAGE_MARK in key)
    places = {place for place in marked if place is not None and image_of(place) in refs}
    pages = files.predictions.pages_with_runs([ref.path for ref in refs.values()])
    places |= {place_of(i, page) for i, ref in refs.items() for page in pages.get(ref.path, ())}
    for place in places - refs.keys():
        ref = project.images[place]
        held = files.predictions.runs_of_page(ref.path, ref.page)
        found[place] = _state(files, ref, marks, held)
    return found
