"""Which images need a person most: what panels read of the work queue."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from segstudio.core.geometry import Rect


class QueueKind(StrEnum):
    """What puts an image in front."""

    LOWEST_IOU = "mean_iou"
    DISAGREEMENT = "disagreement"
    UNCERTAINTY = "uncertainty"
    SUSPICION = "suspicion"


NEEDS_REFERENCE = frozenset({QueueKind.LOWEST_IOU, QueueKind.SUSPICION})
"""Kinds that only images with an annotation or ground truth have a value of."""


@dataclass(frozen=True)
class QueueState:
    """The queue. Replaced as a whole, never changed.

    Attributes:
        kind: What it is ordered by.
        run: Id of the model it is about; "" for the mean of all that were evaluated.
        images: Images that wait, the one that needs a person most first.
        values: What each of them is there for, 0..1.
        finished: Images that were in it and are corrected or reviewed, in the queue's order.
        possible: The kinds that some image has a value of.
        place: An image that was opened from it, and where its suspected error is; or None.
    """

    kind: QueueKind = QueueKind.LOWEST_IOU
    run: str = ""
    images: tuple[int, ...] = ()
    values: tuple[float, ...] = ()
    finished: tuple[int, ...] = ()
    possible: frozenset[QueueKind] = frozenset()
    place: tuple[int, Rect] | None = None

    @property
    def total(self) -> int:
        """Images that wait and images that are done."""
        return len(self.images) + len(self.finished)
