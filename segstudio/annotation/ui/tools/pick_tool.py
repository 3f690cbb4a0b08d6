"""The pick tool: a click makes the class under the pointer the active one."""

from __future__ import annotations

from collections.abc import Sequence

from segstudio.canvas.tool import PICK, Pointer, Tool


class PickTool(Tool):
    """Picks a class; other tools borrow it while Alt is held."""

    name, title, icon, shortcut = PICK, "Pick class", "pipette", "I"
    tip = "Make the class under the pointer active (Alt+click with any tool)"
    gestures = (("Alt+click", "Pick the class under the pointer"),)
    edits = False

    def press(self, pointer: Pointer) -> None:
        """Pick, if the pointer is on the image."""
        document = self.host.session.document
        x, y = pointer.pixel
        if document is not None and 0 <= y < document.shape_hw[0] and 0 <= x < document.shape_hw[1]:
            self.host.editing.pick_class(x, y)

    def drag(self, pointers: Sequence[Pointer]) -> None:
        """Go on picking."""
        if pointers:
            self.press(pointers[-1])
