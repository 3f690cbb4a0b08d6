"""False-positive and false-negative areas: how many pixels of an image a class is wrong on.

The false-positive rate is FP / (FP + TN), the share of the pixels that are not of the class; the
false-negative rate is FN / (FN + TP), the share of the class's own area (Udupa et al. 2006 call
them volume fractions). A folder's figures are means over the images in which the class is in one of
the maps; an image that has no pixel to take a share of is left out of the mean of that rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from segstudio.metrics.class_sums import ClassPairs, ClassSums, Numbers
from segstudio.metrics.confusion import ratios
from segstudio.metrics.measure import Figure, Measure, Unit, Where


class ErrorAreas(NamedTuple):
    """(K,) means over images by class: pixels and rates; NaN for a class that is in none."""

    fp: Numbers
    fn: Numbers
    fp_rate: Numbers
    fn_rate: Numbers


class ErrorAreaSums(ClassSums):
    """Wrong pixels of images, summed by class.

    The columns: `images` in which the class is in one of the maps, their `fp` and `fn` pixels, the
    sums of both rates, and of how many images each is.
    """

    columns = ("images", "fp", "fn", "fp_rates", "fp_images", "fn_rates", "fn_images")

    @classmethod
    def of(cls, pairs: ClassPairs) -> ErrorAreaSums:
        """Count an image by its confusion matrix's entries."""
        counts = pairs.matrix().counts
        ids = np.array(pairs.class_ids, np.int64)
        hits, truth = np.diagonal(counts)[ids], counts.sum(axis=1)[ids]
        fp, fn = counts.sum(axis=0)[ids] - hits, truth - hits
        others = counts.sum() - truth
        columns = (
            np.ones(len(ids)), fp, fn,
            fp / np.maximum(others, 1), others > 0, fn / np.maximum(truth, 1), truth > 0,
        )  # fmt: skip
        return cls(ids, np.stack(columns, axis=1).astype(np.float64))

    def means(self, class_ids: Sequence[int]) -> ErrorAreas:
        """Means over images of these classes."""
        images, fp, fn, *rates = (self.column(name, class_ids) for name in self.columns)
        return ErrorAreas(
            ratios(fp, images), ratios(fn, images), ratios(*rates[:2]), ratios(*rates[2:])
        )


ERROR_AREA = Measure(
    "error_area",
    (
        Figure(
            "fp_area", "FP area", "Pixels that are called this class and are not.",
            by_class=lambda areas: areas.fp, name="False-positive area", unit=Unit.PIXELS,
            lower_is_better=True, leads_foreground=True,
        ),
        Figure(
            "fn_area", "FN area", "Pixels that are this class and were missed.",
            by_class=lambda areas: areas.fn, name="False-negative area", unit=Unit.PIXELS,
            lower_is_better=True, leads_foreground=True,
        ),
        Figure(
            "fp_rate", "FP rate",
            "FP / (FP + TN): of the pixels that are not this class, how many are called so.",
            by_class=lambda areas: areas.fp_rate, where=Where.CLASSES, name="False-positive rate",
            unit=Unit.PERCENT, lower_is_better=True,
        ),
        Figure(
            "fn_rate", "FN rate",
            "FN / (FN + TP): of the pixels that are this class, how many were missed.",
            by_class=lambda areas: areas.fn_rate, where=Where.CLASSES, name="False-negative rate",
            unit=Unit.PERCENT, lower_is_better=True,
        ),
    ),
    ErrorAreaSums, lambda s: ErrorAreaSums.of(s.pairs), ErrorAreaSums.means,
    over_images="Mean over images.", option="error-areas",
    help="Tell the false-positive and false-negative areas and rates, per image.",
    name="Error areas", choice="Tell false-positive and false-negative areas",
    tip="How many pixels of an image are wrong, by class, and of what share of it.",
)  # fmt: skip
