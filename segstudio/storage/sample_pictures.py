"""Small pictures of the samples that come along, for the page that offers them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from segstudio.core.labels import Image
from segstudio.core.schema import distinct_color
from segstudio.resources import resource_path
from segstudio.storage.decode import read_image
from segstudio.storage.image_errors import unreadable

_SHOWN: Final = (
    ("nuclei-01-even.png", True),
    ("nuclei-02-sparse.png", True),
    ("nuclei-12-crowded.png", False),
)
"""Which of them, and whether their objects are coloured."""
_HUES: Final = 7
_FILL: Final = 0.6


def sample_pictures(px: int) -> list[Image]:
    """Three samples, two of them with their ground truth laid over.

    Args:
        px: Width and height of each.

    Returns:
        (px, px, 3) uint8 RGB.

    Raises:
        SegstudioError: if one cannot be read.
    """
    return [_picture(name, px, coloured=coloured) for name, coloured in _SHOWN]


def _picture(name: str, px: int, *, coloured: bool) -> Image:
    import cv2

    pixels = read_image(resource_path("samples", name)).pixels
    if coloured:
        pixels = _with_objects(pixels, resource_path("samples", "instances", name))
    return np.asarray(cv2.resize(pixels, (px, px), interpolation=cv2.INTER_AREA), np.uint8)


def _with_objects(pixels: Image, mask: Path) -> Image:
    """The photo with each object in a colour of its own."""
    import cv2

    ids = cv2.imdecode(np.fromfile(mask, np.uint8), cv2.IMREAD_UNCHANGED)
    if ids is None:
        raise unreadable(mask, ValueError("no image"))
    table = np.array([distinct_color(1 + i) for i in range(_HUES)], np.float32)
    colors = table[(ids.astype(np.int64) - 1) % _HUES]
    share = _FILL * (ids > 0)[..., None]
    blended = pixels * (1 - share) + colors * share
    drawn: Image = np.rint(blended).astype(np.uint8)
    return drawn
