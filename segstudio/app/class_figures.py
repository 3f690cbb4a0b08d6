"""The figures of each class over a folder, by name."""

from __future__ import annotations

from segstudio.core.class_sums import Numbers
from segstudio.core.detections import THRESHOLDS
from segstudio.core.image_figures import FolderFigures


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
