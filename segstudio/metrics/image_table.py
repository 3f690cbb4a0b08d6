"""The scores of many images side by side, to be sorted, drawn and averaged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from segstudio.metrics.class_sums import ClassPairs, Numbers, class_totals
from segstudio.metrics.confusion import FOREGROUND_MEANS, IMAGE_MEANS, mean_of, ratios


class HasPairs(Protocol):
    """Something with a name and counts: `metrics.image_figures.ImageFigures`."""

    @property
    def name(self) -> str:
        """Of the image."""
        ...

    @property
    def pairs(self) -> ClassPairs:
        """Pixels by class of the ground truth and of the prediction."""
        ...


@dataclass(frozen=True, eq=False)
class ImageTable:
    """Scores of N images and K classes; NaN where `metrics.confusion.Metrics` has NaN.

    Attributes:
        names: Of the images.
        class_ids: The classes scored.
        foreground_ids: Those of them that are not background.
        totals: (N, K, 3) pixels in both maps, in the ground truth, in the prediction.
        right: (N,) pixels of the right class, of whatever class.
        counted: (N,) pixels that are not ignored.
    """

    names: tuple[str, ...]
    class_ids: tuple[int, ...]
    foreground_ids: tuple[int, ...]
    totals: Numbers
    right: Numbers
    counted: Numbers

    @classmethod
    def of(
        cls,
        images: Iterable[HasPairs],
        class_ids: Sequence[int],
        foreground_ids: Sequence[int] | None = None,
    ) -> ImageTable:
        """The scores of these images, in their order.

        Args:
            images: N of them.
            class_ids: The classes to score.
            foreground_ids: Those of them that are not background; None: all.
        """
        figures = list(images)
        pairs = [f.pairs for f in figures]
        # 256 t + p is a multiple of 257 only where t and p are the same.
        right = [int(p.pixels[p.keys % 257 == 0].sum()) for p in pairs]
        return cls(
            tuple(f.name for f in figures),
            tuple(class_ids),
            tuple(class_ids if foreground_ids is None else foreground_ids),
            class_totals(pairs, class_ids),
            np.array(right, np.float64),
            np.array([int(p.pixels.sum()) for p in pairs], np.float64),
        )

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def iou(self) -> Numbers:
        """(N, K) IoU of each class."""
        both, truth, prediction = np.moveaxis(self.totals, -1, 0)
        return ratios(both, truth + prediction - both)

    @cached_property
    def dice(self) -> Numbers:
        """(N, K) Dice of each class."""
        both, truth, prediction = np.moveaxis(self.totals, -1, 0)
        return ratios(2 * both, truth + prediction)

    @cached_property
    def mean_iou(self) -> Numbers:
        """(N,) mean IoU over the classes that the image has."""
        return _mean_of_rows(self.iou)

    @cached_property
    def mean_dice(self) -> Numbers:
        """(N,) mean Dice likewise."""
        return _mean_of_rows(self.dice)

    @cached_property
    def mean_iou_foreground(self) -> Numbers:
        """(N,) mean IoU over the classes that the image has and that are not background."""
        return _mean_of_rows(self.iou[:, self._is_foreground])

    @cached_property
    def mean_dice_foreground(self) -> Numbers:
        """(N,) mean Dice likewise."""
        return _mean_of_rows(self.dice[:, self._is_foreground])

    @property
    def _is_foreground(self) -> npt.NDArray[np.bool_]:
        return np.isin(np.array(self.class_ids, np.int64), self.foreground_ids)

    @cached_property
    def pixel_accuracy(self) -> Numbers:
        """(N,) share of right pixels."""
        return ratios(self.right, self.counted)

    @cached_property
    def frequency_weighted_iou(self) -> Numbers:
        """(N,) IoU weighted by the classes' pixels in the ground truth."""
        truth = self.totals[:, :, 1]
        return ratios(np.nansum(self.iou * truth, axis=1), truth.sum(axis=1))

    @cached_property
    def image_means(self) -> dict[str, float]:
        """Means over the images that have the score, by the names of `metrics.confusion.IMAGE_MEANS`."""
        return {name: mean_of(getattr(self, source)) for name, source in IMAGE_MEANS.items()}

    @cached_property
    def foreground_means(self) -> dict[str, float]:
        """The same, by the names of `metrics.confusion.FOREGROUND_MEANS`."""
        return {name: mean_of(getattr(self, source)) for name, source in FOREGROUND_MEANS.items()}


def _mean_of_rows(values: Numbers) -> Numbers:
    known = ~np.isnan(values)
    return ratios(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1).astype(np.float64))
