"""Thousands of points of one look, drawn fast.

pyqtgraph's `ScatterPlotItem` lets each point have a look of its own and makes a Python object for
each to find that out: 14 ms for 10,000 points, 60 ms for 50,000. These all look alike.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import pyqtgraph as pg
import shiboken6
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QPainter, QPen, QPixmap, QTransform

from segstudio.report.chart_data import Numbers

MANY: Final = 1500
"""Points from which on a cloud is worth it."""
_CROWD: Final = 10_000
"""Points from which on those that fall on the same pixel are drawn once."""
_FIELDS: Final = 10
"""Of a `QPainter.PixmapFragment`: x, y, left, top, width, height, two scales, rotation, opacity."""


class Cloud(pg.GraphicsObject):  # type: ignore[misc]
    """Discs of one size in pixels at places on the axes."""

    def __init__(self, x: Numbers, y: Numbers, size: int, pen: QPen, brush: QBrush) -> None:
        """Args:
        x: (n,) to the right, none of them NaN.
        y: (n,) upwards.
        size: Diameter in pixels.
        pen: Of their edges, as wide at any scale.
        brush: Of their insides.
        """
        super().__init__()
        self._x, self._y = x, y
        self._size, self._pen, self._brush = size, pen, brush
        self._drawn: tuple[object, Numbers] = (None, np.zeros((0, _FIELDS)))
        self._stamp: tuple[float, QPixmap] | None = None

    def boundingRect(self) -> QRectF:
        """All that is in view: discs at its edge reach beyond their places."""
        return QRectF(self.viewRect())

    def viewTransformChanged(self) -> None:
        """Another part is in view."""
        self.prepareGeometryChange()

    def paint(self, painter: QPainter, *_: Any) -> None:
        """Draw the discs that are in view."""
        to_pixels, view = painter.transform(), self.boundingRect()
        painter.save()
        painter.resetTransform()
        self._draw_stamps(painter, to_pixels, view)
        painter.restore()

    def _places(self, to_pixels: QTransform, view: QRectF) -> Numbers:
        """(m, 2) where the discs in view are, in pixels."""
        beyond = self._size + self._pen.widthF()
        shown = to_pixels.mapRect(view).adjusted(-beyond, -beyond, beyond, beyond)
        x = self._x * to_pixels.m11() + to_pixels.dx()
        y = self._y * to_pixels.m22() + to_pixels.dy()
        seen = (x >= shown.left()) & (x <= shown.right())
        seen &= (y >= shown.top()) & (y <= shown.bottom())
        places: Numbers = np.stack([x[seen], y[seen]], axis=1)
        return places

    def _draw_stamps(self, painter: QPainter, to_pixels: QTransform, view: QRectF) -> None:
        """Draw copies of one disc; what stays the same from time to time is kept."""
        density = painter.device().devicePixelRatioF()
        stamp = self._disc(density)
        key = (
            to_pixels.m11(), to_pixels.m22(), to_pixels.dx(), to_pixels.dy(), view.getRect(), density,
        )  # fmt: skip
        if self._drawn[0] != key:
            places = _thinned(self._places(to_pixels, view), density)
            fragments = np.zeros((len(places), _FIELDS))
            fragments[:, :2] = places
            fragments[:, 4:6] = stamp.width()
            fragments[:, 6:8] = 1 / density
            fragments[:, 9] = 1
            self._drawn = key, fragments
        fragments = self._drawn[1]
        if len(fragments):
            # Qt wants the first of an array of structures that are made of these numbers
            first: Any = shiboken6.wrapInstance(fragments.ctypes.data, QPainter.PixmapFragment)
            painter.drawPixmapFragments(first, len(fragments), stamp)

    def _disc(self, density: float) -> QPixmap:
        if self._stamp is None or self._stamp[0] != density:
            room = math.ceil((self._size + self._pen.widthF() + 1) * density)
            picture = QPixmap(room, room)
            picture.fill(Qt.GlobalColor.transparent)
            painter = QPainter(picture)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            pen = QPen(self._pen)
            pen.setWidthF(pen.widthF() * density)
            painter.setPen(pen)
            painter.setBrush(self._brush)
            half = self._size / 2 * density
            painter.drawEllipse(QPointF(room / 2, room / 2), half, half)
            painter.end()
            self._stamp = density, picture
        return self._stamp[1]


def _thinned(places: Numbers, density: float) -> Numbers:
    """Without those that hide others on the very same pixel; (m, 2) where the others are."""
    if len(places) < _CROWD:
        return places
    pixels = np.floor(places * density).astype(np.int64)
    pixels -= pixels.min(axis=0)
    keys = pixels[:, 1] * (int(pixels[:, 0].max()) + 1) + pixels[:, 0]
    last = np.empty(int(keys.max()) + 1, np.int64)
    order = np.arange(len(keys))
    last[keys] = order
    kept: Numbers = places[last[keys] == order]
    return kept
