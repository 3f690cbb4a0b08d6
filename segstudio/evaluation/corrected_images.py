"""Which images were corrected from the work queue; kept for the next time the folder is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from segstudio.folder.files import FolderFiles, OpenFolder
from segstudio.jobs import Job, JobRunner
from segstudio.session.session import Change, Session, What
from segstudio.storage.states import Mark, load_marked, save_marked


class CorrectedImages:
    """Positions of images of the open folder."""

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        folder: OpenFolder,
        *,
        found: Callable[[], None],
    ) -> None:
        """Follow the open folder.

        Args:
            session: What is open.
            jobs: Reads and writes the marks.
            folder: Where they are kept.
            found: Told when marks of an earlier time were read.
        """
        self._session, self._jobs, self._folder, self._found = session, jobs, folder, found
        self._project = session.project
        self._indices: set[int] = set()
        self._new: set[int] = set()
        session.changed.connect(self._on_change)

    def __contains__(self, index: object) -> bool:
        """Whether an image was corrected."""
        return index in self._indices

    def __iter__(self) -> Iterator[int]:
        """The corrected images."""
        return iter(self._indices)

    def add(self, index: int) -> None:
        """An image was annotated."""
        self._indices.add(index)
        self._new.add(index)
        self._save({index}, marked=True)

    def undo(self, index: int) -> bool:
        """What was annotated was undone; False if it was annotated at an earlier time."""
        if index not in self._new:
            return False
        self._new.discard(index)
        self._indices.discard(index)
        self._save({index}, marked=False)
        return True

    def clear(self) -> None:
        """No image counts as corrected any more."""
        self._save(self._indices, marked=False)
        self._indices, self._new = set(), set()

    def _on_change(self, change: Change) -> None:
        if What.PROJECT in change.what:
            self._on_project()

    def _on_project(self) -> None:
        """Another folder has other marks; in the same one, read again, images have moved."""
        before, self._project = self._project, self._session.project
        now = self._project
        if before is not None and now is not None and before.root == now.root:
            for indices in (self._indices, self._new):
                refs = [before.images[i] for i in indices]
                moved = {now.index_of(ref.path, ref.page) for ref in refs}
                indices.clear()
                indices.update(i for i in moved if i is not None)
            return
        self._indices, self._new = set(), set()
        if self._folder.files is not None:
            self._read(self._folder.files)

    def _read(self, files: FolderFiles) -> None:
        def work(_job: Job) -> set[int]:
            keys = load_marked(files.project.data_folder, Mark.CORRECTED)
            places = (files.project.place_of_key(key) for key in keys)
            return {place for place in places if place is not None}

        def done(indices: set[int]) -> None:
            project = self._session.project
            if indices and project is not None and project.images is files.project.images:
                self._indices |= indices
                self._found()

        self._jobs.submit(
            "Looking for corrected images", "files", work, done, key="corrected", visible=False
        )

    def _save(self, indices: set[int], *, marked: bool) -> None:
        files, project = self._folder.files, self._session.project
        if files is None or project is None or not indices:
            return
        changed = {project.images[i].key for i in indices}

        def work(_job: Job) -> None:
            # Read again, since another window may have marked other images.
            folder = files.project.data_folder
            names = load_marked(folder, Mark.CORRECTED)
            names = names | changed if marked else names - changed
            save_marked(folder, files.project.root, Mark.CORRECTED, names)

        self._jobs.submit("Saving the marks", "save", work, visible=False)
