"""Regions that a network proposes as objects, before anything says what they are."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]
"""(N, 4): left, top, right, bottom in pixels of the photo."""


@dataclass(frozen=True, eq=False)
class Ranked:
    """Boxes by falling objectness.

    Attributes:
        boxes: (N, 4) left, top, right, bottom in pixels of the photo.
        objectness: (N,) 0..1: how likely there is an object at all.
    """

    boxes: Boxes = field(repr=False)
    objectness: NDArray[np.float32] = field(repr=False)

    def __len__(self) -> int:
        return len(self.boxes)

    def best(self, count: int) -> Ranked:
        """The first so many."""
        return Ranked(self.boxes[:count], self.objectness[:count])


@dataclass(frozen=True, eq=False)
class Proposals:
    """What a region proposal network says of an image.

    Attributes:
        before: The best before overlapping ones are suppressed.
        after: Those that are left, which the heads look at.
        anchors: How many boxes there were in all.
        threshold: The IoU from which on the weaker of two is suppressed; 0 if it is not known.
    """

    before: Ranked
    after: Ranked
    anchors: int
    threshold: float
