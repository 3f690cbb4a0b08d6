"""The hand: drag to move the image."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt

from segstudio.canvas.tool import PAN, Pointer, Tool, ToolHost
from segstudio.canvas.view import Point


class PanTool(Tool):
    """Moves the image; also lent to other tools by Space and the middle button."""

    name, title, icon, shortcut = PAN, "Hand", "hand", "H"
    tip = "Drag to move the image (hold Space with any tool)"
    gestures = (("Middle drag, Space+drag", "Pan, with any tool"),)
    edits = False
    shape = Qt.CursorShape.OpenHandCursor

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._last_xy: Point | None = None

    @property
    def busy(self) -> bool:
        """A drag needs no abort."""
        return False

    def press(self, pointer: Pointer) -> None:
        self._last_xy = pointer.screen_xy

    def drag(self, pointers: Sequence[Pointer]) -> None:
        if self._last_xy is not None and pointers:
            x, y = pointers[-1].screen_xy
            self.host.pan_by(x - self._last_xy[0], y - self._last_xy[1])
            self._last_xy = (x, y)

    def release(self, pointer: Pointer) -> None:
        self.drag((pointer,))
        self._last_xy = None

    def finish(self) -> None:
        self._last_xy = None

    abort = drop = finish
