"""The brush: paints the active class while the button is down."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt

from segstudio.canvas.tool import Pointer, Tool, ToolHost
from segstudio.kit.actions import ActionSpec, flip_view, is_view
from segstudio.kit.frame_names import TOOLS

ONLY_UNLABELLED = ActionSpec(
    "brush.only_unlabelled",
    TOOLS,
    "Paint only over unlabelled",
    partial(flip_view, "only_unlabelled"),
    "lock",
    ("L",),
    checked=partial(is_view, "only_unlabelled", True),
    tip="Leave pixels alone that already have a class",
    section=1,
)
"""An option of every tool that paints the active class."""


class BrushTool(Tool):
    """One stroke from press to release.

    Ctrl erases, Alt picks the class under the pointer; both count when the button goes down.
    """

    name, title, icon, shortcut = "brush", "Brush", "brush", "B"
    tip = "Paint the active class (hold Ctrl to erase)"
    options: tuple[ActionSpec, ...] = (ONLY_UNLABELLED,)
    gestures = (("Ctrl held while painting", "Erase"),)
    makes_objects = continues_objects = True
    shows_brush = True
    shape = Qt.CursorShape.BlankCursor

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._down = False

    @property
    def busy(self) -> bool:
        return self._down

    def press(self, pointer: Pointer) -> None:
        x, y = pointer.image_xy
        self._down = True
        self.host.editing.begin_stroke(x, y, erase=self.erases or pointer.ctrl)

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
