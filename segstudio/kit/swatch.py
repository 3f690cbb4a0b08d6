"""The small square of a class's colour."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap

_SWATCH = 16


def swatch(color: QColor) -> QIcon:
    """A square of the class's colour; class colours do not follow the theme."""
    return _swatch(color.name())


@cache
def _swatch(name: str) -> QIcon:
    result = QIcon()
    for ratio in (1, 2):
        pixmap = QPixmap(QSize(_SWATCH, _SWATCH) * ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(ratio, ratio)
        painter.setBrush(QColor(name))
        painter.setPen(QColor(128, 128, 128))
        painter.drawRoundedRect(1, 1, _SWATCH - 2, _SWATCH - 2, 3, 3)
        painter.end()
        pixmap.setDevicePixelRatio(ratio)
        result.addPixmap(pixmap)
    return result
