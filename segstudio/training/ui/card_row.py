"""Pictures side by side, each with a line below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from segstudio.core.labels import Image
from segstudio.kit.elided import ElidedLabel
from segstudio.kit.plain import PlainLabel, plain

LEAST, CAPTION = 96, 20
_GAP: Final = 8
_SMALLEST, _MOST = 80, 260


@dataclass(frozen=True, eq=False)
class CardPicture:
    """What a card shows.

    Attributes:
        name: At the left of the line.
        pixels: (H, W, 3) uint8 RGB.
        text: At the right of the line.
        tip: All of it in a sentence, for the pointer and for screen readers.
    """

    name: str
    pixels: Image
    text: str
    tip: str


class CardRow(QWidget):
    """Pictures of one size with a line below each: as many as fit, or all of them, smaller."""

    def __init__(self, *, fits_all: bool = False) -> None:
        """Whether all have to be seen."""
        super().__init__()
        self._fits_all = fits_all
        self._cards: list[PictureCard] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(_GAP)
        self._row.addStretch(1)
        self.setMinimumHeight(LEAST + CAPTION)

    @property
    def cards(self) -> tuple[PictureCard, ...]:
        """What stands in it, also what has no room."""
        return (*self._cards,)

    def show_pictures(self, pictures: Sequence[CardPicture]) -> None:
        """Show others."""
        while len(self._cards) > len(pictures):
            card = self._cards.pop()
            self._row.removeWidget(card)
            card.deleteLater()
        while len(self._cards) < len(pictures):
            card = PictureCard()
            self._row.insertWidget(len(self._cards), card, 0, Qt.AlignmentFlag.AlignTop)
            self._cards.append(card)
        for card, picture in zip(self._cards, pictures, strict=True):
            card.show_picture(picture)
        self._fit()

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)  # type: ignore[arg-type]
        self._fit()

    def _fit(self) -> None:
        """Leave out what has no room, rather than make all too small to be judged."""
        side = min(self.height() - CAPTION, _MOST)
        if self._fits_all and self._cards:
            side = min(side, (self.width() + _GAP) // len(self._cards) - _GAP)
        side = max(_SMALLEST if self._fits_all else LEAST, side)
        fits = max(1, (self.width() + _GAP) // (side + _GAP))
        for place, card in enumerate(self._cards):
            card.fit(side)
            card.setVisible(place < fits)


class PictureCard(QWidget):
    """A picture as large as fits, and the line below it."""

    def __init__(self) -> None:
        super().__init__()
        self._pixmap = QPixmap()
        self._name = ElidedLabel(Qt.TextElideMode.ElideMiddle)
        self._text = PlainLabel()
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self._name, 1)
        line.addWidget(self._text)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addStretch(1)
        column.addLayout(line)

    @property
    def text(self) -> str:
        """What stands at the right of the line."""
        return self._text.text()

    def show_picture(self, picture: CardPicture) -> None:
        """Show another one."""
        height, width = picture.pixels.shape[:2]
        image = QImage(picture.pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        self._pixmap = QPixmap.fromImage(image.copy())
        self._name.show_text(picture.name)
        self._text.setText(picture.text)
        self.setAccessibleName(picture.tip)
        self.setToolTip(plain(picture.tip))
        self.update()

    def fit(self, side: int) -> None:
        """Be as wide and as high as the picture in a square of this side, and the line below it."""
        size = self._pixmap.size().scaled(QSize(side, side), Qt.AspectRatioMode.KeepAspectRatio)
        self.setFixedSize(side, size.height() + CAPTION)

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._pixmap.isNull():
            return
        place = self.rect().adjusted(0, 0, 0, -CAPTION)
        size = self._pixmap.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
        painter = QPainter(self)
        is_smaller = size.width() * self.devicePixelRatioF() < self._pixmap.width()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, is_smaller)
        painter.drawPixmap(0, 0, size.width(), size.height(), self._pixmap)
        painter.end()
