"""The select tool: clicks and boxes choose objects, which menus and keys then change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QPainter

from segstudio.canvas.box_drag import BoxDrag
from segstudio.canvas.tool import Pointer, Tool, ToolHost
from segstudio.canvas.view import Point

if TYPE_CHECKING:
    from segstudio.core.geometry import Rect

SELECT = "select"
_NOTHING = (Qt.Key.Key_Backspace, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape)


class SelectTool(Tool):
    """Chooses what has a number, or where no numbers are kept a connected region of a class."""

    name, title, icon, shortcut = SELECT, "Select", "mouse-pointer-2", "Z"
    tip = "Click an object, Shift+click another one, or drag a box; Delete deletes"
    gestures = (
        ("Click, drag, with Select", "Choose an object, or all that a box touches"),
        ("Shift+click, Shift+drag", "Choose more, or leave one out"),
        ("Esc, Backspace, with Select", "Choose nothing"),
    )
    edits = False
    group = "objects"
    shape = Qt.CursorShape.ArrowCursor

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._drag = BoxDrag(host)

    @property
    def busy(self) -> bool:
        return self._drag.last is not None

    def press(self, pointer: Pointer) -> None:
        """Begin a click, or a box."""
        self._drag.press(pointer)

    def drag(self, pointers: Sequence[Pointer]) -> None:
        """Draw a box once the pointer has left the place of the click."""
        self._drag.drag(pointers)

    def release(self, pointer: Pointer) -> None:
        """Choose what was clicked on, or what the box touches."""
        pressed, ends, objects = self._drag.pressed, self._drag.ends, self.host.objects
        self._drag.forget()
        if pressed is None or objects is None:
            return
        if ends is None:
            objects.select_at(*pressed.pixel, add=pressed.shift)
        else:
            objects.select_box(_rect(*ends), add=pressed.shift)

    def double_click(self, pointer: Pointer) -> None:
        """As one click: the second does not leave out what the first has chosen."""

    def key(self, event: QKeyEvent) -> bool:
        """Backspace, Enter and Esc choose nothing."""
        objects = self.host.objects
        if event.key() not in _NOTHING or objects is None or not self.host.session.selection:
            return False
        objects.clear_selection()
        return True

    def abort(self) -> None:
        """No box is drawn any more."""
        self._drag.forget()

    finish = drop = abort

    def paint(self, painter: QPainter) -> None:
        """Draw the box, readable on any photo."""
        self._drag.paint(painter)


def _rect(one: Point, other: Point) -> Rect:
    """The pixels between two points, and those under a line that is straight along an axis."""
    from segstudio.core.geometry import Rect

    (x0, x1), (y0, y1) = (sorted((one[axis], other[axis])) for axis in (0, 1))
    top, left = math.floor(y0), math.floor(x0)
    return Rect(top, left, max(math.ceil(y1), top + 1), max(math.ceil(x1), left + 1))
