"""Arrays of pixels as Qt has pictures."""

from __future__ import annotations

from PySide6.QtGui import QImage, QPixmap

from segstudio.core.labels import Image


def as_qimage(pixels: Image) -> QImage:
    """A picture (h, w, 3) uint8 RGB as an image of its own memory."""
    height, width = pixels.shape[:2]
    image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    return image.copy()


def pixmap_of(pixels: Image) -> QPixmap:
    """A picture (h, w, 3) uint8 RGB as widgets draw it."""
    return QPixmap.fromImage(as_qimage(pixels))
