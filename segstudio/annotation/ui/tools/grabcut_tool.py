"""GrabCut: a box around an object, then lines on what belongs to it and what does not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen

from segstudio.canvas.box_drag import BoxDrag, box_pixels, draw_box
from segstudio.canvas.mask_mark import MaskMark, path_of
from segstudio.canvas.tool import Pointer, Tool, ToolHost
from segstudio.canvas.view import Point

if TYPE_CHECKING:
    from segstudio.annotation.photo_regions import Scribble
    from segstudio.core.geometry import Rect
    from segstudio.core.labels import Mask
    from segstudio.core.mask_preview import MaskPreview
    from segstudio.jobs import Job

_LINE_PX = 6.0
_ON, _OFF = QColor("#009E73"), QColor("#D55E00")


class GrabCutTool(Tool):
    """What stands out in the box is shown; Enter paints it. Nothing is painted before.

    Ctrl with the press of the box subtracts.
    """

    name, title, icon, shortcut = "grabcut", "GrabCut", "crop", "Shift+Q"
    tip = "Drag a box around an object; draw on what is missing, with Shift on what is not it"
    group = "photo"
    makes_objects = True
    gestures = (
        ("Drag, then draw", "GrabCut: a box, then lines on what belongs to the object"),
        ("Shift+draw", "GrabCut: a line on what does not belong to it"),
        ("Enter", "Paint the object that GrabCut found"),
        ("Backspace", "GrabCut: take back the last line or the box"),
    )

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._mark = MaskMark(host)
        self._box: Rect | None = None
        self._scribbles: list[Scribble] = []
        self._line: list[Point] = []
        self._belongs = True
        self._drag = BoxDrag(host)
        self._erases = self._is_committing = False
        self._answered: tuple[object, ...] | None = None

    @property
    def busy(self) -> bool:
        return self._box is not None or self._drag.pressed is not None

    @property
    def says(self) -> str:
        if self._box is None:
            return "Release ends the box, Esc gives up" if self._drag.last is not None else ""
        if self._answered != self._asked:
            return "Finding the object…"
        if self.found is None or self.found.rect.is_empty:
            return "Nothing stands out; draw on what belongs to it, or Esc and a wider box"
        verb = "erases" if self._erases else "paints"
        return f"Enter {verb} it; draw on what is missing, with Shift on what is too much"

    @property
    def found(self) -> MaskPreview | None:
        """What is previewed."""
        return self._mark.found

    def press(self, pointer: Pointer) -> None:
        """Begin the box, or a line."""
        if self._is_committing:
            self._commit_beside()
        self._drag.press(pointer)
        if self._box is None:
            self._erases = pointer.ctrl
        else:
            self._line, self._belongs = [pointer.image_xy], not pointer.shift

    def drag(self, pointers: Sequence[Pointer]) -> None:
        """Draw the box or the line."""
        if self._box is None:
            self._drag.drag(pointers)
        elif self._drag.pressed is not None:
            self._line += [pointer.image_xy for pointer in pointers]
            self.host.repaint_marks()

    def release(self, pointer: Pointer) -> None:
        """The box or the line is there: find the object."""
        pressed, ends, line = self._drag.pressed, self._drag.ends, self._line
        self._rest()
        if pressed is None:
            return
        if self._box is not None:
            from segstudio.annotation.photo_regions import Scribble

            width = _LINE_PX / self._scale()
            self._scribbles.append(Scribble(tuple(line), self._belongs, width))
            self._ask()
        elif ends is not None:
            self._box = box_pixels(self.host, *ends)
            self._ask()

    def double_click(self, pointer: Pointer) -> None:
        """The second press is one more."""
        self.press(pointer)

    def key(self, event: QKeyEvent) -> bool:
        """Enter paints, Backspace takes the last line or the box back."""
        if self._box is None:
            return False
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._is_committing = True
            self._commit_if_found()
        elif event.key() == Qt.Key.Key_Backspace:
            if self._scribbles:
                self._scribbles.pop()
                self._ask()
            else:
                self._forget()
        else:
            return False
        return True

    def abort(self) -> None:
        """Forget the box and the lines."""
        self._forget()

    def finish(self) -> None:
        """Box and lines stay while the focus is elsewhere; a drag ends."""
        self._rest()

    def drop(self) -> None:
        """The image is gone, and what was found in it."""
        self._forget()

    def paint(self, painter: QPainter) -> None:
        """Draw the object, the box and the lines, readable on any photo."""
        if self._mark.found is not None:
            self._mark.paint(painter, erases=self._erases)
        for scribble in self._scribbles:
            self._paint_line(painter, list(scribble.points), belongs=scribble.belongs)
        if self._line:
            self._paint_line(painter, self._line, belongs=self._belongs)
        box = self._box
        if box is None:
            self._drag.paint(painter, erases=self._erases)
        else:
            ends = (box.left, box.top), (box.right, box.bottom)
            draw_box(painter, self.host, *ends, erases=self._erases)

    # -- finding it ------------------------------------------------------------------------------

    @property
    def _asked(self) -> tuple[object, ...]:
        return (self._box, *self._scribbles)

    def _ask(self) -> None:
        from segstudio.annotation.limits import limits_of
        from segstudio.annotation.photo_regions import foreground

        photo, box, session = self.host.assistant.photo(), self._box, self.host.session
        if photo is None or box is None or box.is_empty or session.document is None:
            self._forget()
            return
        asked, erases = self._asked, self._erases
        limits = limits_of(session, session.document)
        find = partial(foreground, photo, box, tuple(self._scribbles))

        def work() -> MaskPreview:
            return limits.previewed(find(), erase=erases)

        def found(preview: MaskPreview) -> None:
            if self._asked == asked:
                self._answered = asked
                self._mark.show(preview)
                self._commit_if_found()

        self.host.assistant.ask("Finding the object", lambda _job: work(), found, visible=True)
        self.host.repaint_marks()

    def _commit_if_found(self) -> None:
        found, erases = self._mark.found, self._erases
        if self._is_committing and found is not None and self._answered == self._asked:
            self._forget()
            self.host.editing.paint_mask(found.rect, found.mask, self.title, erases)

    def _commit_beside(self) -> None:
        """What Enter has asked for is still looked for: paint it then, whatever is begun now."""
        from segstudio.annotation.photo_regions import foreground

        photo, box, erases = self.host.assistant.photo(), self._box, self._erases
        scribbles = tuple(self._scribbles)
        self._forget()
        if photo is None or box is None:
            return

        def find(_job: Job | None) -> tuple[Rect, Mask]:
            preview = foreground(photo, box, scribbles)
            return preview.rect, preview.mask

        self.host.editing.paint_found(find, self.title, erases)

    def _forget(self) -> None:
        self._box, self._scribbles, self._answered = None, [], None
        self._erases = self._is_committing = False
        self.host.assistant.forget()
        self._mark.show(None)
        self._rest()

    def _rest(self) -> None:
        self._line = []
        self._drag.forget()

    # -- places ----------------------------------------------------------------------------------

    def _scale(self) -> float:
        return max(self.host.to_screen((1, 0))[0] - self.host.to_screen((0, 0))[0], 1e-6)

    def _paint_line(self, painter: QPainter, points: list[Point], *, belongs: bool) -> None:
        path = path_of(self.host, points if len(points) > 1 else points * 2)
        color = QColor(_ON if belongs else _OFF)
        color.setAlpha(200)
        ends = Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(color, _LINE_PX, Qt.PenStyle.SolidLine, *ends))
        painter.drawPath(path)
