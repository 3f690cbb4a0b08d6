"""EXIF orientation: how a camera was held."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segstudio.storage.image_errors import DECODE_ERRORS
from segstudio.storage.pillow import open_image

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

_TAG = 274  # EXIF and TIFF


def orientation_of(image: PilImage) -> int:
    """The EXIF orientation of an open image, 1..8; 1 if it has none or it is damaged."""
    try:
        value = image.getexif().get(_TAG, 1)
    except DECODE_ERRORS:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def read_orientation(path: Path) -> int:
    """The EXIF orientation of an image file, 1..8; 1 if it has none or cannot be read."""
    try:
        with open_image(path) as image:
            return orientation_of(image)
    except DECODE_ERRORS:
        return 1


def upright(pixels: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Turn (H, W, ...) as stored into the upright picture, by EXIF orientation 1..8."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
