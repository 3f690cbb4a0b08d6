"""All figures of one image against its ground truth, and of a folder as their sum.

`MEASURES` is the list of all that can be counted. `figures_of` looks at the pixels once and keeps
only numbers that add up: a few kilobytes an image, as JSON or pickled, whatever its size.
`FolderFigures.of` adds up any choice of images.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from segstudio.core.candidate import Candidate
from segstudio.core.labels import LabelMap, Labels
from segstudio.core.prediction import Prediction
from segstudio.core.schema import LabelSchema
from segstudio.metrics.boundary import BOUNDARY
from segstudio.metrics.calibration import CALIBRATION
from segstudio.metrics.centreline import CENTRELINE
from segstudio.metrics.class_sums import ClassPairs, require_same_shape
from segstudio.metrics.confusion import ConfusionMatrix, Metrics, mean_of
from segstudio.metrics.detection_curves import DETECTIONS, ScoreCurve
from segstudio.metrics.detection_curves import score_curve as curve_of
from segstudio.metrics.error_area import ERROR_AREA
from segstudio.metrics.image_table import ImageTable
from segstudio.metrics.measure import (
    AnyFigure,
    AnyMeasure,
    Figure,
    Measure,
    MeasuredImage,
    Part,
    Unit,
    Values,
    Where,
)
from segstudio.metrics.object_size import SIZES
from segstudio.metrics.panoptic import PANOPTIC
from segstudio.metrics.segments import used_classes
from segstudio.metrics.surface_distance import HAUSDORFF

_FORMAT = 1
_IMAGES_AND_FOLDER = Where.IMAGES | Where.FOLDER
_P = TypeVar("_P", bound=Part)

PIXELS = Measure(
    "pairs",
    (
        Figure(
            "iou", "IoU",
            "What prediction and truth have in common, as a share of what either has: "
            "TP / (TP + FP + FN), the pixels found, invented and missed.",
            lambda m: m.iou, where=Where.CLASSES,
        ),
        Figure(
            "dice", "Dice",
            "Twice what prediction and truth have in common, as a share of both together: "
            "2 TP / (2 TP + FP + FN). Kinder to errors than IoU.",
            lambda m: m.dice, where=Where.CLASSES, label="Dice",
        ),
        Figure(
            "precision", "Precision",
            "TP / (TP + FP): of what the model calls this class, how much is right.",
            lambda m: m.precision, where=Where.CLASSES,
        ),
        Figure(
            "recall", "Recall", "TP / (TP + FN): of what is this class, how much the model found.",
            lambda m: m.recall, where=Where.CLASSES,
        ),
        Figure(
            "mean_iou", "Mean IoU",
            "Overlap of prediction and truth, TP / (TP + FP + FN): each class counts alike, "
            "however few pixels it has.", lambda m: m.iou, where=_IMAGES_AND_FOLDER, short="mIoU",
            leads_foreground=True, total="mean_iou",
        ),
        Figure(
            "mean_dice", "Mean Dice", "Overlap as well, kinder to errors: 2 TP / (2 TP + FP + FN).",
            lambda m: m.dice, where=_IMAGES_AND_FOLDER, short="mDice", leads_foreground=True,
            total="mean_dice",
        ),
        Figure(
            "pixel_accuracy", "Pixel accuracy",
            "Share of right pixels. High by itself where one class is large: compare with what a "
            "guess scores.", over_all=lambda m: m.pixel_accuracy, where=_IMAGES_AND_FOLDER,
            short="Accuracy", unit=Unit.PERCENT, total="pixel_accuracy",
        ),
        Figure(
            "frequency_weighted_iou", "Frequency-weighted IoU",
            "IoU weighted by the pixels of each class: large classes rule it.",
            over_all=lambda m: m.frequency_weighted_iou, where=_IMAGES_AND_FOLDER, short="Weighted",
            total="frequency_weighted_iou",
        ),
    ),
    ClassPairs, lambda sample: sample.pairs, ClassPairs.metrics,
    over_images="Pixels of all images are summed.",
)  # fmt: skip
"""The confusion matrix, which is always counted."""

DOUBT: Measure[Any, Any] = Measure(
    "doubt",
    (
        Figure(
            "uncertainty", "Uncertainty",
            "Mean entropy of the model's probabilities: high where it hesitates. Needs no truth.",
            where=Where.IMAGES, lower_is_better=True,
        ),
        Figure(
            "disagreement", "Disagreement",
            "Mean entropy of the models' votes: high where they differ. Needs no truth.",
            where=Where.IMAGES, lower_is_better=True,
        ),
    ),
)  # fmt: skip
TIME: Measure[Any, Any] = Measure(
    "time",
    (
        Figure(
            "seconds", "Seconds", "Mean time of the model on one image, on the device it ran on.",
            where=_IMAGES_AND_FOLDER, name="Seconds per image", short="s / image",
            label="seconds per image", unit=Unit.SECONDS, lower_is_better=True,
            total="seconds_per_image",
        ),
    ),
    over_images="",
)  # fmt: skip

MEASURES: Final[tuple[AnyMeasure, ...]] = (
    PIXELS,
    BOUNDARY,
    HAUSDORFF,
    CENTRELINE,
    ERROR_AREA,
    DETECTIONS,
    PANOPTIC,
    SIZES,
    DOUBT,
    CALIBRATION,
    TIME,
)
"""All that is measured, in the order of columns and files; sizes after what finds segments."""
_COUNTED: Final = tuple(
    (m, m.count, m.sums) for m in MEASURES if m is not PIXELS and m.count and m.sums
)
"""What images have besides `PIXELS`, how it is counted, and what it is."""


@cache
def figures_at(where: Where, *, has_background: bool = True) -> tuple[AnyFigure, ...]:
    """The columns of a table of classes, of models or of images.

    Args:
        where: Which table.
        has_background: Whether one of the classes is; else the foreground is no figure of its own.
    """
    columns = [figure for measure in MEASURES for figure in measure.at(where)]
    return tuple(f for f in columns if has_background or not f.of_foreground)


@cache
def leading_first(where: Where, *, has_background: bool = True) -> tuple[AnyFigure, ...]:
    """The same as `figures_at` for people: those of the foreground, which lead, first."""
    columns = figures_at(where, has_background=has_background)
    return tuple(sorted(columns, key=lambda figure: not figure.of_foreground))


def values_of_counts(metrics: Metrics, foreground_ids: Collection[int]) -> dict[str, float]:
    """The figures that follow from pixels alone, by `Figure.key`: those of a guess, say."""
    is_foreground = np.isin(np.array(metrics.class_ids, np.int64), list(foreground_ids))
    return PIXELS.means(metrics, is_foreground)


def lower_is_better(key: str) -> bool:
    """Whether the smallest value of a figure of images or of models is the best one."""
    figures = (*figures_at(Where.IMAGES), *figures_at(Where.FOLDER))
    return any(figure.lower_is_better for figure in figures if figure.key == key)


def measures_with(options: Collection[str]) -> tuple[AnyMeasure, ...]:
    """What the window counts: all, but of those that have to be asked for only the named ones."""
    return tuple(m for m in MEASURES if not m.choice or m.key in options)


@dataclass(frozen=True, eq=False)
class ImageFigures:
    """What one image contributes to the figures of a folder.

    Attributes:
        name: Of the image.
        parts: What was counted, by `Measure.key`; `PIXELS` always.
        seconds: How long the model took; NaN if unknown.
        confidence: Mean confidence of all pixels, 0..1, ignored ones included; NaN if unknown.
        regions_as_objects: Whether connected regions stand for predicted objects.
    """

    name: str
    parts: Mapping[str, Any]
    seconds: float = float("nan")
    confidence: float = float("nan")
    regions_as_objects: bool = False

    @property
    def pairs(self) -> ClassPairs:
        """Pixels by class of the ground truth and of the prediction."""
        found: ClassPairs = self.parts[PIXELS.key]
        return found

    def part(self, measure: Measure[_P, Any]) -> _P | None:
        """What was counted for a measure, if it was."""
        return self.parts.get(measure.key)

    def metrics(self, class_ids: Sequence[int]) -> Metrics:
        """The image's own scores of these classes."""
        return self.pairs.metrics(class_ids)

    def values(self, class_ids: Sequence[int], foreground_ids: Collection[int]) -> Values:
        """All its figures of these classes, by `Figure.key`."""
        return Values.of(MEASURES, self.parts, class_ids, foreground_ids)

    def has(self, wanted: Iterable[AnyMeasure]) -> bool:
        """Whether nothing that is wanted remains to be counted.

        What needs more than class maps may be missing because there is nothing to count.
        """
        return all(m.key in self.parts for m in wanted if m.is_of_any_map)

    def with_parts_of(self, other: ImageFigures) -> ImageFigures:
        """The same with what was counted of the image at another time."""
        regions = self.regions_as_objects or other.regions_as_objects
        return replace(self, parts={**self.parts, **other.parts}, regions_as_objects=regions)

    def without(self, unwanted: Iterable[AnyMeasure]) -> ImageFigures:
        """The same without some of the parts."""
        gone = {m.key for m in unwanted} & self.parts.keys()
        return replace(self, parts={k: p for k, p in self.parts.items() if k not in gone})

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary without NaN; `from_json` gives the same figures back."""
        return {
            "format": _FORMAT,
            "name": self.name,
            "seconds": _known(self.seconds),
            "confidence": _known(self.confidence),
            "regions_as_objects": self.regions_as_objects,
            **{key: part.to_json() for key, part in self.parts.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ImageFigures:
        """The inverse of `to_json`.

        Raises:
            ValueError: if it was written in another format, or an entry has the wrong form.
            KeyError: if an entry is missing.
        """
        if data.get("format") != _FORMAT:
            raise ValueError(f"figures in format {data.get('format')}, not {_FORMAT}")
        pairs = {PIXELS.key: ClassPairs.from_json(data[PIXELS.key])}
        return cls(
            str(data["name"]),
            pairs
            | {m.key: sums.from_json(data[m.key]) for m, _, sums in _COUNTED if m.key in data},
            _number(data["seconds"]),
            _number(data["confidence"]),
            bool(data["regions_as_objects"]),
        )


def figures_of(
    truth: LabelMap,
    answer: Candidate | Prediction,
    schema: LabelSchema,
    wanted: Collection[AnyMeasure] = (),
    name: str = "",
) -> ImageFigures:
    """Count an image.

    Args:
        truth: Class ids and, where known, instance ids.
        answer: What is held against it, in the same classes and of the same size.
        schema: Its ignore index counts nowhere; objects of its things are told apart where the
            ground truth tells objects apart.
        wanted: What is counted besides the confusion matrix, of `MEASURES`.
        name: Of the image.

    Raises:
        SegstudioError: if the sizes differ.
    """
    said = Candidate.of(answer) if isinstance(answer, Prediction) else answer
    labels, ignore = _counted(truth.labels, said, schema.ignore_index)
    things = [c.id for c in schema.classes if c.thing]
    sample = MeasuredImage(labels, truth.instances, said, ignore, things)
    parts: dict[str, Any] = {PIXELS.key: sample.pairs}
    for measure, count, _ in _COUNTED:
        if measure in wanted and (part := count(sample)) is not None:
            parts[measure.key] = part
    maps, confidence = sample.maps_if_made, said.confidence
    return ImageFigures(
        name,
        parts,
        said.seconds,
        float("nan") if confidence is None else mean_confidence(confidence),
        maps is not None and maps.from_regions,
    )


@dataclass(frozen=True, eq=False)
class FolderFigures:
    """The figures of a folder, from the sums of its images'.

    Attributes:
        images: How many images were added up.
        class_ids: The classes scored, K of them.
        foreground_ids: Those of them that are not background; all if none is.
        parts: Summed parts by `Measure.key`; those that no image has are missing.
        image_means: Means over images, by the names of `metrics.confusion.IMAGE_MEANS` and
            `metrics.confusion.FOREGROUND_MEANS`.
        seconds_per_image: Over the images whose time is known; NaN if none is.
        regions_as_objects: In how many images connected regions stand for predicted objects.
    """

    images: int
    class_ids: tuple[int, ...]
    foreground_ids: tuple[int, ...]
    parts: Mapping[str, Any]
    image_means: dict[str, float]
    seconds_per_image: float
    regions_as_objects: int

    @classmethod
    def of(
        cls,
        images: Iterable[ImageFigures],
        class_ids: Sequence[int],
        foreground_ids: Sequence[int] | None = None,
    ) -> FolderFigures:
        """Add up images.

        Args:
            images: In their order; detections of equal score stay in it.
            class_ids: The classes to score, `schema.scored_ids` say.
            foreground_ids: Those of them that are not background; None: all.
        """
        figures = list(images)
        ids = tuple(class_ids)
        foreground = ids if foreground_ids is None else tuple(foreground_ids)
        table = ImageTable.of(figures, ids, foreground)
        parts: dict[str, Any] = {PIXELS.key: ClassPairs.total(f.pairs for f in figures)}
        for measure, _, sums in _COUNTED:
            known = [part for f in figures if (part := f.part(measure)) is not None]
            if known:
                parts[measure.key] = sums.total(known)
        return cls(
            len(figures),
            ids,
            foreground,
            parts,
            table.image_means | table.foreground_means,
            mean_of(np.array([f.seconds for f in figures], np.float64)),
            sum(f.regions_as_objects for f in figures),
        )

    def part(self, measure: Measure[_P, Any]) -> _P | None:
        """The sum for a measure; None if no image has it."""
        return self.parts.get(measure.key)

    @property
    def pairs(self) -> ClassPairs:
        """Summed pixels by class of the ground truth and of the prediction."""
        found: ClassPairs = self.parts[PIXELS.key]
        return found

    @cached_property
    def metrics(self) -> Metrics:
        """Scores of the summed counts."""
        return self.pairs.metrics(self.class_ids)

    @cached_property
    def values(self) -> Values:
        """All figures by `Figure.key`, and the means over images by their names."""
        found = Values.of(MEASURES, self.parts, self.class_ids, self.foreground_ids)
        more = {TIME.figures[0].key: self.seconds_per_image, **self.image_means}
        return replace(found, means={**found.means, **more})

    @property
    def matrix(self) -> ConfusionMatrix:
        """The confusion matrix of the folder, with room for all scored classes."""
        return self.pairs.matrix(max(self.class_ids, default=0) + 1)

    @property
    def has_background(self) -> bool:
        """Whether one of the classes is background, so that the foreground is less than all."""
        return 0 < len(self.foreground_ids) < len(self.class_ids)

    def score_curve(self, class_ids: Sequence[int] | None = None) -> ScoreCurve | None:
        """Precision and recall at IoU 0.5 against the score; None without scored detections."""
        matches = self.part(DETECTIONS)
        return None if matches is None or not matches.scored else curve_of(matches, class_ids)

    def as_if_all(self, class_id: int) -> Metrics:
        """The scores of calling every pixel this class: "everything background"."""
        return self.pairs.as_if_all(class_id).metrics(self.class_ids)


def _counted(truth: Labels, answer: Candidate, ignore: int | None) -> tuple[Labels, int | None]:
    """The ground truth with the pixels that are left out ignored, and the ignore index."""
    if answer.left_out is None:
        return truth, ignore
    require_same_shape(truth, answer.left_out)
    if ignore is None:
        used = {*used_classes(truth, answer.labels)}
        ignore = next((i for i in range(255, -1, -1) if i not in used), 255)
    return np.where(answer.left_out, np.uint8(ignore), truth), ignore


def mean_confidence(confidence: npt.NDArray[np.uint8]) -> float:
    """Mean of a confidence (H, W) uint8 as 0..1: how sure a model is of a whole image."""
    return float(confidence.mean(dtype=np.float64)) / 255 if confidence.size else float("nan")


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
