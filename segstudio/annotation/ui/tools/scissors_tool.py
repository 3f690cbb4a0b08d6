"""Intelligent scissors: a line follows the edges of the photo from point to point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen

from segstudio.canvas.mask_mark import draw_path, fill_color, path_of
from segstudio.canvas.tool import Pointer, Tool, ToolHost
from segstudio.canvas.view import Point

if TYPE_CHECKING:
    from segstudio.annotation.photo_regions import Wire

_CLOSE_PX, _HANDLE_PX = 8.0, 3.0
_DARK, _LIGHT = QColor(0, 0, 0, 190), QColor(255, 255, 255)


class ScissorsTool(Tool):
    """Clicks set points; between them runs the line that follows the edges best.

    With Shift the next piece is straight. Nothing is painted before the outline is closed. Ctrl
    with the first point subtracts.
    """

    name, title, icon, shortcut = "scissors", "Intelligent scissors", "scissors", "Shift+L"
    tip = "Click along an edge; the line finds it; Enter or a click on the first point closes"
    makes_objects = continues_objects = True
    gestures = (
        ("Click, Shift+click", "Intelligent scissors: along the edge, straight"),
        ("Enter, double click", "Intelligent scissors: close the outline and paint it"),
        ("Backspace", "Intelligent scissors: take the last point back"),
    )

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._pieces: list[list[Point]] = []
        self._queued: list[Pointer] = []
        self._wire: Wire | None = None
        self._tip: Pointer | None = None
        self._erases = False
        self._closes = False

    @property
    def busy(self) -> bool:
        return bool(self._pieces)

    @property
    def points(self) -> tuple[Point, ...]:
        """The points that were clicked."""
        return tuple(piece[-1] for piece in self._pieces)

    @property
    def says(self) -> str:
        if not self._pieces:
            return ""
        if self._current_wire() is None:
            return "Looking for edges…"
        verb = "erases" if self._erases else "paints"
        ends = f"Enter or a double click closes and {verb} it" if len(self._pieces) > 1 else ""
        return "; ".join(
            part for part in ("Click the next point, with Shift straight", ends,
                              "Backspace takes one back, Esc gives up") if part
        )  # fmt: skip

    def press(self, pointer: Pointer) -> None:
        """Set a point, or close on the first one."""
        self._tip = pointer
        if not self._pieces:
            self._erases = pointer.ctrl
            self._pieces = [[pointer.image_xy]]
        elif self._near_first(pointer):
            self._close()
            return
        else:
            self._queued.append(pointer)
        self._add_queued()
        self.host.repaint_marks()

    def drag(self, pointers: Sequence[Pointer]) -> None:
        """Show the next piece."""
        self.hover(pointers[-1])

    def hover(self, pointer: Pointer) -> None:
        """Show the piece that a click here would add."""
        if self._pieces:
            self._tip = pointer
            if self._current_wire() is None and not self.host.assistant.is_working:
                self._look()  # another tool asked for something since
            self.host.repaint_marks()

    def modifiers(self, pointer: Pointer) -> None:
        """Shift went down or up: the next piece is straight, or not."""
        self.hover(pointer)

    def double_click(self, pointer: Pointer) -> None:
        """Close; its first click has set the last point."""
        if len(self._pieces) + len(self._queued) > 1:
            self._close()
        else:
            self.press(pointer)

    def key(self, event: QKeyEvent) -> bool:
        """Enter closes, Backspace takes the last point back."""
        if not self._pieces:
            return False
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if len(self._pieces) + len(self._queued) > 1:
                self._close()
        elif event.key() == Qt.Key.Key_Backspace:
            (self._queued or self._pieces).pop()
            self._closes = False
            self._look()
            self.host.repaint_marks()
        else:
            return False
        return True

    def abort(self) -> None:
        """Forget the outline."""
        self._forget()

    def drop(self) -> None:
        """The image is gone, and the outline with it."""
        self._forget()

    @property
    def begun(self) -> tuple[object, ...]:
        """The open image, where an outline has a line at least."""
        document = self.host.session.document
        return (document.ref,) if document is not None and len(self._pieces) > 1 else ()

    def paint(self, painter: QPainter) -> None:
        """Draw the outline, the piece to the pointer, and the points that were clicked."""
        if not self._pieces:
            return
        from segstudio.canvas.marks import square

        line = [point for piece in self._pieces for point in piece]
        tip = [pointer.image_xy for pointer in self._queued]
        if self._tip is not None:
            tip += [self._tip.image_xy] if tip else self._piece(self._tip)
        if len(line) > 1:
            area = path_of(self.host, [*line, *tip], closed=True)
            painter.fillPath(area, fill_color(self.host, erases=self._erases))
        draw_path(painter, path_of(self.host, [*line, *tip]), erases=self._erases)
        painter.setPen(QPen(_DARK, 1.0))
        painter.setBrush(_LIGHT)
        for point in self.points:
            painter.drawRect(square(QPointF(*self.host.to_screen(point)), _HANDLE_PX))
        if self._tip is not None and self._near_first(self._tip):
            first = QPointF(*self.host.to_screen(self._pieces[0][0]))
            painter.drawRect(square(first, _HANDLE_PX + 2))

    # -- lines -----------------------------------------------------------------------------------

    def _current_wire(self) -> Wire | None:
        wire = self._wire
        return wire if wire is not None and wire.start == self._pieces[-1][-1] else None

    def _piece(self, pointer: Pointer) -> list[Point]:
        """The points from the last one to the pointer."""
        wire = None if pointer.shift else self._current_wire()
        return [pointer.image_xy] if wire is None else wire.to(pointer.image_xy)

    def _add_queued(self) -> None:
        """Add the pieces to the points that were clicked; those along edges once these are known."""
        while self._queued and (self._queued[0].shift or self._current_wire() is not None):
            self._pieces.append(self._piece(self._queued.pop(0)))
        self._look()

    def _look(self) -> None:
        """Work out the lines that begin at the last point."""
        from segstudio.annotation.photo_regions import wire_from

        photo = self.host.assistant.photo()
        if not self._pieces or photo is None:
            return
        start = self._pieces[-1][-1]
        work = partial(wire_from, photo, start, self._scale())

        def found(wire: Wire) -> None:
            if self._pieces and self._pieces[-1][-1] == wire.start:
                self._wire = wire
                if self._queued:
                    self._add_queued()
                elif self._closes:
                    self._close()
                self.host.repaint_marks()

        self.host.assistant.ask("Looking for edges", lambda _job: work(), found)

    def _close(self) -> None:
        """Paint the outline; the last piece follows the edges, too, once they are known."""
        wire = self._current_wire()
        if wire is None or self._queued:
            self._closes = True
            return
        corners = [point for piece in self._pieces for point in piece]
        corners += wire.to(self._pieces[0][0])[:-1]
        erases = self._erases
        self._forget()
        self.host.editing.paint_polygon(corners, erases, self.title)

    def _near_first(self, pointer: Pointer) -> bool:
        if len(self._pieces) + len(self._queued) < 2:
            return False
        first = self.host.to_screen(self._pieces[0][0])
        return math.dist(pointer.screen_xy, first) <= _CLOSE_PX

    def _scale(self) -> float:
        return max(self.host.to_screen((1, 0))[0] - self.host.to_screen((0, 0))[0], 1e-6)

    def _forget(self) -> None:
        self._pieces, self._queued, self._wire, self._tip = [], [], None, None
        self._erases = self._closes = False
        self.host.assistant.forget()
        self.host.repaint_marks()
