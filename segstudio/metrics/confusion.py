"""Confusion matrices of label maps and the scores that derive from them.

Definitions: with TP, FP, FN of class c, IoU = TP / (TP + FP + FN), Dice = 2TP / (2TP + FP + FN),
precision = TP / (TP + FP), recall = TP / (TP + FN). What would divide by zero is NaN: a class that
is in neither map has no scores and takes part in no mean. Pixels whose reference is the ignore
index count nowhere. Scores of a folder come from summed counts; means over images have their own
names.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import Labels, Patch
from segstudio.metrics.counting import Counts, count_pairs

PerClass = npt.NDArray[np.float64]
"""(K,) float64, one value a class; NaN where undefined."""


@dataclass(frozen=True, eq=False)
class ConfusionMatrix:
    """How often each class of the reference met each class of the prediction.

    Attributes:
        counts: (C, C) int64 pixels; rows are the reference (truth), columns the prediction.
        ignored: Pixels left out because the reference has the ignore index there.
    """

    counts: Counts
    ignored: int = 0

    @classmethod
    def zeros(cls, num_classes: int) -> ConfusionMatrix:
        """Nothing counted yet."""
        return cls(np.zeros((num_classes, num_classes), np.int64))

    @classmethod
    def of(
        cls,
        truth: Labels,
        prediction: Labels,
        num_classes: int,
        ignore_index: int | None = 255,
    ) -> ConfusionMatrix:
        """Count two label maps, exactly.

        Args:
            truth: (H, W) uint8 class ids of the reference.
            prediction: (H, W) uint8 class ids, same shape.
            num_classes: C; every id that is counted must be below.
            ignore_index: Pixels with this id in `truth` are left out, whatever is predicted there.

        Raises:
            SegstudioError: if an id outside 0..C-1 would have to be counted, or shapes differ.
        """
        if truth.shape != prediction.shape:
            raise SegstudioError(
                f"The reference has {_size(truth)} pixels and the prediction {_size(prediction)}.",
                "Compare maps of the same image at the same size.",
            )
        return cls(*count_pairs(truth, prediction, num_classes, ignore_index))

    @property
    def num_classes(self) -> int:
        """C."""
        return len(self.counts)

    @property
    def total(self) -> int:
        """Pixels counted (without the ignored ones)."""
        return int(self.counts.sum())

    def __add__(self, other: ConfusionMatrix) -> ConfusionMatrix:
        self._require_same_size(other)
        return ConfusionMatrix(self.counts + other.counts, self.ignored + other.ignored)

    def __sub__(self, other: ConfusionMatrix) -> ConfusionMatrix:
        self._require_same_size(other)
        return ConfusionMatrix(self.counts - other.counts, self.ignored - other.ignored)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ConfusionMatrix):
            return NotImplemented
        return self.ignored == other.ignored and np.array_equal(self.counts, other.counts)

    __hash__ = None  # type: ignore[assignment]

    def after(
        self, patch: Patch, prediction_rect: Labels, ignore_index: int | None = 255
    ) -> ConfusionMatrix:
        """The matrix after `patch` changed the reference; only its rectangle is counted.

        Args:
            patch: The change of the reference.
            prediction_rect: (h, w) uint8, the prediction in `patch.rect`.
            ignore_index: As in `of`.

        Raises:
            SegstudioError: as `of`.
        """
        c = self.num_classes
        # A view of a wide map is slow to walk: it is gathered once for both.
        prediction = np.ascontiguousarray(prediction_rect)
        old = ConfusionMatrix.of(patch.before, prediction, c, ignore_index)
        new = ConfusionMatrix.of(patch.after, prediction, c, ignore_index)
        return self + new - old

    def _require_same_size(self, other: ConfusionMatrix) -> None:
        if self.counts.shape != other.counts.shape:
            raise ValueError(
                f"confusion matrices of {self.num_classes} and {other.num_classes} classes"
            )


@dataclass(frozen=True, eq=False)
class Metrics:
    """Scores of one confusion matrix: of an image, or of a folder by its summed counts.

    The arrays have one value for each of `class_ids`.

    Attributes:
        class_ids: The classes scored, K of them.
        iou: TP / (TP + FP + FN); NaN if the class is in neither map.
        dice: 2TP / (2TP + FP + FN); NaN likewise.
        precision: TP / (TP + FP); NaN if the class is not predicted.
        recall: TP / (TP + FN); NaN if the class is not in the reference.
        truth_pixels: (K,) int64 pixels of the class in the reference.
        predicted_pixels: (K,) int64 pixels of the class in the prediction (where not ignored).
        mean_iou: Mean of `iou` over the classes that have one; NaN if none has.
        mean_dice: Mean of `dice` likewise.
        pixel_accuracy: Right pixels / counted pixels, over all classes; NaN if none was counted.
        frequency_weighted_iou: IoU weighted by the class's pixels in the reference.
        majority_accuracy: The pixel accuracy of calling everything the most frequent class: what
            `pixel_accuracy` has to be compared with.
        total: Pixels counted.
        ignored: Pixels left out.
    """

    class_ids: tuple[int, ...]
    iou: PerClass
    dice: PerClass
    precision: PerClass
    recall: PerClass
    truth_pixels: npt.NDArray[np.int64]
    predicted_pixels: npt.NDArray[np.int64]
    mean_iou: float
    mean_dice: float
    pixel_accuracy: float
    frequency_weighted_iou: float
    majority_accuracy: float
    total: int
    ignored: int

    @classmethod
    def from_counts(
        cls, matrix: ConfusionMatrix, schema_ids: Sequence[int] | None = None
    ) -> Metrics:
        """Derive all scores.

        Args:
            matrix: The counts.
            schema_ids: Ids of the classes to score, below C; all 0..C-1 if None. Pixels of other
                classes still count as errors of these and in the accuracies.

        Raises:
            ValueError: if an id lies outside the matrix.
        """
        ids = tuple(range(matrix.num_classes)) if schema_ids is None else tuple(schema_ids)
        if any(not 0 <= i < matrix.num_classes for i in ids):
            raise ValueError(f"ids {ids} for a matrix of {matrix.num_classes} classes")
        chosen = np.array(ids, np.intp)
        hits = np.diagonal(matrix.counts)
        truth, predicted = matrix.counts.sum(axis=1), matrix.counts.sum(axis=0)
        tp, t, p = hits[chosen], truth[chosen], predicted[chosen]
        iou, dice = ratios(tp, t + p - tp), ratios(2 * tp, t + p)
        total = matrix.total
        return cls(
            class_ids=ids,
            iou=iou,
            dice=dice,
            precision=ratios(tp, p),
            recall=ratios(tp, t),
            truth_pixels=t,
            predicted_pixels=p,
            mean_iou=mean_of(iou),
            mean_dice=mean_of(dice),
            pixel_accuracy=ratio(int(hits.sum()), total),
            frequency_weighted_iou=ratio(float(np.nansum(iou * t)), int(t.sum())),
            majority_accuracy=ratio(int(truth.max(initial=0)), total),
            total=total,
            ignored=matrix.ignored,
        )

    def mean_over(self, class_ids: Collection[int]) -> tuple[float, float]:
        """Mean IoU and mean Dice over some of the classes: the foreground, say.

        As in `mean_iou`, classes without a value are left out; NaN if none has one.
        """
        wanted = frozenset(class_ids)
        used = np.array([i in wanted for i in self.class_ids], np.bool_)  # isin takes longer
        return mean_of(self.iou[used]), mean_of(self.dice[used])

    @property
    def num_scored(self) -> int:
        """Classes that are in at least one of the two maps: those the means are over."""
        return int(np.count_nonzero(~np.isnan(self.iou)))

    @property
    def scored(self) -> tuple[int, int]:
        """(k, n): k of the n classes are in at least one of the maps and have scores."""
        return (self.num_scored, len(self.class_ids))


IMAGE_MEANS = {
    "image_mean_iou": "mean_iou",
    "image_mean_dice": "mean_dice",
    "image_mean_pixel_accuracy": "pixel_accuracy",
    "image_mean_frequency_weighted_iou": "frequency_weighted_iou",
}
"""Names of the means over images, and the per-image score each is the mean of."""

FOREGROUND_MEANS = {
    "image_mean_iou_foreground": "mean_iou_foreground",
    "image_mean_dice_foreground": "mean_dice_foreground",
}
"""The same of the classes that are not background."""


def mean_of(values: PerClass) -> float:
    """Mean of the values that are numbers; NaN if there is none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def ratio(part: float, whole: float) -> float:
    """NaN where the whole is 0."""
    return part / whole if whole else float("nan")


def ratios(parts: npt.NDArray[Any], wholes: npt.NDArray[Any]) -> PerClass:
    """Element by element; NaN where the whole is 0."""
    result: PerClass = np.divide(parts, wholes, out=np.full(parts.shape, np.nan), where=wholes > 0)
    return result


def _size(labels: Labels) -> str:
    return " x ".join(map(str, labels.shape[::-1]))
