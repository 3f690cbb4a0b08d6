"""What `segstudio evaluate` tells: one dictionary, for JSON and for the tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from segstudio.core.instances import InstanceMatch
from segstudio.evaluation.class_figures import class_rows, difference_row, further_values
from segstudio.evaluation.mask_evaluation import OBJECT_IOU, MaskEvaluation
from segstudio.evaluation.mask_layout import MaskPlace
from segstudio.metrics.bootstrap import PairedDifference
from segstudio.metrics.confusion import ratio
from segstudio.metrics.detection_curves import DETECTIONS
from segstudio.metrics.image_figures import ImageFigures, figures_at, values_of_counts
from segstudio.metrics.measure import Where
from segstudio.metrics.tally import lead_key

_WORST: Final = 10
_BACKGROUND: Final = 0


def report_of(found: MaskEvaluation, notes: Sequence[str], *, per_image: bool) -> dict[str, Any]:
    """All figures under their names; those that were not counted are left out.

    Args:
        found: What was counted.
        notes: What was decided of the values of the masks, or is to be asked.
        per_image: Whether to tell of every image.
    """
    folder, masks = found.folder, found.masks
    rows = [_image_row(f, folder.class_ids, folder.foreground_ids) for f in found.figures.values()]
    lead = lead_key(has_foreground=folder.has_background)
    ranked = sorted(rows, key=lambda r: (np.isnan(r[lead]), r[lead], r["mean_iou"]))
    total = folder.metrics
    return {
        "images": folder.images,
        "predictions": _place_row(masks.places[0]),
        "ground_truth": _place_row(masks.places[1]),
        "ground_truth_values": masks.truth.kind,
        "prediction_values": masks.predictions.kind,
        "ground_truth_reading": masks.truth.in_words,
        "prediction_reading": masks.predictions.in_words,
        "notes": list(notes),
        "classes": class_rows(folder, found.schema.name_of, found.wanted),
        "foreground": list(folder.foreground_ids),
        **values_of_counts(total, folder.foreground_ids),
        "majority_accuracy": total.majority_accuracy,
        "all_background": values_of_counts(folder.as_if_all(_BACKGROUND), folder.foreground_ids),
        "scored_classes": total.num_scored,
        "ignore_index": found.schema.ignore_index,
        "ignored_pixels": total.ignored,
        "predicted_ignored_pixels": _predicted_ignored(found),
        "own_pixels_left_out": found.own.left_out.own,
        "pixels": total.total,
        **folder.image_means,
        "objects": _objects(found.objects),
        **_further(found),
        "without_ground_truth": found.without_truth,
        "without_prediction": list(masks.missing_names),
        "ground_truth_masks": masks.truth_masks,
        "missing": found.missing,
        "worst": ranked[:_WORST],
        "per_image": rows if per_image else [],
    }


def bootstrap_row(
    difference: PairedDifference, found: MaskEvaluation, other: MaskEvaluation
) -> dict[str, Any]:
    """The difference to another folder's predictions, which come first."""
    return {
        "against": str(other.place),
        "first": str(other.place),
        "second": str(found.place),
        **difference_row(difference, found.schema.name_of),
        "without_prediction": list(other.masks.missing_names),
    }


def _place_row(place: MaskPlace) -> dict[str, str | None]:
    """Where masks lie, and their objects."""
    objects = None if place.instances is None else str(place.instances)
    return {"masks": str(place.classes), "objects": objects}


def _predicted_ignored(found: MaskEvaluation) -> int:
    """Pixels that count, on which the ignored id was predicted: nothing is said of them."""
    pairs, ignored = found.folder.pairs, found.schema.ignore_index
    return int(pairs.pixels[pairs.keys % 256 == ignored].sum()) if ignored is not None else 0


def _objects(matches: Sequence[InstanceMatch]) -> dict[str, Any] | None:
    """Objects found, missed and invented; None if no image had objects on both sides."""
    if not matches:
        return None
    tp, fp, fn = (sum(counts) for counts in list(zip(*matches, strict=True))[:3])
    ious = sum(match.mean_iou * match.tp for match in matches if match.tp)

    return {
        "images": len(matches),
        "iou_threshold": OBJECT_IOU,
        "found": tp,
        "invented": fp,
        "missed": fn,
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
        "f1": ratio(2 * tp, 2 * tp + fp + fn),
        "mean_iou_of_found": ratio(ious, tp),
    }


def _further(found: MaskEvaluation) -> dict[str, Any]:
    """What was asked for; of detections also where they come from and what is not among them."""
    values, masks = further_values(found.folder, found.wanted), found.masks
    if values.get(DETECTIONS.section) is not None:
        source = {"from": "masks", "lost": masks.lost_detections or None}
        if masks.detections is not None:
            source = {"from": str(masks.detections.path), "lost": None}
        values[DETECTIONS.section] |= source
    return values


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
