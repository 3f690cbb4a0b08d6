"""The annotation of one image and its only way to change."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect

Image = npt.NDArray[np.uint8]
"""(H, W, 3) uint8, RGB."""
Labels = npt.NDArray[np.uint8]
"""(H, W) uint8 class ids."""
InstanceIds = npt.NDArray[np.uint16]
"""(H, W) uint16, 0 where there is no instance."""
Mask = npt.NDArray[np.bool_]
"""(H, W) bool."""
Writers = npt.NDArray[np.uint8]
"""(H, W) uint8: who wrote each pixel; see `core.provenance`."""
Slices = tuple[slice, slice]
_ALL: Final = (slice(None), slice(None))


@dataclass(frozen=True, slots=True)
class Patch:
    """A change of a rectangle of a label map.

    Attributes:
        rect: Where.
        before: Class ids before, (h, w) uint8 of the rectangle's size.
        after: Class ids after, same shape.
        instances_before: Instance ids before, (h, w) uint16, or None where none are kept.
        instances_after: Instance ids after.
        writers_before: Who wrote the pixels, (h, w) uint8, or None where that is not kept.
        writers_after: Who wrote them then.
    """

    rect: Rect
    before: Labels
    after: Labels
    instances_before: InstanceIds | None = None
    instances_after: InstanceIds | None = None
    writers_before: Writers | None = None
    writers_after: Writers | None = None

    def inverse(self) -> Patch:
        """The patch that undoes this one."""
        return Patch(
            self.rect,
            self.after,
            self.before,
            self.instances_after,
            self.instances_before,
            self.writers_after,
            self.writers_before,
        )

    @property
    def changed(self) -> Mask:
        """(h, w) bool: the pixels of which class or object changes."""
        found: Mask = self.before != self.after
        if self.instances_before is not None and self.instances_after is not None:
            found |= self.instances_before != self.instances_after
        return found

    def writers_on(self, present: Writers, part: Slices = _ALL) -> Writers:
        """Who wrote pixels of the rectangle after it; unknown where it changes them and says nothing.

        Args:
            present: Who wrote them before it.
            part: Which pixels.
        """
        if self.writers_after is not None:
            return self.writers_after[part]
        return np.where(self.changed[part], np.uint8(0), present)

    @property
    def nbytes(self) -> int:
        """Bytes held by the arrays."""
        extra = (
            self.instances_before,
            self.instances_after,
            self.writers_before,
            self.writers_after,
        )
        return (
            self.before.nbytes + self.after.nbytes + sum(a.nbytes for a in extra if a is not None)
        )


def bounds_of(mask: Mask) -> Rect:
    """The smallest rectangle around the True pixels of a mask; empty if there is none."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size:
        return Rect(0, 0, 0, 0)
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(mask[top:bottom].any(axis=0))
    return Rect(top, int(columns[0]), bottom, int(columns[-1]) + 1)


_SNAPSHOT_ATTEMPTS = 3


class LabelMap:
    """Class ids (H, W) uint8 and, where kept, instance ids and writers, with a revision.

    The arrays are read freely and changed by `apply` only, so that undo, metrics, redraw, journal
    and autosave can all follow from the same patches.
    """

    def __init__(
        self,
        labels: Labels,
        instances: InstanceIds | None = None,
        writers: Writers | None = None,
    ) -> None:
        if labels.ndim != 2 or labels.dtype != np.uint8:
            raise ValueError(f"labels must be (H, W) uint8, not {labels.shape} {labels.dtype}")
        if instances is not None and (
            instances.shape != labels.shape or instances.dtype != np.uint16
        ):
            raise ValueError("instances must be (H, W) uint16 of the labels' shape")
        self._labels = np.ascontiguousarray(labels)
        self._instances = None if instances is None else np.ascontiguousarray(instances)
        self._writers: Writers | None = None
        self.keep_writers(writers)
        self._revision = 0
        self._checksum = (-1, 0)

    @classmethod
    def empty(cls, shape_hw: tuple[int, int]) -> LabelMap:
        """All background, without instance ids."""
        return cls(np.zeros(shape_hw, np.uint8))

    @property
    def labels(self) -> Labels:
        """Class ids; a read-only view."""
        view = self._labels.view()
        view.flags.writeable = False
        return view

    @property
    def instances(self) -> InstanceIds | None:
        """Instance ids; a read-only view, or None."""
        if self._instances is None:
            return None
        view = self._instances.view()
        view.flags.writeable = False
        return view

    @property
    def writers(self) -> Writers | None:
        """Who wrote each pixel; a read-only view, or None where that is not kept."""
        if self._writers is None:
            return None
        view = self._writers.view()
        view.flags.writeable = False
        return view

    def keep_writers(self, writers: Writers | None) -> None:
        """Keep who wrote each pixel from now on, beginning with this map; None: no more.

        Raises:
            ValueError: if it is not (H, W) uint8 of the labels' shape.
        """
        if writers is not None and (
            writers.shape != self._labels.shape or writers.dtype != np.uint8
        ):
            raise ValueError("writers must be (H, W) uint8 of the labels' shape")
        self._writers = None if writers is None else np.ascontiguousarray(writers)

    @property
    def shape_hw(self) -> tuple[int, int]:
        """(H, W)."""
        return (self._labels.shape[0], self._labels.shape[1])

    @property
    def revision(self) -> int:
        """Counts the applied patches."""
        return self._revision

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        maps = (self._labels, self._instances, self._writers)
        return sum(kept.nbytes for kept in maps if kept is not None)

    def checksum(self) -> int:
        """CRC-32 of all ids, worked out once for a revision.

        It takes tens of milliseconds for a large map: whoever reads or saves one calls this in its
        job.
        """
        revision, known = self._checksum
        if revision != self._revision:
            revision, known = self._revision, zlib.crc32(self._labels.data)
            if self._instances is not None:
                known = zlib.crc32(self._instances.data, known)
            self._checksum = (revision, known)
        return known

    def with_instances(self) -> LabelMap:
        """The same classes with instance ids, all 0, at the same revision.

        It takes this map's place: they share the classes, so only one of them may be changed.
        """
        other = LabelMap(self._labels, np.zeros(self.shape_hw, np.uint16), self._writers)
        other._revision = self._revision
        return other

    def apply(self, patch: Patch) -> None:
        """Set the rectangle to `patch.after`, and its writers to what the patch says of them.

        Raises:
            ValueError: if the rectangle does not lie inside.
        """
        if patch.rect.clip(self.shape_hw) != patch.rect:
            raise ValueError(f"{patch.rect} lies outside an image of {self.shape_hw}")
        if self._writers is not None:
            place = self._writers[patch.rect.slices]
            place[...] = patch.writers_on(place)
        self._labels[patch.rect.slices] = patch.after
        if patch.instances_after is not None and self._instances is not None:
            self._instances[patch.rect.slices] = patch.instances_after
        self._revision += 1

    def copy(self) -> LabelMap:
        """An independent copy with the same revision."""
        revision = self._revision  # before the pixels: see `snapshot`
        other = LabelMap(
            self._labels.copy(),
            None if self._instances is None else self._instances.copy(),
            None if self._writers is None else self._writers.copy(),
        )
        other._revision = revision
        return other

    def snapshot(self) -> LabelMap:
        """A copy, taken by another thread than the one that paints.

        If a patch comes in between it is taken again, a few times. It then may hold a part of the
        last patch; its revision is the one before, so that it is seen not to be the latest.
        """
        for _ in range(_SNAPSHOT_ATTEMPTS):
            other = self.copy()
            if self._revision == other.revision:
                break
        return other

    def paint(
        self,
        rect: Rect,
        mask: Mask,
        class_id: int,
        *,
        instance_id: int = 0,
    ) -> Patch | None:
        """The patch that sets the masked pixels of `rect` to a class; nothing is changed yet.

        Args:
            rect: Where; must lie inside.
            mask: (h, w) bool of the rectangle's shape.
            class_id: The class to paint.
            instance_id: The instance the pixels get where instance ids are kept.

        Returns:
            The patch, of the rectangle around the pixels that change; None if none would.
        """
        before = self._labels[rect.slices]
        changed = mask & (before != class_id)
        ids = None if self._instances is None else self._instances[rect.slices]
        if ids is not None:
            changed |= mask & (ids != instance_id)
        inner = bounds_of(changed)
        if inner.is_empty:
            return None
        part = inner.slices
        rect, mask, before = rect.part(inner), mask[part], before[part]
        after = np.where(mask, np.uint8(class_id), before)
        if ids is None:
            return Patch(rect, before.copy(), after)
        ids = ids[part]
        ids_after = np.where(mask, np.uint16(instance_id), ids)
        return Patch(rect, before.copy(), after, ids.copy(), ids_after)
