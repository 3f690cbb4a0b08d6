"""Objects and regions that were copied, and painting them somewhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from segstudio.annotation.editing import Editing
from segstudio.annotation.objects import Objects
from segstudio.annotation.stepping import AT_ONCE_PIXELS
from segstudio.core.formatting import counted
from segstudio.core.geometry import Rect
from segstudio.core.labels import InstanceIds, LabelMap, Labels, Mask, Patch
from segstudio.core.object_index import places_of
from segstudio.core.regions import region_around
from segstudio.jobs import JobRunner
from segstudio.notices import Notices
from segstudio.session.document import Document
from segstudio.session.session import Change, Selection, Session, What

PixelXY = tuple[int, int]
_Part = tuple[Rect, Mask]


@dataclass(frozen=True, eq=False)
class Piece:
    """What was copied.

    Attributes:
        rect: Where it lay.
        mask: (h, w) bool: which pixels of the rectangle.
        labels: (h, w) uint8: their classes.
        numbers: (h, w) uint16: their objects there; 0 for what is none.
        shape_hw: (H, W) of the image.
        count: How many objects and regions it has.
    """

    rect: Rect
    mask: Mask
    labels: Labels
    numbers: InstanceIds
    shape_hw: tuple[int, int]
    count: int

    @property
    def text(self) -> str:
        """What it is, for people."""
        noun = "object" if self.numbers.any() else "region"
        return counted(self.count, noun)

    def place_in(self, shape_hw: tuple[int, int]) -> Rect:
        """Where it lies in an image: at the same share of its height and width, as large as it is.

        The rectangle may go beyond the image.
        """
        if shape_hw == self.shape_hw:
            return self.rect
        (height, width), rect = self.shape_hw, self.rect
        middle_y, middle_x = (rect.top + rect.bottom) / 2, (rect.left + rect.right) / 2
        top = round(middle_y * shape_hw[0] / height - rect.height / 2)
        left = round(middle_x * shape_hw[1] / width - rect.width / 2)
        return Rect(top, left, top + rect.height, left + rect.width)


class Clipboard:
    """Keeps what was copied in a folder, and paints it into its images.

    What is pasted keeps its classes; objects get numbers of their own. The limits of painting hold.

    Attributes:
        piece: What was copied last; None for nothing.
        came_from: The tool that is taken again when a piece is pasted or dropped.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner | None,
        notices: Notices | None,
        editing: Editing,
        objects: Objects,
    ) -> None:
        self._session, self._jobs, self._notices = session, jobs, notices
        self._editing, self._objects = editing, objects
        self._waiting: list[Callable[[], object]] | None = None
        self.piece: Piece | None = None
        self.came_from = ""
        session.follow(What.PROJECT, self._on_project)

    def can_copy(self, pixel: PixelXY | None) -> bool:
        """Whether something is selected, or lies at a pixel."""
        document = self._session.document
        if document is None:
            return False
        return bool(self._session.selection) or (
            pixel is not None and bool(document.annotation.labels[pixel[1], pixel[0]])
        )

    def copy(self, pixel: PixelXY | None = None, then: Callable[[], object] = lambda: None) -> None:
        """Copy what is selected, or else the object or region at a pixel (x, y); says what.

        Args:
            pixel: The one under the pointer; None if that is beside the image.
            then: Called when it is copied; at once unless it is very large.
        """
        document = self._session.document
        if document is None:
            return
        if not self.can_copy(pixel):
            self._say("Nothing was copied.", "Select an object, or point at one or at a region.")
            return
        wanted, annotation = self._wanted(document, pixel), document.annotation
        places = self._places(wanted)
        small = self._small(document, wanted, places)

        def done(piece: Piece | None) -> None:
            waiting, self._waiting = self._waiting, None
            if piece is not None:
                self.piece = piece
                then()
                for action in waiting or ():
                    action()

        if small or self._jobs is None:
            done(_piece_of(annotation, wanted, places))
            return
        self._waiting = []
        self._jobs.submit(
            "Copying", "edits", lambda _job: _piece_of(annotation, wanted, places), done
        )

    def when_copied(self, action: Callable[[], object]) -> None:
        """Do something with the piece: now, or as soon as a very large one is copied."""
        if self._waiting is not None:
            self._waiting.append(action)
        elif self.piece is None:
            self._say("Nothing was copied yet.", "Select an object and copy it first.")
        else:
            action()

    def paste(self, piece: Piece, top_left: tuple[int, int]) -> None:
        """Paint a piece into the open image, as one edit.

        Args:
            piece: What.
            top_left: Row and column of its first pixel; may lie outside of the image.
        """
        document = self._session.document
        if document is None:
            return
        top, left = top_left
        whole = Rect(top, left, top + piece.rect.height, left + piece.rect.width)
        rect = whole.clip(document.shape_hw)
        inside = np.zeros((0, 0), np.bool_) if rect.is_empty else piece.mask[rect.within(whole)]
        lost = int(np.count_nonzero(piece.mask)) - int(np.count_nonzero(inside))
        if not inside.any():
            self._say(f"Nothing was pasted: the piece lies beside {document.ref.title}.")
            return
        new: list[int] = []
        is_full = False

        def make(_annotation: LabelMap) -> Patch | None:
            nonlocal is_full
            made = self._patch(document, piece, rect, whole)
            is_full = made is None
            new[:] = [] if made is None else made[1]
            return None if made is None else made[0]

        def done(changed: bool) -> None:
            if is_full:
                self._say(f"{document.ref.title} has no numbers left for so many objects.")
            elif changed:
                if lost:
                    pixels = counted(lost, "pixel")
                    self._say(
                        f"{pixels} of the piece lay beside {document.ref.title} and were not pasted."
                    )
                kept = [i for i in new if self._objects.info(i) is not None]
                self._session.select(Selection(tuple(kept)))

        self._editing.change_by(f"Paste {piece.text}", make, rect.height * rect.width, done)

    def _patch(
        self, document: Document, piece: Piece, rect: Rect, whole: Rect
    ) -> tuple[Patch, list[int]] | None:
        """The patch, and the numbers of the objects in it; None if there are not enough."""
        annotation, cut = document.annotation, rect.within(whole)
        known = np.zeros(256, np.bool_)
        known[list(self._session.schema.ids)] = True
        labels, numbers = piece.labels[cut], piece.numbers[cut]
        mask = piece.mask[cut] & known[labels]
        before = annotation.labels[rect.slices].copy()
        after = np.where(mask, labels, before)
        of_objects = np.zeros(256, np.bool_)
        for class_id in np.unique(labels[mask]):
            of_objects[class_id] = self._editing.objects.is_of_objects(document, int(class_id))
        ids = annotation.instances
        numbered = mask & of_objects[labels]
        if ids is None and not numbered.any():
            return Patch(rect, before, after), []
        present = np.unique(numbers[numbered])
        free = self._editing.objects.free(document, present.size)
        if len(free) < present.size:
            return None
        table = np.zeros(int(present.max(initial=0)) + 1, np.uint16)
        table[present] = free
        ids_before = np.zeros_like(numbers) if ids is None else ids[rect.slices].copy()
        pasted = np.where(numbered, table[np.where(numbered, numbers, 0)], np.uint16(0))
        ids_after = np.where(mask, pasted, ids_before)
        return Patch(rect, before, after, ids_before, ids_after), free

    # -- what is copied ------------------------------------------------------------------------

    def _wanted(self, document: Document, pixel: PixelXY | None) -> Selection:
        if self._session.selection or pixel is None:
            return self._session.selection
        ids = document.annotation.instances
        found = 0 if ids is None else int(ids[pixel[1], pixel[0]])
        return Selection((found,)) if found else Selection((), (pixel,))

    def _places(self, wanted: Selection) -> dict[int, Rect] | None:
        """Where the objects lie; None while those of a large map are not known yet."""
        infos = [self._objects.info(object_id) for object_id in wanted.objects]
        known = {info.id: info.rect for info in infos if info is not None}
        return known if len(known) == len(infos) else None

    @staticmethod
    def _small(document: Document, wanted: Selection, places: dict[int, Rect] | None) -> bool:
        """Whether it is copied within a frame."""
        if document.annotation.labels.size <= AT_ONCE_PIXELS:
            return True
        if places is None or wanted.regions:
            return False
        return sum(rect.height * rect.width for rect in places.values()) <= AT_ONCE_PIXELS

    def _say(self, message: str, hint: str = "") -> None:
        if self._notices is not None:
            self._notices.info(message, hint, scope="image")

    def _on_project(self, _change: Change) -> None:
        self.piece = self._waiting = None


def _piece_of(
    annotation: LabelMap, wanted: Selection, places: dict[int, Rect] | None
) -> Piece | None:
    """What is selected of a map, cut out; None if nothing of it is there."""
    ids, parts = annotation.instances, _parts_of(annotation, wanted, places)
    rect = Rect(0, 0, 0, 0)
    for part, _ in parts:
        rect = rect.union(part)
    if rect.is_empty:
        return None
    mask = np.zeros(rect.shape_hw, np.bool_)
    for part, inside in parts:
        mask[part.within(rect)] |= inside
    labels = np.where(mask, annotation.labels[rect.slices], np.uint8(0))
    numbers = np.zeros(rect.shape_hw, np.uint16)
    if ids is not None:
        numbers = np.where(mask, ids[rect.slices], np.uint16(0))
    return Piece(rect, mask, labels, numbers, annotation.shape_hw, len(parts))


def _parts_of(
    annotation: LabelMap, wanted: Selection, places: dict[int, Rect] | None
) -> list[_Part]:
    """Rectangle and pixels of each object and region."""
    ids, parts = annotation.instances, list[_Part]()
    if ids is not None and wanted.objects:
        if places is None:
            chosen = np.isin(ids, np.asarray(wanted.objects, np.uint16))
            whole = Rect.of_shape(annotation.shape_hw)
            places = places_of(np.where(chosen, ids, np.uint16(0)), whole)
        parts += [(rect, ids[rect.slices] == number) for number, rect in places.items()]
    for pixel in wanted.regions:
        found = region_around(annotation.labels, ids, pixel)
        if found is not None:
            parts.append(found)
    return parts
