"""Counts of found, missed and invented objects, where both sides tell objects apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from segstudio.core.instances import match_instances
from segstudio.core.labels import InstanceIds

IOU_THRESHOLD: Final = 0.5


@dataclass
class ObjectCounts:
    """Matches of objects at an IoU of 0.5, summed over images.

    Attributes:
        images: Images in which both sides had instance ids.
        tp: Objects found.
        fp: Predicted objects that are none.
        fn: Objects missed.
        iou_sum: Sum of the IoU of the pairs.
    """

    images: int = 0
    tp: int = 0
    fp: int = 0
    fn: int = 0
    iou_sum: float = 0.0

    def add(self, truth: InstanceIds | None, prediction: InstanceIds | None) -> None:
        """Count an image, (H, W) uint16 each; nothing if one side has no instance ids."""
        if truth is None or prediction is None:
            return
        match = match_instances(truth, prediction, IOU_THRESHOLD)
        self.images += 1
        self.tp += int(match.tp)
        self.fp += int(match.fp)
        self.fn += int(match.fn)
        if match.tp:
            self.iou_sum += match.mean_iou * match.tp

    def report(self) -> dict[str, Any] | None:
        """The counts and what derives from them; None if no image had instances on both sides."""
        if not self.images:
            return None
        return {
            "images": self.images,
            "iou_threshold": IOU_THRESHOLD,
            "found": self.tp,
            "invented": self.fp,
            "missed": self.fn,
            "precision": _ratio(self.tp, self.tp + self.fp),
            "recall": _ratio(self.tp, self.tp + self.fn),
            "f1": _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn),
            "mean_iou_of_found": _ratio(self.iou_sum, self.tp),
        }


def _ratio(part: float, whole: int) -> float:
    return part / whole if whole else float("nan")
