"""Numbers for the objects that are painted, where an annotation keeps instance ids."""

from __future__ import annotations

import math

from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap

_MAX_INSTANCE = 65535


class InstanceNumbers:
    """Gives ids that no pixel has; the highest is remembered between strokes."""

    def __init__(self) -> None:
        self._highest: tuple[LabelMap, int] | None = None

    def forget(self) -> None:
        """Look at the map again before the next id: others may be in it now."""
        self._highest = None

    def at(self, annotation: LabelMap, x: float, y: float, class_id: int) -> int:
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
        return self.new(annotation)

    def new(self, annotation: LabelMap) -> int:
        """One past the highest; 0 where no ids are kept."""
        ids = annotation.instances
        if ids is None:
            return 0
        if self._highest is None or self._highest[0] is not annotation:
            self._highest = (annotation, int(ids.max(initial=0)))
        new = min(self._highest[1] + 1, _MAX_INSTANCE)
        self._highest = (annotation, new)
        return new
