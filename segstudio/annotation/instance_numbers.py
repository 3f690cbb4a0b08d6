"""Numbers for the objects that are painted, where an annotation keeps instance ids."""

from __future__ import annotations

import math

import numpy as np

from segstudio.core.geometry import Rect
from segstudio.core.labels import InstanceIds, LabelMap, Labels

_MAX_INSTANCE = 65535


class InstanceNumbers:
    """Gives ids that no pixel has; the highest is remembered between strokes."""

    def __init__(self) -> None:
        self._known: tuple[LabelMap, int, frozenset[int]] | None = None

    def forget(self) -> None:
        """Look at the map again before the next id: others may be in it now."""
        self._known = None

    def at(
        self, annotation: LabelMap, x: float, y: float, class_id: int, ignored: int | None = None
    ) -> int:
        """The instance that a stroke of a class beginning at (x, y) belongs to.

        A stroke that begins on an instance of its class extends it, else it is a new one.
        """
        ids = annotation.instances
        if ids is None or class_id == 0:
            return 0
        column, row = math.floor(x), math.floor(y)
        inside = Rect.of_shape(annotation.shape_hw).contains(column, row)
        if inside and annotation.labels[row, column] == class_id and ids[row, column]:
            return int(ids[row, column])
        return self.new(annotation, ignored)

    def new(self, annotation: LabelMap, ignored: int | None = None) -> int:
        """One past the highest; 0 where no ids are kept.

        Args:
            annotation: The map.
            ignored: The class that counts nowhere. Its ids are no objects: borders are 255 in
                Pascal VOC, and one past that would not fit into 8 bits.
        """
        ids = annotation.instances
        if ids is None:
            return 0
        if self._known is None or self._known[0] is not annotation:
            self._known = (annotation, *_highest(annotation.labels, ids, ignored))
        _, highest, others = self._known
        new = highest + 1
        while new in others:
            new += 1
        new = min(new, _MAX_INSTANCE)
        self._known = (annotation, new, others)
        return new


def _highest(labels: Labels, ids: InstanceIds, ignored: int | None) -> tuple[int, frozenset[int]]:
    """The highest id of an object, and the ids of pixels that count nowhere."""
    left_out = None if ignored is None else labels == ignored
    if left_out is None or not left_out.any():
        return int(ids.max(initial=0)), frozenset()
    highest = int(np.where(left_out, np.uint16(0), ids).max(initial=0))
    return highest, frozenset(int(i) for i in np.unique(ids[left_out]))
