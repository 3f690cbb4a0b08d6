"""Maps of several networks and their spectra beside each other, all at the same place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt
from PySide6.QtGui import (
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPixmap,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from segstudio.core.colour_maps import GREY, MAGMA, coloured
from segstudio.inspection.spectra import DECIBELS
from segstudio.kit.elided import fitting
from segstudio.kit.focus_ring import FocusRing
from segstudio.kit.pixmaps import pixmap_of
from segstudio.kit.plain import plain

_GAP: Final = 10
_LINE: Final = 4
_LEAST: Final = 72
_LARGEST: Final = 320
_SAMPLES: Final = 8192
"""So many values of a map are looked at to find the ends of its greys."""
_ZOOMS: Final = (1.0, 16.0)
_ARROWS: Final = {
    Qt.Key.Key_Left: (-0.1, 0.0),
    Qt.Key.Key_Right: (0.1, 0.0),
    Qt.Key.Key_Up: (0.0, -0.1),
    Qt.Key.Key_Down: (0.0, 0.1),
}
"""By how much of what is seen a key moves the maps."""
_CLOSE: Final = 6.0
"""How much the maps are enlarged at first: enough to see single positions."""


@dataclass(frozen=True, eq=False)
class ShownSpectrum:
    """One network's column.

    Attributes:
        title: The network.
        caption: Stage, and what of it is shown; or why there is nothing.
        map: (h, w) activations, or None.
        spectrum: (h, w) decibels, or None.
    """

    title: str
    caption: str
    map: NDArray[np.float16] | None = None
    spectrum: NDArray[np.float32] | None = None


class SpectraView(QWidget):
    """Columns of a map above its spectrum.

    The wheel or + and - zoom all maps, dragging or the arrows move them, a double click or Home
    shows them whole or close again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[ShownSpectrum, ...] = ()
        self._zoom = _CLOSE
        self._centre = (0.5, 0.5)
        self._grabbed: tuple[QPointF, tuple[float, float]] | None = None
        self._pixmaps: dict[int, tuple[object, QPixmap]] = {}
        self._spectra: dict[int, tuple[object, QPixmap]] = {}
        self.setAccessibleName("Maps and their spectra")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        FocusRing(self)
        self.setToolTip(
            plain(
                "Above: the stage's map, close up; drag or arrows to move, wheel or + and - to "
                "zoom, double click or Home for all of it.\nBelow: the energy by frequency, slow changes in the middle; a "
                "checkerboard lights up the border."
            )
        )
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def zoom(self) -> float:
        """How much the maps are enlarged; 1 shows them whole."""
        return self._zoom

    @property
    def shown(self) -> tuple[ShownSpectrum, ...]:
        return self._shown

    def show_columns(self, shown: Sequence[ShownSpectrum]) -> None:
        """Show other maps; zoom and place stay."""
        self._shown = tuple(shown)
        self._pixmaps.clear()
        self._spectra.clear()
        self.setMinimumSize(self.minimumSizeHint())
        self.update()

    def minimumSizeHint(self) -> QSize:
        """Small pictures of all."""
        columns = max(1, len(self._shown))
        height = 2 * self._line() + 2 * _LEAST + 2 * _LINE
        return QSize(columns * (_LEAST + _GAP), height)

    # -- drawing -----------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        side = self._side()
        for number, column in enumerate(self._shown):
            self._paint_column(painter, number, column, side)
        painter.end()

    def map_rect(self, number: int) -> QRect:
        """Where a column's map is drawn."""
        side = self._side()
        return QRect(number * (side + _GAP), 2 * self._line(), side, side)

    def _paint_column(
        self, painter: QPainter, number: int, column: ShownSpectrum, side: int
    ) -> None:
        box, line = self.map_rect(number), self._line()
        metrics = self.fontMetrics()
        for row, (text, role) in enumerate(
            (
                (column.title, QPalette.ColorRole.WindowText),
                (column.caption, QPalette.ColorRole.PlaceholderText),
            )
        ):
            painter.setPen(self.palette().color(role))
            shown = fitting(metrics, text, side)
            painter.drawText(QRect(box.left(), row * line, side, line), _LEFT, shown)
        below = box.translated(0, side + _LINE)
        if column.map is None or column.spectrum is None:
            for empty in (box, below):
                painter.fillRect(empty, self.palette().color(QPalette.ColorRole.AlternateBase))
            return
        painter.drawPixmap(box, self._map(number, column.map, side))
        painter.drawPixmap(below, self._spectrum(number, column.spectrum, side))

    def _map(self, number: int, values: NDArray[np.float16], side: int) -> QPixmap:
        key = (side, self._zoom, self._centre)
        kept = self._pixmaps.get(number)
        if kept is None or kept[0] != key:
            part = _part(values, self._zoom, self._centre).astype(np.float32)
            # an odd step meets both kinds of a checkerboard's squares
            step = (part.size // _SAMPLES) | 1
            low, high = np.percentile(part.ravel()[::step], (1, 99))
            kept = key, pixmap_of(coloured(_sized(part, side), float(low), float(high), GREY))
            self._pixmaps[number] = kept
        return kept[1]

    def _spectrum(self, number: int, values: NDArray[np.float32], side: int) -> QPixmap:
        kept = self._spectra.get(number)
        if kept is None or kept[0] != side:
            kept = side, pixmap_of(coloured(_sized(values, side), -DECIBELS, 0.0, MAGMA))
            self._spectra[number] = kept
        return kept[1]

    def _line(self) -> int:
        return self.fontMetrics().height() + 2

    def _side(self) -> int:
        columns = max(1, len(self._shown))
        width = (self.width() - (columns - 1) * _GAP) // columns
        height = (self.height() - 2 * self._line() - _LINE) // 2
        return max(_LEAST, min(width, height, _LARGEST))

    # -- pointer -----------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = event.angleDelta().y() / 120
        self._move(self._zoom * 1.25**steps, self._centre)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._grabbed = event.position(), self._centre

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grabbed is None:
            return
        start, centre = self._grabbed
        moved = (event.position() - start) / (self._side() * self._zoom)
        self._move(self._zoom, (centre[0] - moved.x(), centre[1] - moved.y()))

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self._grabbed = None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, (x, y) = Qt.Key(event.key()), self._centre
        if key in _ARROWS:
            across, down = _ARROWS[key]
            self._move(self._zoom, (x + across / self._zoom, y + down / self._zoom))
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self._move(self._zoom * (1 / 1.25 if key == Qt.Key.Key_Minus else 1.25), self._centre)
        elif key == Qt.Key.Key_Home:
            self._whole_or_close()
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        self._whole_or_close()

    def _whole_or_close(self) -> None:
        self._move(_CLOSE if self._zoom <= 1 else 1.0, (0.5, 0.5))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        self.update()

    def _move(self, zoom: float, centre: tuple[float, float]) -> None:
        self._zoom = min(max(zoom, _ZOOMS[0]), _ZOOMS[1])
        half = 0.5 / self._zoom
        x, y = (min(max(place, half), 1 - half) for place in centre)
        self._centre = (x, y)
        self.update()


def _part(
    values: NDArray[np.float16], zoom: float, centre: tuple[float, float]
) -> NDArray[np.float16]:
    """The square of a map around a place (x, y), each 0..1; whole positions."""
    height, width = values.shape
    side = max(4, round(min(height, width) / zoom))
    top = min(max(round(centre[1] * height - side / 2), 0), height - min(side, height))
    left = min(max(round(centre[0] * width - side / 2), 0), width - min(side, width))
    return values[top : top + side, left : left + side]


def _sized(values: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """A map as a square picture: positions stay squares where it grows."""
    shrinks = max(values.shape) > side
    method = cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(values, (side, side), interpolation=method), np.float32)


_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
