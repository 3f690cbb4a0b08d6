"""A press that is a click, or the corner of a box once the pointer has left its place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPainterPath

from segstudio.canvas.mask_mark import draw_path
from segstudio.canvas.tool import Pointer, ToolHost
from segstudio.canvas.view import Point

if TYPE_CHECKING:
    from segstudio.core.geometry import Rect

DRAG_PX = 4.0
"""How far the pointer moves before a click becomes a drag, in logical pixels."""


class BoxDrag:
    """From the button's press to its release, for the tools that tell clicks and boxes apart.

    Attributes:
        pressed: Where the button went down; None while nothing is begun.
        last: Where the pointer is while a box is drawn; None before it left the place of the click.
    """

    def __init__(self, host: ToolHost) -> None:
        self._host = host
        self.pressed: Pointer | None = None
        self.last: Pointer | None = None

    @property
    def ends(self) -> tuple[Point, Point] | None:
        """Two opposite corners in the image; None while there is no box."""
        if self.pressed is None or self.last is None:
            return None
        return self.pressed.image_xy, self.last.image_xy

    def press(self, pointer: Pointer) -> None:
        """Begin a click, or a box."""
        self.pressed, self.last = pointer, None

    def drag(self, pointers: Sequence[Pointer]) -> bool:
        """The pointer moved; returns whether a box is drawn now, whose marks are drawn again."""
        pressed, last = self.pressed, pointers[-1]
        if pressed is None:
            return False
        if self.last is None and math.dist(pressed.screen_xy, last.screen_xy) < DRAG_PX:
            return False
        self.last = last
        self._host.repaint_marks()
        return True

    def forget(self) -> None:
        """Nothing is begun."""
        self.pressed = self.last = None
        self._host.repaint_marks()

    def paint(self, painter: QPainter, *, erases: bool = False) -> None:
        """Draw the box, readable on any photo; dashed if it erases."""
        ends = self.ends
        if ends is not None:
            draw_box(painter, self._host, *ends, erases=erases)


def box_pixels(host: ToolHost, one: Point, other: Point) -> Rect:
    """The pixels of the open image whose centres lie in the box between two points, perhaps none."""
    from segstudio.core.shapes import rectangle_pixels

    document = host.session.document
    return rectangle_pixels(one, other, (0, 0) if document is None else document.shape_hw)


def box_on_screen(host: ToolHost, one: Point, other: Point) -> QRectF:
    """The box between two points of the image, in logical pixels of the viewport."""
    return QRectF(*(QPointF(*host.to_screen(point)) for point in (one, other))).normalized()


def draw_box(
    painter: QPainter,
    host: ToolHost,
    one: Point,
    other: Point,
    fill: QColor | None = None,
    *,
    erases: bool = False,
) -> None:
    """Draw the box between two points of the image, readable on any photo."""
    path = QPainterPath()
    path.addRect(box_on_screen(host, one, other))
    draw_path(painter, path, fill, erases=erases)
