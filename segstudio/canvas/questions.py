"""What the hand asks of the network inspector: a click pins a pixel, Shift+drag a rectangle."""

from __future__ import annotations

import math

from segstudio.canvas.tool import Pointer
from segstudio.canvas.view import Point
from segstudio.core.geometry import Rect

_CLICK_PX = 4.0
"""A pointer that moved less between press and release has clicked."""


class Questions:
    """Follows one press of the left button to its release."""

    def __init__(self) -> None:
        self._pressed_xy: Point | None = None
        self._corner: Point | None = None
        self._moved = False

    @property
    def drawing(self) -> bool:
        return self._corner is not None

    def press(self, pointer: Pointer) -> bool:
        """The button went down; returns whether the hand does not get it."""
        self._pressed_xy, self._moved = pointer.screen_xy, False
        self._corner = pointer.image_xy if pointer.shift else None
        return self.drawing

    def move(self, pointer: Pointer) -> None:
        if self._pressed_xy is not None:
            self._moved |= math.dist(pointer.screen_xy, self._pressed_xy) >= _CLICK_PX

    def rectangle(self, pointer: Pointer) -> Rect | None:
        """The pixels between where Shift+drag began and the pointer; None while that is a click."""
        if self._corner is None or not self._moved:
            return None
        (x0, x1), (y0, y1) = (
            sorted((self._corner[axis], pointer.image_xy[axis])) for axis in (0, 1)
        )
        return Rect(math.floor(y0), math.floor(x0), math.ceil(y1), math.ceil(x1))

    def release(self, pointer: Pointer) -> tuple[int, int] | Rect | None:
        """The button went up; returns the pixel clicked on, the rectangle drawn, or None."""
        self.move(pointer)
        pressed, drawn = self._pressed_xy, self.rectangle(pointer)
        drawing, moved = self.drawing, self._moved
        self.drop()
        if drawn is not None or pressed is None or moved or drawing:
            return drawn
        return pointer.pixel

    def drop(self) -> None:
        """Forget the press."""
        self._pressed_xy, self._corner, self._moved = None, None, False
