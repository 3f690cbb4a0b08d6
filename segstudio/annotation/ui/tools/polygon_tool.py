"""The polygon tool: clicks add corners, a drag draws freehand, closing paints the area."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen, QPolygonF

from segstudio.annotation.ui.tools.brush_tool import ONLY_UNLABELLED
from segstudio.canvas.tool import Pointer, Tool, ToolHost
from segstudio.canvas.view import Point

_CLOSE_PX = 8.0
"""How near to the first corner a click closes, in logical pixels."""
_DRAG_PX = 4.0
"""How far the pointer moves before a click becomes a freehand line."""
_FREEHAND_PX = 2.0
"""Least distance of freehand points, in logical pixels."""
_DARK, _LIGHT = QColor(0, 0, 0, 190), QColor(255, 255, 255)
_HANDLE_PX = 3.0


class PolygonTool(Tool):
    """Corners as float image points; nothing is painted before the polygon is closed.

    A polygon that is begun waits while another tool is taken, and with its image while another
    image is shown.
    """

    name, title, icon, shortcut = "polygon", "Polygon", "pentagon", "P"
    tip = "Click the corners; Enter or a click on the first one closes it"
    options = (ONLY_UNLABELLED,)
    makes_objects = continues_objects = True
    gestures = (
        ("Enter, or click the first corner", "Close the polygon"),
        ("Backspace", "Take back the polygon's last corner"),
    )

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._points: list[Point] = []
        self._image: object = None
        self._waiting: dict[object, list[Point]] = {}
        self._tip: Point | None = None
        self._pressed_at: Point | None = None
        self._freehand = False

    @property
    def busy(self) -> bool:
        return bool(self._points)

    @property
    def begun(self) -> tuple[object, ...]:
        """Images with a line at least; one corner is soon clicked again."""
        all_points = {**self._waiting, self._image: self._points}
        return tuple(image for image, points in all_points.items() if len(points) > 1)

    @property
    def points(self) -> tuple[Point, ...]:
        """The corners so far, (x, y) in the image."""
        return tuple(self._points)

    def press(self, pointer: Pointer) -> None:
        """Add a corner, or close on the first one."""
        if self._closes(pointer):
            self._close()
            return
        self._points.append(pointer.image_xy)
        self._pressed_at = pointer.screen_xy
        self._freehand = False
        self._tip = pointer.image_xy
        self.host.repaint_marks()

    def drag(self, pointers: Sequence[Pointer]) -> None:
        """Draw freehand once the pointer has left the place of the click."""
        for pointer in pointers:
            if self._pressed_at is None:
                return
            if not self._freehand:
                self._freehand = _distance(pointer.screen_xy, self._pressed_at) >= _DRAG_PX
            last = self.host.to_screen(self._points[-1])
            if self._freehand and _distance(pointer.screen_xy, last) >= _FREEHAND_PX:
                self._points.append(pointer.image_xy)
            self._tip = pointer.image_xy
        self.host.repaint_marks()

    def hover(self, pointer: Pointer) -> None:
        """Move the rubber band."""
        if self._points:
            self._tip = pointer.image_xy
            self.host.repaint_marks()

    def release(self, pointer: Pointer) -> None:
        """A freehand line that ends where it began closes the polygon."""
        freehand, self._freehand, self._pressed_at = self._freehand, False, None
        if freehand and self._closes(pointer):
            self._close()

    def double_click(self, pointer: Pointer) -> None:
        """Close; its first click has added the last corner."""
        if len(self._points) >= 3:
            self._close()
        else:
            self.press(pointer)

    def key(self, event: QKeyEvent) -> bool:
        """Enter closes, Backspace takes the last corner back."""
        if not self._points:
            return False
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if len(self._points) >= 3:
                self._close()
            return True
        if event.key() == Qt.Key.Key_Backspace:
            self._points.pop()
            self.host.repaint_marks()
            return True
        return False

    def abort(self) -> None:
        """Forget the polygon."""
        self._forget()

    def finish(self) -> None:
        """The corners stay while the focus is elsewhere; a drag ends."""
        self._pressed_at, self._freehand = None, False

    def drop(self) -> None:
        """The polygon waits for its image."""
        if self._points:
            self._waiting[self._image] = self._points
        self._image = None
        self._forget()

    def take_up(self, image: object) -> None:
        """Go on with the polygon of an image."""
        self._image = image
        self._points = self._waiting.pop(image, [])
        self.host.repaint_marks()

    def paint(self, painter: QPainter) -> None:
        """Draw the corners, the lines and the rubber band, readable on any photo."""
        if not self._points:
            return
        from segstudio.canvas.marks import square

        screen = [QPointF(*self.host.to_screen(point)) for point in self._points]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        lines = [*screen, QPointF(*self.host.to_screen(self._tip))] if self._tip else screen
        for color, width in ((_DARK, 3.0), (_LIGHT, 1.25)):
            painter.setPen(QPen(color, width))
            painter.drawPolyline(QPolygonF(lines))
            if len(lines) > 2:
                painter.setPen(QPen(color, width, Qt.PenStyle.DotLine))
                painter.drawLine(lines[-1], lines[0])
        painter.setPen(QPen(_DARK, 1.0))
        painter.setBrush(_LIGHT)
        for corner in screen if len(screen) < 200 else screen[:1]:
            painter.drawRect(square(corner, _HANDLE_PX))
        if self._tip is not None and self._near_first(self.host.to_screen(self._tip)):
            painter.drawRect(square(screen[0], _HANDLE_PX + 2))

    def _near_first(self, screen_xy: Point) -> bool:
        if len(self._points) < 3:
            return False
        return _distance(screen_xy, self.host.to_screen(self._points[0])) <= _CLOSE_PX

    def _closes(self, pointer: Pointer) -> bool:
        return self._near_first(pointer.screen_xy)

    def _close(self) -> None:
        points = self.points
        self._forget()
        self.host.editing.paint_polygon(points)

    def _forget(self) -> None:
        self._points = []
        self._tip = self._pressed_at = None
        self._freehand = False
        self.host.repaint_marks()


def _distance(a: Point, b: Point) -> float:
    return math.hypot(a[0] - b[0], a[1] - b[1])
