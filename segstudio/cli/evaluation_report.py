"""What `segstudio evaluate` tells: one dictionary, for JSON and for the tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from segstudio.app.class_figures import class_rows
from segstudio.app.evaluation_report.wording import caution
from segstudio.cli.mask_layout import MaskPlace
from segstudio.cli.mask_pairs import MaskFolders
from segstudio.cli.mask_report import Measured
from segstudio.cli.objects import ObjectCounts
from segstudio.cli.options import Missing
from segstudio.core.bootstrap import SIGN, PairedDifference
from segstudio.core.class_sums import mean_of
from segstudio.core.detections import Kind
from segstudio.core.image_figures import FolderFigures, ImageFigures, Wanted
from segstudio.core.metrics import Metrics
from segstudio.core.panoptic import PanopticQuality
from segstudio.core.schema import LabelSchema

_FURTHER_MEANS: Final = ("mean_boundary_iou_foreground", "mean_hausdorff_95_foreground")
_FOREGROUND_QUALITY: Final = ("pq_foreground", "sq_foreground", "rq_foreground")
_WORST: Final = 10
_BACKGROUND: Final = 0


@dataclass(frozen=True, eq=False)
class Compared:
    """A folder of predictions, counted.

    Attributes:
        masks: The folders as they were read.
        figures: Of each image.
        objects: Summed matches of objects, where both sides tell them apart.
        without_truth: Names of the predictions that have no ground truth.
        wanted: Which figures were asked for.
        missing: What ground truth without a prediction counts as.
        notes: What was decided of the values of the masks, or is to be asked.
    """

    masks: MaskFolders
    figures: tuple[ImageFigures, ...]
    objects: ObjectCounts
    without_truth: tuple[str, ...]
    wanted: Wanted
    missing: Missing
    notes: tuple[str, ...] = ()

    @property
    def schema(self) -> LabelSchema:
        """The classes."""
        return self.masks.schema

    @cached_property
    def class_ids(self) -> tuple[int, ...]:
        """Ids of the classes to score: those of the schema and those that turned up."""
        return tuple(self.ids_with(()))

    @cached_property
    def folder(self) -> FolderFigures:
        """The figures of all images."""
        foreground = self.schema.foreground_among(self.class_ids)
        return FolderFigures.of(self.figures, self.class_ids, foreground)

    def ids_with(self, others: Sequence[ImageFigures]) -> list[int]:
        """The classes to score if those that turned up in `others` are scored too."""
        found = {i for f in (*self.figures, *others) for i in f.pairs.class_ids}
        return sorted({*self.schema.scored_ids, *found} - {self.schema.ignore_index})

    def bootstrap_row(self, difference: PairedDifference, other: Measured) -> dict[str, Any]:
        """The difference to another folder's predictions, which come first."""
        return {
            "against": str(other.folder),
            "first": str(other.folder),
            "second": str(self.masks.places[0].given),
            "sign": SIGN,
            "images": difference.images,
            "resamples": difference.resamples,
            "level": difference.level,
            "seed": difference.seed,
            "caution": caution(difference) or None,
            "without_prediction": list(other.masks.missing_names),
            "mean_iou": difference.mean_iou.to_json(),
            "mean_iou_foreground": difference.lead.to_json(),
            "classes": [
                {"id": i, "name": self.schema.name_of(i), **interval.to_json()}
                for i, interval in difference.by_class.items()
            ],
        }


def report_of(compared: Compared, *, per_image: bool) -> dict[str, Any]:
    """All figures under their names; those that were not counted are left out."""
    folder, ids = compared.folder, compared.class_ids
    rows = [_image_row(f, ids, folder.foreground_ids) for f in compared.figures]
    lead = "mean_iou_foreground" if folder.has_background else "mean_iou"
    ranked = sorted(rows, key=lambda r: (np.isnan(r[lead]), r[lead], r["mean_iou"]))
    total, means = folder.metrics, folder.foreground_means()
    return {
        "images": folder.images,
        "predictions": _place_row(compared.masks.places[0]),
        "ground_truth": _place_row(compared.masks.places[1]),
        "ground_truth_values": compared.masks.truth.kind,
        "prediction_values": compared.masks.predictions.kind,
        "notes": list(compared.notes),
        "classes": _class_rows(compared),
        "foreground": list(folder.foreground_ids),
        "mean_iou_foreground": means["mean_iou_foreground"],
        "mean_dice_foreground": means["mean_dice_foreground"],
        "mean_iou": total.mean_iou,
        "mean_dice": total.mean_dice,
        **{n: means[n] for n in _FURTHER_MEANS if n in means},
        **_means(folder),
        "pixel_accuracy": total.pixel_accuracy,
        "majority_accuracy": total.majority_accuracy,
        "frequency_weighted_iou": total.frequency_weighted_iou,
        "all_background": _baseline(folder),
        "scored_classes": total.num_scored,
        "ignore_index": compared.schema.ignore_index,
        "ignored_pixels": total.ignored,
        "predicted_ignored_pixels": _predicted_ignored(compared),
        "pixels": total.total,
        **folder.image_means,
        "objects": compared.objects.report(),
        **_instances(compared),
        **_panoptic(folder),
        "without_ground_truth": list(compared.without_truth),
        "without_prediction": list(compared.masks.missing_names),
        "ground_truth_masks": compared.masks.truth_masks,
        "missing": compared.missing.value,
        "worst": ranked[:_WORST],
        "per_image": rows if per_image else [],
    }


def _place_row(place: MaskPlace) -> dict[str, str | None]:
    """Where masks lie, and their objects."""
    objects = None if place.instances is None else str(place.instances)
    return {"masks": str(place.classes), "objects": objects}


def _predicted_ignored(compared: Compared) -> int:
    """Pixels that count, on which the ignored id was predicted: nothing is said of them."""
    pairs, ignored = compared.folder.pairs, compared.schema.ignore_index
    return int(pairs.pixels[pairs.keys % 256 == ignored].sum()) if ignored is not None else 0


def _means(folder: FolderFigures) -> dict[str, float]:
    means = {
        "mean_boundary_iou": folder.boundary_iou,
        "mean_hausdorff_95": folder.hausdorff_95,
    }
    return {name: mean_of(values) for name, values in means.items() if values is not None}


def _baseline(folder: FolderFigures) -> dict[str, float]:
    """What a mask without any object would score."""
    metrics = folder.as_if_all(_BACKGROUND)
    return {
        "mean_iou_foreground": metrics.mean_over(folder.foreground_ids)[0],
        "mean_iou": metrics.mean_iou,
        "pixel_accuracy": metrics.pixel_accuracy,
    }


def _instances(compared: Compared) -> dict[str, Any]:
    """Average precision; None if it was asked for and the ground truth has no objects."""
    folder = compared.folder
    if not compared.wanted.instances:
        return {}
    if folder.detections is None:
        return {"instances": None}
    return {
        "instances": {
            "objects": int(folder.detections.objects.values.sum()),
            "detections": len(folder.detections),
            "scored": folder.detections.scored,
            **_source(compared),
            "regions_as_objects": folder.regions_as_objects,
            **_precision(folder, "mask"),
            "box": _precision(folder, "box"),
        }
    }


def _source(compared: Compared) -> dict[str, Any]:
    """Where the detections come from, and what is not among them."""
    masks = compared.masks
    if masks.detections is not None:
        return {"from": str(masks.detections.path), "lost": None}
    return {"from": "masks", "lost": masks.lost_detections or None}


def _panoptic(folder: FolderFigures) -> dict[str, Any]:
    quality = folder.panoptic_quality
    if quality is None or folder.panoptic is None:
        return {}
    things = folder.panoptic.things
    return {
        "panoptic": {
            **{n: folder.foreground_means()[n] for n in _FOREGROUND_QUALITY},
            **_quality(quality, None),
            "things": _quality(quality, things),
            "stuff": _quality(quality, set(quality.class_ids) - things),
            "regions_as_objects": folder.regions_as_objects,
        }
    }


def _precision(folder: FolderFigures, kind: Kind) -> dict[str, float]:
    found = folder.average_precision(kind)
    if found is None:
        return {}
    return {"ap": found.ap, "ap_50": found.at(0.5), "ap_75": found.at(0.75)}


def _quality(quality: PanopticQuality, class_ids: Collection[int] | None) -> dict[str, float]:
    return dict(zip(("pq", "sq", "rq"), quality.mean(class_ids), strict=True))


def _class_rows(compared: Compared) -> list[dict[str, Any]]:
    metrics, schema = compared.folder.metrics, compared.schema
    further = _further_columns(compared.folder)
    return class_rows(metrics, schema.name_of, further)


def _further_columns(folder: FolderFigures) -> dict[str, npt.NDArray[Any]]:
    """The figures of each class that were asked for, by name."""
    columns: dict[str, npt.NDArray[Any]] = {}
    if folder.boundary_iou is not None:
        columns["boundary_iou"] = folder.boundary_iou
    if folder.hausdorff is not None:
        columns["hausdorff_95"] = folder.hausdorff.mean(folder.class_ids)
        for name in ("images", "one_sided"):
            counts = folder.hausdorff.column(name, folder.class_ids)
            columns[f"hausdorff_{name}"] = counts.astype(np.int64)
    precision = folder.average_precision()
    if precision is not None:
        columns |= {"ap": precision.by_class}
        columns |= {"ap_50": precision.table[:, 0], "ap_75": precision.table[:, 5]}
    quality = folder.panoptic_quality
    if quality is not None:
        columns |= {"pq": quality.pq, "sq": quality.sq, "rq": quality.rq}
    return columns


def _image_row(
    figures: ImageFigures, class_ids: Sequence[int], foreground_ids: Sequence[int]
) -> dict[str, Any]:
    metrics: Metrics = figures.metrics(class_ids)
    iou, dice = metrics.mean_over(foreground_ids)
    row: dict[str, Any] = {
        "name": figures.name,
        "mean_iou_foreground": iou,
        "mean_dice_foreground": dice,
        "mean_iou": metrics.mean_iou,
        "mean_dice": metrics.mean_dice,
        "pixel_accuracy": metrics.pixel_accuracy,
        "iou": {str(c): float(v) for c, v in zip(class_ids, metrics.iou, strict=True)},
    }
    if figures.boundary is not None:
        row["mean_boundary_iou"] = mean_of(figures.boundary.iou(class_ids))
    if figures.hausdorff is not None:
        row["mean_hausdorff_95"] = mean_of(figures.hausdorff.mean(class_ids))
    if figures.panoptic is not None:
        quality = figures.panoptic.quality(class_ids)
        row["pq_foreground"] = quality.mean(foreground_ids)[0]
        row["pq"] = quality.mean()[0]
    return row
