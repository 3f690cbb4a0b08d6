"""Counts of many images: summed, and as means over images, kept up to date one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from segstudio.core.labels import Labels
from segstudio.core.provenance import ScoredAgainst
from segstudio.core.schema import LabelSchema
from segstudio.metrics.class_sums import ConfusionMatrices
from segstudio.metrics.confusion import (
    FOREGROUND_MEANS,
    IMAGE_MEANS,
    ConfusionMatrix,
    Metrics,
)

_MEANS = (*IMAGE_MEANS, *FOREGROUND_MEANS)


@dataclass(frozen=True, eq=False)
class ModelCount:
    """What was counted of a model's answer for an image.

    Attributes:
        matrix: Pixels by classes.
        own: How many pixels were left out since the model wrote them; -1 where nobody knows.
        size: How many pixels the image has.
    """

    matrix: ConfusionMatrix
    own: int = -1
    size: int = 0

    @classmethod
    def of(cls, against: ScoredAgainst, prediction: Labels) -> ModelCount:
        """Count a prediction (H, W) uint8."""
        matrix = count(against.labels, prediction, against.schema)
        return cls(matrix, against.own, prediction.size)


def count(reference: Labels, prediction: Labels, schema: LabelSchema) -> ConfusionMatrix:
    """Count two maps (H, W) uint8 of one image; ids outside the schema make the matrix larger."""
    return ConfusionMatrix.of(
        reference,
        prediction,
        matrix_size(schema, prediction, reference),
        schema.ignore_index,
    )


def matrix_size(schema: LabelSchema, prediction: Labels, *references: Labels) -> int:
    """Side of a confusion matrix with room for the schema's classes and all ids that are counted.

    Where a reference has the ignore index nothing is counted: neither that index nor what is
    predicted there needs room. A prediction may use its number elsewhere.

    Args:
        schema: The classes.
        prediction: (H, W) uint8.
        references: Each (H, W) uint8: what the prediction is counted against.
    """
    highest = schema.num_classes - 1
    for reference in references:
        present = max(int(reference.max(initial=0)), int(prediction.max(initial=0)))
        if present > highest and schema.ignore_index is not None:
            counted = reference != schema.ignore_index
            ids = (labels.max(initial=0, where=counted) for labels in (reference, prediction))
            present = int(max(ids))
        highest = max(highest, present)
    return highest + 1


def padded(matrix: ConfusionMatrix, num_classes: int) -> ConfusionMatrix:
    """The same counts in a matrix with room for at least that many classes."""
    missing = num_classes - matrix.num_classes
    if missing <= 0:
        return matrix
    return ConfusionMatrix(np.pad(matrix.counts, (0, missing)), matrix.ignored)


def summed(a: ConfusionMatrix, b: ConfusionMatrix) -> ConfusionMatrix:
    """The sum of two matrices of any sizes."""
    size = max(a.num_classes, b.num_classes)
    return padded(a, size) + padded(b, size)


def lead_iou(metrics: Metrics, schema: LabelSchema) -> float:
    """What an image or a folder is judged by: mean IoU, of the foreground where there is one.

    NaN where it is not defined: nothing of the foreground is annotated or predicted.
    """
    return (
        metrics.mean_over(schema.foreground_ids)[0] if schema.has_foreground else metrics.mean_iou
    )


def lead_short(schema: LabelSchema) -> str:
    """The same where there is little room."""
    return "foreground mIoU" if schema.has_foreground else "mIoU"


def lead_key(*, has_foreground: bool) -> str:
    """The name of `lead_iou` in files and tables."""
    return "mean_iou_foreground" if has_foreground else "mean_iou"


def lead_name(schema: LabelSchema) -> str:
    """What `lead_iou` is called."""
    return "mean IoU of the foreground" if schema.has_foreground else "mean IoU"


def metrics_of(matrix: ConfusionMatrix, schema: LabelSchema) -> Metrics:
    """The scores of the schema's classes but the ignore index.

    Pixels of a model's classes that the user has ignored count nowhere.
    """
    counted = without_left_out(matrix, schema)
    return Metrics.from_counts(padded(counted, schema.num_classes), schema.scored_ids)


def without_left_out(matrix: ConfusionMatrix, schema: LabelSchema) -> ConfusionMatrix:
    """The counts without the pixels that a class mapping leaves out."""
    column = schema.left_out_id if schema.leaves_out else None
    if column is None or column >= matrix.num_classes:
        return matrix
    counts = np.array(matrix.counts)
    counts[:, column] = 0
    ignored = matrix.ignored + int(matrix.counts[:, column].sum())
    return ConfusionMatrix(counts, ignored)


@dataclass(frozen=True, eq=False)
class Leads:
    """The `lead_iou` of the images that were counted, as it was at one moment.

    Attributes:
        rows: Which row of `scores` an image has.
        scores: (n,) the values; NaN where there is none.
    """

    rows: Mapping[int, int] = field(default_factory=dict)
    scores: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def of(self, index: int) -> float:
        """That of an image; NaN if it was not counted, or has none."""
        row = self.rows.get(index)
        return float("nan") if row is None else float(self.scores[row])

    def worst_first(self, images: Sequence[int]) -> list[int]:
        """Images, the lowest first; those that have none stay in their order, at the end."""
        rows = np.fromiter((self.rows.get(i, -1) for i in images), np.intp, len(images))
        leads = np.append(self.scores, np.nan)[rows]
        return [images[i] for i in np.argsort(leads, kind="stable")]


class FolderTally:
    """Counts by image of one run: their sum, and the means over images.

    Putting one image costs the same whether the folder has ten images or 100,000.
    """

    def __init__(self, schema: LabelSchema) -> None:
        self._schema = schema
        self._sum = ConfusionMatrix.zeros(schema.num_classes)
        self._counts: ConfusionMatrices[int] = ConfusionMatrices(held=2)
        self._rows: dict[int, int] = {}
        self._scores = np.full((16, len(_MEANS) + 1), np.nan)
        """By row, the scores that are averaged, and what an image is judged by."""

    def __len__(self) -> int:
        return len(self._counts)

    def put(self, index: int, matrix: ConfusionMatrix, metrics: Metrics | None = None) -> None:
        """Add or replace the counts of an image.

        Args:
            index: Which image.
            matrix: The counts.
            metrics: What `metrics_of` gives of them, where that is worked out already.
        """
        self.remove(index)
        self._counts[index] = matrix
        self._sum = summed(self._sum, matrix)
        row = self._rows.setdefault(index, len(self._rows))
        if row == len(self._scores):
            self._scores = np.vstack([self._scores, np.full_like(self._scores, np.nan)])
        metrics = metrics or metrics_of(matrix, self._schema)
        means = (getattr(metrics, source) for source in IMAGE_MEANS.values())
        foreground = metrics.mean_over(self._schema.foreground_ids)
        lead = foreground[0] if self._schema.has_foreground else metrics.mean_iou
        self._scores[row] = [*means, *foreground, lead]

    def remove(self, index: int) -> None:
        """Forget an image."""
        old = self._counts.pop(index, None)
        if old is None:
            return
        size = self._sum.num_classes
        self._sum = self._sum - padded(old, size)
        self._scores[self._rows[index]] = np.nan

    def lead_of(self, index: int) -> float:
        """The `lead_iou` of an image; NaN if it is not counted, or has none."""
        row = self._rows.get(index)
        return float("nan") if row is None else float(self._scores[row, -1])

    @property
    def leads(self) -> Leads:
        """The `lead_iou` of all images as they are now; for any thread."""
        return Leads(dict(self._rows), np.array(self._scores[:, -1]))

    @property
    def summed(self) -> Metrics:
        """The scores of the summed counts."""
        return metrics_of(self._sum, self._schema)

    @property
    def image_means(self) -> dict[str, float]:
        """Means over images by their names in `IMAGE_MEANS` and `FOREGROUND_MEANS`.

        NaN where no image has the score.
        """
        scores = self._scores[:, :-1]
        known = ~np.isnan(scores)
        totals = np.where(known, scores, 0.0).sum(axis=0)
        numbers = known.sum(axis=0)
        return {
            name: float(total / number) if number else float("nan")
            for name, total, number in zip(_MEANS, totals, numbers, strict=True)
        }
