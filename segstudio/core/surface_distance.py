"""The 95th percentile of the Hausdorff distance: how far apart two outlines are, in pixels.

The outline of a region is its pixels that have one of the four neighbours outside; beyond the
border of the image everything is outside. From every pixel of one outline the distance to the
nearest pixel of the other is taken, centre to centre; the figure is the larger of the two 95th
percentiles, one for each direction (Huttenlocher et al. 1993; as MONAI and DeepMind's
surface-distance do it for images).

If one side has no pixel of the class, the distance is the diagonal of the image, the largest there
could be, so that a missed object makes the mean worse and not better.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.class_sums import ClassSums, Numbers, ratios, require_same_shape
from segstudio.core.geometry import Rect
from segstudio.core.labels import Labels, Mask
from segstudio.core.segments import used_classes

PERCENTILE = 95.0
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_Flags = npt.NDArray[np.uint8]


def outline(region: Mask) -> Mask:
    """The pixels of a region (H, W) bool that have one of four neighbours outside; (H, W) bool."""
    return _outline(np.ascontiguousarray(region).view(np.uint8)).view(np.bool_)


def hausdorff(truth: Mask, prediction: Mask, percentile: float = PERCENTILE) -> float:
    """The larger of the two directed distances of the outlines at a percentile, in pixels.

    Args:
        truth: (H, W) bool.
        prediction: (H, W) bool, same shape.
        percentile: 0..100; 100 is the Hausdorff distance itself.

    Returns:
        NaN if both are empty, the diagonal of the image if one is.

    Raises:
        SegstudioError: if the shapes differ.
    """
    require_same_shape(truth, prediction)
    masks = [np.ascontiguousarray(m).view(np.uint8) for m in (truth, prediction)]
    boxes = [_bounds(m) for m in masks]
    empty = [box.is_empty for box in boxes]
    if all(empty):
        return float("nan")
    if any(empty):
        return float(np.hypot(*truth.shape))
    # Outside the box around both regions there is no outline to be near to.
    around = boxes[0].union(boxes[1]).slices
    first, second = (_outline(m[around]) for m in masks)
    return max(_directed(first, second, percentile), _directed(second, first, percentile))


class HausdorffSums(ClassSums):
    """95th percentile Hausdorff distances of images, summed by class.

    The columns: `images` in which the class is in one of the maps, the sum of their `distance` in
    pixels, in how many of them the class is `one_sided` (the diagonal stands for the distance),
    and the sum of those diagonals, `penalty`.
    """

    columns = ("images", "distance", "one_sided", "penalty")

    @classmethod
    def of(cls, truth: Labels, prediction: Labels, ignore_index: int | None) -> HausdorffSums:
        """Measure an image; both regions are cut to the pixels that count.

        Args:
            truth: (H, W) uint8 class ids.
            prediction: (H, W) uint8 class ids, same shape.
            ignore_index: Class id of the truth that counts nowhere, or None.

        Raises:
            SegstudioError: if the shapes differ.
        """
        require_same_shape(truth, prediction)
        counted = None if ignore_index is None else truth != ignore_index
        if counted is not None and counted.all():
            counted = None
        rows: dict[int, tuple[float, ...]] = {}
        for class_id in used_classes(truth, prediction):
            if class_id == ignore_index:
                continue
            wanted, found = truth == class_id, prediction == class_id
            if counted is not None:
                found &= counted
            sides = int(wanted.any()) + int(found.any())
            if sides:
                distance = hausdorff(wanted, found)
                alone = sides == 1
                rows[class_id] = (1, distance, float(alone), distance if alone else 0.0)
        return cls.of_rows(rows)

    def mean(self, class_ids: Sequence[int]) -> Numbers:
        """(K,) mean distance in pixels over images; NaN for a class that is in none."""
        return ratios(self.column("distance", class_ids), self.column("images", class_ids))

    def mean_of_two_sided(self, class_ids: Sequence[int]) -> Numbers:
        """(K,) mean over the images where both maps have the class; NaN if there is none."""
        distance = self.column("distance", class_ids) - self.column("penalty", class_ids)
        images = self.column("images", class_ids) - self.column("one_sided", class_ids)
        return ratios(distance, images)


def _outline(region: _Flags) -> _Flags:
    inside = cv2.erode(region, _CROSS, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    edge: _Flags = region ^ np.asarray(inside, np.uint8)
    return edge


def _bounds(region: _Flags) -> Rect:
    left, top, width, height = cv2.boundingRect(region)
    return Rect(top, left, top + height, left + width)


def _directed(from_edge: _Flags, to_edge: _Flags, percentile: float) -> float:
    """The percentile of the distances from each pixel of one outline to the other outline."""
    far = cv2.distanceTransform(1 - to_edge, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return float(np.percentile(far[from_edge.view(np.bool_)].astype(np.float64), percentile))
