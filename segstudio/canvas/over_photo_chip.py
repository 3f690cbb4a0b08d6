"""The legend of what the network inspector lays over the photo, with a button that removes it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSlider, QToolButton, QVBoxLayout, QWidget

from segstudio.canvas.corner_card import CornerCard
from segstudio.core.colour_maps import colour_table
from segstudio.core.geometry import Rect
from segstudio.kit.elided import ElidedLabel
from segstudio.kit.plain import PlainLabel
from segstudio.session.inspection import ColourMap, OverPhoto, OverPhotoHeat

if TYPE_CHECKING:
    from segstudio.canvas.viewport import Viewport

_GROUND = QColor(20, 20, 20, 205)
_CORNERS = (("bottom", "left"), ("bottom", "right"), ("top", "right"), ("top", "left"))
_STYLE = """
OverPhotoChip QLabel { color: rgb(245, 245, 245); background: transparent; }
OverPhotoChip QToolButton {
    color: rgb(245, 245, 245); background: transparent; border: none; padding: 0 3px;
}
OverPhotoChip QToolButton:hover { background: rgba(255, 255, 255, 50); border-radius: 3px; }
OverPhotoChip QToolButton:focus { border: 1px solid rgb(245, 245, 245); border-radius: 3px; }
"""
_GRID = 64
_BAR_WIDTH, _BAR_HEIGHT, _STEPS = 90, 10, 100


class OverPhotoChip(CornerCard):
    """Says what lies over the photo and what its colours mean.

    Signals:
        closed: The user does not want to see it any more.
        faded: How strongly it shall cover the photo, 0..1.
    """

    closed = Signal()
    faded = Signal(float)

    def __init__(self, picture: Viewport, legend: CornerCard) -> None:
        """Args:
        picture: What it lies on.
        legend: The legend of the layers on the same picture.
        """
        super().__init__(picture, _CORNERS, _GROUND, legend)
        self.setAccessibleName("Over the photo")
        self.setStyleSheet(_STYLE)
        self.setCursor(Qt.CursorShape.ArrowCursor)
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
        self.hide()

    def show_over(self, over: OverPhoto | None, explained: tuple[Rect, ...]) -> None:
        """Say what lies there; nothing hides the legend.

        Args:
            over: What lies over the photo.
            explained: The parts of the image that it explains; if there are none, it goes out of
                the way of the strongest values.
        """
        self.setVisible(over is not None)
        if over is None:
            return
        self.caption.show_text(over.caption)
        for widget in self._scale:
            widget.setVisible(isinstance(over, OverPhotoHeat))
        if isinstance(over, OverPhotoHeat):
            self.bar.show_colours(over.colours)
            self.low.setText(value_text(over.low))
            self.high.setText(value_text(over.high))
            with QSignalBlocker(self.slider):
                self.slider.setValue(round(over.opacity * _STEPS))
        self.caption.ensurePolished()
        self.button.ensurePolished()
        text = self.caption.fontMetrics().horizontalAdvance(over.caption)
        self._wanted = max(text + self.button.sizeHint().width() + 28, self._least())
        self.fit()
        self.explain(
            explained or (_strongest(over.levels) if isinstance(over, OverPhotoHeat) else ())
        )

    def sizeHint(self) -> QSize:
        """The caption in one line, if there is room."""
        return QSize(min(self._wanted, self.room), super().sizeHint().height())

    def _least(self) -> int:
        if self.slider.isHidden():
            return 0
        texts = (self.low.sizeHint().width(), self.high.sizeHint().width())
        return sum(texts) + 2 * _BAR_WIDTH + 56


def _strongest(levels: NDArray[np.uint8]) -> tuple[Rect, ...]:
    """The pixel in the middle of the values above half, if there are any.

    Args:
        levels: (H, W), looked at in a grid of 64 x 64 at most.
    """
    steps = [max(1, -(-side // _GRID)) for side in levels.shape]
    rows, columns = np.nonzero(levels[:: steps[0], :: steps[1]] > 127)
    if not rows.size:
        return ()
    y, x = (int((at.mean() + 0.5) * step) for at, step in zip((rows, columns), steps, strict=True))
    return (Rect(y, x, y + 1, x + 1),)


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
