"""Whether a list or table is used with the keyboard: its current row has a ring then."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import QFocusEvent, QPainter, QPalette
from PySide6.QtWidgets import QAbstractItemView

_RING_PX: Final = 2
_NOBODY_WENT: Final = (
    Qt.FocusReason.ActiveWindowFocusReason,
    Qt.FocusReason.PopupFocusReason,
)
"""The keys come back to where they were."""


class KeyUse(QObject):
    """Follows whether keys or the mouse are used in a view.

    Qt has a state for that, but sets it with the Tab key alone.

    Attributes:
        by_keys: Whether it was used last by keys, or got them by something else than the mouse.
    """

    def __init__(self, view: QAbstractItemView) -> None:
        super().__init__(view)
        self._view = view
        self.by_keys = False
        view.installEventFilter(self)
        view.viewport().installEventFilter(self)

    @property
    def is_seen(self) -> bool:
        """Whether the current row is to have its ring now."""
        return self.by_keys and self._view.hasFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.KeyPress:
            self._use(by_keys=True)
        elif kind == QEvent.Type.MouseButtonPress:
            self._use(by_keys=False)
        elif (
            isinstance(event, QFocusEvent)
            and kind == QEvent.Type.FocusIn
            and watched is self._view
            and event.reason() not in _NOBODY_WENT
        ):
            self._use(by_keys=event.reason() != Qt.FocusReason.MouseFocusReason)
        return False

    def _use(self, *, by_keys: bool) -> None:
        if by_keys != self.by_keys:
            self.by_keys = by_keys
            self._view.viewport().update()


def draw_ring(painter: QPainter, row: QRect, palette: QPalette) -> None:
    """Ring a row within its edges."""
    painter.setPen(palette.color(QPalette.ColorRole.Accent))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for inset in range(_RING_PX):
        painter.drawRect(row.adjusted(inset, inset, -inset - 1, -inset - 1))
