"""Copies float over the picture until Enter paints them: moved by drags and arrows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter

from segstudio.canvas.mask_mark import FILL_ALPHA, MaskMark
from segstudio.canvas.tool import Pointer, Tool, ToolHost
from segstudio.canvas.view import Point
from segstudio.kit.actions import ActionSpec, Context, Scope
from segstudio.kit.frame_names import EDIT

if TYPE_CHECKING:
    from segstudio.annotation.clipboard import Piece

COPY_TOOL = "copy"
_PASTE, _DUPLICATE = "paste", "duplicate"
_FAR_PX = 10
"""How far Shift+arrow moves, and a duplicate lies from what it was made of."""
_WAYS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


def _can_edit(c: Context) -> bool:
    return c.session.document is not None and not c.session.read_only


def _can_paste(c: Context) -> bool:
    return _can_edit(c) and c.studio.clipboard.piece is not None


def _copy(c: Context) -> None:
    c.studio.clipboard.copy(c.canvas.pixel_at_hand)


def _float(what: str, c: Context) -> None:
    clipboard = c.studio.clipboard

    def take() -> None:
        if c.session.view.tool != COPY_TOOL:
            clipboard.came_from = c.session.view.tool
        c.canvas.tell_tool(COPY_TOOL, what)

    if what == _PASTE:
        clipboard.when_copied(take)
    else:
        clipboard.copy(c.canvas.pixel_at_hand, take)


PIECE_ACTIONS = (
    ActionSpec(
        "objects.copy", EDIT, "Copy", _copy, "copy", ("Ctrl+C",), Scope.CANVAS,
        enabled=lambda c: c.session.document is not None, section=2,
        tip="Copy the selected objects, or the object or region under the pointer",
    ),
    ActionSpec(
        "objects.paste", EDIT, "Paste", lambda c: _float(_PASTE, c), "clipboard-check",
        ("Ctrl+V",), Scope.CANVAS, enabled=_can_paste, section=2,
        tip="Lay what was copied over this image; arrows and drags move it, Enter paints it",
    ),
    ActionSpec(
        "objects.duplicate", EDIT, "Duplicate", lambda c: _float(_DUPLICATE, c), "copy",
        ("Ctrl+D",), Scope.CANVAS, enabled=_can_edit, section=2,
        tip="Copy what is selected or under the pointer and lay it beside it",
    ),
)  # fmt: skip


@dataclass
class _Floating:
    """A piece over the image.

    Attributes:
        piece: What was copied.
        top: Row of its first pixel now.
        left: Column of it.
        marks: What is drawn of each class, and its colour.
    """

    piece: Piece
    top: int
    left: int
    marks: list[tuple[MaskMark, QColor]]


class CopyTool(Tool):
    """A press on an object or region lifts a copy off it, which a drag lays somewhere else.

    What was copied by a command floats in the same way.
    """

    name, title, icon, shortcut = COPY_TOOL, "Copy and place", "copy", ""
    tip = "Drag a copy off an object or region; Enter paints it, Esc drops it"
    group = "objects"
    gestures = (
        ("Arrows, Shift+arrows, drag", "Move what is pasted, before Enter"),
        ("Drag, with Copy and place", "Lift a copy off the object or region there"),
    )
    shape = Qt.CursorShape.SizeAllCursor

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._floating: _Floating | None = None
        self._grabbed: tuple[Point, int, int] | None = None

    @property
    def busy(self) -> bool:
        return self._floating is not None

    @property
    def keys(self) -> frozenset[Qt.Key]:
        return frozenset(_WAYS) if self.busy else frozenset()

    @property
    def says(self) -> str:
        return "" if self._floating is None else "Enter pastes, Esc drops; arrows and drags move"

    # -- commands --------------------------------------------------------------------------------

    def do(self, what: str, pixel: tuple[int, int] | None) -> None:
        """Lay what was copied over the image."""
        clipboard, document = self.host.clipboard, self.host.session.document
        if clipboard is None or clipboard.piece is None or document is None:
            return
        place = clipboard.piece.place_in(document.shape_hw)
        by = _FAR_PX if what == _DUPLICATE else 0
        self._lay(clipboard.piece, place.top + by, place.left + by)

    # -- the pointer -----------------------------------------------------------------------------

    def press(self, pointer: Pointer) -> None:
        """Take hold of what floats; where nothing does, of a copy of what lies there."""
        if self._floating is None:
            self._lift(pointer.pixel)
        floating = self._floating
        if floating is not None:
            self._grabbed = (pointer.image_xy, floating.top, floating.left)

    def drag(self, pointers: Sequence[Pointer]) -> None:
        """Move what floats by whole pixels."""
        floating, grabbed = self._floating, self._grabbed
        if floating is None or grabbed is None:
            return
        (x0, y0), top, left = grabbed
        x, y = pointers[-1].image_xy
        floating.top, floating.left = top + round(y - y0), left + round(x - x0)
        self.host.repaint_marks()

    def release(self, pointer: Pointer) -> None:
        """Let go; it floats on."""
        self._grabbed = None

    def double_click(self, pointer: Pointer) -> None:
        """Paint it."""
        self._paste()

    def key(self, event: QKeyEvent) -> bool:
        """Arrows move, Enter paints."""
        floating = self._floating
        if floating is None:
            return False
        key = Qt.Key(event.key())
        if key in _ENTER:
            self._paste()
            return True
        if key not in _WAYS:
            return False
        far = _FAR_PX if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        down, right = _WAYS[key]
        floating.top += down * far
        floating.left += right * far
        self.host.repaint_marks()
        return True

    def abort(self) -> None:
        """Drop what floats; it can be pasted again."""
        self._forget()
        self._go_back()

    def finish(self) -> None:
        """Another tool is taken: drop it. While only the focus goes it floats on."""
        self._grabbed = None
        if self.host.session.view.tool != self.name:
            self._forget()

    def drop(self) -> None:
        """Its image is gone; what was copied can be pasted into the next one."""
        if self._floating is not None:
            self._forget()
            self._go_back()

    def paint(self, painter: QPainter) -> None:
        """Draw it in the colours of its classes, with an outline."""
        floating = self._floating
        if floating is None:
            return
        home = floating.piece.rect
        there = QPointF(*self.host.to_screen((floating.left, floating.top)))
        painter.save()
        painter.translate(there - QPointF(*self.host.to_screen((home.left, home.top))))
        for mark, color in floating.marks:
            mark.paint(painter, color, lines=True)
        painter.restore()

    # -- inside ----------------------------------------------------------------------------------

    def _lift(self, pixel: tuple[int, int]) -> None:
        clipboard, document = self.host.clipboard, self.host.session.document
        if clipboard is None or document is None or self.host.session.read_only:
            return
        (x, y), (height, width) = pixel, document.shape_hw
        if not (0 <= x < width and 0 <= y < height) or not document.annotation.labels[y, x]:
            return

        def lift() -> None:
            if clipboard.piece is not None and self.host.session.view.tool == self.name:
                place = clipboard.piece.rect
                self._lay(clipboard.piece, place.top, place.left)

        objects = self.host.objects
        if objects is not None and objects.at(x, y) not in self.host.session.selection.objects:
            objects.clear_selection()
        clipboard.came_from = ""
        clipboard.copy(pixel, lift)

    def _lay(self, piece: Piece, top: int, left: int) -> None:
        import numpy as np

        from segstudio.core.mask_preview import MaskPreview

        marks = []
        schema = self.host.session.schema
        for class_id in np.unique(piece.labels[piece.mask]).tolist():
            mark = MaskMark(self.host)
            mark.take(MaskPreview.of(piece.rect, piece.mask & (piece.labels == class_id)))
            spec = schema.get(class_id)
            color = QColor(*(spec.color if spec is not None else (255, 255, 255)))
            color.setAlpha(FILL_ALPHA)
            marks.append((mark, color))
        self._floating = _Floating(piece, top, left, marks)
        self.host.repaint_marks()

    def _paste(self) -> None:
        floating, clipboard = self._floating, self.host.clipboard
        if floating is None or clipboard is None:
            return
        self._forget()
        clipboard.paste(floating.piece, (floating.top, floating.left))
        self._go_back()

    def _go_back(self) -> None:
        """Take the tool again that was in hand before a command laid something down."""
        clipboard, view = self.host.clipboard, self.host.session.view
        if clipboard is None or view.tool != self.name:
            return
        came_from, clipboard.came_from = clipboard.came_from, ""
        if came_from and came_from != self.name:
            self.host.session.set_view(tool=came_from)

    def _forget(self) -> None:
        self._floating = self._grabbed = None
        self.host.repaint_marks()
