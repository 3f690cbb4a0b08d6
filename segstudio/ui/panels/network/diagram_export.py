"""The whole diagram, as it is shown, for other programs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from PySide6.QtGui import QFont, QImage, QPainter, QPalette, QPixmap

from segstudio.core.diagram_svg import diagram_svg
from segstudio.core.labels import Image
from segstudio.ui.canvas.view import View
from segstudio.ui.panels.network.diagram_chips import chips_of
from segstudio.ui.panels.network.diagram_painter import DiagramPainter, Shown

_MOST_PIXELS = 16384


def diagram_text(shown: Shown, title: str, dark: bool) -> str:
    """As SVG with the pictures within."""
    pictures = {key: _pixels(pixmap) for key, pixmap in shown.pictures.items()}
    return diagram_svg(shown.diagram, pictures, title=title, dark=dark, cut_skips=shown.cut_skips)


def diagram_image(shown: Shown, palette: QPalette, font: QFont, scale: float) -> QImage:
    """As a picture of `scale` pixels per unit, without the opened stage's highlight."""
    diagram = shown.diagram
    scale = min(scale, _MOST_PIXELS / max(diagram.width, diagram.height))
    image = QImage(
        math.ceil(diagram.width * scale), math.ceil(diagram.height * scale),
        QImage.Format.Format_RGB32,
    )  # fmt: skip
    image.setDevicePixelRatio(scale)
    chips = tuple(chip for chip in chips_of(diagram, View(), font) if chip.group.folded)
    plain = replace(shown, stage="", skip="", hovered="", hovered_skip="", chips=chips)
    painter = QPainter(image)
    painter.setFont(font)
    DiagramPainter(painter, palette, View()).paint(plain, diagram.width, diagram.height)
    painter.end()
    image.setDevicePixelRatio(1.0)
    return image


def _pixels(pixmap: QPixmap) -> Image:
    """RGB (h, w, 3) uint8."""
    image = pixmap.toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    pixels = rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3)
    # the image's memory goes with it
    return pixels.copy()
