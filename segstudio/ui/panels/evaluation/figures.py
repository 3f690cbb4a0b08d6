"""The figures that the panel's tables show: of a folder, of a class, of an image."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from segstudio.core.class_sums import Numbers
from segstudio.core.metrics import Metrics


class Unit(StrEnum):
    """How a figure is written."""

    RATIO = "ratio"
    PERCENT = "percent"
    PIXELS = "px"
    SECONDS = "s"


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        key: Its name where its values are.
        title: Short name, for the head of a column.
        name: Whole name.
        meaning: What it says, in a sentence or two.
        unit: How it is written.
        lower_is_better: Whether the smallest value is the best one.
        of_foreground: Whether background is left out of it: shown where there is a background.
    """

    key: str
    title: str
    name: str
    meaning: str
    unit: Unit = Unit.RATIO
    lower_is_better: bool = False
    of_foreground: bool = False

    @property
    def tip(self) -> str:
        """What a pointer on the head of its column is told."""
        more = " Lower is better." if self.lower_is_better else ""
        return f"<b>{self.name}</b><br>{self.meaning}{more}"

    def best(self, values: Numbers) -> float:
        """The best of (n,) values; NaN if none is known."""
        known = values[~np.isnan(values)]
        if not known.size:
            return math.nan
        return float(known.min() if self.lower_is_better else known.max())


# -- of a folder -------------------------------------------------------------------------------

MEAN_IOU = Figure(
    "mean_iou", "mIoU", "Mean IoU",
    "Overlap of prediction and truth, TP / (TP + FP + FN), mean over all classes, background "
    "included: each counts alike, however few pixels it has. Pixels of all images are summed.",
)  # fmt: skip
FOREGROUND_IOU = Figure(
    "mean_iou_foreground", "Foreground mIoU", "Mean IoU of the foreground",
    "Overlap of prediction and truth, TP / (TP + FP + FN), mean over the classes but background. "
    "Pixels of all images are summed.", of_foreground=True,
)  # fmt: skip
_BOUNDARY = Figure(
    "boundary_iou", "Boundary", "Boundary IoU",
    "IoU of the pixels near an edge: how exact the outlines are, whatever the size.",
)  # fmt: skip
_HAUSDORFF = Figure(
    "hausdorff95", "HD95", "95th percentile Hausdorff distance",
    "How far outlines lie apart but for the worst 5 %, in pixels, mean over images.",
    Unit.PIXELS, lower_is_better=True,
)  # fmt: skip
_OBJECTS = (
    Figure("ap", "AP", "Average precision at IoU 0.50:0.95",
           "Objects found and ranked by score, mean of ten overlaps: COCO's main figure."),
    Figure("ap50", "AP50", "Average precision at IoU 0.50",
           "Objects found and ranked by score, where half an overlap is enough."),
    Figure("ap75", "AP75", "Average precision at IoU 0.75",
           "Objects found and ranked by score, where the overlap has to be good."),
    Figure("pq", "PQ", "Panoptic quality",
           "Segments found, and how well: SQ x RQ for each class, mean over all, background "
           "included."),
    Figure("sq", "SQ", "Segmentation quality", "Mean IoU of the segments that were found."),
    Figure("rq", "RQ", "Recognition quality",
           "How many segments were found and how few invented: F1 at IoU 0.5."),
)  # fmt: skip
FOLDER_FIGURES = (
    FOREGROUND_IOU,
    Figure("mean_dice_foreground", "Foreground mDice", "Mean Dice of the foreground",
           "Overlap as well, kinder to errors: 2 TP / (2 TP + FP + FN), mean over the classes but "
           "background.", of_foreground=True),
    Figure("pq_foreground", "Foreground PQ", "Panoptic quality of the foreground",
           "Objects found, and how well: SQ x RQ, mean over the classes but background. What "
           "papers on cells and nuclei give.", of_foreground=True),
    MEAN_IOU,
    Figure("mean_dice", "mDice", "Mean Dice",
           "Overlap as well, kinder to errors: 2 TP / (2 TP + FP + FN), mean over all classes, "
           "background included."),
    Figure("pixel_accuracy", "Accuracy", "Pixel accuracy",
           "Share of right pixels. High by itself where one class is large: compare with the "
           "guess in the last row.", Unit.PERCENT),
    Figure("frequency_weighted_iou", "fwIoU", "Frequency-weighted IoU",
           "IoU weighted by the pixels of each class: large classes rule it."),
    _BOUNDARY,
    _HAUSDORFF,
    *_OBJECTS,
    Figure("ece", "ECE", "Expected calibration error",
           "How far the model's confidence is from how often it is right.",
           Unit.PERCENT, lower_is_better=True),
    Figure("seconds", "s / image", "Seconds per image",
           "Mean time of the model on one image, on the device it ran on.",
           Unit.SECONDS, lower_is_better=True),
)  # fmt: skip
"""In the order of the columns; keys as in `EvaluationTable.figure`."""

_OF_COUNTS = ("mean_iou", "mean_dice", "pixel_accuracy", "frequency_weighted_iou")


def guess_figures(metrics: Metrics, foreground_ids: Collection[int]) -> dict[str, float]:
    """The figures of calling every pixel one class: those that follow from counts alone."""
    iou, dice = metrics.mean_over(foreground_ids)
    found = {key: float(getattr(metrics, key)) for key in _OF_COUNTS}
    return found | {"mean_iou_foreground": iou, "mean_dice_foreground": dice}


# -- of a class --------------------------------------------------------------------------------

IOU = Figure("iou", "IoU", "IoU", "TP / (TP + FP + FN).")
_DICE = Figure("dice", "Dice", "Dice", "2 TP / (2 TP + FP + FN).")
_PRECISION = Figure(
    "precision", "Precision", "Precision",
    "TP / (TP + FP): of what the model calls this class, how much is right.",
)  # fmt: skip
_RECALL = Figure(
    "recall", "Recall", "Recall",
    "TP / (TP + FN): of what is this class, how much the model found.",
)  # fmt: skip
CLASS_FIGURES = (
    IOU, _DICE, _PRECISION, _RECALL,
    replace(_BOUNDARY, title="Boundary IoU"),
    replace(_HAUSDORFF, title="Hausdorff 95"),
    *_OBJECTS,
)  # fmt: skip
"""The figures that a single class has; keys as in `EvaluationTable.class_figures`."""

# -- of an image -------------------------------------------------------------------------------

IMAGE_FIGURES = (
    Figure("mean_iou", "Mean IoU", "Mean IoU",
           "Over the classes that the image has, background included."),
    Figure("mean_dice", "Mean Dice", "Mean Dice",
           "Over the classes that the image has, background included."),
    Figure(
        "pixel_accuracy", "Pixel accuracy", "Pixel accuracy",
        "Share of right pixels; high by itself where one class is large.", Unit.PERCENT,
    ),
    Figure(
        "frequency_weighted_iou", "Frequency-weighted IoU", "Frequency-weighted IoU",
        "IoU weighted by the pixels of each class: large classes rule it.",
    ),
    Figure("boundary_iou", "Boundary IoU", "Boundary IoU", "IoU of the pixels near an edge."),
    Figure(
        "hausdorff95", "Hausdorff 95", "95th percentile Hausdorff distance",
        "How far apart outlines are, but for the worst 5 %.",
        Unit.PIXELS, lower_is_better=True,
    ),
    Figure("ap50", "AP50", "Average precision at IoU 0.5", "Objects found, ranked by score."),
    Figure("pq", "PQ", "Panoptic quality",
           "Segments found, and how well, background included."),
    Figure(
        "uncertainty", "Uncertainty", "Uncertainty",
        "Mean entropy of the model's probabilities: high where it hesitates. Needs no truth.",
        lower_is_better=True,
    ),
    Figure(
        "disagreement", "Disagreement", "Disagreement",
        "Mean entropy of the models' votes: high where they differ. Needs no truth.",
        lower_is_better=True,
    ),
    Figure(
        "suspicion", "Suspected annotation", "Suspected annotation errors",
        "Share of pixels where a confident prediction contradicts the annotation: look whether "
        "the annotation is right.", Unit.PERCENT, lower_is_better=True,
    ),
    Figure(
        "seconds", "Seconds", "Seconds", "How long the model took.",
        Unit.SECONDS, lower_is_better=True,
    ),
)  # fmt: skip
"""Columns of `EvaluationTable.column`; worst first is ascending unless lower is better."""

_FOREGROUND_OF_IMAGES = (
    Figure("mean_iou_foreground", "Foreground mean IoU", "Mean IoU of the foreground",
           "Over the classes but background that the image has, annotated or predicted.",
           of_foreground=True),
    Figure("mean_dice_foreground", "Foreground mean Dice", "Mean Dice of the foreground",
           "Over the classes but background that the image has, annotated or predicted.",
           of_foreground=True),
    Figure("pq_foreground", "Foreground PQ", "Panoptic quality of the foreground",
           "Objects found, and how well.", of_foreground=True),
)  # fmt: skip


def image_figures(*, has_background: bool) -> tuple[Figure, ...]:
    """The figures of an image, the one that images are judged by first."""
    return (*(_FOREGROUND_OF_IMAGES if has_background else ()), *IMAGE_FIGURES)
