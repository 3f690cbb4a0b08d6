"""The merge tool: two clicks, or a drag over several, make one object of them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from segstudio.canvas.tool import Pointer, Tool, ToolHost

MERGE = "merge"


class MergeTool(Tool):
    """What is clicked on or dragged over is chosen, which shows what will be one.

    The second click merges, and so does letting go after a drag over two or more. Class and number
    are those of the first.
    """

    name, title, icon, shortcut = MERGE, "Merge", "merge", "Shift+G"
    tip = "Click two objects, or drag over several, to make one of them"
    gestures = (
        ("Two clicks, with Merge", "Make one object of two; the first's class and number stay"),
        ("Drag, with Merge", "Make one object of all that it comes over"),
    )

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._is_down = False
        self._over: list[int] = []

    @property
    def busy(self) -> bool:
        objects = self.host.objects
        return self._is_down or (objects is not None and objects.merge_first > 0)

    @property
    def says(self) -> str:
        if len(self._over) > 1 and self._is_down:
            return f"Release makes one of {len(self._over)} objects, Esc gives up"
        if not self.busy:
            return ""
        return "Click the object that becomes a part of it; Esc forgets the first"

    def press(self, pointer: Pointer) -> None:
        """The first object, or the second."""
        objects = self.host.objects
        if objects is None:
            return
        self._is_down = True
        self._over = [objects.merge_first] if objects.merge_first else []
        self._come_over(pointer)
        if not objects.at(*pointer.pixel):
            objects.say_where_to_merge(pointer.pixel)
        self.host.repaint_marks()

    def drag(self, pointers: Sequence[Pointer]) -> None:
        """Choose everything on the way."""
        if self._is_down:
            for pointer in pointers:
                self._come_over(pointer)
            self.host.repaint_marks()

    def release(self, pointer: Pointer) -> None:
        """Merge, if there are two by now."""
        objects, over = self.host.objects, self._over
        if not self._is_down or objects is None:
            return
        self._is_down = False
        if len(over) > 1:
            objects.merge(over)
        elif over:
            objects.begin_merge(over[0])
        self.host.repaint_marks()

    def double_click(self, pointer: Pointer) -> None:
        """No second click on the first."""

    def key(self, event: QKeyEvent) -> bool:
        """Backspace takes the first click back."""
        if event.key() == Qt.Key.Key_Backspace and self.busy:
            self.abort()
            return True
        return False

    def abort(self) -> None:
        """Forget what was clicked on."""
        if self.host.objects is not None:
            self.host.objects.begin_merge(0)
        self.drop()

    def finish(self) -> None:
        """A drag ends; the first click stays while the focus is elsewhere."""
        self._is_down = False

    def drop(self) -> None:
        """The image is gone."""
        self._is_down, self._over = False, []
        self.host.repaint_marks()

    def _come_over(self, pointer: Pointer) -> None:
        objects = self.host.objects
        found = 0 if objects is None else objects.at(*pointer.pixel)
        if objects is not None and found and found not in self._over:
            self._over.append(found)
            objects.select(self._over)
