"""Which classes and how many objects the labels of images hold: looked at when it is asked for."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Mapping

import cv2
import numpy as np
import numpy.typing as npt
from psygnal import Signal

from segstudio.clock import Clock
from segstudio.core.errors import SegstudioError
from segstudio.core.labels import LabelMap
from segstudio.core.schema import LabelSchema
from segstudio.folder.documents import Documents
from segstudio.folder.files import FolderFiles, OpenFolder
from segstudio.folder.image_query import ImageContents
from segstudio.jobs import Job, JobRunner
from segstudio.session.session import Change, Session, What
from segstudio.storage.figures import FigureStore, figure_key, packed, unpacked
from segstudio.storage.image_ref import ImageRef

_TOLD_EVERY_S = 0.3
_WISH, _AGAIN = "contents", "contents again"
_STRIP_ROWS = 256
_MANY = 4_000


class LabelContents:
    """Looks at the annotations of images, else at their ground truth, for as long as that is wanted.

    What an image's files held is kept by their digests, so that each is decoded once.

    Attributes:
        known: What the labels of an image hold, by position, where that is known.
        unreadable: Images whose labels cannot be read.

    Signals:
        changed: More is known, or something else.
    """

    changed = Signal()

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        clock: Clock,
        documents: Documents,
        folder: OpenFolder,
        store: FigureStore,
    ) -> None:
        self._session, self._jobs, self._clock = session, jobs, clock
        self._documents, self._folder, self._store = documents, folder, store
        self.known: dict[int, ImageContents] = {}
        self.unreadable: set[int] = set()
        self._is_wanted = False
        self._awaited: set[int] = set()
        self._wished: Job | None = None
        self._stale: set[int] = set()
        """Images that were changed since they were looked at."""
        self._looking_again: set[int] = set()
        session.follow(What.PROJECT | What.SCHEMA, self._on_others)
        session.follow(What.LABELS | What.HISTORY | What.STATES, self._on_change)

    def want(self, images: Collection[int]) -> None:
        """Look at the labels of these images, of no others; what is known is not looked at again."""
        self._is_wanted = True
        missing = set(images) - self.unreadable
        if not missing:
            self._awaited = set()
            self._jobs.cancel_key(_WISH)
        elif not missing <= self._awaited or 2 * len(missing) < len(self._awaited):
            self._awaited = missing
            self._submit(missing, _WISH)

    def rest(self) -> None:
        """Nobody asks any more: nothing is looked at."""
        if self._is_wanted:
            self._is_wanted = False
            self._awaited = set()
            self._jobs.cancel_key(_WISH)

    def _submit(self, images: Collection[int], key: str) -> None:
        files, schema = self._folder.files, self._session.schema
        if files is None:
            return
        held = {place: m for place, m in self._held() if place in images}

        def work(job: Job) -> None:
            try:
                files.masks.wait(job.check)
            except SegstudioError:
                return  # what they hold is asked, or the folder is read again
            self._look_at(job, files, schema, sorted(images), held)

        def ended() -> None:
            if self._wished is job:
                self._awaited = set()  # if the user stopped it, what is typed next begins anew

        is_wish = key == _WISH
        job = self._jobs.submit(
            "Looking at the labels", "contents", work, ended=ended, key=key, visible=is_wish
        )
        if is_wish:
            self._wished = job

    def _look_at(
        self,
        job: Job,
        files: FolderFiles,
        schema: LabelSchema,
        images: list[int],
        held: Mapping[int, LabelMap],
    ) -> None:
        total = len(images)
        every_s = _TOLD_EVERY_S * (1 if total < _MANY else 10)  # all are chosen anew each time
        found: dict[int, ImageContents | None] = {}
        told = time.monotonic()
        for number, place in enumerate(images):
            job.report(number, total, files.project.images[place].title)
            found[place] = self._look(job, files, schema, place, held)
            if time.monotonic() - told > every_s:
                self._tell(job, files, found)
                found, told = {}, time.monotonic()
        self._tell(job, files, found)
        self._store.flush()
        files.predictions.digests.flush()

    def _held(self) -> Iterator[tuple[int, LabelMap]]:
        """The annotations that may differ from what is in files."""
        for document in self._documents:
            place = self._session.index_of(document)
            if place is not None and (document.dirty or document.history.can_undo):
                yield place, document.annotation

    def _look(
        self,
        job: Job,
        files: FolderFiles,
        schema: LabelSchema,
        place: int,
        held: Mapping[int, LabelMap],
    ) -> ImageContents | None:
        """What an image's labels hold; None if they cannot be read."""
        if place in held:
            return contents_of(held[place].snapshot(), schema)
        ref = files.project.images[place]
        key = _key(files, ref, schema)
        stored = _from_json(unpacked(self._store.get([key]).get(key, b"")))
        if stored is not None:
            return stored
        try:
            label_map = files.reference(ref, schema, None, job.check)
        except SegstudioError:
            return None  # said when the image is opened
        found = ImageContents() if label_map is None else contents_of(label_map, schema)
        if _key(files, ref, schema) == key:  # else it was replaced meanwhile
            data = {"classes": sorted(found.classes), "objects": found.objects}
            self._store.put({key: packed(data)})
        return found

    def _tell(
        self, job: Job, files: FolderFiles, found: Mapping[int, ImageContents | None]
    ) -> None:
        def arrive() -> None:
            if files is not self._folder.files or job.cancelled:
                return
            others = False
            for place, contents in found.items():
                self._awaited.discard(place)
                self._looking_again.discard(place)
                others |= contents is None or self.known.get(place) != contents
                if contents is None:
                    self.unreadable.add(place)
                    self.known.pop(place, None)
                else:
                    self.unreadable.discard(place)
                    self.known[place] = contents
            if others:
                self.changed.emit()

        if found:
            self._clock.post(arrive)

    # -- following the session ---------------------------------------------------------------

    def _on_others(self, _change: Change) -> None:
        """Other images, or classes: nothing of what was known counts."""
        self._jobs.cancel_key(_WISH)
        self._jobs.cancel_key(_AGAIN)
        self.known.clear()
        for images in (self.unreadable, self._awaited, self._stale, self._looking_again):
            images.clear()
        if self._is_wanted:
            self.changed.emit()

    def _on_change(self, change: Change) -> None:
        """What is known stays until it is looked at again, so that no row goes and comes back."""
        if What.STATES in change.what:
            self._stale.update(filter(self._was_looked_at, change.images))
        if What.LABELS in change.what and (self.known or self._awaited):
            place = self._session.index_of(change.document)
            if place is not None and self._was_looked_at(place):
                self._stale.add(place)
        if not self._stale or not change.what & (What.HISTORY | What.STATES):
            return  # in the middle of a stroke
        if self._is_wanted:
            self._looking_again |= self._stale
            self._submit(frozenset(self._looking_again), _AGAIN)
        else:
            for place in self._stale:
                self.known.pop(place, None)
                self.unreadable.discard(place)
        self._stale.clear()

    def _was_looked_at(self, place: int) -> bool:
        return any(place in images for images in (self.known, self.unreadable, self._awaited))


def contents_of(label_map: LabelMap, schema: LabelSchema) -> ImageContents:
    """What a label map holds.

    Objects are those that it tells apart by numbers; where it has none, the connected regions of
    the classes that are not background.
    """
    labels, ids = label_map.labels, label_map.instances
    classes = frozenset(_values(labels)) - {schema.ignore_index}
    if ids is not None:
        return ImageContents(classes, len(_values(ids) - {0}))
    foreground = classes & frozenset(schema.foreground_ids)
    return ImageContents(classes, sum(_regions(label_map, class_id) for class_id in foreground))


def _values(numbers: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> set[int]:
    """The values in an array; counted in strips, since counting takes eight bytes a pixel."""
    strips = (numbers[top : top + _STRIP_ROWS] for top in range(0, len(numbers), _STRIP_ROWS))
    return {int(v) for strip in strips for v in np.flatnonzero(np.bincount(strip.reshape(-1)))}


def _regions(label_map: LabelMap, class_id: int) -> int:
    mask = (label_map.labels == class_id).view(np.uint8)
    return int(cv2.connectedComponents(mask, connectivity=8)[0]) - 1


def _key(files: FolderFiles, ref: ImageRef, schema: LabelSchema) -> bytes:
    """The same for the same labels in the same classes, wherever their files lie."""
    how, paths = files.source_of(ref)
    digests = (files.predictions.digests.of(path) or "-" for path in paths)
    meaning = json.dumps([schema.ids, schema.foreground_ids, schema.ignore_index])
    return figure_key("label contents", how, str(ref.page), meaning, *digests)


def _from_json(data: Mapping[str, object] | None) -> ImageContents | None:
    if data is None:
        return None
    classes, objects = data.get("classes"), data.get("objects")
    if not isinstance(classes, list) or not isinstance(objects, int):
        return None
    return ImageContents(frozenset(c for c in classes if isinstance(c, int)), objects)
