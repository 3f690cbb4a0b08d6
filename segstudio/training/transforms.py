"""Stub of the joint transforms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch

from segstudio.training.data import TrainingAugmentation, input_geometry, jitter


@dataclass(frozen=True)
class Augmentation:
    """Stub."""

    upright: bool = False

    @classmethod
    def from_json(cls, data):
        return cls(**data)


class JointTransforms:
    """Stub."""

    def __init__(self, settings: Augmentation, size: int, seed: int) -> None:
        self.settings, self.size = settings, size
        self.rng = np.random.default_rng(seed)

    def state(self) -> Any:
        return self.rng.bit_generator.state

    def set_state(self, state: Any) -> None:
        self.rng.bit_generator.state = state

    def __call__(self, image, mask, scale=1.0):
        upright = self.settings.upright
        ranges = TrainingAugmentation(
            scale=(0.6, 1.6),
            rotation=0.0 if upright else 15.0,
            colour=0.6,
            mix=0.0 if upright else 0.1,
            invert=0.0,
            blur=0.1,
            shade=0.1,
        )
        matrix = input_geometry(self.rng, mask.shape, self.size, scale, ranges)
        if upright and self.rng.random() < 0.5:
            matrix[0] = -matrix[0]
            matrix[0, 2] += self.size - 1
        shape = (self.size, self.size)
        out = cv2.warpAffine(
            image, matrix, shape, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        ids = cv2.warpAffine(
            mask,
            matrix,
            shape,
            flags=cv2.INTER_NEAREST,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=255,
        )
        pixels = jitter(self.rng, out.astype(np.float32) / np.float32(255), ranges)
        return torch.from_numpy(pixels).permute(2, 0, 1), torch.from_numpy(ids).long()
