"""Where the cells of the channel grid lie."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from PySide6.QtCore import QPoint, QRect, QSize

GAP = 4
CAPTION = 15
SMALLEST_CELL, LARGEST_CELL, USUAL_CELL = 48, 320, 88


@dataclass(frozen=True)
class ChannelLayout:
    """Cells of one size, row by row, about as large as wished so that they fill the width.

    Attributes:
        count: How many cells.
        aspect_hw: Height and width of what the pictures show.
        wished: Pixels of the longer side of a picture.
        width: Of the viewport.
    """

    count: int
    aspect_hw: tuple[int, int]
    wished: int
    width: int

    @cached_property
    def columns(self) -> int:
        """How many cells a row has."""
        one = picture_size(self.aspect_hw, self.wished).width() + GAP
        fitting = max(1, (self.width - GAP) // one)
        return fitting if self.count <= fitting else max(1, round((self.width - GAP) / one))

    @cached_property
    def picture(self) -> QSize:
        """Size of a cell's picture."""
        wished = picture_size(self.aspect_hw, self.wished)
        if self.count <= self.columns:
            return wished
        wide = (self.width - GAP) // self.columns - GAP
        return picture_size(self.aspect_hw, round(self.wished * wide / wished.width()))

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return -(-self.count // self.columns)

    @property
    def pitch(self) -> int:
        """From one row to the next."""
        return self.picture.height() + CAPTION + GAP

    @property
    def height(self) -> int:
        """Of all rows."""
        return GAP + self.rows * self.pitch

    def rect(self, place: int, scrolled: int) -> QRect:
        """The picture and caption of a cell in the viewport."""
        row, column = divmod(place, self.columns)
        step = self.picture.width() + GAP
        return QRect(
            GAP + column * step,
            GAP + row * self.pitch - scrolled,
            self.picture.width(),
            self.picture.height() + CAPTION,
        )

    def picture_rect(self, place: int, scrolled: int) -> QRect:
        """The picture of a cell in the viewport."""
        return QRect(self.rect(place, scrolled).topLeft(), self.picture)

    def at(self, point: QPoint, scrolled: int) -> int | None:
        """The cell at a place of the viewport, or None."""
        row = (point.y() + scrolled - GAP) // self.pitch
        if row < 0:
            return None
        for column in range(self.columns):
            place = row * self.columns + column
            if place < self.count and self.rect(place, scrolled).contains(point):
                return place
        return None

    def visible(self, scrolled: int, height: int) -> range:
        """The cells of which something is seen in a viewport of some height."""
        first = max(0, (scrolled - GAP) // self.pitch)
        last = max(0, (scrolled + height - GAP) // self.pitch)
        return range(
            min(first * self.columns, self.count), min((last + 1) * self.columns, self.count)
        )


def picture_size(aspect_hw: tuple[int, int], longest: int) -> QSize:
    """The size of pictures of something (height, width) whose longer side has so many pixels."""
    height, width = aspect_hw
    scale = longest / max(height, width)
    return QSize(max(8, round(width * scale)), max(8, round(height * scale)))
