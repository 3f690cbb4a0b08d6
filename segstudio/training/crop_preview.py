"""Crops of an image with their masks, as a training would see them, to be looked at before it begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from segstudio.core.labels import Image, Labels
from segstudio.core.progress import Check, no_check
from segstudio.core.render import overlay_rgb
from segstudio.core.schema import LabelSchema
from segstudio.core.series_colors import VERMILION, rgb_of
from segstudio.training.transforms import Augmentation, JointTransforms

_SIDE: Final = 256
_IGNORED: Final = 255


@dataclass(frozen=True, eq=False)
class CropPicture:
    """One crop.

    Attributes:
        right: (H, W, 3) uint8 RGB: the crop, and its mask by nearest neighbour over it.
        wrong: The same with the mask that bilinear interpolation would make; pixels of a class
            that is not there are marked.
        invented: How many pixels those are.
    """

    right: Image
    wrong: Image
    invented: int


def crops_of(
    image: Image,
    labels: Labels,
    schema: LabelSchema,
    seed: int,
    count: int = 10,
    check: Check = no_check,
) -> list[CropPicture]:
    """Augmented crops of an image.

    Args:
        image: (H, W, 3) uint8 RGB.
        labels: (H, W) uint8 class ids.
        schema: Gives colours and the id that counts nowhere.
        seed: Of all chance.
        count: How many.
        check: Called before each; raises to cancel.
    """
    side = min(_SIDE, *image.shape[:2])
    ignored = _IGNORED if schema.ignore_index is None else schema.ignore_index
    transforms = JointTransforms(Augmentation(), side, seed, ignored)
    pictures = []
    for crop in transforms.preview(image, labels, count=count):
        check()
        wrong = overlay_rgb(crop.image, crop.blurred.ids, schema)
        wrong[crop.blurred.invented] = np.array(rgb_of(VERMILION), np.uint8)
        right = overlay_rgb(crop.image, crop.mask, schema)
        pictures.append(CropPicture(right, wrong, crop.blurred.pixels))
    return pictures
