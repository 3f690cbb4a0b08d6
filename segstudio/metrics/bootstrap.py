"""Is one model better than another? A paired bootstrap over the images of a folder.

Images are drawn with replacement, the same ones for both models, and the difference of the IoU of
the summed counts is taken (Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, percentile
interval). If zero lies outside the interval, the difference is hardly one of the choice of images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segstudio.metrics.class_sums import ClassPairs, Numbers, class_totals

RESAMPLES = 2000
LEVEL = 0.95
SIGN = "second minus first"
"""What a difference is, wherever one is written: above 0 the second is better."""
_CHUNK_BYTES = 1 << 24


@dataclass(frozen=True)
class Interval:
    """A difference of IoU, second model minus first, and how sure it is.

    Attributes:
        difference: Of all images.
        low: Lower end of the confidence interval; NaN for a single image, which has none.
        high: Upper end.
        share_above_zero: Share of the resamples in which the second model is better.
    """

    difference: float
    low: float
    high: float
    share_above_zero: float

    @property
    def is_clear(self) -> bool:
        """Whether zero lies outside the interval."""
        return self.low > 0 or self.high < 0

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {
            "difference": self.difference,
            "low": self.low,
            "high": self.high,
            "share_above_zero": self.share_above_zero,
        }


@dataclass(frozen=True)
class PairedDifference:
    """What separates two models on the same images.

    Attributes:
        images: How many images.
        resamples: How many times as many images were drawn.
        level: Of the confidence intervals, 0.95 say.
        seed: Of the draws: the same seed gives the same numbers.
        mean_iou: Of the mean IoU.
        by_class: Of the IoU of each class; all NaN for a class without IoU in one of the models.
        mean_iou_foreground: Of the mean IoU over the classes that are not background; None where
            all are counted alike.
    """

    images: int
    resamples: int
    level: float
    seed: int
    mean_iou: Interval
    by_class: dict[int, Interval]
    mean_iou_foreground: Interval | None = None

    @property
    def lead(self) -> Interval:
        """What models are judged by: the foreground where there is a background, else all."""
        return self.mean_iou if self.mean_iou_foreground is None else self.mean_iou_foreground


def paired_difference(
    first: Sequence[ClassPairs],
    second: Sequence[ClassPairs],
    class_ids: Sequence[int],
    *,
    foreground_ids: Sequence[int] | None = None,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> PairedDifference:
    """Compare two models by their counts of the same images, in the same order.

    Args:
        first: Counts of the first model, one for each image.
        second: Counts of the second model.
        class_ids: The classes to score; the mean is over those that have an IoU.
        foreground_ids: Those of the classes that are not background; None: all.
        resamples: How many draws.
        level: Of the confidence intervals, between 0 and 1.
        seed: Of the draws.

    Raises:
        ValueError: if the numbers of images differ or are 0.
    """
    if len(first) != len(second) or not first:
        raise ValueError(f"counts of {len(first)} and {len(second)} images")
    tables = [class_totals(counts, class_ids) for counts in (first, second)]
    used = np.isin(list(class_ids), list(class_ids if foreground_ids is None else foreground_ids))
    whole = _differences(*(_scores(t.sum(axis=0, keepdims=True), used) for t in tables))[0]
    drawn = _resampled(tables, used, resamples, np.random.default_rng(seed))
    tail = (1 - level) / 2
    if len(first) == 1:
        drawn[:] = np.nan  # every draw is the same image: that is no certainty
    intervals = [
        _interval(float(value), column, tail) for value, column in zip(whole, drawn.T, strict=True)
    ]
    mean, foreground, *rest = intervals
    by_class = dict(zip(map(int, class_ids), rest, strict=True))
    apart = None if used.all() else foreground
    return PairedDifference(len(first), resamples, level, seed, mean, by_class, apart)


def _resampled(
    tables: list[Numbers], used: npt.NDArray[np.bool_], resamples: int, rng: np.random.Generator
) -> Numbers:
    """(R, 2 + K) differences of R draws: of the mean IoU, the foreground's, and each class."""
    images, classes, sums = tables[0].shape
    flat = [t.reshape(images, -1) for t in tables]
    step = max(1, _CHUNK_BYTES // (8 * images))
    parts = []
    for start in range(0, resamples, step):
        weights = _draws(images, min(step, resamples - start), rng)
        parts.append(
            _differences(*(_scores((weights @ t).reshape(-1, classes, sums), used) for t in flat))
        )
    return np.concatenate(parts) if parts else np.zeros((0, 2 + classes))


def _draws(images: int, times: int, rng: np.random.Generator) -> Numbers:
    """(times, images) how often each image is drawn when as many are drawn as there are."""
    drawn = rng.integers(0, images, (times, images))
    drawn += np.arange(times)[:, None] * images
    counts = np.bincount(drawn.ravel(), minlength=times * images)
    return counts.reshape(times, images).astype(np.float64)


def _scores(sums: Numbers, used: npt.NDArray[np.bool_]) -> Numbers:
    """(R, 2 + K) mean IoU, that of the `used` (K,) classes, and IoU of each, from (R, K, 3) sums.

    NaN where undefined.
    """
    both, truth, prediction = np.moveaxis(sums, -1, 0)
    union = truth + prediction - both
    iou = np.divide(both, union, out=np.full(both.shape, np.nan), where=union > 0)
    return np.column_stack([_mean_of_known(iou), _mean_of_known(iou[:, used]), iou])


def _mean_of_known(iou: Numbers) -> Numbers:
    known = (~np.isnan(iou)).sum(axis=1)
    mean: Numbers = np.full(len(iou), np.nan)
    np.divide(np.nansum(iou, axis=1), known, out=mean, where=known > 0)
    return mean


def _differences(first: Numbers, second: Numbers) -> Numbers:
    return second - first


def _interval(value: float, drawn: npt.NDArray[np.float64], tail: float) -> Interval:
    known = drawn[~np.isnan(drawn)]
    if not known.size or np.isnan(value):
        return Interval(value, float("nan"), float("nan"), float("nan"))
    low, high = np.quantile(known, (tail, 1 - tail))
    return Interval(value, float(low), float(high), float((known > 0).mean()))
