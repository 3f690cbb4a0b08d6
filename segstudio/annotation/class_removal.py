"""Removing a class, or merging it into another one: in all images of the folder, and back."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from segstudio.annotation.autosave import Autosave
from segstudio.annotation.patching import difference_patch, packed, ready_for
from segstudio.core.errors import SegstudioError, without_traceback
from segstudio.core.formatting import counted
from segstudio.core.history import EditRecorder
from segstudio.core.labels import LabelMap, Patch
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.folder.documents import Documents
from segstudio.folder.files import FolderFiles, OpenFolder
from segstudio.folder.schema_keeper import SchemaKeeper
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notice, Notices
from segstudio.runs.scoring import Scoring
from segstudio.session.document import Document
from segstudio.session.session import Change, Session, What
from segstudio.storage.decode import page_count
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.seen_files import SeenFiles
from segstudio.storage.write_root import agreed_links

_REMOVED = "class removed"
"""What the notice of a removed class is about."""


@dataclass(frozen=True)
class ClassUse:
    """Where a class is used in the folder's annotations and ground truth.

    Attributes:
        spec: The class.
        pixels: How many pixels it has.
        images: The images, and later pages of them, that have some.
        unread: Those that cannot be read, so that their pages are not known, or whose masks cannot.
    """

    spec: ClassSpec
    pixels: int
    images: tuple[ImageRef, ...]
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Held:
    """What changes in an image that is in memory."""

    document: Document
    revision: int
    recorder: EditRecorder
    patch: Patch | None
    seen: SeenFiles | None


@dataclass(frozen=True)
class _Lost:
    """What a removal took from an image, compressed.

    Attributes:
        mask: Which pixels, as packed bits.
        ids: The ids of objects that they had, uint16 in their order; None if they are as before.
    """

    mask: bytes
    ids: bytes | None


@dataclass(eq=False)
class _Pass:
    """One change of many images, in memory and in files.

    Attributes:
        title: What it is called.
        files: The folder.
        schema: The classes in force.
        elsewhere: Whether corrections go to `annotations/`.
        images: Which images.
        new: Makes the map that an image's becomes; runs in a job.
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
        new = self.new(document.ref, annotation)
        made = packed(self.title, difference_patch(annotation, new.labels, new.instances))
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
            new = self.new(ref, found)
            annotations.write(
                ref,
                new.labels,
                new.instances,
                schema,
                elsewhere=self.elsewhere,
                agreed=agreed_links(self.files.project.data_folder),
                seen=seen,
            )
        except SegstudioError as error:
            self.failed.append(without_traceback(error))
        else:
            self.written[ref] = annotations.has(ref)


class ClassRemoval:
    """Counts where a class is used, and gives its pixels to another one.

    Images in memory change by an edit of their history; others are rewritten in a job, in the form
    and place in which corrections are saved. Ids of the other classes stay. The notice's
    Undo brings everything back, and so does undoing the edit in one image: it is one step. It
    cannot be redone in that image alone.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        notices: Notices,
        documents: Documents,
        folder: OpenFolder,
        schema: SchemaKeeper,
        scoring: Scoring,
        autosave: Autosave,
    ) -> None:
        self._session, self._jobs, self._notices = session, jobs, notices
        self._documents, self._folder, self._schema = documents, folder, schema
        self._scoring, self._autosave = scoring, autosave
        self._gone: dict[int, tuple[str, Callable[[Document], None]]] = {}
        """Of removals that are done: what the edit is called, and what takes it back elsewhere."""
        session.follow(What.PROJECT, self._on_project)
        session.follow(What.HISTORY, self._on_history)

    def count(self, class_id: int, done: Callable[[ClassUse], None]) -> None:
        """Find out where a class is used, in a job.

        `done` is not called if it is cancelled, or another folder is open by then.
        """
        files, schema = self._folder.files, self._session.schema
        spec = schema.get(class_id)
        if files is None or spec is None:
            return
        held = {document.ref: document.annotation for document in self._documents}

        def work(job: Job) -> ClassUse:
            pixels, images = 0, list[ImageRef]()
            unread: list[str] = []
            for number, ref in _every_page(files.project.images, unread):
                job.report(number, len(files.project.images), ref.title)
                try:
                    found = held.get(ref) or files.reference(ref, schema, None, job.check)
                except SegstudioError:
                    unread.append(ref.title)
                    continue
                count = 0 if found is None else int(np.count_nonzero(found.labels == class_id))
                if count:
                    pixels += count
                    images.append(ref)
            return ClassUse(spec, pixels, tuple(images), tuple(dict.fromkeys(unread)))

        def used(use: ClassUse) -> None:
            if self._is_open(files):
                done(use)

        self._jobs.submit(f"Looking for {spec.name}", "transfer", work, used, key="class-use")

    def remove(self, use: ClassUse, into: int = 0) -> None:
        """Take a class out of the list; its pixels become another class.

        Args:
            use: From `count`.
            into: The class that its pixels become; 0 takes their objects away too.
        """
        files, schema = self._folder.files, self._session.schema
        spec = use.spec
        if files is None or schema.get(spec.id) is None or schema.get(into) is None:
            return
        if self._session.read_only:
            self._notices.info(self._session.read_only)
            return
        lost: dict[ImageRef, _Lost] = {}

        def new(ref: ImageRef, found: LabelMap) -> LabelMap:
            lost[ref] = _lost(found, spec.id, into)
            return _merged(found, spec.id, into)

        title = f"Remove class {spec.name}"
        if into:
            title = f"Merge {spec.name} into {schema.name_of(into)}"
        elsewhere = self._session.saving.elsewhere
        merging = _Pass(title, files, schema, elsewhere, use.images, new)
        self._run(merging, lambda: self._removed(use, into, merging, lost))

    # -- changing many images ------------------------------------------------------------------

    def _run(self, change: _Pass, then: Callable[[], None]) -> None:
        """Change images: those in memory, then the files of the others.

        Those that are opened while their files are rewritten may show what was in them before, so
        they come last.
        """

        def files_done() -> None:
            if not self._is_open(change.files):
                self._notices.warning(
                    f"“{change.title}” was left: another folder was opened. "
                    f"{_share_text(change)} are changed.",
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

    def _is_open(self, files: FolderFiles) -> bool:
        project = self._session.project
        return project is not None and project.root == files.project.root

    def _edit(self, change: _Pass, documents: list[Document], then: Callable[[], None]) -> None:
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
                    self._commit(edit)
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

    def _commit(self, edit: _Held) -> None:
        document, patch = edit.document, edit.patch
        if edit.seen is not None:
            document.seen = edit.seen
        if patch is None:
            return
        ready_for(document, patch)
        if document.history.push(edit.recorder):
            document.annotation.apply(patch)
            document.edited_at = time.time()
            what = What.LABELS | What.HISTORY
            self._session.notify(what, document=document, patches=(patch,), by=self)

    def _rewrite(self, change: _Pass, then: Callable[[], None]) -> None:
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
            session.notify(What.SCORES)
            self._scoring.count_missing()

    # -- what came of it -----------------------------------------------------------------------

    def _removed(
        self, use: ClassUse, into: int, merging: _Pass, lost: dict[ImageRef, _Lost]
    ) -> None:
        spec = use.spec
        undo = ("Undo", lambda: self._take_back(use, into, merging, lost))
        self._notices.settle(_REMOVED)
        if merging.is_whole and not merging.failed:
            self._gone[spec.id] = (
                merging.title,
                lambda undone: self._take_back(use, into, merging, lost, undone),
            )
            self._schema.remove_class(spec.id)
            became = f" {use.pixels:,} pixels became {self._session.schema.name_of(into)}."
            text = f"{spec.name} was removed.{became if use.pixels else ''}"
            # In files of images that are not open nothing else takes it back.
            stays = bool(use.pixels)
            self._notices.post(Notice("info", text, action=undo, about=_REMOVED, stays=stays))
            return
        # The class stays: some of its pixels do.
        why, hint = _trouble(merging)
        self._notices.post(
            Notice(
                "warning",
                f"{spec.name} stays: {why}",
                f"{_share_text(merging)} were changed. {hint}".strip(),
                action=undo if merging.changed else None,
                about=_REMOVED,
                stays=bool(merging.changed),
            )
        )

    def _take_back(
        self,
        use: ClassUse,
        into: int,
        merging: _Pass,
        lost: dict[ImageRef, _Lost],
        undone: Document | None = None,
    ) -> None:
        """Bring the class back, and its pixels where nothing else was painted since.

        Args:
            use: The class, and where it was.
            into: What its pixels became.
            merging: What was changed.
            lost: What was there, by image.
            undone: The image in which the removal was undone by itself, if it was.
        """
        spec, present = use.spec, self._session.schema.get(use.spec.id)
        if not self._is_open(merging.files) or self._folder.files is None:
            return
        if self._session.read_only:
            self._notices.info(self._session.read_only)
            return
        if present is not None and merging.is_whole and not merging.failed and present != spec:
            self._notices.warning(
                f"{spec.name} was not brought back: {present.name} has its number now.",
                f"Remove {present.name} first.",
            )
            return
        if present is None:
            self._gone.pop(spec.id, None)
            self._schema.restore_class(spec)
        self._notices.settle(_REMOVED)
        changed = merging.held.union(merging.written)
        back = _Pass(
            f"Bring back {spec.name}",
            self._folder.files,
            self._session.schema,
            self._session.saving.elsewhere,
            tuple(ref for ref in lost if ref in changed and (undone is None or ref != undone.ref)),
            lambda ref, found: _restored(found, spec.id, lost[ref], into),
        )

        def done() -> None:
            if not back.is_whole or back.failed:
                why, hint = _trouble(back)
                self._notices.warning(
                    f"{spec.name} is back in {_share_text(back)}: {why}",
                    hint,
                )

        self._run(back, done)

    def _on_project(self, _change: Change) -> None:
        self._gone.clear()

    def _on_history(self, change: Change) -> None:
        """A removal that is undone in one image is undone in all of them: it is one step."""
        if change.document is None:
            return
        document, history = change.document, change.document.history
        for class_id, (title, take_back) in list(self._gone.items()):
            if self._session.schema.get(class_id) is not None:
                del self._gone[class_id]  # its number is that of another class now
            elif history.redo_title == title and _brings(change, class_id):
                history.forget_undone()
                take_back(document)


def _every_page(images: Iterable[ImageRef], unread: list[str]) -> Iterator[tuple[int, ImageRef]]:
    """All pages of images with the images' numbers; titles of those that cannot be read are added."""
    for number, image in enumerate(images):
        try:
            pages = page_count(image.path)
        except SegstudioError:
            pages = 1
            unread.append(image.title)
        yield from ((number, image.at_page(page)) for page in range(pages))


def _brings(change: Change, class_id: int) -> bool:
    return any(bool((patch.after == class_id).any()) for patch in change.patches)


def _trouble(change: _Pass) -> tuple[str, str]:
    """Why a change is not whole, as the end of a sentence, and what to do about it."""
    if not change.failed:
        return "it was stopped.", ""
    first, count = change.failed[0], len(change.failed)
    what = "page" if _has_pages(change) else "image"
    return f"{counted(count, what)} could not be written. {first.message}", first.hint


def _share_text(change: _Pass) -> str:
    """How many of the images were changed; where some are stacks, how many of their pages."""
    images = len({ref.name for ref in change.images})
    named = counted(images, "image")
    if not _has_pages(change):
        return f"{len(change.changed):,} of {named}"
    return f"{len(change.changed):,} of {len(change.images):,} pages of {named}"


def _has_pages(change: _Pass) -> bool:
    return any(ref.page for ref in change.images)


def _merged(label_map: LabelMap, class_id: int, into: int) -> LabelMap:
    """A label map in which one class has become another; background has no objects."""
    mask = label_map.labels == class_id
    labels = np.where(mask, np.uint8(into), label_map.labels)
    ids = label_map.instances
    if ids is not None and into == 0:
        ids = np.where(mask, np.uint16(0), ids)
    return LabelMap(labels, ids)


def _lost(label_map: LabelMap, class_id: int, into: int) -> _Lost:
    """What `_merged` takes away."""
    mask, ids = label_map.labels == class_id, label_map.instances
    kept = None if ids is None or into else zlib.compress(ids[mask].tobytes(), 1)
    return _Lost(zlib.compress(np.packbits(mask).tobytes(), 1), kept)


def _restored(label_map: LabelMap, class_id: int, lost: _Lost, into: int) -> LabelMap:
    """A label map with a class where it was, but not where something was painted since."""
    size = label_map.labels.size
    bits = np.frombuffer(zlib.decompress(lost.mask), np.uint8)
    mask = np.unpackbits(bits, count=size).astype(bool).reshape(label_map.shape_hw)
    back = mask & (label_map.labels == into)
    labels = np.where(back, np.uint8(class_id), label_map.labels)
    ids = label_map.instances
    if ids is not None and lost.ids is not None:
        whole = np.zeros(label_map.shape_hw, np.uint16)
        whole[mask] = np.frombuffer(zlib.decompress(lost.ids), np.uint16)
        ids = np.where(back, whole, ids)
    return LabelMap(labels, ids)
