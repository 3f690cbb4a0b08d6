"""The fill tool: a click gives a whole region the active class; the region is shown before."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QPainter

from segstudio.canvas.mask_mark import MaskMark
from segstudio.canvas.tool import Pointer, Tool, ToolHost
from segstudio.kit.actions import ActionSpec, flip_view, is_view
from segstudio.kit.frame_names import TOOLS

if TYPE_CHECKING:
    from segstudio.core.mask_preview import MaskPreview

_CONTIGUOUS = ActionSpec(
    "fill.contiguous",
    TOOLS,
    "Fill connected pixels only",
    partial(flip_view, "fill_contiguous"),
    "scan",
    checked=partial(is_view, "fill_contiguous", True),
    tip="Off: fill every pixel of the clicked class in the image",
    section=1,
)


class FillTool(Tool):
    """Fills the region under the pointer, which is shown while the pointer rests on it."""

    name, title, icon, shortcut = "fill", "Fill", "paint-bucket", "G"
    tip = "Give a whole region the active class"
    options = (_CONTIGUOUS,)
    makes_objects = continues_objects = True

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._pixel: tuple[int, int] | None = None
        self._asked: object = None
        self._mark = MaskMark(host)
        self._found_for: object = None

    @property
    def found(self) -> MaskPreview | None:
        """What is previewed."""
        return self._mark.found if self._found_for == self._now else None

    def press(self, pointer: Pointer) -> None:
        """Fill, if the pointer is on the image."""
        self._forget()
        if self._on_image(pointer.pixel):
            self.host.editing.fill_at(*pointer.pixel)

    def hover(self, pointer: Pointer) -> None:
        """Show what a click would fill."""
        if not self._on_image(pointer.pixel):
            self._forget()
            return
        self._pixel = pointer.pixel
        if self._covers(pointer.pixel):
            return
        if self._asked != self._question:
            self._ask()

    def leave(self) -> None:
        """Show nothing where the pointer is not."""
        self._forget()

    finish = drop = abort = leave

    def paint(self, painter: QPainter) -> None:
        """Draw what would be filled."""
        if self._found_for == self._now:
            self._mark.paint(painter)

    # -- finding it ------------------------------------------------------------------------------

    def _on_image(self, pixel: tuple[int, int]) -> bool:
        document = self.host.session.document
        x, y = pixel
        if document is None:
            return False
        return 0 <= y < document.shape_hw[0] and 0 <= x < document.shape_hw[1]

    @property
    def _now(self) -> object:
        """What decides what a fill at the same place would do."""
        document, view = self.host.session.document, self.host.session.view
        annotation = None if document is None else document.annotation
        revision = None if annotation is None else annotation.revision
        return annotation, revision, view

    @property
    def _question(self) -> object:
        return self._now, self._pixel

    def _covers(self, pixel: tuple[int, int]) -> bool:
        """Whether what is shown is what a fill at a pixel does too."""
        found = self.found
        if found is None or self.host.session.view.snap_tolerance is not None:
            return False
        return found.covers(*pixel)

    def _ask(self) -> None:
        from segstudio.annotation.limits import limits_of
        from segstudio.core.mask_preview import MaskPreview
        from segstudio.core.regions import filled_region, roughly_filled

        document, session, pixel = self.host.session.document, self.host.session, self._pixel
        if document is None or pixel is None:
            return
        self._asked, now = self._question, self._now
        annotation, contiguous = document.annotation, session.view.fill_contiguous
        limits, erase = limits_of(session, document, pixel), session.view.active_class == 0
        snaps = session.view.snap_tolerance is not None

        def find() -> MaskPreview:
            if snaps:
                rect, mask = filled_region(annotation, pixel, contiguous=contiguous)
                mask = limits.within(rect, mask, erase=erase, way=(pixel, pixel))
                return MaskPreview.of(rect, mask)
            rect, mask, step = roughly_filled(annotation, pixel, contiguous=contiguous)
            if step == 1:
                preview = MaskPreview.of(rect, mask)
            else:
                preview = MaskPreview.rough(rect, mask, step, annotation.shape_hw)
            return limits.previewed(preview, erase=erase)

        def found(preview: MaskPreview) -> None:
            if self._pixel is not None and now == self._now:
                self._found_for = now
                self._mark.show(preview)

        self.host.assistant.ask("Finding the region", lambda _job: find(), found)

    def _forget(self) -> None:
        self._pixel = self._asked = self._found_for = None
        self._mark.show(None)
