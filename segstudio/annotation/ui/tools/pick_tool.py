"""The pick tool: a click makes the class under the pointer the active one."""

from __future__ import annotations

from collections.abc import Sequence

from segstudio.canvas.tool import PICK, Pointer, Tool, ToolHost
from segstudio.canvas.view import Point
from segstudio.canvas.wheel import resized_brush

_PX_PER_STEP = 6
"""So far a drag to the right takes the brush one step further."""


class PickTool(Tool):
    """Picks a class; other tools borrow it while Alt is held.

    Lent to a tool with a brush, a click picks and a drag sets the brush's size.
    """

    name, title, icon, shortcut = PICK, "Pick class", "pipette", "I"
    tip = "Make the class under the pointer active (Alt+click with any tool)"
    gestures = (("Alt+click", "Pick the class under the pointer"),)
    edits = False

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._has_size = False
        self._pressed: Pointer | None = None
        self._size = 0

    @property
    def brush_xy(self) -> Point | None:
        return None if self._pressed is None else self._pressed.image_xy

    def lent(self, to: Tool) -> None:
        """A tool with a brush has a size to set."""
        self._has_size = to.shows_brush or to.has_size

    def press(self, pointer: Pointer) -> None:
        """Pick, if the pointer is on the image, or wait whether a drag sets the brush's size."""
        if self._has_size:
            self._pressed, self._size = pointer, self.host.session.view.brush_size
        else:
            self._pick(pointer)

    def drag(self, pointers: Sequence[Pointer]) -> None:
        """Go on picking, or setting the size."""
        if not pointers:
            return
        if self._pressed is None:
            self._pick(pointers[-1])
            return
        way = pointers[-1].screen_xy[0] - self._pressed.screen_xy[0]
        steps = int(way / _PX_PER_STEP)
        if steps or self.shows_brush:
            self.shows_brush = True
            self.host.session.set_view(brush_size=resized_brush(self._size, steps))

    def release(self, pointer: Pointer) -> None:
        """A click picks."""
        pressed, sized = self._pressed, self.shows_brush
        self.finish()
        if pressed is not None and not sized:
            self._pick(pressed)

    def finish(self) -> None:
        """Be the picker again."""
        self._pressed, self._has_size, self.shows_brush = None, False, False

    def drop(self) -> None:
        self.finish()

    def _pick(self, pointer: Pointer) -> None:
        document = self.host.session.document
        x, y = pointer.pixel
        if document is not None and 0 <= y < document.shape_hw[0] and 0 <= x < document.shape_hw[1]:
            self.host.editing.pick_class(x, y)
