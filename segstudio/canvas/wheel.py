"""What the wheel does: zoom, brush size, opacity; keys go in the same steps."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QWheelEvent

from segstudio.storage.settings import BRUSH_PX

_NOTCH = 120
_PIXELS_PER_NOTCH = 60
_OPACITY_STEP = 0.05


def notches(event: QWheelEvent) -> float:
    """How far the wheel turned, away from the user positive; parts of a notch for touchpads.

    With Alt held some systems turn the wheel's direction, so both axes are looked at.
    """
    angle = event.angleDelta()
    turned = angle.y() or angle.x()
    if turned:
        return turned / _NOTCH
    pixels = event.pixelDelta()
    return (pixels.y() or pixels.x()) / _PIXELS_PER_NOTCH


def resized_brush(size: int, steps: int) -> int:
    """The brush size some steps further; steps grow with the size, those down undo those up."""
    for _ in range(abs(steps)):
        if steps > 0:
            size = _next_size(size)
        else:
            size = next((s for s in range(size - 1, 0, -1) if _next_size(s) <= size), 0)
    least, most = BRUSH_PX
    return min(most, max(least, size))


def _next_size(size: int) -> int:
    return size + max(1, size // 10)


def faded(opacity: float, steps: int) -> float:
    """The opacity some steps further, 0..1."""
    return min(1.0, max(0.0, round(opacity + steps * _OPACITY_STEP, 2)))


class WheelSteps:
    """Collects parts of notches until they make whole steps."""

    def __init__(self) -> None:
        self._rest = 0.0
        self._modifiers = Qt.KeyboardModifier.NoModifier

    def add(self, event: QWheelEvent) -> int:
        """The whole steps that this event completes."""
        if event.modifiers() != self._modifiers:
            self._rest, self._modifiers = 0.0, event.modifiers()
        self._rest += notches(event)
        whole = int(self._rest)
        self._rest -= whole
        return whole
