"""Counts of class maps against references: what IoU, Dice and boundary IoU are derived from."""

from __future__ import annotations

from dataclasses import dataclass

from segstudio.core.labels import Labels
from segstudio.core.schema import LabelSchema
from segstudio.metrics.boundary import BoundaryCounts
from segstudio.metrics.confusion import ConfusionMatrix
from segstudio.metrics.cut_costs import MaskScores
from segstudio.metrics.tally import count, metrics_of, summed


@dataclass(frozen=True, eq=False)
class MaskCounts:
    """Counts of one image, or summed over several.

    Attributes:
        matrix: Confusion matrix; rows are the reference.
        boundary: Pixels of boundaries.
    """

    matrix: ConfusionMatrix
    boundary: BoundaryCounts

    @classmethod
    def of(cls, reference: Labels, labels: Labels, schema: LabelSchema) -> MaskCounts:
        """Count a class map (H, W) uint8 against a reference of the same size and classes."""
        boundary = BoundaryCounts()
        boundary.add(reference, labels, schema.ignore_index)
        return cls(count(reference, labels, schema), boundary)

    def __add__(self, other: MaskCounts) -> MaskCounts:
        boundary = BoundaryCounts(
            self.boundary.both + other.boundary.both, self.boundary.either + other.boundary.either
        )
        return MaskCounts(summed(self.matrix, other.matrix), boundary)

    def scores(self, schema: LabelSchema) -> MaskScores:
        """The scores of the schema's classes but the ignore index."""
        metrics = metrics_of(self.matrix, schema)
        foreground = schema.foreground_ids if schema.has_foreground else None
        return MaskScores(metrics, self.boundary.iou(metrics.class_ids), foreground)


def scores_of(reference: Labels, labels: Labels, schema: LabelSchema) -> MaskScores:
    """Scores of a class map (H, W) uint8 against a reference of the same size and classes."""
    return MaskCounts.of(reference, labels, schema).scores(schema)
