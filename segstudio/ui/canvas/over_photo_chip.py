"""The legend of what the network inspector lays over the photo, with a button that removes it."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSlider, QToolButton, QVBoxLayout, QWidget

from segstudio.core.colour_maps import colour_table
from segstudio.session.inspection import ColourMap, Heat, Inspection, Over, OverPhoto
from segstudio.ui.canvas.view import Point
from segstudio.ui.elided import ElidedLabel
from segstudio.ui.plain import PlainLabel

if TYPE_CHECKING:
    from segstudio.ui.canvas.viewport import Viewport

_GROUND, _TEXT = QColor(20, 20, 20, 205), QColor(245, 245, 245)
_STYLE = """
OverPhotoChip QLabel { color: rgb(245, 245, 245); background: transparent; }
OverPhotoChip QToolButton {
    color: rgb(245, 245, 245); background: transparent; border: none; padding: 0 3px;
}
OverPhotoChip QToolButton:hover { background: rgba(255, 255, 255, 50); border-radius: 3px; }
OverPhotoChip QToolButton:focus { border: 1px solid rgb(245, 245, 245); border-radius: 3px; }
"""
_NEAR = 24
"""Pixels that stay free around what is explained."""
_GRID = 64
_MARGIN, _BAR_WIDTH, _BAR_HEIGHT, _STEPS = 8, 90, 10, 100


class OverPhotoChip(QWidget):
    """Says what lies over the photo and what its colours mean.

    Signals:
        closed: The user does not want to see it any more.
        faded: How strongly it shall cover the photo, 0..1.
    """

    closed = Signal()
    faded = Signal(float)

    def __init__(self, parent: Viewport, legend: QWidget) -> None:
        """Args:
        parent: The picture.
        legend: What lies in the picture's upper left corner already.
        """
        super().__init__(parent)
        self._beside = legend
        self.setAccessibleName("Over the photo")
        self.setStyleSheet(_STYLE)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self._picture = parent
        self.caption = ElidedLabel()
        self.button = QToolButton()
        self.button.setText("\u2715")
        self.button.setToolTip("Take it away")
        self.button.setAccessibleName("Take away what lies over the photo")
        self.button.clicked.connect(self.closed)
        self.bar = _Bar()
        self.low, self.high = PlainLabel(), PlainLabel()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.slider.setFixedWidth(_BAR_WIDTH)
        self.slider.setToolTip("How strongly it covers the photo")
        self.slider.setAccessibleName("Opacity of what lies over the photo")
        self.slider.valueChanged.connect(lambda step: self.faded.emit(step / _STEPS))
        top, below = QHBoxLayout(), QHBoxLayout()
        top.addWidget(self.caption, 1)
        top.addWidget(self.button)
        for widget in (self.low, self.bar, self.high):
            below.addWidget(widget)
        below.addStretch(1)
        below.addWidget(self.slider)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 6, 5)
        column.setSpacing(3)
        for row in (top, below):
            row.setSpacing(6)
            column.addLayout(row)
        self._scale = (self.low, self.bar, self.high, self.slider)
        self._wanted = 0
        self._about: Point | None = None
        parent.installEventFilter(self)
        self.hide()

    def show_over(self, over: OverPhoto | None, about: Point | None = None) -> None:
        """Say what lies there; nothing hides the legend.

        Args:
            over: What lies over the photo.
            about: The image point that it explains, or where there is most to be seen; the legend
                goes to the corner farthest from it. None if no place is more than another.
        """
        self._about = about
        self.setVisible(over is not None)
        if over is None:
            return
        self.caption.show_text(over.caption)
        for widget in self._scale:
            widget.setVisible(isinstance(over, Heat))
        if isinstance(over, Heat):
            self.bar.show_colours(over.colours)
            self.low.setText(value_text(over.low))
            self.high.setText(value_text(over.high))
            with QSignalBlocker(self.slider):
                self.slider.setValue(round(over.opacity * _STEPS))
        self.caption.ensurePolished()
        self.button.ensurePolished()
        text = self.caption.fontMetrics().horizontalAdvance(over.caption)
        self._wanted = max(text + self.button.sizeHint().width() + 28, self._least())
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay in a corner of the picture."""
        if event.type() == QEvent.Type.Resize:
            self._fit()
        return False

    def sizeHint(self) -> QSize:
        """The size it would like: the caption in one line."""
        return QSize(self._wanted, super().sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_GROUND)
        painter.drawRoundedRect(QRectF(self.rect()), 5, 5)
        painter.end()

    def _least(self) -> int:
        if self.slider.isHidden():
            return 0
        texts = (self.low.sizeHint().width(), self.high.sizeHint().width())
        return sum(texts) + 2 * _BAR_WIDTH + 56

    def _fit(self) -> None:
        if self.isHidden():
            return
        layout = self.layout()
        if layout is not None:
            layout.activate()
        room = self._picture.width() - 2 * _MARGIN
        size = QSize(min(self._wanted, room), self.sizeHint().height())
        self.resize(size)
        self.move(self._corner(size))

    def keep_clear(self) -> None:
        """The image was moved: go elsewhere if what is explained lies under the legend now."""
        if self.isHidden() or self._about is None:
            return
        x, y = self._picture.to_screen(self._about)
        if self.geometry().adjusted(-_NEAR, -_NEAR, _NEAR, _NEAR).contains(round(x), round(y)):
            self._fit()

    def _corner(self, size: QSize) -> QPoint:
        """The corner farthest from what is explained; the lower left one if that is no place."""
        left, right = _MARGIN, self._picture.width() - size.width() - _MARGIN
        beside = self._beside.geometry().bottom() + 1 if self._beside.isVisible() else 0
        left_top = beside + _MARGIN
        room = self._beside.geometry().right() < right
        right_top = _MARGIN if room else left_top
        bottom = self._picture.height() - size.height() - _MARGIN
        corners = [
            QPoint(left, bottom),
            QPoint(right, bottom),
            QPoint(right, right_top),
            QPoint(left, left_top),
        ]
        if self._about is None:
            return corners[0]
        about = self._picture.to_screen(self._about)
        return max(corners, key=lambda corner: _distance(QRect(corner, size), about))


def explained(over: OverPhoto | None, inspection: Inspection) -> Point | None:
    """The image point that something over the photo is about.

    The pinned pixel or the drawn rectangle if that is what is asked about, else the middle of the
    strongest values; None if there is no such place.
    """
    if over is None:
        return None
    if inspection.over is Over.RECTANGLE and inspection.rectangle is not None:
        rect = inspection.rectangle
        return ((rect.left + rect.right) / 2, (rect.top + rect.bottom) / 2)
    if inspection.point is not None:
        return (inspection.point[0] + 0.5, inspection.point[1] + 0.5)
    return _strongest(over.levels) if isinstance(over, Heat) else None


def _strongest(levels: NDArray[np.uint8]) -> Point | None:
    """The middle of the values above half, of (H, W) looked at in a grid of 64 x 64 at most."""
    steps = [max(1, -(-side // _GRID)) for side in levels.shape]
    rows, columns = np.nonzero(levels[:: steps[0], :: steps[1]] > 127)
    if not rows.size:
        return None
    return (float(columns.mean()) + 0.5) * steps[1], (float(rows.mean()) + 0.5) * steps[0]


def _distance(box: QRect, point: Point) -> float:
    """From a rectangle to a point; 0 inside."""
    dx = max(box.left() - point[0], 0.0, point[0] - box.right())
    dy = max(box.top() - point[1], 0.0, point[1] - box.bottom())
    return math.hypot(dx, dy)


class _Bar(QWidget):
    """A colour map from its lowest to its highest value."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(_BAR_WIDTH, _BAR_HEIGHT)
        self._colours = ColourMap.VIRIDIS

    def show_colours(self, colours: ColourMap) -> None:
        self._colours = colours
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.drawImage(self.rect(), _strip(self._colours))
        painter.end()


@functools.cache
def _strip(colours: ColourMap) -> QImage:
    """A picture of 256 x 1 pixels."""
    table = colour_table(colours.value)
    return QImage(table.tobytes(), 256, 1, 256 * 3, QImage.Format.Format_RGB888).copy()


def value_text(value: float) -> str:
    """A value with three significant digits."""
    text = f"{value:.3g}"
    return text.replace("-", "\u2212")
