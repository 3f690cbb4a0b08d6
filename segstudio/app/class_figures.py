"""The figures of each class over a folder, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy.typing as npt

from segstudio.core.class_sums import Numbers
from segstudio.core.detections import THRESHOLDS
from segstudio.core.image_figures import FolderFigures
from segstudio.core.metrics import Metrics


def class_figures(folder: FolderFigures) -> dict[str, Numbers]:
    """(K,) values by name, in the order of `folder.class_ids`; NaN for a class that has none.

    "iou", "dice", "precision", "recall", "share" (of the pixels of the ground truth), and where
    they were counted "boundary_iou", "hausdorff95", "ap", "ap50", "ap75", "pq", "sq", "rq".
    """
    metrics = folder.metrics
    found: dict[str, Numbers] = {
        "iou": metrics.iou,
        "dice": metrics.dice,
        "precision": metrics.precision,
        "recall": metrics.recall,
        "share": metrics.truth_pixels / max(1, metrics.total),
    }
    if folder.boundary_iou is not None:
        found["boundary_iou"] = folder.boundary_iou
    if folder.hausdorff_95 is not None:
        found["hausdorff95"] = folder.hausdorff_95
    precision = folder.average_precision()
    if precision is not None:
        found |= {
            "ap": precision.by_class,
            "ap50": precision.table[:, THRESHOLDS.index(0.5)],
            "ap75": precision.table[:, THRESHOLDS.index(0.75)],
        }
    quality = folder.panoptic_quality
    if quality is not None:
        found |= {"pq": quality.pq, "sq": quality.sq, "rq": quality.rq}
    return found


def class_rows(
    metrics: Metrics, name_of: Callable[[int], str], further: Mapping[str, npt.NDArray[Any]]
) -> list[dict[str, Any]]:
    """One row a class as JSON has it.

    Args:
        metrics: The scores of the classes.
        name_of: The name of a class id.
        further: (K,) float64 values or int64 counts of more figures by name, in the order of the
            classes.
    """
    return [
        {
            "id": class_id,
            "name": name_of(class_id),
            "iou": float(metrics.iou[i]),
            "dice": float(metrics.dice[i]),
            "precision": float(metrics.precision[i]),
            "recall": float(metrics.recall[i]),
            "pixels": int(metrics.truth_pixels[i]),
            "predicted_pixels": int(metrics.predicted_pixels[i]),
            **{name: values[i].item() for name, values in further.items()},
        }
        for i, class_id in enumerate(metrics.class_ids)
    ]
