"""One change of many images: those in memory by an edit of theirs, the files of the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from segstudio.annotation.autosave import Autosave
from segstudio.annotation.patching import applied, difference_patch, packed, ready_for, signed_map
from segstudio.core.errors import SegstudioError, without_traceback
from segstudio.core.formatting import counted
from segstudio.core.history import EditRecorder
from segstudio.core.labels import LabelMap, Patch
from segstudio.core.schema import LabelSchema
from segstudio.folder.documents import Documents
from segstudio.folder.files import FolderFiles
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notices
from segstudio.runs.scoring import Scoring
from segstudio.session.document import Document
from segstudio.session.session import Session, What
from segstudio.storage.decode import page_count
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.seen_files import SeenFiles
from segstudio.storage.write_root import agreed_links


@dataclass(frozen=True)
class _Held:
    """What changes in an image that is in memory."""

    document: Document
    revision: int
    recorder: EditRecorder
    patch: Patch | None
    seen: SeenFiles | None


@dataclass(eq=False)
class Pass:
    """One change of many images, in memory and in files.

    Attributes:
        title: What it is called.
        files: The folder.
        schema: The classes in force.
        elsewhere: Whether corrections go to `annotations/`.
        images: Which images.
        new: Makes the map that an image's becomes, the same one where nothing changes; runs in a
            job.
        by: The service that changes them, as `Change.by`.
        held: Images that were changed in memory.
        written: Images whose files were changed, and whether they have an annotation now; not where
            their ground truth is as it was.
        failed: Why images could not be changed.
        is_whole: Whether all images were come to.
    """

    title: str
    files: FolderFiles
    schema: LabelSchema
    elsewhere: bool
    images: tuple[ImageRef, ...]
    new: Callable[[ImageRef, LabelMap], LabelMap]
    by: object = None
    held: set[ImageRef] = field(default_factory=set)
    written: dict[ImageRef, bool] = field(default_factory=dict)
    failed: list[SegstudioError] = field(default_factory=list)
    is_whole: bool = False

    @property
    def changed(self) -> set[ImageRef]:
        """The images, and pages of them, that were changed."""
        return self.held.union(self.written)

    def edit(self, document: Document) -> _Held:
        """What changes in an image in memory; for any thread."""
        annotation, revision = document.annotation, document.annotation.revision
        new = signed_map(annotation, self.new(document.ref, annotation))
        patch = difference_patch(annotation, new.labels, new.instances, new.writers)
        made = packed(self.title, patch)
        # Where its file was written by us since it was read, that is no change by others.
        seen = self.files.annotations.seen(document.ref) if document.ref in self.written else None
        return _Held(document, revision, *made, seen)

    def rewrite(self, ref: ImageRef, job: Job) -> None:
        """Change the files of an image."""
        annotations, schema = self.files.annotations, self.schema
        try:
            seen = annotations.seen(ref)
            found = self.files.reference(ref, schema, None, job.check)
            if found is None:
                return
            self.files.sign(ref, found, schema)
            new = signed_map(found, self.new(ref, found))
            if new is found:
                return
            agreed = agreed_links(self.files.project.data_folder)
            annotations.write(
                ref,
                new.labels,
                new.instances,
                schema,
                elsewhere=self.elsewhere,
                agreed=agreed,
                seen=seen,
            )
            self.files.writers.save(annotations, ref, new, agreed)
        except SegstudioError as error:
            self.failed.append(without_traceback(error))
        else:
            self.written[ref] = annotations.has(ref)


class ManyImages:
    """Changes images of the open folder in the form and place in which corrections are saved."""

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        notices: Notices,
        documents: Documents,
        scoring: Scoring,
        autosave: Autosave,
    ) -> None:
        self._session, self._jobs, self._notices = session, jobs, notices
        self._documents, self._scoring, self._autosave = documents, scoring, autosave

    def run(self, change: Pass, then: Callable[[], None]) -> None:
        """Change images: those in memory, then the files of the others.

        Those that are opened while their files are rewritten may show what was in them before, so
        they come last.
        """

        def files_done() -> None:
            if not self.is_open(change.files):
                self._notices.warning(
                    f"“{change.title}” was left: another folder was opened. "
                    f"{share_text(change)} are changed.",
                    f"Open {change.files.project.name} again to go on with it.",
                    scope="program",
                )
                return
            late = self._in_memory(change.written)
            self._edit(change, late, then)

        def held_done() -> None:
            self._rewrite(change, files_done)

        self._edit(change, self._in_memory(change.images), held_done)

    def _in_memory(self, refs: Iterable[ImageRef]) -> list[Document]:
        wanted = set(refs)
        return [document for document in self._documents if document.ref in wanted]

    def is_open(self, files: FolderFiles) -> bool:
        """Whether this folder is the one that is open."""
        project = self._session.project
        return project is not None and project.root == files.project.root

    def _edit(self, change: Pass, documents: list[Document], then: Callable[[], None]) -> None:
        """Change images in memory; one that is painted on meanwhile is looked at again.

        They are saved at once, as the files of the others are: once the class is gone from the
        list, a file that has it cannot be read.
        """
        if not documents:
            then()
            return

        def done(edits: list[_Held]) -> None:
            again = []
            for edit in edits:
                document = edit.document
                if self._documents.get(document.ref) is not document:
                    continue  # it was let go: its file is changed
                if document.annotation.revision == edit.revision:
                    self._commit(edit, change.by)
                    change.held.add(document.ref)
                else:
                    again.append(document)
            self._autosave.save(edit.document for edit in edits)
            self._edit(change, again, then)

        self._jobs.submit(
            change.title,
            "edits",
            lambda _job: [change.edit(document) for document in documents],
            done,
            visible=False,
        )

    def _commit(self, edit: _Held, by: object) -> None:
        document, patch = edit.document, edit.patch
        if edit.seen is not None:
            document.seen = edit.seen
        if patch is None:
            return
        ready_for(document, patch)
        if document.history.push(edit.recorder):
            patches = applied(document.annotation, (patch,))
            document.edited_at = time.time()
            what = What.LABELS | What.HISTORY
            self._session.notify(what, document=document, patches=patches, by=by)

    def _rewrite(self, change: Pass, then: Callable[[], None]) -> None:
        """Change the files of the images that are not in memory; `then` also if it is stopped."""
        others = [ref for ref in change.images if ref not in change.held]
        if not others:
            change.is_whole = True
            then()
            return

        def work(job: Job) -> None:
            for number, ref in enumerate(others):
                job.report(number, len(others), ref.title)
                change.rewrite(ref, job)
            change.is_whole = True

        def ended() -> None:
            self._written(change.written)
            then()

        self._jobs.submit(change.title, "save", work, ended=ended)

    def _written(self, annotated: Mapping[ImageRef, bool]) -> None:
        """Files of images that are not in memory were written: they are counted again.

        Args:
            annotated: The images, and whether they have an annotation now.
        """
        session, project = self._session, self._session.project
        indices = {
            index: has
            for ref, has in annotated.items()
            if project is not None and (index := project.index_of(ref.path, ref.page)) is not None
        }
        for index, has in indices.items():
            session.set_state(index, annotated=has, edited=has)
            for run in session.state(index).runs:
                self._scoring.forget(index, run)
        if indices:
            session.notify(What.SCORES | What.STATES, images=tuple(indices))
            self._scoring.count_missing()


def every_page(images: Iterable[ImageRef], unread: list[str]) -> Iterator[tuple[int, ImageRef]]:
    """All pages of images with the images' numbers; titles of those that cannot be read are added."""
    for number, image in enumerate(images):
        try:
            pages = page_count(image.path)
        except SegstudioError:
            pages = 1
            unread.append(image.title)
        yield from ((number, image.at_page(page)) for page in range(pages))


def trouble(change: Pass) -> tuple[str, str]:
    """Why a change is not whole, as the end of a sentence, and what to do about it."""
    if not change.failed:
        return "it was stopped.", ""
    first, count = change.failed[0], len(change.failed)
    what = "page" if _has_pages(change) else "image"
    return f"{counted(count, what)} could not be written. {first.message}", first.hint


def share_text(change: Pass) -> str:
    """How many of the images were changed; where some are stacks, how many of their pages."""
    images = len({ref.name for ref in change.images})
    named = counted(images, "image")
    if not _has_pages(change):
        return f"{len(change.changed):,} of {named}"
    return f"{len(change.changed):,} of {len(change.images):,} pages of {named}"


def _has_pages(change: Pass) -> bool:
    return any(ref.page for ref in change.images)
