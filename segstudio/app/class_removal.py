"""Removing a class, or merging it into another one: in all images of the folder, and back."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from segstudio.app.documents import Documents
from segstudio.app.folder import FolderFiles, OpenFolder
from segstudio.app.notices import Notices
from segstudio.app.patching import difference_patch, packed
from segstudio.app.schema_keeper import SchemaKeeper
from segstudio.app.scoring import Scoring
from segstudio.core.errors import SegstudioError, without_traceback
from segstudio.core.history import EditRecorder
from segstudio.core.labels import LabelMap, Patch
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.jobs import Job, JobRunner
from segstudio.session.document import Document
from segstudio.session.session import Change, Session, What
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.write_root import agreed_links

_REMOVED = "class removed"
"""What the notice of a removed class is about."""


@dataclass(frozen=True)
class ClassUse:
    """Where a class is used in the folder's annotations and ground truth.

    Attributes:
        spec: The class.
        pixels: How many pixels it has.
        images: The images that have some.
        unread: Images whose masks cannot be read.
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


@dataclass(frozen=True)
class _Lost:
    """What a removal took from an image's files, compressed.

    Attributes:
        mask: Which pixels, as packed bits.
        ids: The ids of objects that they had, uint16 in their order; None if they are as before.
    """

    mask: bytes
    ids: bytes | None


@dataclass
class _Written:
    """What a removal changed in files, so that it can be taken back.

    Attributes:
        into: What the pixels became.
        masks: What was there, by image.
        failed: Why images could not be written.
    """

    into: int
    masks: dict[ImageRef, _Lost] = field(default_factory=dict)
    failed: list[SegstudioError] = field(default_factory=list)


class ClassRemoval:
    """Counts where a class is used, and gives its pixels to another one.

    Images in memory change by an edit of their history; others are rewritten in a job, in the form
    and place in which corrections are saved. Ids of the other classes stay. Undoing the edit of the
    open image brings the class back for it; the notice's Undo brings everything back.
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
    ) -> None:
        self._session, self._jobs, self._notices = session, jobs, notices
        self._documents, self._folder, self._schema = documents, folder, schema
        self._scoring = scoring
        self._gone: dict[int, ClassSpec] = {}
        session.changed.connect(self._on_change)

    def count(self, class_id: int, done: Callable[[ClassUse], None]) -> None:
        """Find out where a class is used, in a job; `done` is not called if it is cancelled."""
        files, schema = self._folder.files, self._session.schema
        spec = schema.get(class_id)
        if files is None or spec is None:
            return
        held = {document.ref: document.annotation for document in self._documents}

        def work(job: Job) -> ClassUse:
            pixels, images, unread = 0, [], []
            for number, ref in enumerate(files.project.images):
                job.check()
                job.report(number, len(files.project.images), ref.title)
                try:
                    found = held.get(ref) or files.reference(ref, schema, None)
                except SegstudioError:
                    unread.append(ref.title)
                    continue
                count = 0 if found is None else int(np.count_nonzero(found.labels == class_id))
                if count:
                    pixels += count
                    images.append(ref)
            return ClassUse(spec, pixels, tuple(images), tuple(unread))

        self._jobs.submit(f"Looking for {spec.name}", "transfer", work, done, key="class-use")

    def remove(self, use: ClassUse, into: int = 0) -> None:
        """Take a class out of the list; its pixels become another class.

        Args:
            use: From `count`.
            into: The class that its pixels become; 0 takes their objects away too.
        """
        files, schema = self._folder.files, self._session.schema
        if files is None or schema.get(use.spec.id) is None or schema.get(into) is None:
            return
        if self._session.read_only:
            self._notices.info(self._session.read_only)
            return
        held = [d for d in self._documents if d.ref in set(use.images)]
        others = [ref for ref in use.images if all(d.ref != ref for d in held)]
        title = self._title(use, into)
        elsewhere = self._session.saving.elsewhere

        def work(job: Job) -> tuple[list[_Held], _Written]:
            edits = [_edit(document, use.spec.id, into, title) for document in held]
            written = _Written(into)
            for number, ref in enumerate(others):
                job.check()
                job.report(number, len(others), ref.title)
                _rewrite(files, ref, use.spec.id, schema, written, elsewhere=elsewhere)
            return edits, written

        def done(result: tuple[list[_Held], _Written]) -> None:
            if files is not self._folder.files:
                return
            edits, written = result
            for edit in edits:
                self._apply(edit, use.spec.id, into, title)
            self._finish(use, into, written, files)

        self._jobs.submit(title, "save", work, done, key="class-removal")

    def _apply(self, edit: _Held, class_id: int, into: int, title: str) -> None:
        """Change an image in memory; painted on meanwhile, it is looked at again."""
        if edit.document.annotation.revision != edit.revision:
            edit = _edit(edit.document, class_id, into, title)
        self._commit(edit)

    def _commit(self, edit: _Held) -> None:
        document, patch = edit.document, edit.patch
        if patch is not None and document.history.push(edit.recorder):
            document.annotation.apply(patch)
            self._announce(document, (patch,))

    def _announce(self, document: Document, patches: tuple[Patch, ...]) -> None:
        document.edited_at = time.time()
        self._session.notify(What.LABELS | What.HISTORY, document=document, patches=patches)

    def _finish(self, use: ClassUse, into: int, written: _Written, files: FolderFiles) -> None:
        spec = use.spec
        if written.failed:
            # The class stays: some of its pixels do.
            first, count = written.failed[0], len(written.failed)
            self._notices.warning(
                f"{spec.name} stays: {count:,} image{'s' * (count != 1)} could not be written. "
                f"{first.message}",
                first.hint,
            )
        else:
            self._gone[spec.id] = spec
            self._schema.remove_class(spec.id)
        self._changed(written.masks)

        def back() -> None:
            if files is self._folder.files:
                self._take_back(use, written, files)

        what = f" {use.pixels:,} pixels became {self._session.schema.name_of(into)}."
        self._notices.settle(_REMOVED)
        self._notices.info(
            f"{spec.name} was removed.{what if use.pixels else ''}",
            action=("Undo", back),
            about=_REMOVED,
        )

    def _changed(self, refs: Iterable[ImageRef]) -> None:
        """Files of images that are not in memory were written: they are counted again."""
        session, project = self._session, self._session.project
        indices = [
            index
            for ref in refs
            if project is not None and (index := project.index_of(ref.path, ref.page)) is not None
        ]
        for index in indices:
            session.set_state(index, annotated=True, edited=True)
            for run in session.state(index).runs:
                self._scoring.forget(index, run)
        if indices:
            session.notify(What.SCORES)
            self._scoring.count_missing()

    def _take_back(self, use: ClassUse, written: _Written, files: FolderFiles) -> None:
        """Bring the class back, and its pixels where nothing else was painted since."""
        self._schema.restore_class(use.spec)
        schema, elsewhere = self._session.schema, self._session.saving.elsewhere
        title = f"Bring back {use.spec.name}"
        for document in list(self._documents):
            if document.ref in written.masks:
                self._commit(_edit_back(document, use.spec.id, written, title))
            elif document.history.undo_title == self._title(use, written.into):
                self._undo(document)
        held = {document.ref for document in self._documents}

        def work(job: Job) -> list[ImageRef]:
            changed = []
            for number, ref in enumerate(r for r in written.masks if r not in held):
                job.report(number, len(written.masks), ref.title)
                found = files.reference(ref, schema, None)
                if found is not None:
                    new = _restored(found, use.spec.id, written.masks[ref], written.into)
                    files.annotations.write(
                        ref, new.labels, new.instances, schema, elsewhere=elsewhere
                    )
                    changed.append(ref)
            return changed

        self._jobs.submit(title, "save", work, self._changed, key="class-removal")

    def _undo(self, document: Document) -> None:
        step = document.history.next_undo()
        if step is not None and document.history.take(step):
            patches = step.unpack().patches
            for patch in patches:
                document.annotation.apply(patch)
            self._announce(document, patches)

    def _title(self, use: ClassUse, into: int) -> str:
        if into == 0:
            return f"Remove class {use.spec.name}"
        return f"Merge {use.spec.name} into {self._session.schema.name_of(into)}"

    def _on_change(self, change: Change) -> None:
        """A class whose pixels come back by undoing comes back with them."""
        if What.PROJECT in change.what:
            self._gone.clear()
        if not self._gone or What.HISTORY not in change.what:
            return
        for class_id, spec in list(self._gone.items()):
            if any(bool((patch.after == class_id).any()) for patch in change.patches):
                del self._gone[class_id]
                self._schema.restore_class(spec)


def _edit(document: Document, class_id: int, into: int, title: str) -> _Held:
    annotation, revision = document.annotation, document.annotation.revision
    new = _merged(annotation, class_id, into)
    made = packed(title, difference_patch(annotation, new.labels, new.instances))
    return _Held(document, revision, *made)


def _edit_back(document: Document, class_id: int, written: _Written, title: str) -> _Held:
    annotation, revision = document.annotation, document.annotation.revision
    new = _restored(annotation, class_id, written.masks[document.ref], written.into)
    made = packed(title, difference_patch(annotation, new.labels, new.instances))
    return _Held(document, revision, *made)


def _merged(label_map: LabelMap, class_id: int, into: int) -> LabelMap:
    """A label map in which one class has become another; background has no objects."""
    mask = label_map.labels == class_id
    labels = np.where(mask, np.uint8(into), label_map.labels)
    ids = label_map.instances
    if ids is not None and into == 0:
        ids = np.where(mask, np.uint16(0), ids)
    return LabelMap(labels, ids)


def _rewrite(
    files: FolderFiles,
    ref: ImageRef,
    class_id: int,
    schema: LabelSchema,
    written: _Written,
    *,
    elsewhere: bool,
) -> None:
    """Merge a class in the files of an image, and remember what was there."""
    try:
        seen = files.annotations.seen(ref)
        found = files.reference(ref, schema, None)
        if found is None:
            return
        new = _merged(found, class_id, written.into)
        files.annotations.write(
            ref,
            new.labels,
            new.instances,
            schema,
            elsewhere=elsewhere,
            agreed=agreed_links(files.project.data_folder),
            seen=seen,
        )
    except SegstudioError as error:
        written.failed.append(without_traceback(error))
        return
    mask, ids = found.labels == class_id, found.instances
    lost = None if ids is None or written.into else zlib.compress(ids[mask].tobytes(), 1)
    written.masks[ref] = _Lost(zlib.compress(np.packbits(mask).tobytes(), 1), lost)


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
