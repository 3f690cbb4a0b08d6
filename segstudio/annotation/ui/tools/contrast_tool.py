"""Brightness and contrast by a drag, as in viewers of medical images (window and level)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from segstudio.canvas.tool import Pointer, Tool, ToolHost

if TYPE_CHECKING:
    from segstudio.canvas.view import Point
    from segstudio.core.tones import Contrast, ToneCurve

_TENFOLD_PX = 400
"""A drag of so many pixels to the right makes the contrast ten times weaker."""
_ALL_PX = 400
"""A drag of so many pixels upwards makes the darkest as bright as the brightest was."""


class ContrastTool(Tool):
    """A drag to the right widens the window of values, one upwards makes the photo brighter."""

    name, title, icon, shortcut = "contrast", "Brightness and contrast", "contrast", "Shift+B"
    tip = "Drag up for brighter, right for less contrast; double click for the image as it is"
    gestures = (
        ("Drag up, down with Brightness and contrast", "Brighter, darker"),
        ("Drag right, left", "Less contrast, more"),
    )
    edits = False
    shape = Qt.CursorShape.SizeAllCursor

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._from: tuple[Point, ToneCurve, Contrast] | None = None

    @property
    def busy(self) -> bool:
        return self._from is not None

    def press(self, pointer: Pointer) -> None:
        from segstudio.core.tones import tones_for

        session = self.host.session
        if session.document is not None:
            chosen = session.view.contrast
            tones, _found = tones_for(session.document.tones, chosen)
            self._from = pointer.screen_xy, tones, chosen

    def drag(self, pointers: Sequence[Pointer]) -> None:
        if self._from is None or not pointers:
            return
        (x, y), tones, chosen = self._from
        right, up = pointers[-1].screen_xy[0] - x, y - pointers[-1].screen_xy[1]
        changed = tones.around(
            tones.level - up / _ALL_PX * tones.width,
            tones.width * 10 ** (right / _TENFOLD_PX),
            tones.gamma,
        )
        self._choose(changed, inverted=chosen.inverted)

    def release(self, pointer: Pointer) -> None:
        self._from = None

    def double_click(self, pointer: Pointer) -> None:
        """Show the image as it is."""
        from segstudio.core.tones import PLAIN

        self._from = None
        self._choose(PLAIN, inverted=False)

    def abort(self) -> None:
        """Show it as before the drag."""
        if self._from is not None:
            self.host.session.set_view(contrast=self._from[2])
            self._from = None

    def finish(self) -> None:
        self._from = None

    drop = finish

    def _choose(self, tones: ToneCurve, *, inverted: bool) -> None:
        from segstudio.core.tones import Contrast

        self.host.session.set_view(contrast=Contrast(tones, automatic=False, inverted=inverted))
