"""The brush: paints the active class while the button is down."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt

from segstudio.canvas.tool import Pointer, Tool, ToolHost
from segstudio.session.session import ToolName


class BrushTool(Tool):
    """One stroke from press to release.

    Ctrl erases, Alt picks the class under the pointer; both count when the button goes down.
    """

    name = ToolName.BRUSH
    shows_brush = True
    shape = Qt.CursorShape.BlankCursor
    always_erases = False

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._down = False

    @property
    def busy(self) -> bool:
        return self._down

    def press(self, pointer: Pointer) -> None:
        x, y = pointer.image_xy
        self._down = True
        self.host.editing.begin_stroke(x, y, erase=self.always_erases or pointer.ctrl)

    def drag(self, pointers: Sequence[Pointer]) -> None:
        """Go on through every point."""
        if self._down:
            for pointer in pointers:
                self.host.editing.extend_stroke(*pointer.image_xy)

    def release(self, pointer: Pointer) -> None:
        """End the stroke at the last point that was drawn to."""
        self.finish()

    def abort(self) -> None:
        """Take the stroke back."""
        if self._down:
            self._down = False
            self.host.editing.abort_stroke()

    def finish(self) -> None:
        """Keep the stroke as it is."""
        if self._down:
            self._down = False
            self.host.editing.end_stroke()

    def drop(self) -> None:
        """The stroke's image is gone from the screen; what was drawn of it is kept."""
        self.finish()
