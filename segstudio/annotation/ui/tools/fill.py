"""The fill tool: a click gives a whole region the active class."""

from __future__ import annotations

from segstudio.canvas.tool import Pointer, Tool
from segstudio.session.session import ToolName


class FillTool(Tool):
    """Fills the region under the pointer."""

    name = ToolName.FILL

    def press(self, pointer: Pointer) -> None:
        """Fill, if the pointer is on the image."""
        document = self.host.session.document
        x, y = pointer.pixel
        if document is not None and 0 <= y < document.shape_hw[0] and 0 <= x < document.shape_hw[1]:
            self.host.editing.fill_at(x, y)
