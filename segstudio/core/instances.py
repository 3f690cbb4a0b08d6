"""Detected objects with soft masks, how they become label maps, and how they match real objects.

The masks stay as the network's small probability grids (28 x 28), so that score and mask
thresholds can change without running the network again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect
from segstudio.core.labels import InstanceIds, Labels, Mask

Probabilities = npt.NDArray[np.float32]
"""(h, w) float32, 0..1."""


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
        return self.boxes.nbytes + self.scores.nbytes + self.classes.nbytes + self.masks.nbytes

    def soft_mask(self, index: int, shape_hw: tuple[int, int]) -> tuple[Rect, Probabilities]:
        """One instance's probabilities where they lie in the image.

        Pasted as torchvision's `paste_masks_in_image` does: the grid is padded by one cell, the
        box grown accordingly, and the probabilities resampled bilinearly.

        Args:
            index: Which instance.
            shape_hw: (H, W) of the image.

        Returns:
            A rectangle inside the image, perhaps empty, and the probabilities (h, w) float32.
        """
        grid = np.pad(self.masks[index].astype(np.float32), 1)
        whole = _paste_rect(self.boxes[index], self.masks.shape[1])
        rect = whole.clip(shape_hw)
        if rect.is_empty:
            return Rect(0, 0, 0, 0), np.zeros((0, 0), np.float32)
        soft = cv2.resize(grid, (whole.width, whole.height), interpolation=cv2.INTER_LINEAR)
        part = Rect(
            rect.top - whole.top,
            rect.left - whole.left,
            rect.bottom - whole.top,
            rect.right - whole.left,
        )
        return rect, np.asarray(soft[part.slices], np.float32)

    def mask(
        self, index: int, shape_hw: tuple[int, int], threshold: float = 0.5
    ) -> tuple[Rect, Mask]:
        """One instance's pixels: its rectangle inside the image and a bool mask of that shape."""
        rect, soft = self.soft_mask(index, shape_hw)
        return rect, soft > threshold

    def flatten(
        self, shape_hw: tuple[int, int], score_threshold: float, mask_threshold: float
    ) -> tuple[Labels, InstanceIds, npt.NDArray[np.uint8]]:
        """Paint the instances that reach the score threshold, the best on top.

        Returns:
            Class ids (H, W) uint8, instance ids (H, W) uint16 (1 is the best score), and
            confidence (H, W) uint8, 0..255 for 0..1: where an instance lies its score; elsewhere
            one minus the highest probability (score times mask) that any detection, hidden ones
            included, gives to an object there.
        """
        labels = np.zeros(shape_hw, np.uint8)
        ids = np.zeros(shape_hw, np.uint16)
        confidence = np.full(shape_hw, 255, np.uint8)
        scores = np.empty(shape_hw, np.uint8)
        for index in range(len(self) - 1, -1, -1):
            rect, soft = self.soft_mask(index, shape_hw)
            score = float(self.scores[index])
            part = confidence[rect.slices]
            none_here = np.rint(255 - soft * np.float32(255 * score)).astype(np.uint8)
            np.minimum(part, none_here, out=part)
            if score >= score_threshold:
                mask = soft > mask_threshold
                labels[rect.slices][mask] = self.classes[index]
                ids[rect.slices][mask] = index + 1
                scores[rect.slices][mask] = round(score * 255)
        np.copyto(confidence, scores, where=ids > 0)
        return labels, ids, confidence


def _paste_rect(box: npt.NDArray[np.float32], size: int) -> Rect:
    """Pixels a padded grid of size + 2 cells covers, in torchvision's float32 arithmetic."""
    half, scale = np.float32(0.5), np.float32((size + 2) / size)
    x0, y0, x1, y1 = box
    half_w, half_h = (x1 - x0) * half * scale, (y1 - y0) * half * scale
    centre_x, centre_y = (x1 + x0) * half, (y1 + y0) * half
    left, top = int(centre_x - half_w), int(centre_y - half_h)
    right, bottom = int(centre_x + half_w) + 1, int(centre_y + half_h) + 1
    return Rect(top, left, max(bottom, top + 1), max(right, left + 1))


class InstanceMatch(NamedTuple):
    """How the objects of two instance maps match.

    Attributes:
        tp: Matched pairs.
        fp: Predicted objects without a partner.
        fn: Reference objects without a partner.
        mean_iou: Mean IoU of the pairs; NaN if there are none.
    """

    tp: int
    fp: int
    fn: int
    mean_iou: float


def match_instances(
    truth_ids: InstanceIds,
    predicted_ids: InstanceIds,
    iou_threshold: float = 0.5,
    void: npt.NDArray[np.bool_] | None = None,
    crowd: npt.NDArray[np.bool_] | None = None,
) -> InstanceMatch:
    """Match the objects of two instance maps one to one, the best overlaps first.

    From a threshold of 0.5 on there is only one possible matching, since objects of a map do not
    overlap; that is the matching of panoptic quality and of the Data Science Bowl.

    Args:
        truth_ids: (H, W) uint16, 0 where there is no object.
        predicted_ids: (H, W) uint16, same shape.
        iou_threshold: Pairs with a lower IoU do not match.
        void: (H, W), where nothing counts: cut out of the objects of both maps.
        crowd: (H, W), where objects of the reference are not told apart. A predicted object
            without partner that lies on void and crowd with more than half of its pixels is left
            out, neither right nor wrong.

    Raises:
        ValueError: if the shapes differ.
    """
    if truth_ids.shape != predicted_ids.shape:
        raise ValueError(f"instance maps of {truth_ids.shape} and {predicted_ids.shape}")
    excused = _mostly_on(predicted_ids, void, crowd)
    if void is not None:
        truth_ids = np.where(void, np.uint16(0), truth_ids)
        predicted_ids = np.where(void, np.uint16(0), predicted_ids)
        excused &= {*np.unique(predicted_ids).tolist()}
    truths, predictions, ious, num_truths, num_predictions = _overlaps(truth_ids, predicted_ids)
    used_truths: set[int] = set()
    used_predictions: set[int] = set()
    matched: list[float] = []
    for pair in np.argsort(-ious, kind="stable"):
        truth, prediction, iou = int(truths[pair]), int(predictions[pair]), float(ious[pair])
        if iou < iou_threshold:
            break
        if truth not in used_truths and prediction not in used_predictions:
            used_truths.add(truth)
            used_predictions.add(prediction)
            matched.append(iou)
    tp = len(matched)
    mean_iou = float(np.mean(matched)) if matched else float("nan")
    left_out = len(excused - used_predictions)
    return InstanceMatch(tp, num_predictions - tp - left_out, num_truths - tp, mean_iou)


def _mostly_on(ids: InstanceIds, *places: npt.NDArray[np.bool_] | None) -> set[int]:
    """The objects that lie on some places with more than half of their pixels."""
    inside = [place for place in places if place is not None]
    if not inside:
        return set()
    areas = np.bincount(ids.reshape(-1))
    shared = np.bincount(ids[np.logical_or.reduce(inside)], minlength=len(areas))
    return {int(i) for i in np.flatnonzero(2 * shared > areas) if i}


def _overlaps(
    truth_ids: InstanceIds, predicted_ids: InstanceIds
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64], int, int]:
    """All pairs of objects that share a pixel: truth ids, predicted ids, IoUs; and the totals."""
    keys = truth_ids.astype(np.int64).ravel() << 16 | predicted_ids.ravel()
    pairs, shared = np.unique(keys, return_counts=True)
    truths, predictions = pairs >> 16, pairs & 0xFFFF
    truth_areas = np.bincount(truths, shared, minlength=1)
    predicted_areas = np.bincount(predictions, shared, minlength=1)
    real = (truths > 0) & (predictions > 0)
    truths, predictions, shared = truths[real], predictions[real], shared[real]
    ious = shared / (truth_areas[truths] + predicted_areas[predictions] - shared)
    num_truths, num_predictions = (
        int(np.count_nonzero(areas[1:])) for areas in (truth_areas, predicted_areas)
    )
    return truths, predictions, ious, num_truths, num_predictions
