"""The rectangle tool, and what it shares with other shapes that a drag draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter, QPainterPath

from segstudio.canvas.mask_mark import draw_path, draw_plate, fill_color
from segstudio.canvas.tool import Pointer, Tool, ToolHost
from segstudio.canvas.view import Point

if TYPE_CHECKING:
    from segstudio.core.geometry import Rect

_DRAG_PX = 3.0
"""How far the pointer moves before a click becomes a shape, in logical pixels."""


class RectangleTool(Tool):
    """A drag from corner to corner; what is shown while it lasts is what the release paints.

    Ctrl subtracts if it is held when the button goes down. Shift makes the sides equal.
    """

    name, title, icon, shortcut = "rectangle", "Rectangle", "square", "R"
    tip = "Drag a rectangle (Shift: a square, Ctrl: erase); Esc gives it up"
    group = "shapes"
    makes_objects = True
    gestures: tuple[tuple[str, str], ...] = (
        ("Drag, Shift while dragging", "Rectangle and ellipse: a square, a circle"),
        ("Ctrl+drag", "Rectangle, ellipse, lasso: erase"),
    )

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._pressed: Pointer | None = None
        self._last: Pointer | None = None

    @property
    def busy(self) -> bool:
        return self._pressed is not None

    @property
    def says(self) -> str:
        if self._last is None:
            return ""
        verb = "erases" if self._erases else "paints"
        return f"Release {verb}, Shift makes the sides equal, Esc gives up"

    def press(self, pointer: Pointer) -> None:
        self._pressed, self._last = pointer, None

    def drag(self, pointers: Sequence[Pointer]) -> None:
        """Show the shape once the pointer has left the place of the click."""
        pressed, last = self._pressed, pointers[-1]
        if pressed is None:
            return
        if self._last is None and math.dist(pressed.screen_xy, last.screen_xy) < _DRAG_PX:
            return
        self._last = last
        self.host.repaint_marks()

    def modifiers(self, pointer: Pointer) -> None:
        """Shift went down or up while the pointer rests."""
        if self._last is not None and self._last.shift != pointer.shift:
            self._last = replace(self._last, shift=pointer.shift)
            self.host.repaint_marks()

    def release(self, pointer: Pointer) -> None:
        """Paint the shape, if one was drawn."""
        if self._last is not None:
            self._last = pointer
        corners, erases = self._corners(), self._erases
        self._forget()
        if corners is not None:
            self._paint_pixels(*corners, erases=erases)

    def double_click(self, pointer: Pointer) -> None:
        """The second press begins a shape, as the first did."""
        self.press(pointer)

    def abort(self) -> None:
        """Draw nothing."""
        self._forget()

    finish = drop = abort

    def paint(self, painter: QPainter) -> None:
        """Draw the pixels that a release paints, and how many rows and columns these are."""
        corners = self._corners()
        if corners is None or self._last is None:
            return
        path = self._path(*corners)
        draw_path(painter, path, fill_color(self.host, erases=self._erases), erases=self._erases)
        rect = self._pixels(*corners)
        text = f"{rect.width:,} × {rect.height:,} px"  # noqa: RUF001 - the sign of sizes
        draw_plate(painter, QPointF(*self._last.screen_xy), text)

    # -- what other shapes do in another way -----------------------------------------------------

    def _path(self, first: Point, last: Point) -> QPainterPath:
        """The outline on the screen: along the edges of the pixels that are painted."""
        rect = self._pixels(first, last)
        path = QPainterPath()
        if not rect.is_empty:
            path.addRect(self._on_screen((rect.left, rect.top), (rect.right, rect.bottom)))
        return path

    def _paint_pixels(self, first: Point, last: Point, *, erases: bool) -> None:
        import numpy as np

        rect = self._pixels(first, last)
        self.host.editing.paint_region(
            lambda: (rect, np.ones(rect.shape_hw, np.bool_)),
            self.title,
            erases,
            rect.height * rect.width,
        )

    # -- inside ----------------------------------------------------------------------------------

    @property
    def _erases(self) -> bool:
        return self._pressed is not None and self._pressed.ctrl

    def _corners(self) -> tuple[Point, Point] | None:
        """Where the drag began and where it is; with Shift as far in both directions."""
        if self._pressed is None or self._last is None:
            return None
        first, last = self._pressed.image_xy, self._last.image_xy
        if self._last.shift:
            way = (last[0] - first[0], last[1] - first[1])
            side = max(map(abs, way))
            last = (
                first[0] + math.copysign(side, way[0]),
                first[1] + math.copysign(side, way[1]),
            )
        return first, last

    def _pixels(self, first: Point, last: Point) -> Rect:
        from segstudio.core.shapes import rectangle_pixels

        document = self.host.session.document
        return rectangle_pixels(first, last, (0, 0) if document is None else document.shape_hw)

    def _on_screen(self, first: Point, last: Point) -> QRectF:
        ends = (QPointF(*self.host.to_screen(point)) for point in (first, last))
        return QRectF(*ends).normalized()

    def _forget(self) -> None:
        self._pressed = self._last = None
        self.host.repaint_marks()
