"""The fill tool: a click gives a whole region the active class."""

from __future__ import annotations

from functools import partial

from segstudio.canvas.tool import Pointer, Tool
from segstudio.kit.actions import ActionSpec, flip_view, is_view
from segstudio.kit.frame_names import TOOLS

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
    """Fills the region under the pointer."""

    name, title, icon, shortcut = "fill", "Fill", "paint-bucket", "G"
    tip = "Give a whole region the active class"
    options = (_CONTIGUOUS,)
    makes_objects = continues_objects = True

    def press(self, pointer: Pointer) -> None:
        """Fill, if the pointer is on the image."""
        document = self.host.session.document
        x, y = pointer.pixel
        if document is not None and 0 <= y < document.shape_hw[0] and 0 <= x < document.shape_hw[1]:
            self.host.editing.fill_at(x, y)
