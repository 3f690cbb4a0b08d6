"""The split tool: a line, or two clicks, part an object; the pieces are shown before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen, QPolygonF

from segstudio.canvas.box_drag import DRAG_PX
from segstudio.canvas.tool import Pointer, Tool, ToolHost
from segstudio.canvas.view import Point
from segstudio.kit.actions import ActionSpec, flip_view, is_view
from segstudio.kit.frame_names import TOOLS

if TYPE_CHECKING:
    from segstudio.core.object_cuts import Cut

SPLIT = "split"
_LEAST_PX = 2.0
"""Least distance of the line's points, in logical pixels."""
_POINT_PX = 5.0
_MOST_SHOWN = 1 << 18
"""Pixels of objects up to which their pieces are shown while the line is drawn."""
_DARK, _LIGHT, _ON = QColor(0, 0, 0, 200), QColor(255, 255, 255), QColor("#009E73")

_BY_PHOTO = ActionSpec(
    "split.by_photo",
    TOOLS,
    "Part where the photo is darkest",
    partial(flip_view, "split_by_photo"),
    "contrast",
    checked=partial(is_view, "split_by_photo", True),
    tip="For two clicks. Off: part an object where it is narrowest",
    section=1,
)


class SplitTool(Tool):
    """A drag is a line through objects, freehand; two clicks in an object part it between them.

    While the line is drawn, and while the pointer is over the object after the first click, the
    pieces are tinted that there would be.
    """

    name, title, icon, shortcut = SPLIT, "Split", "split", "Shift+S"
    tip = "Draw a line through an object from edge to edge, or click two places of it"
    options = (_BY_PHOTO,)
    gestures = (
        ("Drag, with Split", "Part objects along a line from edge to edge"),
        ("Two clicks, with Split", "Part an object between them"),
    )

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._pressed: Pointer | None = None
        self._line: list[Point] = []
        self._first: tuple[int, int] | None = None
        self._cuts: tuple[Cut, ...] = ()
        self._asked: tuple[int, int] | None = None

    @property
    def busy(self) -> bool:
        return self._first is not None or self._pressed is not None

    @property
    def says(self) -> str:
        if self._line:
            what = "parts it as tinted" if self._cuts else "parts what the line crosses"
            return f"Release {what}, Esc gives up"
        if self._first is None:
            return ""
        return "Click a second place of it to part it between them; Esc forgets the first"

    @property
    def cuts(self) -> tuple[Cut, ...]:
        """What is shown."""
        return self._cuts

    def press(self, pointer: Pointer) -> None:
        """Begin a line or a click."""
        self._pressed, self._line = pointer, []

    def drag(self, pointers: Sequence[Pointer]) -> None:
        """Draw the line on, and show what it would part."""
        pressed, objects = self._pressed, self.host.objects
        if pressed is None or objects is None:
            return
        for pointer in pointers:
            if not self._line:
                if math.dist(pressed.screen_xy, pointer.screen_xy) < DRAG_PX:
                    continue
                self._line, self._first = [pressed.image_xy], None
            last = self.host.to_screen(self._line[-1])
            if math.dist(last, pointer.screen_xy) >= _LEAST_PX:
                self._line.append(pointer.image_xy)
        if self._line:
            is_small = objects.pixels_under(self._line) <= _MOST_SHOWN
            self._show(objects.cuts_of_line(self._line) if is_small else ())

    def release(self, pointer: Pointer) -> None:
        """Part along the line; or it was the first click, or the second."""
        pressed, line, objects = self._pressed, self._line, self.host.objects
        self._pressed, self._line = None, []
        if pressed is None or objects is None:
            return
        if line:
            self._show(())
            objects.split_by_line(line)
        elif self._first is None or not objects.at(*pressed.pixel):
            self._begin(pressed.pixel)
        else:
            first = self._first
            self._forget()
            by_photo = self.host.session.view.split_by_photo
            objects.split_between(first, pressed.pixel, by_photo=by_photo)

    def double_click(self, pointer: Pointer) -> None:
        """No second point on the first."""

    def hover(self, pointer: Pointer) -> None:
        """Show what a second click here would part."""
        objects, first, pixel = self.host.objects, self._first, pointer.pixel
        if objects is None or first is None or pixel == self._asked:
            return
        self._asked = pixel
        by_photo = self.host.session.view.split_by_photo
        objects.find_cut(first, pixel, self._found, by_photo=by_photo)

    def key(self, event: QKeyEvent) -> bool:
        """Backspace takes the first click back."""
        if event.key() == Qt.Key.Key_Backspace and self._first is not None:
            self._forget()
            return True
        return False

    def abort(self) -> None:
        """Forget the line or the first click."""
        self._forget()

    def finish(self) -> None:
        """A line ends; the first click stays while the focus is elsewhere."""
        self._pressed, self._line = None, []
        if self._first is None:
            self._show(())

    def drop(self) -> None:
        """The image is gone."""
        self._forget()

    def paint(self, painter: QPainter) -> None:
        """Draw the pieces, the line and the first click, readable on any photo."""
        from segstudio.canvas.marks import square
        from segstudio.canvas.object_marks import paint_cut

        for cut in self._cuts:
            paint_cut(painter, cut, self.host.to_screen)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = [QPointF(*self.host.to_screen(point)) for point in self._line]
        for color, width in ((_DARK, 3.0), (_LIGHT, 1.25)):
            painter.setPen(QPen(color, width))
            painter.drawPolyline(QPolygonF(line))
        if self._first is not None:
            x, y = self._first
            centre = QPointF(*self.host.to_screen((x + 0.5, y + 0.5)))
            painter.setPen(QPen(_LIGHT, 1.5))
            painter.setBrush(_ON)
            painter.drawEllipse(square(centre, _POINT_PX))

    def _begin(self, pixel: tuple[int, int]) -> None:
        """The first click: on an object, else it is said why nothing can be split."""
        objects = self.host.objects
        if objects is None:
            return
        if objects.at(*pixel):
            self._first = pixel
            objects.select((objects.at(*pixel),))
        else:
            self._first = None
            objects.split_between(pixel, pixel)
        self._show(())

    def _found(self, cut: Cut | None) -> None:
        if self._first is not None:
            self._show((cut,) if cut is not None and cut.is_cut else ())

    def _show(self, cuts: tuple[Cut, ...]) -> None:
        self._cuts = cuts
        self.host.repaint_marks()

    def _forget(self) -> None:
        self._pressed, self._line, self._first, self._asked = None, [], None, None
        self._show(())
