"""What is held against the ground truth of an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segstudio.core.found_objects import FoundObjects
from segstudio.core.instances import Instances
from segstudio.core.labels import InstanceIds, Labels, Mask
from segstudio.core.prediction import Prediction


@dataclass(frozen=True, eq=False)
class Candidate:
    """What is held against the ground truth: a model's prediction, or masks from files.

    Attributes:
        labels: (H, W) uint8 class ids, in the classes of the ground truth.
        instance_ids: (H, W) uint16 objects, or None if they are not told apart.
        instances: Detections with scores, shown or not, or None.
        found: Detections with scores from a file, in place of `instances`; or None.
        scores: (n,) float32 score of each object by its number, 1 to n, where there are neither
            `instances` nor `found`; or None.
        confidence: (H, W) uint8, 0..255 for a probability of 0..1, or None.
        seconds: How long the model took; NaN if unknown.
        mask_threshold: A pixel belongs to a detection above this probability.
        left_out: (H, W) bool pixels that count nowhere, besides the ignored ones, or None: those
            of a model's classes that the folder does not have, say.
    """

    labels: Labels
    instance_ids: InstanceIds | None = None
    instances: Instances | None = None
    found: FoundObjects | None = None
    scores: npt.NDArray[np.float32] | None = None
    confidence: npt.NDArray[np.uint8] | None = None
    seconds: float = float("nan")
    mask_threshold: float = 0.5
    left_out: Mask | None = None

    @classmethod
    def of(
        cls, prediction: Prediction, mask_threshold: float = 0.5, left_out: Mask | None = None
    ) -> Candidate:
        """A prediction, its classes mapped to those of the ground truth."""
        return cls(
            prediction.labels,
            prediction.instance_ids,
            prediction.instances,
            confidence=prediction.confidence,
            seconds=prediction.seconds,
            mask_threshold=mask_threshold,
            left_out=left_out,
        )
