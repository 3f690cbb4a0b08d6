"""The icons: one set of SVG files, drawn in the colour of the theme at the size asked for."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QIconEngine, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer

from segstudio.kit.theme import tokens_of
from segstudio.resources import resource_path

_engines: list[QIconEngine] = []
"""Qt does not keep the Python half of an engine alive; this list does."""


@cache
def _source(name: str) -> bytes:
    drawn = resource_path("icons", f"{name}.svg").read_bytes()
    return drawn.replace(b'stroke-width="2"', b'stroke-width="1.75"')


@cache
def _renderer(name: str, color: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(_source(name).replace(b"currentColor", color.encode())))


def _color(mode: QIcon.Mode, state: QIcon.State, on_accent: bool) -> QColor:
    palette = QGuiApplication.palette()
    if mode == QIcon.Mode.Disabled:
        return palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.WindowText)
    if on_accent:
        return QColor(tokens_of(palette).on_accent)
    if state == QIcon.State.On:
        return palette.color(QPalette.ColorRole.Accent)
    if mode == QIcon.Mode.Selected:
        return palette.color(QPalette.ColorRole.HighlightedText)
    return palette.color(QPalette.ColorRole.WindowText)


class _SvgEngine(QIconEngine):
    """Draws one SVG file, its `currentColor` replaced by the theme's text colour."""

    def __init__(self, name: str, on_accent: bool) -> None:
        super().__init__()
        self._name, self._on_accent = name, on_accent
        self._pixmaps: dict[tuple[int, int, float, str], QPixmap] = {}
        _engines.append(self)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        side = min(rect.width(), rect.height())
        box = QRectF(0, 0, side, side)
        box.moveCenter(QRectF(rect).center())
        _renderer(self._name, _color(mode, state, self._on_accent).name()).render(painter, box)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self.scaledPixmap(size, mode, state, 1.0)

    def scaledPixmap(
        self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float
    ) -> QPixmap:
        key = (size.width(), size.height(), scale, _color(mode, state, self._on_accent).name())
        if key not in self._pixmaps:
            pixmap = QPixmap(size * scale)
            pixmap.setDevicePixelRatio(scale)
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            self.paint(painter, QRect(0, 0, size.width(), size.height()), mode, state)
            painter.end()
            self._pixmaps[key] = pixmap
        return self._pixmaps[key]

    def clone(self) -> QIconEngine:
        return _SvgEngine(self._name, self._on_accent)

    def key(self) -> str:
        return "segstudio-svg"

    def isNull(self) -> bool:
        return False


@cache
def icon(name: str, *, on_accent: bool = False) -> QIcon:
    """The icon of `resources/icons/<name>.svg`; it follows the theme and greys when disabled.

    With `on_accent` it has the colour of text on a button that is filled with the accent.
    """
    return QIcon(_SvgEngine(name, on_accent))


def tinted(name: str, color: QColor, size: int, ratio: float) -> QPixmap:
    """The icon as a pixmap of `size` logical pixels in one colour, for painting in lists."""
    return _tinted(name, color.name(), size, ratio)


@cache
def _tinted(name: str, color: str, size: int, ratio: float) -> QPixmap:
    pixmap = QPixmap(round(size * ratio), round(size * ratio))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    _renderer(name, color).render(painter, QRectF(0, 0, pixmap.width(), pixmap.height()))
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap
