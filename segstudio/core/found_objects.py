"""Detected objects with sharp masks that may overlap, as files of detections have them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect
from segstudio.core.labels import Mask


@dataclass(frozen=True, eq=False)
class FoundObjects:
    """N detections of one image, in order of falling score.

    Attributes:
        classes: (N,) uint8 class ids.
        scores: (N,) float32, 0..1.
        boxes: (N, 4) float64: x0, y0, x1, y1 in pixels of the image.
        masks: Of each a rectangle inside the image and a bool mask of its shape.
    """

    classes: npt.NDArray[np.uint8]
    scores: npt.NDArray[np.float32]
    boxes: npt.NDArray[np.float64]
    masks: tuple[tuple[Rect, Mask], ...]

    def __len__(self) -> int:
        return len(self.scores)
