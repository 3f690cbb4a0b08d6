"""The rectangle tool, and what it shares with other shapes that a drag draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter, QPainterPath

from segstudio.canvas.box_drag import BoxDrag, box_on_screen, box_pixels
from segstudio.canvas.mask_mark import draw_path, draw_plate, fill_color
from segstudio.canvas.tool import Pointer, Tool, ToolHost
from segstudio.canvas.view import Point


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
        self._drag = BoxDrag(host)

    @property
    def busy(self) -> bool:
        return self._drag.pressed is not None

    @property
    def says(self) -> str:
        if self._drag.last is None:
            return ""
        verb = "erases" if self._erases else "paints"
        return f"Release {verb}, Shift makes the sides equal, Esc gives up"

    def press(self, pointer: Pointer) -> None:
        self._drag.press(pointer)

    def drag(self, pointers: Sequence[Pointer]) -> None:
        """Show the shape once the pointer has left the place of the click."""
        self._drag.drag(pointers)

    def modifiers(self, pointer: Pointer) -> None:
        """Shift went down or up while the pointer rests."""
        last = self._drag.last
        if last is not None and last.shift != pointer.shift:
            self._drag.last = replace(last, shift=pointer.shift)
            self.host.repaint_marks()

    def release(self, pointer: Pointer) -> None:
        """Paint the shape, if one was drawn."""
        if self._drag.last is not None:
            self._drag.last = pointer
        corners, erases = self._corners(), self._erases
        self._drag.forget()
        if corners is not None:
            self._paint_pixels(*corners, erases=erases)

    def double_click(self, pointer: Pointer) -> None:
        """The second press begins a shape, as the first did."""
        self.press(pointer)

    def abort(self) -> None:
        """Draw nothing."""
        self._drag.forget()

    finish = drop = abort

    def paint(self, painter: QPainter) -> None:
        """Draw the pixels that a release paints, and how many rows and columns these are."""
        corners, last = self._corners(), self._drag.last
        if corners is None or last is None:
            return
        path = self._path(*corners)
        draw_path(painter, path, fill_color(self.host, erases=self._erases), erases=self._erases)
        rect = box_pixels(self.host, *corners)
        text = f"{rect.width:,} × {rect.height:,} px"  # noqa: RUF001 - the sign of sizes
        draw_plate(painter, QPointF(*last.screen_xy), text)

    # -- what other shapes do in another way -----------------------------------------------------

    def _path(self, first: Point, last: Point) -> QPainterPath:
        """The outline on the screen: along the edges of the pixels that are painted."""
        rect = box_pixels(self.host, first, last)
        path = QPainterPath()
        if not rect.is_empty:
            corners = (rect.left, rect.top), (rect.right, rect.bottom)
            path.addRect(box_on_screen(self.host, *corners))
        return path

    def _paint_pixels(self, first: Point, last: Point, *, erases: bool) -> None:
        import numpy as np

        rect = box_pixels(self.host, first, last)
        self.host.editing.paint_region(
            lambda: (rect, np.ones(rect.shape_hw, np.bool_)),
            self.title,
            erases,
            rect.height * rect.width,
        )

    # -- inside ----------------------------------------------------------------------------------

    @property
    def _erases(self) -> bool:
        pressed = self._drag.pressed
        return pressed is not None and pressed.ctrl

    def _corners(self) -> tuple[Point, Point] | None:
        """Where the drag began and where it is; with Shift as far in both directions."""
        ends, pointer = self._drag.ends, self._drag.last
        if ends is None or pointer is None:
            return None
        first, last = ends
        if pointer.shift:
            way = (last[0] - first[0], last[1] - first[1])
            side = max(map(abs, way))
            last = (
                first[0] + math.copysign(side, way[0]),
                first[1] + math.copysign(side, way[1]),
            )
        return first, last
