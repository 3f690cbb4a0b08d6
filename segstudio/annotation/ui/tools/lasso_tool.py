"""The lasso: a drag around an area, closed by a straight line when the button is let go."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtGui import QPainter

from segstudio.canvas.mask_mark import draw_path, fill_color, path_of
from segstudio.canvas.tool import Pointer, Tool, ToolHost
from segstudio.canvas.view import Point

_STEP_PX = 1.0
"""Least distance of its points, in logical pixels."""


class LassoTool(Tool):
    """One area from press to release, by the rule of polygons.

    Ctrl subtracts if it is held when the button goes down.
    """

    name, title, icon, shortcut = "lasso", "Lasso", "lasso", "Shift+P"
    tip = "Drag around an area (Ctrl: erase); a straight line closes it; Esc gives it up"
    group = "shapes"
    makes_objects = continues_objects = True

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._points: list[Point] = []
        self._last_xy: Point = (0.0, 0.0)
        self._erases = False

    @property
    def busy(self) -> bool:
        return bool(self._points)

    @property
    def says(self) -> str:
        if len(self._points) < 2:
            return ""
        return (
            f"Release closes the area and {'erases' if self._erases else 'paints'} it, Esc gives up"
        )

    def press(self, pointer: Pointer) -> None:
        self._points, self._last_xy = [pointer.image_xy], pointer.screen_xy
        self._erases = pointer.ctrl

    def drag(self, pointers: Sequence[Pointer]) -> None:
        """Go on through every point."""
        if not self._points:
            return
        for pointer in pointers:
            if math.dist(pointer.screen_xy, self._last_xy) >= _STEP_PX:
                self._points.append(pointer.image_xy)
                self._last_xy = pointer.screen_xy
        self.host.repaint_marks()

    def release(self, pointer: Pointer) -> None:
        """Paint the area."""
        points, erases = self._points, self._erases
        self._forget()
        if len(points) >= 3:
            self.host.editing.paint_polygon(points, erases, self.title)

    def abort(self) -> None:
        """Draw nothing."""
        self._forget()

    finish = drop = abort

    def paint(self, painter: QPainter) -> None:
        """Draw the line so far, closed, and the area in it."""
        if len(self._points) < 2:
            return
        path = path_of(self.host, self._points, closed=True)
        draw_path(painter, path, fill_color(self.host, erases=self._erases), erases=self._erases)

    def _forget(self) -> None:
        self._points = []
        self.host.repaint_marks()
