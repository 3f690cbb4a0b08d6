"""The brush: paints the active class while the button is down."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter

from segstudio.canvas.mask_mark import draw_path, path_of
from segstudio.canvas.tool import Pointer, Tool, ToolHost
from segstudio.canvas.view import Point
from segstudio.kit.actions import ActionSpec, flip_view, is_view
from segstudio.kit.frame_names import TOOLS

SQUARE = ActionSpec(
    "brush.square",
    TOOLS,
    "Square brush",
    partial(flip_view, "brush_square"),
    "square",
    checked=partial(is_view, "brush_square", True),
    tip="Paint and erase squares instead of discs",
    section=1,
)
PRESSURE = ActionSpec(
    "brush.pressure",
    TOOLS,
    "Size by pen pressure",
    partial(flip_view, "brush_pressure"),
    "pencil",
    checked=partial(is_view, "brush_pressure", True),
    tip="The less a pen is pressed the smaller the brush; a mouse paints at full size",
    section=1,
)


class BrushTool(Tool):
    """One stroke from press to release.

    Ctrl erases, Alt picks the class under the pointer or sets the size, Shift goes on in a straight
    line from the end of the last stroke; all count when the button goes down.
    """

    name, title, icon, shortcut = "brush", "Brush", "brush", "B"
    tip = "Paint the active class (hold Ctrl to erase)"
    options: tuple[ActionSpec, ...] = (SQUARE, PRESSURE)
    gestures = (
        ("Ctrl held while painting", "Erase"),
        ("Shift+click", "Paint a straight line from the end of the last stroke"),
        ("Alt+drag", "Set the size of the brush"),
    )
    makes_objects = continues_objects = True
    shows_brush = True
    shape = Qt.CursorShape.BlankCursor

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._down = False
        self._end: Point | None = None
        self._line_to: Point | None = None

    @property
    def busy(self) -> bool:
        return self._down

    @property
    def says(self) -> str:
        return "A click paints a straight line to here" if self._line_to is not None else ""

    def press(self, pointer: Pointer) -> None:
        start = self._end if pointer.shift and self._end is not None else pointer.image_xy
        self._preview(None)
        self._down = True
        editing, erase = self.host.editing, self.erases or pointer.ctrl
        editing.begin_stroke(*start, erase=erase, pressure=pointer.pressure)
        if start != pointer.image_xy:
            editing.extend_stroke(*pointer.image_xy, pressure=pointer.pressure)
        self._end = pointer.image_xy

    def drag(self, pointers: Sequence[Pointer]) -> None:
        """Go on through every point."""
        if self._down:
            for pointer in pointers:
                self.host.editing.extend_stroke(*pointer.image_xy, pressure=pointer.pressure)
                self._end = pointer.image_xy

    def hover(self, pointer: Pointer) -> None:
        """With Shift, show the line that a click would paint."""
        shows = pointer.shift and not pointer.ctrl and not pointer.alt and not self._down
        self._preview(pointer.image_xy if shows and self._end is not None else None)

    def modifiers(self, pointer: Pointer) -> None:
        self.hover(pointer)

    def leave(self) -> None:
        self._preview(None)

    def release(self, pointer: Pointer) -> None:
        """End the stroke at the last point that was drawn to."""
        self.finish()

    def abort(self) -> None:
        """Take the stroke back."""
        if self._down:
            self._down = False
            self._end = None
            self.host.editing.abort_stroke()

    def finish(self) -> None:
        """Keep the stroke as it is."""
        self._preview(None)
        if self._down:
            self._down = False
            self.host.editing.end_stroke()

    def drop(self) -> None:
        """The stroke's image is gone from the screen; what was drawn of it is kept."""
        self.finish()
        self._end = None

    def paint(self, painter: QPainter) -> None:
        """The line from the end of the last stroke."""
        if self._end is not None and self._line_to is not None:
            line = path_of(self.host, [self._end, self._line_to])
            draw_path(painter, line, erases=self.erases)

    def _preview(self, tip: Point | None) -> None:
        if tip != self._line_to:
            self._line_to = tip
            self.host.repaint_marks()
