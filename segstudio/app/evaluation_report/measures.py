"""The figures by which models are compared: how each is read, written, and which way is better."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from segstudio.core.class_sums import Numbers, mean_of
from segstudio.core.formatting import ratio_text
from segstudio.core.image_figures import FolderFigures
from segstudio.core.metrics import Metrics


@dataclass(frozen=True)
class Measure:
    """One figure of a model over a folder.

    Attributes:
        key: Its name in JSON.
        title: Its name for people.
        read: Takes it from the figures of the folder; NaN if it was not counted.
        about: What it tells, in one sentence.
        lower_is_better: Whether it is a distance, an error or a time.
        digits: Behind the point.
        baseline: Takes it from the scores of calling every pixel one class (given with the ids of
            the foreground); None where that says nothing.
        of_foreground: Whether it is of the classes that are not background, and so the same as
            another figure where all are.
    """

    key: str
    title: str
    read: Callable[[FolderFigures], float]
    about: str
    lower_is_better: bool = False
    digits: int = 3
    baseline: Callable[[Metrics, Sequence[int]], float] | None = None
    of_foreground: bool = False

    def write(self, value: float) -> str:
        """The number for people; a dash where it is not defined."""
        return ratio_text(value, self.digits)

    def best(self, values: Sequence[float]) -> float:
        """The best of some values; NaN if none is known."""
        known = [v for v in values if not math.isnan(v)]
        if not known:
            return math.nan
        return min(known) if self.lower_is_better else max(known)


def mean_or_nan(values: Numbers | None) -> float:
    """Mean of the values that are numbers; NaN also if there are no values at all."""
    return math.nan if values is None else mean_of(values)


def _precision(folder: FolderFigures, iou: float | None) -> float:
    found = folder.average_precision()
    if found is None:
        return math.nan
    return found.ap if iou is None else found.at(iou)


def _panoptic(folder: FolderFigures, place: int) -> float:
    quality = folder.panoptic_quality
    return math.nan if quality is None else quality.mean()[place]


def lead_pq(folder: FolderFigures) -> float:
    """Mean panoptic quality of the foreground; NaN if it was not counted."""
    return folder.foreground_means().get("pq_foreground", math.nan)


def _foreground(name: str) -> Callable[[FolderFigures], float]:
    return lambda folder: folder.foreground_means().get(name, math.nan)


MEASURES: Final = (
    Measure(
        "mean_iou_foreground",
        "mean IoU of the foreground",
        _foreground("mean_iou_foreground"),
        "overlap of annotation and prediction, mean of the classes but background; pixels of all "
        "images summed",
        baseline=lambda m, ids: m.mean_over(ids)[0],
        of_foreground=True,
    ),
    Measure(
        "mean_dice_foreground",
        "mean Dice of the foreground",
        _foreground("mean_dice_foreground"),
        "overlap as well, kinder to errors: Dice = 2 IoU / (1 + IoU) for each class",
        baseline=lambda m, ids: m.mean_over(ids)[1],
        of_foreground=True,
    ),
    Measure(
        "image_mean_iou_foreground",
        "mean IoU of the foreground, mean over images",
        lambda f: f.image_means["image_mean_iou_foreground"],
        "every image counts alike that has a foreground, annotated or predicted",
        of_foreground=True,
    ),
    Measure(
        "pq_foreground",
        "PQ of the foreground",
        _foreground("pq_foreground"),
        "panoptic quality of the classes but background: what papers on cells and nuclei give",
        of_foreground=True,
    ),
    Measure(
        "mean_iou",
        "mean IoU",
        lambda f: f.metrics.mean_iou,
        "overlap of annotation and prediction, mean of all classes, background included; pixels "
        "of all images summed",
        baseline=lambda m, _ids: m.mean_iou,
    ),
    Measure(
        "mean_dice",
        "mean Dice",
        lambda f: f.metrics.mean_dice,
        "overlap as well, kinder to errors: Dice = 2 IoU / (1 + IoU) for each class",
        baseline=lambda m, _ids: m.mean_dice,
    ),
    Measure(
        "image_mean_iou",
        "mean IoU, mean over images",
        lambda f: f.image_means["image_mean_iou"],
        "every image counts alike, however many pixels or objects it has",
    ),
    Measure(
        "pixel_accuracy",
        "pixel accuracy",
        lambda f: f.metrics.pixel_accuracy,
        "share of right pixels; high by itself where one class is large",
        baseline=lambda m, _ids: m.pixel_accuracy,
    ),
    Measure(
        "frequency_weighted_iou",
        "frequency-weighted IoU",
        lambda f: f.metrics.frequency_weighted_iou,
        "IoU weighted by the classes' pixels; large classes rule it",
        baseline=lambda m, _ids: m.frequency_weighted_iou,
    ),
    Measure(
        "mean_boundary_iou",
        "boundary IoU",
        lambda f: mean_or_nan(f.boundary_iou),
        "IoU of the pixels near an edge: how exact the outlines are",
    ),
    Measure(
        "mean_hausdorff_95",
        "Hausdorff 95, px",
        lambda f: mean_or_nan(f.hausdorff_95),
        "how far apart outlines are, 95th percentile, mean over images",
        lower_is_better=True,
        digits=2,
    ),
    Measure(
        "ap",
        "AP 0.50:0.95",
        lambda f: _precision(f, None),
        "average precision of objects as COCO counts it, mean of ten IoU thresholds",
    ),
    Measure("ap_50", "AP 0.50", lambda f: _precision(f, 0.5), "an object counts from IoU 0.50 on"),
    Measure("ap_75", "AP 0.75", lambda f: _precision(f, 0.75), "an object counts from IoU 0.75 on"),
    Measure(
        "pq",
        "PQ",
        lambda f: _panoptic(f, 0),
        "panoptic quality: segments found and how well, SQ x RQ for each class, background "
        "included",
    ),
    Measure("sq", "SQ", lambda f: _panoptic(f, 1), "mean IoU of the segments that were found"),
    Measure("rq", "RQ", lambda f: _panoptic(f, 2), "F1 of the finding of segments"),
    Measure(
        "calibration_error",
        "calibration error",
        lambda f: math.nan if f.calibration is None else f.calibration.ece,
        "how far the model's confidence is from how often it is right",
        lower_is_better=True,
    ),
    Measure(
        "seconds_per_image",
        "seconds per image",
        lambda f: f.seconds_per_image,
        "mean time of the model on one image",
        lower_is_better=True,
        digits=2,
    ),
)
"""In the order of the table of models."""
