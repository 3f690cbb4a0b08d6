"""What the colours of values over the photo mean, and how strong they are."""

from __future__ import annotations

import functools
from typing import Final

from PySide6.QtCore import (
    QRect,
    QSignalBlocker,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QImage,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QSlider, QWidget

from segstudio.canvas.picture_words import BUTTON_PX, GAP, GlyphButton, header_font
from segstudio.core.colour_maps import colour_table
from segstudio.kit.focus_chain import before_in_chain
from segstudio.kit.theme import DARK, ON_PICTURE
from segstudio.session.inspection import ColourMap, OverPhotoHeat

_BAR_WIDTH, _BAR_HEIGHT, _SLIDER_WIDTH, _STEPS = 90, 10, 64, 100
_SLIDER_STYLE: Final = f"""
QSlider {{ background: transparent; }}
QSlider::groove:horizontal {{ background: {DARK.edge}; }}
QSlider::sub-page:horizontal, QSlider::handle:horizontal {{ background: {ON_PICTURE.accent}; }}
QSlider::handle:horizontal:focus {{ border: 2px solid {ON_PICTURE.text}; }}
"""


class Scale(QWidget):
    """The colours of what lies over the photo with their ends, how strong it is, and its end.

    Signals:
        closed: It shall go.
        faded: How strongly it shall cover the photo, 0..1.
    """

    closed = Signal()
    faded = Signal(float)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._heat: OverPhotoHeat | None = None
        self._slider: QSlider | None = None
        self.button = GlyphButton("x", "Take away what lies over the photo", self)
        self.button.clicked.connect(self.closed)
        self.setAccessibleName("Colours over the photo")

    @property
    def slider(self) -> QSlider:
        """How strongly it covers the photo; made when it is first shown."""
        if self._slider is None:
            self._slider = QSlider(Qt.Orientation.Horizontal, self)
            self._slider.setStyleSheet(_SLIDER_STYLE)
            self._slider.setRange(0, _STEPS)
            self._slider.setToolTip("How strongly it covers the photo")
            self._slider.setAccessibleName("Opacity of what lies over the photo")
            self._slider.valueChanged.connect(lambda step: self.faded.emit(step / _STEPS))
            self._slider.hide()
            before = before_in_chain(self.button)
            if before is not None:
                self.setTabOrder(before, self._slider)
                self.setTabOrder(self._slider, self.button)
        return self._slider

    @property
    def ends(self) -> tuple[str, str]:
        """The lowest and the highest value; "" where there are none."""
        if self._heat is None:
            return ("", "")
        return value_text(self._heat.low), value_text(self._heat.high)

    def show_heat(self, heat: OverPhotoHeat | None) -> None:
        """Explain these values, or none: class maps have the colours of their classes."""
        self._heat = heat
        if heat is not None:
            with QSignalBlocker(self.slider):
                self.slider.setValue(round(heat.opacity * _STEPS))
            low, high = self.ends
            self.setAccessibleDescription(f"{low} to {high}")
        elif self._slider is not None:
            self._slider.hide()
        self.update()

    def width_in(self, room: int) -> int:
        """How wide it is where there is so much room: without the slider where there is little."""
        if self._heat is None:
            return BUTTON_PX
        least = self._colours_width() + GAP + BUTTON_PX
        whole = least + _SLIDER_WIDTH + GAP
        return whole if room >= whole else least

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._arrange()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._heat is None:
            return
        painter = QPainter(self)
        painter.setFont(header_font(self.font()))
        painter.setPen(QColor(ON_PICTURE.text))
        low, high = self.ends
        metrics = painter.fontMetrics()
        line = QRect(0, 0, self.width(), self.height())
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, low)
        x = metrics.horizontalAdvance(low) + GAP
        bar = QRect(x, (self.height() - _BAR_HEIGHT) // 2, _BAR_WIDTH, _BAR_HEIGHT)
        painter.drawImage(bar, _strip(self._heat.colours))
        line.setLeft(bar.right() + 1 + GAP)
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, high)
        painter.end()

    def _colours_width(self) -> int:
        metrics = QFontMetrics(header_font(self.font()))
        ends = sum(metrics.horizontalAdvance(text) for text in self.ends)
        return ends + _BAR_WIDTH + 2 * GAP

    def _arrange(self) -> None:
        height = self.height()
        left = self.width() - BUTTON_PX
        self.button.setGeometry(left, (height - BUTTON_PX) // 2, BUTTON_PX, BUTTON_PX)
        if self._heat is None:
            return
        x = self._colours_width() + GAP
        self.slider.setVisible(left - x >= _SLIDER_WIDTH)
        self.slider.setGeometry(x, (height - 16) // 2, _SLIDER_WIDTH, 16)


@functools.cache
def _strip(colours: ColourMap) -> QImage:
    """A picture of 256 x 1 pixels."""
    table = colour_table(colours.value)
    return QImage(table.tobytes(), 256, 1, 256 * 3, QImage.Format.Format_RGB888).copy()


def value_text(value: float) -> str:
    """A value with three significant digits."""
    text = f"{value:.3g}"
    return text.replace("-", "\u2212")
