"""Detected objects with soft masks, and how they become label maps.

The masks stay as the network's small probability grids (28 x 28), so that score and mask
thresholds can change without running the network again.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect
from segstudio.core.labels import InstanceIds, Labels, Mask


@dataclass(frozen=True)
class Instances:
    """N detections of one image, in order of falling score.

    Attributes:
        boxes: (N, 4) float32: x0, y0, x1, y1 in pixels of the image.
        scores: (N,) float32, 0..1.
        classes: (N,) uint8 class ids.
        masks: (N, m, m) float16 probabilities on a grid over each box.
    """

    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    classes: npt.NDArray[np.uint8]
    masks: npt.NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def nbytes(self) -> int:
        """Bytes held by the arrays."""
        return (
            self.boxes.nbytes + self.scores.nbytes + self.classes.nbytes + self.masks.nbytes
        )

    def mask(
        self, index: int, shape_hw: tuple[int, int], threshold: float = 0.5
    ) -> tuple[Rect, Mask]:
        """One instance's pixels: its rectangle inside the image and a bool mask of that shape.

        Pasted as torchvision's `paste_masks_in_image` does: the grid is padded by one cell, the
        box grown accordingly, and the probabilities resampled bilinearly before the threshold.
        """
        grid = np.pad(self.masks[index].astype(np.float32), 1)
        size = self.masks.shape[1]
        scale = (size + 2) / size
        x0, y0, x1, y1 = (float(v) for v in self.boxes[index])
        cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
        half_w, half_h = (x1 - x0) / 2 * scale, (y1 - y0) / 2 * scale
        left, top = int(cx - half_w), int(cy - half_h)
        width = max(int(cx + half_w) - left + 1, 1)
        height = max(int(cy + half_h) - top + 1, 1)
        soft = cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)
        whole = Rect(top, left, top + height, left + width)
        rect = whole.clip(shape_hw)
        if rect.is_empty:
            return Rect(0, 0, 0, 0), np.zeros((0, 0), np.bool_)
        part = soft[rect.top - top : rect.bottom - top, rect.left - left : rect.right - left]
        return rect, part > threshold

    def flatten(
        self, shape_hw: tuple[int, int], score_threshold: float, mask_threshold: float
    ) -> tuple[Labels, InstanceIds, npt.NDArray[np.uint8]]:
        """Paint the instances above the score threshold, the best on top.

        Returns:
            Class ids (H, W) uint8, instance ids (H, W) uint16 (1 is the best score), and
            confidence (H, W) uint8: the score where an instance lies, else 1 minus the highest
            score of a hidden one, which is unknown here, so 255.
        """
        labels = np.zeros(shape_hw, np.uint8)
        ids = np.zeros(shape_hw, np.uint16)
        confidence = np.full(shape_hw, 255, np.uint8)
        shown = np.flatnonzero(self.scores >= score_threshold)
        for index in shown[::-1]:
            rect, mask = self.mask(int(index), shape_hw, mask_threshold)
            if rect.is_empty:
                continue
            labels[rect.slices][mask] = self.classes[index]
            ids[rect.slices][mask] = index + 1
            confidence[rect.slices][mask] = round(float(self.scores[index]) * 255)
        return labels, ids, confidence
