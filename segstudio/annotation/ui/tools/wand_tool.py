"""The magic wand: what looks like the pixel under the pointer; a drag says how much alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter

from segstudio.canvas.mask_mark import MaskMark, draw_plate
from segstudio.canvas.tool import Pointer, Tool, ToolHost
from segstudio.kit.actions import ActionSpec, flip_view, is_view
from segstudio.kit.frame_names import TOOLS

if TYPE_CHECKING:
    from segstudio.annotation.photo_regions import ShownPhoto
    from segstudio.core.geometry import Rect
    from segstudio.core.labels import Mask
    from segstudio.core.mask_preview import MaskPreview
    from segstudio.jobs import Job

_PX_PER_LEVEL = 2.0
"""So many logical pixels of a drag to the side change the tolerance by one."""
_CONTIGUOUS = ActionSpec(
    "wand.contiguous",
    TOOLS,
    "Connected pixels only",
    partial(flip_view, "wand_contiguous"),
    "scan",
    checked=partial(is_view, "wand_contiguous", True),
    tip="Off: the magic wand takes what looks alike everywhere in the image",
    section=1,
)


class WandTool(Tool):
    """A press shows what looks alike in the picture as it is shown; the release paints it.

    While the pointer is down a large region is shown by a part of its pixels; what is painted is
    worked out pixel by pixel beside the window. Ctrl with the press subtracts.
    """

    name, title, icon, shortcut = "wand", "Magic wand", "wand-sparkles", "W"
    tip = "Press on a colour and drag right or left for more or less of it (Ctrl: erase)"
    group = "photo"
    options = (_CONTIGUOUS,)
    makes_objects = True
    gestures = (
        ("Drag right or left", "Magic wand: more or less tolerance"),
        ("Ctrl+press", "Magic wand: erase"),
    )

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._pressed: Pointer | None = None
        self._last: Pointer | None = None
        self._tolerance = 0
        self._mark = MaskMark(host)
        self._found: tuple[int, MaskPreview] | None = None
        self._is_committing = False
        self._photo: ShownPhoto | None = None

    @property
    def busy(self) -> bool:
        return self._pressed is not None

    @property
    def says(self) -> str:
        if self._pressed is None:
            return ""
        verb = "erases" if self._pressed.ctrl else "paints"
        return f"Drag right for more, left for less; release {verb}, Esc gives up"

    @property
    def found(self) -> MaskPreview | None:
        """What is previewed."""
        return self._mark.found

    def press(self, pointer: Pointer) -> None:
        """Show what looks like the pixel there."""
        self._forget()
        document = self.host.session.document
        (x, y), (height, width) = pointer.pixel, (0, 0) if document is None else document.shape_hw
        if 0 <= x < width and 0 <= y < height:
            self._pressed = self._last = pointer
            self._tolerance = self.host.session.view.wand_tolerance
            self._ask()

    def drag(self, pointers: Sequence[Pointer]) -> None:
        """Take more or less."""
        pressed = self._pressed
        if pressed is None or self._is_committing:
            return
        self._last = pointers[-1]
        moved = round((self._last.screen_xy[0] - pressed.screen_xy[0]) / _PX_PER_LEVEL)
        tolerance = min(255, max(0, self.host.session.view.wand_tolerance + moved))
        if tolerance != self._tolerance:
            self._tolerance = tolerance
            self._ask()
        self.host.repaint_marks()

    def release(self, pointer: Pointer) -> None:
        """Paint; what is not known pixel by pixel is found beside the window."""
        pressed, photo = self._pressed, self._photo
        if pressed is None or photo is None:
            return
        self._is_committing = True
        self._remember()
        known = self._known
        if known is not None:
            self._forget()
            self.host.editing.paint_mask(known.rect, known.mask, self.title, pressed.ctrl)
            return

        def painted(_changed: bool) -> None:
            if self._pressed is pressed:
                self._forget()

        self.host.assistant.forget()
        find = self._search(exact=True)

        def found(_job: Job | None) -> tuple[Rect, Mask]:
            preview = find()
            return preview.rect, preview.mask

        # not as soon as the preview is there: by then the next press may have another one made
        self.host.editing.paint_found(found, self.title, pressed.ctrl, then=painted)

    def double_click(self, pointer: Pointer) -> None:
        """The second press is one more."""
        self.press(pointer)

    def abort(self) -> None:
        """Paint nothing."""
        self._forget()

    def finish(self) -> None:
        """A press that was not released paints nothing; what was is painted all the same."""
        if not self._is_committing:
            self._forget()

    def drop(self) -> None:
        """The image is gone, and what was found in it."""
        self._photo = None
        self._forget()

    def paint(self, painter: QPainter) -> None:
        """Draw what would be painted, and the tolerance."""
        if self._pressed is None or self._last is None:
            return
        self._mark.paint(painter, erases=self._pressed.ctrl)
        draw_plate(painter, QPointF(*self._last.screen_xy), f"Tolerance {self._tolerance}")

    # -- finding it ------------------------------------------------------------------------------

    @property
    def _known(self) -> MaskPreview | None:
        """What was found last, if that is every pixel with the tolerance that is wanted."""
        found = self._found
        if found is None or found[0] != self._tolerance or not found[1].is_exact:
            return None
        return found[1]

    def _search(self, *, exact: bool = False) -> Callable[[], MaskPreview]:
        from segstudio.annotation.photo_regions import like, roughly_like

        assert self._photo is not None
        assert self._pressed is not None
        return partial(
            like if exact else roughly_like,
            self._photo,
            self._pressed.pixel,
            self._tolerance,
            contiguous=self.host.session.view.wand_contiguous,
        )

    def _ask(self) -> None:
        pressed = self._pressed
        self._photo = self.host.assistant.photo()
        tolerance, find = self._tolerance, self._search()
        limits = self._limits()

        def found(preview: MaskPreview) -> None:
            if self._pressed is pressed:
                self._found = (tolerance, preview)
                self._mark.show(preview)

        self.host.assistant.ask("Finding what looks alike", lambda _job: limits(find()), found)

    def _limits(self) -> Callable[[MaskPreview], MaskPreview]:
        """Leaves out of a preview what would not be painted."""
        from segstudio.annotation.limits import limits_of

        document, pressed = self.host.session.document, self._pressed
        assert document is not None
        erases = pressed is not None and pressed.ctrl
        return partial(limits_of(self.host.session, document).previewed, erase=erases)

    def _remember(self) -> None:
        """The next press begins with this tolerance."""
        self.host.session.set_view(wand_tolerance=self._tolerance)

    def _forget(self) -> None:
        self._pressed = self._last = self._found = None
        self._is_committing = False
        self._mark.show(None)
