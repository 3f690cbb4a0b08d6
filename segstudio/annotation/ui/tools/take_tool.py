"""Taking objects and regions from a model: by a click, in a box, or all of which it is sure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QPainter

from segstudio.canvas.box_drag import BoxDrag, box_pixels
from segstudio.canvas.mask_mark import MaskMark
from segstudio.canvas.tool import Pointer, Tool, ToolHost
from segstudio.kit.actions import ActionSpec, Context
from segstudio.kit.frame_names import TOOLS

if TYPE_CHECKING:
    from segstudio.annotation.taking import Meant, Which
    from segstudio.core.geometry import Rect

TAKE = "take"


def _can_take(c: Context) -> bool:
    document = c.session.document
    return document is not None and bool(document.predictions) and not c.session.read_only


def _take_all(c: Context) -> None:
    view = c.canvas.shown_view
    c.studio.taking.take_all(view.run or c.session.view.scored_run)


TAKE_ALL = ActionSpec(
    "take.all",
    TOOLS,
    "Take all of the model",
    _take_all,
    "clipboard-check",
    enabled=_can_take,
    tip="Take every object or region of the shown prediction with this score or more; the rest of "
    "the annotation stays",
    section=1,
)


class TakeTool(Tool):
    """A click takes the object or region of the shown prediction there, a box all that lie in it.

    What would be taken is shown while the pointer rests and while a box is drawn.
    """

    name, title, icon, shortcut = TAKE, "Take from model", "clipboard-check", "Shift+H"
    tip = "Click an object of the prediction, or drag a box around several"
    group = "model"
    options = (TAKE_ALL,)
    gestures = (("Click, drag, with Take from model", "Take an object, or all that lie in a box"),)

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._drag = BoxDrag(host)
        self._asked: object = None
        self._shown_for: object = None
        self._count = 0
        self._mark = MaskMark(host)

    @property
    def busy(self) -> bool:
        return self._drag.last is not None

    @property
    def says(self) -> str:
        if not self.busy:
            return ""
        what = "object or region" if self._count == 1 else "objects or regions"
        return f"Release takes {self._count} {what}, Esc gives up"

    def press(self, pointer: Pointer) -> None:
        """Begin a click, or a box."""
        self._drag.press(pointer)

    def drag(self, pointers: Sequence[Pointer]) -> None:
        """Draw a box once the pointer has left the place of the click."""
        if self._drag.drag(pointers):
            self._ask(self._run, self._box())

    def release(self, pointer: Pointer) -> None:
        """Take what was clicked on, or what lies in the box."""
        pressed, taking = self._drag.pressed, self.host.taking
        where = pressed.pixel if pressed is not None and not self.busy else self._box()
        run = self._run
        self._forget()
        which = self._which(where)
        if pressed is not None and taking is not None and which is not None:
            taking.take(run, which)

    def hover(self, pointer: Pointer) -> None:
        """Show what a click would take."""
        self._ask(self._run, pointer.pixel)

    def leave(self) -> None:
        """Show nothing where the pointer is not."""
        if self._drag.pressed is None:
            self._forget()

    def abort(self) -> None:
        """Take nothing."""
        self._forget()

    finish = drop = abort

    def paint(self, painter: QPainter) -> None:
        """Draw what would be taken, and the box."""
        self._mark.paint(painter)
        self._drag.paint(painter)

    # -- inside ----------------------------------------------------------------------------------

    @property
    def _run(self) -> str:
        return self.host.run_here

    def _box(self) -> Rect | None:
        """The pixels between press and pointer, inside the image."""
        ends = self._drag.ends
        return None if ends is None else box_pixels(self.host, *ends)

    def _which(self, where: Rect | tuple[int, int] | None) -> Which | None:
        """Chooses what lies at a pixel or in a box; None beside the image."""
        from segstudio.annotation.taking import Parts
        from segstudio.core.geometry import Rect

        document = self.host.session.document
        if where is None or document is None:
            return None
        if isinstance(where, Rect):
            return None if where.is_empty else partial(Parts.within, rect=where)
        if not Rect.of_shape(document.shape_hw).contains(*where):
            return None
        return partial(Parts.at, pixel=where)

    def _ask(self, run: str, where: Rect | tuple[int, int] | None) -> None:
        from segstudio.core.geometry import Rect

        session, taking, which = self.host.session, self.host.taking, self._which(where)
        document = session.document
        if which is None or taking is None or document is None:
            self._forget_preview()
            return
        said, revision = document.predictions.get(run), document.annotation.revision
        now = (id(said), session.view, session.schema, revision)
        asked = (now, where)
        if asked == self._asked or (self._shown_for == now and self._covers(where)):
            return
        self._asked, self._shown_for = asked, None

        def found(meant: Meant) -> None:
            if self._asked == asked:
                self._count = meant.count
                self._shown_for = None if isinstance(where, Rect) else now
                self._mark.show(meant.preview)

        taking.find(run, which, found)

    def _covers(self, where: Rect | tuple[int, int] | None) -> bool:
        """Whether the part that is shown has a pixel."""
        found = self._mark.found
        return found is not None and isinstance(where, tuple) and found.covers(*where)

    def _forget_preview(self) -> None:
        self._asked, self._shown_for, self._count = None, None, 0
        self._mark.show(None)

    def _forget(self) -> None:
        self._drag.forget()
        self._forget_preview()
