"""Removing a class, or merging it into another one: in all images of the folder, and back."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from segstudio.annotation.many_images import ManyImages, Pass, every_page, share_text, trouble
from segstudio.core.errors import SegstudioError
from segstudio.core.labels import LabelMap
from segstudio.core.schema import ClassSpec
from segstudio.folder.documents import Documents
from segstudio.folder.files import OpenFolder
from segstudio.folder.schema_keeper import SchemaKeeper
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notice, Notices
from segstudio.session.document import Document
from segstudio.session.session import Change, Session, What
from segstudio.storage.image_ref import ImageRef

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
class _Lost:
    """What a removal took from an image, compressed.

    Attributes:
        mask: Which pixels, as packed bits.
        ids: The ids of objects that they had, uint16 in their order; None if they are as before.
    """

    mask: bytes
    ids: bytes | None


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
        many: ManyImages,
    ) -> None:
        self._session, self._jobs, self._notices = session, jobs, notices
        self._documents, self._folder, self._schema = documents, folder, schema
        self._many = many
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
            for number, ref in every_page(files.project.images, unread):
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
            if self._many.is_open(files):
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
        merging = Pass(title, files, schema, elsewhere, use.images, new, by=self)
        self._many.run(merging, lambda: self._removed(use, into, merging, lost))

    # -- what came of it -----------------------------------------------------------------------

    def _removed(
        self, use: ClassUse, into: int, merging: Pass, lost: dict[ImageRef, _Lost]
    ) -> None:
        spec = use.spec
        undo = ("Undo", lambda: self._take_back(use, into, merging, lost))
        self._notices.settle(_REMOVED)
        if merging.is_whole and not merging.failed:
            self._gone[spec.id] = (
                merging.title,
                lambda undone: self._take_back(use, into, merging, lost, undone),
            )
            self._schema.remove_class(spec.id, into)
            became = f" {use.pixels:,} pixels became {self._session.schema.name_of(into)}."
            text = f"{spec.name} was removed.{became if use.pixels else ''}"
            # In files of images that are not open nothing else takes it back.
            stays = bool(use.pixels)
            self._notices.post(Notice("info", text, action=undo, about=_REMOVED, stays=stays))
            return
        # The class stays: some of its pixels do.
        why, hint = trouble(merging)
        self._notices.post(
            Notice(
                "warning",
                f"{spec.name} stays: {why}",
                f"{share_text(merging)} were changed. {hint}".strip(),
                action=undo if merging.changed else None,
                about=_REMOVED,
                stays=bool(merging.changed),
            )
        )

    def _take_back(
        self,
        use: ClassUse,
        into: int,
        merging: Pass,
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
        if not self._many.is_open(merging.files) or self._folder.files is None:
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
        back = Pass(
            f"Bring back {spec.name}",
            self._folder.files,
            self._session.schema,
            self._session.saving.elsewhere,
            tuple(ref for ref in lost if ref in changed and (undone is None or ref != undone.ref)),
            lambda ref, found: _restored(found, spec.id, lost[ref], into),
            by=self,
        )

        def done() -> None:
            if not back.is_whole or back.failed:
                why, hint = trouble(back)
                self._notices.warning(
                    f"{spec.name} is back in {share_text(back)}: {why}",
                    hint,
                )

        self._many.run(back, done)

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


def _brings(change: Change, class_id: int) -> bool:
    return any(bool((patch.after == class_id).any()) for patch in change.patches)


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
