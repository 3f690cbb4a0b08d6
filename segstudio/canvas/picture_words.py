"""What stands on a picture: its font, words in two weights, buttons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import (
    QEvent,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFont,
    QFontInfo,
    QFontMetrics,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QAbstractButton, QWidget

from segstudio.canvas.view_words import (
    DASH,
    Phrase,
)
from segstudio.core.text import printable
from segstudio.kit.icons import tinted
from segstudio.kit.theme import ON_PICTURE

PAD, GAP = 8, 6
TEXT_EVENTS: Final = (
    QEvent.Type.FontChange,
    QEvent.Type.ApplicationFontChange,
    QEvent.Type.StyleChange,
)
"""After which text may be larger: where there is a style sheet the first may not come."""
BUTTON_PX: Final = 20
GLYPH_PX: Final = 14
_FONT_PX: Final = 12
_DASH_WIDTH: Final = 22
_KEPT: Final = 200
"""So many widths of words are remembered."""


def header_font(font: QFont, *, strong: bool = False) -> QFont:
    """A font one pixel smaller than the text of the system, and semibold for names."""
    found = QFont(font)
    found.setPixelSize(max(_FONT_PX, QFontInfo(font).pixelSize() - 1))
    if strong:
        found.setWeight(QFont.Weight.DemiBold)
    return found


class Ink:
    """Draws phrases in two weights on a picture, and knows how wide they are."""

    def __init__(self, font: QFont) -> None:
        self._fonts = {strong: header_font(font, strong=strong) for strong in (False, True)}
        self.metrics = {strong: QFontMetrics(found) for strong, found in self._fonts.items()}
        self._advances: dict[Phrase, int] = {DASH: _DASH_WIDTH}

    def advance(self, phrase: Phrase) -> int:
        """How wide a phrase is."""
        if phrase not in self._advances:
            if len(self._advances) > _KEPT:
                self._advances = {DASH: _DASH_WIDTH}
            metrics = self.metrics[phrase.strong]
            self._advances[phrase] = metrics.horizontalAdvance(printable(phrase.text))
        return self._advances[phrase]

    def name_width(self, text: str) -> int:
        """How wide a name would be; of many that are tried, none is remembered."""
        return self.metrics[True].horizontalAdvance(printable(text))

    def width(self, phrases: Sequence[Phrase]) -> int:
        """How wide some phrases are beside each other."""
        return sum(self.advance(phrase) for phrase in phrases) + GAP * max(0, len(phrases) - 1)

    def draw(self, painter: QPainter, x: int, height: int, phrase: Phrase) -> int:
        """Draw a phrase in a line of that height, and return where it ends."""
        width = self.advance(phrase)
        if phrase == DASH:
            pen = QPen(QColor(ON_PICTURE.text), 2, Qt.PenStyle.CustomDashLine)
            pen.setDashPattern([2.5, 1.5])
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            painter.drawLine(QPointF(x, height / 2 + 0.5), QPointF(x + width, height / 2 + 0.5))
            return x + width
        painter.setFont(self._fonts[phrase.strong])
        painter.setPen(QColor(ON_PICTURE.text if phrase.strong else ON_PICTURE.text_2))
        box = QRect(x, 0, width + GAP, height)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, printable(phrase.text))
        return x + width


class PictureButton(QAbstractButton):
    """What can be clicked on on a picture."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def _paint_states(self, painter: QPainter) -> None:
        """The ground under the pointer, and the ring of what has the keyboard."""
        if self.underMouse():
            painter.fillRect(self.rect(), QColor(ON_PICTURE.hover))
        if self.hasFocus():
            painter.setPen(QPen(QColor(ON_PICTURE.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.update()


class GlyphButton(PictureButton):
    """A small button with an icon on a picture."""

    def __init__(self, picture: str, tip: str, parent: QWidget) -> None:
        super().__init__(tip, parent)
        self._picture = picture
        self.setToolTip(tip)

    def sizeHint(self) -> QSize:
        return QSize(BUTTON_PX, BUTTON_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._paint_states(painter)
        pixels = tinted(self._picture, QColor(ON_PICTURE.text), GLYPH_PX, self.devicePixelRatioF())
        at = (self.width() - GLYPH_PX) // 2, (self.height() - GLYPH_PX) // 2
        painter.drawPixmap(*at, pixels)
        painter.end()
