"""The ellipse tool: a drag from corner to corner of the box around it."""

from __future__ import annotations

from functools import partial

from PySide6.QtGui import QPainter, QPainterPath

from segstudio.annotation.ui.tools.rectangle_tool import RectangleTool
from segstudio.canvas.box_drag import box_on_screen
from segstudio.canvas.mask_mark import MaskMark
from segstudio.canvas.tool import ToolHost
from segstudio.canvas.view import Point

_EXACT_PIXELS = 1 << 16
"""Up to this size the very pixels are shown; of a larger one the line is as good."""


class EllipseTool(RectangleTool):
    """As the rectangle, but the pixels whose centres lie in the ellipse that fills it."""

    name, title, icon, shortcut = "ellipse", "Ellipse", "circle", "Shift+R"
    tip = "Drag the box around an ellipse (Shift: a circle, Ctrl: erase); Esc gives it up"
    gestures = ()

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._mark = MaskMark(host)
        self._marked: tuple[Point, Point] | None = None

    def paint(self, painter: QPainter) -> None:
        """Draw the very pixels of a small ellipse, and the line of a large one."""
        super().paint(painter)
        corners = self._corners()
        if corners is None:
            self._marked = None
        elif self._is_small(*corners):
            self._show(*corners)
            self._mark.paint(painter, erases=self._erases)

    def _path(self, first: Point, last: Point) -> QPainterPath:
        path = QPainterPath()
        if not self._is_small(first, last):
            path.addEllipse(box_on_screen(self.host, first, last))
        return path

    def _paint_pixels(self, first: Point, last: Point, *, erases: bool) -> None:
        from segstudio.core.shapes import ellipse_bounds, ellipse_mask

        document = self.host.session.document
        if document is not None:
            shape = document.shape_hw
            rect = ellipse_bounds(first, last, shape)
            find = partial(ellipse_mask, first, last, shape)
            self.host.editing.paint_region(find, self.title, erases, rect.height * rect.width)

    def _is_small(self, first: Point, last: Point) -> bool:
        return abs(last[0] - first[0]) * abs(last[1] - first[1]) <= _EXACT_PIXELS

    def _show(self, first: Point, last: Point) -> None:
        from segstudio.core.mask_preview import MaskPreview
        from segstudio.core.shapes import ellipse_mask

        document = self.host.session.document
        if document is not None and self._marked != (first, last):
            self._marked = (first, last)
            self._mark.take(MaskPreview.of(*ellipse_mask(first, last, document.shape_hw)))
