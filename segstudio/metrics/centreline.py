"""Centre-line Dice (clDice): whether thin structures hang together, however thick they are drawn.

Shit et al., "clDice - a Novel Topology-Preserving Loss Function for Tubular Structure Segmentation"
(CVPR 2021): topology precision is the share of the prediction's centre line that lies inside the
truth's region, topology sensitivity the share of the truth's centre line inside the prediction's;
clDice is their harmonic mean. A centre line is the skeleton of a class's region (Zhang and Suen
1984). A class that is in one of the maps only has a clDice of 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from segstudio.core.labels import Labels, Mask
from segstudio.metrics.class_sums import ClassSums, Numbers, require_same_shape, without_ignored
from segstudio.metrics.confusion import ratios
from segstudio.metrics.measure import Figure, Measure, Where
from segstudio.metrics.segments import used_classes


class CentrelineScores(NamedTuple):
    """(K,) clDice, topology precision and topology sensitivity of classes; NaN where undefined."""

    dice: Numbers
    precision: Numbers
    sensitivity: Numbers


class CentrelineSums(ClassSums):
    """Pixels of centre lines by class.

    The columns: those `predicted`, how many of them are `right`, inside the truth's region; those
    of the `truth`, how many of them are `found`, inside the prediction's region.
    """

    columns = ("predicted", "right", "truth", "found")

    @classmethod
    def of(cls, truth: Labels, prediction: Labels, ignore_index: int | None) -> CentrelineSums:
        """Count an image; both regions are cut to the pixels that count.

        Args:
            truth: (H, W) uint8 class ids.
            prediction: (H, W) uint8 class ids, same shape.
            ignore_index: Class id of the truth that counts nowhere, or None.

        Raises:
            SegstudioError: if the shapes differ.
        """
        require_same_shape(truth, prediction)
        prediction = without_ignored(truth, prediction, ignore_index)
        rows = {}
        for class_id in used_classes(truth, prediction):
            if class_id != ignore_index:
                wanted, found = truth == class_id, prediction == class_id
                lines = centre_line(found), centre_line(wanted)
                shared = lines[0] & wanted, lines[1] & found
                counted = (lines[0], shared[0], lines[1], shared[1])
                rows[class_id] = [float(np.count_nonzero(mask)) for mask in counted]
        return cls.of_rows(rows)

    def scores(self, class_ids: Sequence[int]) -> CentrelineScores:
        """The scores of these classes from the summed pixels."""
        predicted, right, truth, found = (self.column(n, class_ids) for n in self.columns)
        precision, sensitivity = ratios(right, predicted), ratios(found, truth)
        first, second = np.nan_to_num(precision), np.nan_to_num(sensitivity)
        dice = np.where(predicted + truth > 0, 0.0, np.nan)
        np.divide(2 * first * second, first + second, out=dice, where=first + second > 0)
        return CentrelineScores(dice, precision, sensitivity)


def centre_line(region: Mask) -> Mask:
    """The skeleton of a region, (H, W) bool."""
    from skimage.morphology import skeletonize  # takes seconds to import

    line = np.zeros(region.shape, np.bool_)
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    if rows.size:
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        line[box] = skeletonize(region[box])  # type: ignore[no-untyped-call]
    return line


CENTRELINE = Measure(
    "centreline",
    (
        Figure(
            "cldice", "clDice",
            "Dice of centre lines: whether thin structures are found and hang together.",
            by_class=lambda scores: scores.dice, name="clDice of centre lines",
            leads_foreground=True,
        ),
        Figure(
            "tprec", "Topology precision",
            "Of the prediction's centre line, how much lies inside the truth.",
            by_class=lambda scores: scores.precision, where=Where.CLASSES,
        ),
        Figure(
            "tsens", "Topology sensitivity",
            "Of the truth's centre line, how much lies inside the prediction.",
            by_class=lambda scores: scores.sensitivity, where=Where.CLASSES,
        ),
    ),
    CentrelineSums, lambda s: CentrelineSums.of(s.truth, s.candidate.labels, s.ignore_index),
    CentrelineSums.scores, over_images="Pixels of all centre lines are summed.", option="cldice",
    help="Tell the Dice of centre lines (clDice), for thin structures.",
    name="Centre lines (clDice)", choice="Measure centre lines, clDice (slower)",
    tip="Whether thin structures hang together. Counted again for every image.",
)  # fmt: skip
