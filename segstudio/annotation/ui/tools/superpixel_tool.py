"""Superpixels: the cell under the pointer is shown, a click or a drag paints cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QPainter

from segstudio.canvas.mask_mark import MaskMark
from segstudio.canvas.tool import Pointer, Tool, ToolHost
from segstudio.canvas.view import Point

if TYPE_CHECKING:
    from segstudio.annotation.photo_regions import Superpixels
    from segstudio.core.geometry import Rect
    from segstudio.core.labels import Mask
    from segstudio.jobs import Job

_LEAST, _MOST = 6, 200
"""Side of a cell in pixels; the brush may be smaller and larger."""


class SuperpixelTool(Tool):
    """Superpixels that follow the edges of the photo, as wide as the brush.

    They are worked out beside the window when the pointer first comes there, and kept. A drag
    paints every cell that it touches, as one edit. Ctrl with the press subtracts.
    """

    name, title, icon, shortcut = "superpixel", "Superpixels", "component", "Shift+W"
    tip = "Click or drag over the cells that belong to it (Ctrl: erase); [ and ] size them"
    group = "photo"
    makes_objects = True
    gestures = (("Click, drag", "Superpixels: paint the cells under the pointer (Ctrl: erase)"),)
    has_size = True

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._mark = MaskMark(host)
        self._chosen: dict[tuple[int, Rect], tuple[Superpixels, dict[int, None]]] = {}
        self._is_down = self._erases = self._waits = False
        self._last_xy: Point | None = None
        self._shown: object = None
        self._missed: list[Point] = []

    @property
    def busy(self) -> bool:
        return self._is_down

    @property
    def says(self) -> str:
        if self._waits:
            return "Working out the superpixels here…"
        if not self._is_down:
            return ""
        return f"Release {'erases' if self._erases else 'paints'} the cells, Esc gives up"

    def press(self, pointer: Pointer) -> None:
        """Choose the cell there."""
        self._chosen, self._missed = {}, []
        self._is_down, self._erases, self._last_xy = True, pointer.ctrl, pointer.image_xy
        self._choose(pointer.image_xy)
        self._show()

    def drag(self, pointers: Sequence[Pointer]) -> None:
        """Choose every cell on the way."""
        if not self._is_down:
            return
        for pointer in pointers:
            last, there = self._last_xy or pointer.image_xy, pointer.image_xy
            steps = max(1, math.ceil(2 * math.dist(last, there) / self._side))
            for step in range(1, steps + 1):
                share = step / steps
                x, y = (a + (b - a) * share for a, b in zip(last, there, strict=True))
                self._choose((x, y))
            self._last_xy = there
        self._show()

    def release(self, pointer: Pointer) -> None:
        """Paint the chosen cells; those that are not known yet are worked out beside the window."""
        from segstudio.annotation.photo_regions import cells_mask, cells_under

        parts, missed, side = self._parts(), self._missed, self._side
        photo, erases, was_down = self.host.assistant.photo(), self._erases, self._is_down
        self._forget()
        if photo is None or not was_down:
            return
        editing = self.host.editing
        if missed:
            pixels = [(math.floor(x), math.floor(y)) for x, y in missed]

            def find(job: Job | None) -> tuple[Rect, Mask]:
                check = job.check if job is not None else lambda: None
                return cells_under(photo, pixels, side, parts, check)

            editing.paint_found(find, self.title, erases)
        elif parts:
            editing.paint_mask(*cells_mask(parts), self.title, erases)

    def double_click(self, pointer: Pointer) -> None:
        """The second press is one more."""
        self.press(pointer)

    def hover(self, pointer: Pointer) -> None:
        """Show the cell under the pointer."""
        self._chosen, self._missed = {}, []
        self._last_xy = pointer.image_xy
        self._choose(pointer.image_xy)
        self._show()

    def leave(self) -> None:
        """Show nothing where the pointer is not."""
        if not self._is_down:
            self._forget()

    def abort(self) -> None:
        """Paint nothing."""
        self._forget()

    def finish(self) -> None:
        """A press that was not released paints nothing."""
        self._forget()

    def drop(self) -> None:
        """The image is gone."""
        self._forget()

    def paint(self, painter: QPainter) -> None:
        """Draw what would be painted."""
        self._mark.paint(painter, erases=self._erases)

    # -- cells -----------------------------------------------------------------------------------

    @property
    def _side(self) -> int:
        return min(_MOST, max(_LEAST, self.host.session.view.brush_size))

    def _choose(self, image_xy: Point) -> None:
        """Add the cell at an image point; where it is not known yet, have it worked out."""
        from segstudio.annotation.photo_regions import tile_at

        photo = self.host.assistant.photo()
        x, y = math.floor(image_xy[0]), math.floor(image_xy[1])
        if photo is None or not (0 <= y < photo.shape_hw[0] and 0 <= x < photo.shape_hw[1]):
            return
        key = self._side, tile_at(photo, x, y)
        cells = photo.tiles.get(key)
        if cells is None:
            self._missed.append(image_xy)
            self._work_out(key)
            return
        self._chosen.setdefault(key, (cells, {}))[1][cells.number_at(x, y)] = None

    def _work_out(self, key: tuple[int, Rect]) -> None:
        from segstudio.annotation.photo_regions import cells_of

        photo = self.host.assistant.photo()
        assert photo is not None
        self._waits = True

        def made(_cells: Superpixels) -> None:
            self._waits = False
            missed, self._missed = self._missed, []
            for image_xy in missed:
                self._choose(image_xy)
            self._show()

        work = partial(cells_of, photo, key[1], key[0])
        self.host.assistant.ask("Working out superpixels", lambda _job: work(), made, visible=True)

    def _parts(self) -> list[tuple[Superpixels, list[int]]]:
        return [(cells, list(numbers)) for cells, numbers in self._chosen.values()]

    def _show(self) -> None:
        from segstudio.annotation.limits import limits_of
        from segstudio.annotation.photo_regions import cells_mask
        from segstudio.core.mask_preview import MaskPreview

        parts = self._parts()
        shown = [(id(cells), numbers) for cells, numbers in parts]
        if shown != self._shown:
            self._shown = shown
            document = self.host.session.document
            found = MaskPreview.of(*cells_mask(parts)) if parts else None
            if found is not None and document is not None:
                limits = limits_of(self.host.session, document)
                found = limits.previewed(found, erase=self._erases)
            self._mark.take(found)
        self.host.repaint_marks()

    def _forget(self) -> None:
        self._chosen, self._last_xy, self._shown, self._missed = {}, None, None, []
        self._is_down = self._erases = self._waits = False
        self._mark.show(None)
