"""All figures of one image against its ground truth, and of a folder as their sum.

`figures_of` looks at the pixels once and keeps only numbers that add up: a few kilobytes an image,
as JSON or pickled, whatever its size. `FolderFigures.of` adds up any choice of images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from segstudio.core.answer import Answer
from segstudio.core.boundary import BoundarySums
from segstudio.core.calibration import CalibrationBins
from segstudio.core.class_sums import ClassPairs, Numbers, mean_of, require_same_shape
from segstudio.core.detection_curves import AveragePrecision, ScoreCurve, average_precision
from segstudio.core.detection_curves import score_curve as curve_of
from segstudio.core.detections import DetectionMatches, Kind
from segstudio.core.image_table import ImageTable
from segstudio.core.labels import InstanceIds, LabelMap, Labels
from segstudio.core.metrics import ConfusionMatrix, Metrics
from segstudio.core.object_size import SizeBins
from segstudio.core.panoptic import PanopticQuality, PanopticSums
from segstudio.core.prediction import Prediction
from segstudio.core.schema import LabelSchema
from segstudio.core.segments import BACKGROUND, SegmentMaps, used_classes
from segstudio.core.surface_distance import HausdorffSums

_FORMAT = 1


@dataclass(frozen=True)
class Wanted:
    """Which figures are counted besides the confusion matrix, which always is.

    Attributes:
        boundary: Boundary IoU.
        hausdorff: 95th percentile of the Hausdorff distance.
        panoptic: Panoptic quality.
        instances: Average precision of objects, where the ground truth tells them apart.
        sizes: IoU against the size of objects.
        calibration: Reliability of the confidence, where the prediction has one.
    """

    boundary: bool = False
    hausdorff: bool = False
    panoptic: bool = False
    instances: bool = False
    sizes: bool = False
    calibration: bool = False

    @classmethod
    def everything(cls) -> Wanted:
        """All figures."""
        return cls(*[True] * 6)


@dataclass(frozen=True, eq=False)
class ImageFigures:
    """What one image contributes to the figures of a folder.

    Attributes:
        name: Of the image.
        pairs: Pixels by class of the ground truth and of the prediction.
        seconds: How long the model took; NaN if unknown.
        confidence: Mean confidence of all pixels, 0..1, ignored ones included; NaN if unknown.
        regions_as_objects: Whether connected regions stand for predicted objects.
        boundary: Counts of boundaries, if wanted.
        hausdorff: Distances of outlines, if wanted.
        panoptic: Matches of segments, if wanted.
        detections: Matches of detections, if wanted and the ground truth has objects.
        sizes: Objects by size, if wanted.
        calibration: Pixels by confidence, if wanted and the prediction has a confidence.
    """

    name: str
    pairs: ClassPairs
    seconds: float = float("nan")
    confidence: float = float("nan")
    regions_as_objects: bool = False
    boundary: BoundarySums | None = None
    hausdorff: HausdorffSums | None = None
    panoptic: PanopticSums | None = None
    detections: DetectionMatches | None = None
    sizes: SizeBins | None = None
    calibration: CalibrationBins | None = None

    def metrics(self, class_ids: Sequence[int]) -> Metrics:
        """The image's own scores of these classes."""
        return self.pairs.metrics(class_ids)

    def has(self, wanted: Wanted) -> bool:
        """Whether nothing that is wanted remains to be counted.

        Detections and calibration may be None because there is nothing to count.
        """
        parts = (
            (wanted.boundary, self.boundary),
            (wanted.hausdorff, self.hausdorff),
            (wanted.panoptic, self.panoptic),
            (wanted.sizes, self.sizes),
        )
        return all(part is not None for asked, part in parts if asked)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary without NaN; `from_json` gives the same figures back."""
        parts = {name: getattr(self, name) for name in _PARTS}
        return {
            "format": _FORMAT,
            "name": self.name,
            "pairs": self.pairs.to_json(),
            "seconds": _known(self.seconds),
            "confidence": _known(self.confidence),
            "regions_as_objects": self.regions_as_objects,
            **{name: part.to_json() for name, part in parts.items() if part is not None},
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
        parts = {name: read(data[name]) for name, read in _PARTS.items() if name in data}
        return cls(
            str(data["name"]),
            ClassPairs.from_json(data["pairs"]),
            _number(data["seconds"]),
            _number(data["confidence"]),
            bool(data["regions_as_objects"]),
            **parts,
        )


_PARTS: dict[str, Callable[[Any], Any]] = {
    "boundary": BoundarySums.from_json,
    "hausdorff": HausdorffSums.from_json,
    "panoptic": PanopticSums.from_json,
    "detections": DetectionMatches.from_json,
    "sizes": SizeBins.from_json,
    "calibration": CalibrationBins.from_json,
}


def figures_of(
    truth: LabelMap,
    answer: Answer | Prediction,
    schema: LabelSchema,
    wanted: Wanted | None = None,
    name: str = "",
) -> ImageFigures:
    """Count an image.

    Args:
        truth: Class ids and, where known, instance ids.
        answer: What is held against it, in the same classes and of the same size.
        schema: Its ignore index counts nowhere; objects of its things are told apart where the
            ground truth tells objects apart.
        wanted: Which figures; the confusion matrix alone if None.
        name: Of the image.

    Raises:
        SegstudioError: if the sizes differ.
    """
    asked = wanted or Wanted()
    said = Answer.of(answer) if isinstance(answer, Prediction) else answer
    labels, ignore = _counted(truth.labels, said, schema.ignore_index)
    found = said.labels
    pairs = ClassPairs.of(labels, found, ignore)
    maps = None
    if asked.panoptic or (asked.instances and truth.instances is not None):
        things = [c.id for c in schema.classes if c.thing]
        maps = SegmentMaps.of(labels, truth.instances, found, said.instance_ids, ignore, things)
    confidence = said.confidence
    return ImageFigures(
        name,
        pairs,
        said.seconds,
        float("nan") if confidence is None else mean_confidence(confidence),
        maps is not None and maps.from_regions,
        BoundarySums.of(labels, found, ignore) if asked.boundary else None,
        HausdorffSums.of(labels, found, ignore) if asked.hausdorff else None,
        PanopticSums.of(maps) if maps is not None and asked.panoptic else None,
        _detections(maps, said) if maps is not None and _has_objects(asked, truth) else None,
        _sizes(labels, truth.instances, said, ignore, maps, pairs) if asked.sizes else None,
        CalibrationBins.of(labels, found, confidence, ignore)
        if asked.calibration and confidence is not None
        else None,
    )


@dataclass(frozen=True, eq=False)
class FolderFigures:
    """The figures of a folder, from the sums of its images'.

    Attributes:
        images: How many images were added up.
        class_ids: The classes scored, K of them.
        foreground_ids: Those of them that are not background; all if none is.
        pairs: Summed pixels by class of the ground truth and of the prediction.
        metrics: Scores of the summed counts.
        image_means: Means over images, by the names of `core.metrics.IMAGE_MEANS` and
            `core.metrics.FOREGROUND_MEANS`.
        seconds_per_image: Over the images whose time is known; NaN if none is.
        regions_as_objects: In how many images connected regions stand for predicted objects.
        boundary: Summed parts, None if no image has them.
        hausdorff: Likewise.
        panoptic: Likewise.
        detections: Likewise, in the order of the images.
        sizes: Likewise.
        calibration: Likewise.
        parts_of: How many images have each part, by its name.
    """

    images: int
    class_ids: tuple[int, ...]
    foreground_ids: tuple[int, ...]
    pairs: ClassPairs
    metrics: Metrics
    image_means: dict[str, float]
    seconds_per_image: float
    regions_as_objects: int
    boundary: BoundarySums | None
    hausdorff: HausdorffSums | None
    panoptic: PanopticSums | None
    detections: DetectionMatches | None
    sizes: SizeBins | None
    calibration: CalibrationBins | None
    parts_of: dict[str, int]

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
        pairs = ClassPairs.total(f.pairs for f in figures)
        parts_of = {n: sum(getattr(f, n) is not None for f in figures) for n in _PARTS}
        return cls(
            len(figures),
            ids,
            foreground,
            pairs,
            pairs.metrics(ids),
            table.image_means | table.foreground_means,
            mean_of(np.array([f.seconds for f in figures], np.float64)),
            sum(f.regions_as_objects for f in figures),
            _total(BoundarySums, [f.boundary for f in figures]),
            _total(HausdorffSums, [f.hausdorff for f in figures]),
            _total(PanopticSums, [f.panoptic for f in figures]),
            _total(DetectionMatches, [f.detections for f in figures]),
            _total(SizeBins, [f.sizes for f in figures]),
            _total(CalibrationBins, [f.calibration for f in figures]),
            parts_of,
        )

    @property
    def matrix(self) -> ConfusionMatrix:
        """The confusion matrix of the folder, with room for all scored classes."""
        return self.pairs.matrix(max(self.class_ids, default=0) + 1)

    @property
    def boundary_iou(self) -> Numbers | None:
        """(K,) boundary IoU of each class; None if not counted."""
        return None if self.boundary is None else self.boundary.iou(self.class_ids)

    @property
    def hausdorff_95(self) -> Numbers | None:
        """(K,) mean over images of the distance in pixels, by class; None if not measured."""
        return None if self.hausdorff is None else self.hausdorff.mean(self.class_ids)

    @property
    def panoptic_quality(self) -> PanopticQuality | None:
        """PQ, SQ and RQ of each class; None if not counted."""
        return None if self.panoptic is None else self.panoptic.quality(self.class_ids)

    def foreground_means(self) -> dict[str, float]:
        """Means over the classes that are not background, by name; all classes if none is.

        "mean_iou_foreground", "mean_dice_foreground", and where they were counted
        "mean_boundary_iou_foreground", "mean_hausdorff_95_foreground", "pq_foreground",
        "sq_foreground", "rq_foreground". (Average precision has no background.)
        """
        used = np.isin(np.array(self.class_ids, np.int64), self.foreground_ids)
        iou, dice = self.metrics.mean_over(self.foreground_ids)
        found = {"mean_iou_foreground": iou, "mean_dice_foreground": dice}
        if self.boundary_iou is not None:
            found["mean_boundary_iou_foreground"] = mean_of(self.boundary_iou[used])
        if self.hausdorff_95 is not None:
            found["mean_hausdorff_95_foreground"] = mean_of(self.hausdorff_95[used])
        quality = self.panoptic_quality
        if quality is not None:
            names = ("pq_foreground", "sq_foreground", "rq_foreground")
            found |= dict(zip(names, quality.mean(self.foreground_ids), strict=True))
        return found

    @property
    def has_background(self) -> bool:
        """Whether one of the classes is background, so that the foreground is less than all."""
        return 0 < len(self.foreground_ids) < len(self.class_ids)

    def average_precision(self, kind: Kind = "mask") -> AveragePrecision | None:
        """AP of each class; None if not counted."""
        if self.detections is None:
            return None
        return average_precision(self.detections, self.class_ids, kind)

    def score_curve(self, class_ids: Sequence[int] | None = None) -> ScoreCurve | None:
        """Precision and recall at IoU 0.5 against the score; None without scored detections."""
        if self.detections is None or not self.detections.scored:
            return None
        return curve_of(self.detections, class_ids)

    def as_if_all(self, class_id: int) -> Metrics:
        """The scores of calling every pixel this class: "everything background"."""
        return self.pairs.as_if_all(class_id).metrics(self.class_ids)


class _Part(Protocol):
    @classmethod
    def total(cls, parts: Iterable[Self]) -> Self: ...


_P = TypeVar("_P", bound=_Part)


def _total(kind: type[_P], parts: Sequence[_P | None]) -> _P | None:
    known = [p for p in parts if p is not None]
    return kind.total(known) if known else None


def _has_objects(asked: Wanted, truth: LabelMap) -> bool:
    return asked.instances and truth.instances is not None


def _detections(maps: SegmentMaps, answer: Answer) -> DetectionMatches:
    if answer.found is not None:
        return DetectionMatches.of_found(maps, answer.found)
    if answer.instances is None:
        return DetectionMatches.of_segments(maps, answer.scores)
    return DetectionMatches.of_instances(maps, answer.instances, answer.mask_threshold)


def _sizes(
    labels: Labels,
    ids: InstanceIds | None,
    answer: Answer,
    ignore: int | None,
    maps: SegmentMaps | None,
    pairs: ClassPairs,
) -> SizeBins:
    """Objects by size; from segments that are there already, if they are the same."""
    if maps is not None and not pairs.ignored and maps.things >= {*pairs.class_ids} - {BACKGROUND}:
        return SizeBins.of_overlaps(maps.overlaps)
    return SizeBins.of(labels, ids, answer.labels, answer.instance_ids, ignore)


def _counted(truth: Labels, answer: Answer, ignore: int | None) -> tuple[Labels, int | None]:
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
