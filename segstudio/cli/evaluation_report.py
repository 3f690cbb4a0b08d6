"""What `segstudio evaluate` tells: one dictionary, for JSON and for the tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from segstudio.cli.mask_layout import MaskPlace
from segstudio.cli.mask_pairs import MaskFolders
from segstudio.cli.mask_report import Measured
from segstudio.cli.objects import ObjectCounts
from segstudio.cli.options import Missing
from segstudio.core.schema import LabelSchema
from segstudio.evaluation.class_figures import class_rows, further_values
from segstudio.evaluation.report.wording import caution
from segstudio.metrics.bootstrap import SIGN, PairedDifference
from segstudio.metrics.detection_curves import DETECTIONS
from segstudio.metrics.image_figures import (
    FolderFigures,
    ImageFigures,
    figures_at,
    values_of_counts,
)
from segstudio.metrics.measure import AnyMeasure, Where

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
        wanted: What was asked for besides IoU, Dice and accuracy.
        missing: What ground truth without a prediction counts as.
        notes: What was decided of the values of the masks, or is to be asked.
    """

    masks: MaskFolders
    figures: tuple[ImageFigures, ...]
    objects: ObjectCounts
    without_truth: tuple[str, ...]
    wanted: Collection[AnyMeasure]
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
    total = folder.metrics
    return {
        "images": folder.images,
        "predictions": _place_row(compared.masks.places[0]),
        "ground_truth": _place_row(compared.masks.places[1]),
        "ground_truth_values": compared.masks.truth.kind,
        "prediction_values": compared.masks.predictions.kind,
        "notes": list(compared.notes),
        "classes": class_rows(folder, compared.schema.name_of, compared.wanted),
        "foreground": list(folder.foreground_ids),
        **values_of_counts(total, folder.foreground_ids),
        "majority_accuracy": total.majority_accuracy,
        "all_background": _baseline(folder),
        "scored_classes": total.num_scored,
        "ignore_index": compared.schema.ignore_index,
        "ignored_pixels": total.ignored,
        "predicted_ignored_pixels": _predicted_ignored(compared),
        "pixels": total.total,
        **folder.image_means,
        "objects": compared.objects.report(),
        **_further(compared),
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


def _baseline(folder: FolderFigures) -> dict[str, float]:
    """What a mask without any object would score."""
    return values_of_counts(folder.as_if_all(_BACKGROUND), folder.foreground_ids)


def _further(compared: Compared) -> dict[str, Any]:
    """What was asked for; of detections also where they come from and what is not among them."""
    found = further_values(compared.folder, compared.wanted)
    masks = compared.masks
    if found.get(DETECTIONS.section) is not None:
        source = {"from": "masks", "lost": masks.lost_detections or None}
        if masks.detections is not None:
            source = {"from": str(masks.detections.path), "lost": None}
        found[DETECTIONS.section] |= source
    return found


def _image_row(
    figures: ImageFigures, class_ids: Sequence[int], foreground_ids: Sequence[int]
) -> dict[str, Any]:
    values = figures.values(class_ids, foreground_ids)
    columns = {
        f.total: values.means[f.key] for f in figures_at(Where.IMAGES) if f.key in values.means
    }
    by_class = {
        f.json: dict(zip(map(str, class_ids), values.by_class[f.key].tolist(), strict=True))
        for f in figures_at(Where.CLASSES)
        if f.key in values.by_class
    }
    return {"name": figures.name, **columns, "iou": by_class["iou"], "by_class": by_class}
