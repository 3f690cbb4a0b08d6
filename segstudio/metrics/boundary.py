"""Boundary IoU: how well outlines agree, however large the objects are.

Cheng et al., "Boundary IoU: Improving Object-Centric Image Segmentation Evaluation" (CVPR 2021):
the IoU of what lies within a distance of its own region's edge. The distance is 2 % of the image's
diagonal; the border of the image counts as an edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.labels import Labels, Mask
from segstudio.metrics.class_sums import ClassSums, Numbers
from segstudio.metrics.confusion import ratios
from segstudio.metrics.measure import Figure, Measure
from segstudio.metrics.segments import used_classes

DIAGONAL_SHARE = 0.02
_SQUARE = np.ones((3, 3), np.uint8)


def boundary_distance(shape_hw: tuple[int, int]) -> int:
    """The distance from the edge in pixels that counts, at least 1."""
    return max(1, round(DIAGONAL_SHARE * float(np.hypot(*shape_hw))))


def inner_boundary(region: Mask, distance: int) -> Mask:
    """The pixels of a region within `distance` pixels (chessboard) of its edge; (H, W) bool."""
    framed = cv2.copyMakeBorder(region.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    kept = cv2.erode(framed, _SQUARE, iterations=distance)[1:-1, 1:-1]
    found: Mask = region & (kept == 0)
    return found


@dataclass
class BoundaryCounts:
    """Summed pixels of boundaries, by class id.

    Attributes:
        both: (256,) int64 pixels in the boundaries of both maps.
        either: (256,) int64 pixels in the boundary of at least one.
    """

    both: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    either: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))

    def add(self, truth: Labels, prediction: Labels, ignore_index: int | None) -> None:
        """Count an image; pixels that the truth ignores count nowhere.

        Regions are cut to the pixels that count before their boundary is looked for, so that what
        is predicted on ignored pixels changes nothing.

        Args:
            truth: (H, W) uint8 class ids.
            prediction: (H, W) uint8 class ids.
            ignore_index: Class id of the truth that counts nowhere, or None.
        """
        distance = boundary_distance((truth.shape[0], truth.shape[1]))
        counted = None if ignore_index is None else truth != ignore_index
        for class_id in used_classes(truth, prediction):
            if class_id == ignore_index:
                continue
            said = prediction == class_id
            wanted = inner_boundary(truth == class_id, distance)
            found = inner_boundary(said if counted is None else said & counted, distance)
            self.both[class_id] += np.count_nonzero(wanted & found)
            self.either[class_id] += np.count_nonzero(wanted | found)

    def iou(self, class_ids: Sequence[int]) -> npt.NDArray[np.float64]:
        """(len(class_ids),) boundary IoU; NaN for a class that is in neither."""
        ids = np.asarray(class_ids, np.intp)
        both, either = self.both[ids].astype(np.float64), self.either[ids]
        values: npt.NDArray[np.float64] = np.divide(
            both, either, out=np.full(len(ids), np.nan), where=either > 0
        )
        return values


class BoundarySums(ClassSums):
    """Pixels of boundaries by class, of the classes that turn up: in `both` maps, in `either`."""

    columns = ("both", "either")

    @classmethod
    def of(cls, truth: Labels, prediction: Labels, ignore_index: int | None) -> BoundarySums:
        """Count an image; the arguments are those of `BoundaryCounts.add`."""
        counts = BoundaryCounts()
        counts.add(truth, prediction, ignore_index)
        ids = np.flatnonzero(counts.either)
        return cls(ids, np.stack([counts.both[ids], counts.either[ids]], axis=1).astype(np.float64))

    def iou(self, class_ids: Sequence[int]) -> Numbers:
        """(K,) boundary IoU; NaN for a class that is in neither."""
        return ratios(self.column("both", class_ids), self.column("either", class_ids))


BOUNDARY = Measure(
    "boundary",
    (
        Figure(
            "boundary_iou", "Boundary IoU",
            "IoU of the pixels near an edge: how exact the outlines are, whatever the size.",
            by_class=lambda iou: iou, short="Boundary",
        ),
    ),
    BoundarySums, lambda s: BoundarySums.of(s.truth, s.candidate.labels, s.ignore_index),
    BoundarySums.iou, option="boundary", help="Tell the IoU of the boundaries too.",
)  # fmt: skip
