"""A stroke while it is drawn, which object painted pixels become, and what erasing makes of objects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from segstudio.annotation.known_objects import KnownObjects
from segstudio.annotation.limits import Limits
from segstudio.core.brush import segment_mask
from segstudio.core.geometry import Rect
from segstudio.core.history import EditRecorder
from segstudio.core.labels import InstanceIds, LabelMap, Labels, Mask, Patch
from segstudio.core.merging import side_by_side
from segstudio.core.object_cuts import cut_patch, fallen_apart
from segstudio.core.object_index import HIGHEST_ID, ObjectInfo, places_of
from segstudio.session.document import Document
from segstudio.session.session import Session, StrokeMakes, ViewState

PointXY = tuple[float, float]
"""(x, y) in the image; pixel x covers [x, x + 1)."""

_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


@dataclass(frozen=True, slots=True)
class StrokeTarget:
    """What painted pixels become.

    Attributes:
        class_id: Their class.
        object_id: Their object's number; 0 for none, or for a new one that has no number yet.
        is_new: Whether they are an object of their own.
    """

    class_id: int
    object_id: int = 0
    is_new: bool = False

    @property
    def of_object(self) -> bool:
        """Whether the pixels are of an object."""
        return self.is_new or self.object_id > 0


@dataclass
class Stroke:
    """What was decided when the brush went down, and how far it is.

    Attributes:
        document: Whose annotation is painted on.
        recorder: What was painted so far.
        last_xy: Where the brush was last.
        size: Its diameter in pixels, at full pressure.
        square: Whether it is a square.
        by_pressure: Whether it is smaller where the pen is pressed less.
        target: The class that is painted, and the object that the pixels become.
        limits: Which pixels may be painted.
        takes_objects: Whether pixels of objects were taken away, so that one may be cut in two.
    """

    document: Document
    recorder: EditRecorder
    last_xy: PointXY
    size: int
    square: bool
    by_pressure: bool
    target: StrokeTarget
    limits: Limits
    takes_objects: bool = False

    @classmethod
    def begun(
        cls,
        document: Document,
        title: str,
        point_xy: PointXY,
        view: ViewState,
        target: StrokeTarget,
        limits: Limits,
    ) -> Stroke:
        """A stroke with the brush as it is set now, which has painted nothing yet."""
        size, square, by_pressure = view.brush_size, view.brush_square, view.brush_pressure
        recorder = EditRecorder(title)
        return cls(document, recorder, point_xy, size, square, by_pressure, target, limits)

    def reach(self, point_xy: PointXY, pressure: float = 1.0) -> tuple[Rect, Mask]:
        """The pixels that are painted on the way to a point; the brush is there afterwards."""
        size = max(1, round(self.size * pressure)) if self.by_pressure else self.size
        way, self.last_xy = (self.last_xy, point_xy), point_xy
        rect, mask = segment_mask(*way, size, self.document.shape_hw, square=self.square)
        erase = self.target.class_id == 0
        return rect, self.limits.within(rect, mask, erase=erase, way=way)


class StrokeObjects:
    """The rule by which strokes, fills and shapes make and extend objects.

    Where a class is of single objects (`LabelSchema.object_ids`), what begins on one of its objects
    extends it, and on free ground makes a new one; `ViewState.stroke_makes` can make it a new one or
    the selected one always. All other classes have no objects.
    """

    def __init__(self, session: Session, known: KnownObjects) -> None:
        self._session, self._known = session, known

    def is_of_objects(self, document: Document, class_id: int) -> bool:
        """Whether what is painted of a class is single objects."""
        keeps_ids = document.annotation.instances is not None
        return class_id in self._session.schema.object_ids(keeps_ids=keeps_ids)

    def at(self, document: Document, point_xy: tuple[float, float], class_id: int) -> StrokeTarget:
        """What a stroke of a class becomes that begins at a point (x, y) of the image."""
        chosen = self._chosen(document, class_id)
        if chosen is not None:
            return chosen
        ids, labels = document.annotation.instances, document.annotation.labels
        x, y = math.floor(point_xy[0]), math.floor(point_xy[1])
        if ids is not None and Rect.of_shape(document.shape_hw).contains(x, y):
            begun_on = int(ids[y, x])
            if begun_on and labels[y, x] == class_id:
                return StrokeTarget(class_id, begun_on)
        return StrokeTarget(class_id, is_new=True)

    def of_mask(self, document: Document, class_id: int) -> StrokeTarget:
        """What pixels of a class become that were found as one thing: the selected or a new object."""
        return self._chosen(document, class_id) or StrokeTarget(class_id, is_new=True)

    def of_fill(
        self, document: Document, point_xy: tuple[int, int], where: tuple[Rect, Mask], class_id: int
    ) -> StrokeTarget:
        """What a filled region becomes: an outline's object, where it lies in the outline of one.

        Args:
            document: The image.
            point_xy: The pixel that was clicked on.
            where: The region: its rectangle and its mask.
            class_id: The class that it gets.
        """
        target = self.at(document, point_xy, class_id)
        if not target.is_new or self._session.view.stroke_makes is not StrokeMakes.AUTOMATIC:
            return target
        around, index = _around(document.annotation, where, class_id), self._known.of(document)
        info = None if index is None else index.info(around)
        if info is None or info.rect.union(where[0]) != info.rect:
            return target  # it lies around the object, not in it
        return StrokeTarget(class_id, around)

    def numbered(self, document: Document, target: StrokeTarget) -> StrokeTarget | None:
        """The target with a number, where it is a new object; None if all numbers are taken."""
        if not target.is_new or target.object_id:
            return target
        numbers = self.free(document)
        return replace(target, object_id=numbers[0]) if numbers else None

    def free(self, document: Document, count: int = 1) -> list[int]:
        """Numbers that no object of an image has; fewer where there are no more."""
        ignored = self._session.schema.ignore_index
        index = self._known.of(document)
        if index is not None:
            return index.free(count, ignored)
        annotation = document.annotation
        if annotation.instances is None:
            return list(range(1, count + 1))
        return _looked_up(annotation.labels, annotation.instances, ignored, count)

    def painted_patch(
        self,
        document: Document,
        where: tuple[Rect, Mask],
        target: StrokeTarget,
    ) -> Patch | None:
        """The patch that paints a mask; it has ids where the first object is painted.

        Args:
            document: The image.
            where: A rectangle inside the image, and which pixels of it.
            target: What they become; a new object has its number.
        """
        annotation = document.annotation
        if target.object_id and annotation.instances is None:
            annotation = annotation.with_instances()
        return annotation.paint(*where, target.class_id, instance_id=target.object_id)

    def painted(
        self,
        document: Document,
        where: tuple[Rect, Mask],
        target: StrokeTarget,
    ) -> tuple[Patch, ...]:
        """The patches that paint a mask, with the pieces of objects that this erases in two."""
        patch = self.painted_patch(document, where, target)
        if patch is None:
            return ()
        ids, now = patch.instances_before, patch.instances_after
        if target.class_id or ids is None or now is None or not (ids != now).any():
            return (patch,)
        pieces = self._pieces(document, patch.rect, ids, now)
        return side_by_side(document.annotation, (patch, *pieces))

    def parted(self, document: Document, erased: Sequence[Patch]) -> tuple[Patch, ...]:
        """What makes objects of the pieces into which erasing has cut some.

        Args:
            document: The image, as it is after the erasing.
            erased: What was erased, in order.
        """
        ids = document.annotation.instances
        patches = [p for p in erased if p.instances_before is not None]
        if ids is None or not patches:
            return ()
        rect = patches[0].rect
        for patch in patches:
            rect = rect.union(patch.rect)
        before = ids[rect.slices].copy()
        for patch in reversed(patches):
            part = patch.instances_before
            if part is not None:
                before[patch.rect.within(rect)] = part
        pieces = self._pieces(document, rect, before, ids[rect.slices])
        return side_by_side(document.annotation, pieces)

    def _pieces(
        self, document: Document, rect: Rect, before: InstanceIds, now: InstanceIds
    ) -> list[Patch]:
        """Patches that give the pieces numbers into which the objects of a rectangle fell."""
        index, found = self._known.of(document), []
        if index is None:
            return []  # a large map is still looked at
        numbers = _Numbers(self, document)
        lost = np.where(before != now, before, np.uint16(0))
        for object_id, place in places_of(lost, rect).items():
            info = index.info(object_id)
            if info is None:
                continue  # nothing is left of it
            whole = info.rect.union(place)
            patch = _pieces_patch(document.annotation, info, whole, (rect, before, now), numbers)
            if patch is not None:
                found.append(patch)
        return found

    def _chosen(self, document: Document, class_id: int) -> StrokeTarget | None:
        """What is to be made whatever lies there; None if that decides."""
        makes = self._session.view.stroke_makes
        selected = self._session.selection.objects
        if class_id == 0 or not self.is_of_objects(document, class_id):
            return StrokeTarget(class_id)
        if makes is StrokeMakes.THIS and selected:
            index = self._known.of(document)
            info = None if index is None else index.info(selected[-1])
            if info is not None:
                return StrokeTarget(info.class_id, info.id)
        return StrokeTarget(class_id, is_new=True) if makes is StrokeMakes.NEW else None


class _Numbers:
    """Gives free numbers one after the other."""

    def __init__(self, objects: StrokeObjects, document: Document) -> None:
        self._objects, self._document = objects, document
        self._given = 0

    def take(self, count: int) -> list[int]:
        """So many; fewer if there are no more."""
        if not count:
            return []
        numbers = self._objects.free(self._document, self._given + count)[self._given :]
        self._given += len(numbers)
        return numbers


def _pieces_patch(
    annotation: LabelMap,
    info: ObjectInfo,
    whole: Rect,
    was: tuple[Rect, InstanceIds, InstanceIds],
    numbers: _Numbers,
) -> Patch | None:
    """The patch for one object; `was` says what a part of it was and what it is now."""
    rect, ids_before, ids_now = was
    ids = annotation.instances
    assert ids is not None
    before = ids[whole.slices] == info.id
    now, common = before.copy(), whole.intersect(rect)
    to, of = common.within(whole), common.within(rect)
    before[to], now[to] = ids_before[of] == info.id, ids_now[of] == info.id
    pieces = fallen_apart(now, before)
    new = numbers.take(max(0, int(pieces.max(initial=0)) - 1))
    pieces[pieces > len(new) + 1] = 1
    return cut_patch(annotation.labels, ids, whole, pieces, new)


def _around(annotation: LabelMap, where: tuple[Rect, Mask], class_id: int) -> int:
    """The object of a class that makes up more than half of a region's surroundings; 0 for none."""
    rect, mask = where
    ids = annotation.instances
    if ids is None or rect.is_empty:
        return 0
    wider = rect.expand(1).clip(annotation.shape_hw)
    inside = np.zeros(wider.shape_hw, np.uint8)
    top, left = rect.top - wider.top, rect.left - wider.left
    inside[top : top + rect.height, left : left + rect.width] = mask
    ring = cv2.dilate(inside, _CROSS) > inside
    near = np.where(annotation.labels[wider.slices] == class_id, ids[wider.slices], np.uint16(0))
    counts = np.bincount(near[ring], minlength=1)
    if counts.size < 2:
        return 0
    most = int(counts[1:].argmax()) + 1
    return most if 2 * int(counts[most]) > int(counts.sum()) else 0


def _looked_up(labels: Labels, ids: InstanceIds, ignored: int | None, count: int) -> list[int]:
    """Free numbers, found without an index."""
    left_out = None if ignored is None else labels == ignored
    taken: frozenset[int] = frozenset()
    if left_out is None or not left_out.any():
        highest = int(ids.max(initial=0))
    else:
        highest = int(np.where(left_out, np.uint16(0), ids).max(initial=0))
        taken = frozenset(int(i) for i in np.unique(ids[left_out]))
    found: list[int] = []
    while len(found) < count and highest < HIGHEST_ID:
        highest += 1
        if highest not in taken:
            found.append(highest)
    return found
