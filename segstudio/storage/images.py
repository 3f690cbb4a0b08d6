"""Reading images: the names that other packages use."""

from __future__ import annotations

from segstudio.storage.decode import LoadedImage, read_image
from segstudio.storage.layout import IMAGE_SUFFIXES
from segstudio.storage.orientation import read_orientation, upright
from segstudio.storage.thumbnails import ThumbnailCache, read_thumbnail

__all__ = [
    "IMAGE_SUFFIXES",
    "LoadedImage",
    "ThumbnailCache",
    "read_image",
    "read_orientation",
    "read_thumbnail",
    "upright",
]
