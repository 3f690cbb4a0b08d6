"""The ring around what has the keys: a widget that draws itself, or a row of a list or table."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import QColor, QFocusEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QAbstractItemView, QWidget

from segstudio.kit.theme import tokens_of

RING_PX: Final = 2
BY_KEYS: Final = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)
"""Why a widget has the focus where someone works without the mouse."""
_KEPT: Final = (Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason)
"""These tell of windows, not of how the widget got the focus before."""


class FocusRing(QWidget):
    """Lies over a widget and shows while that has the focus, if keys brought it there.

    It is given to a widget of which few events come, since all of them pass through Python: not to
    one that is painted on.
    """

    def __init__(self, around: QWidget) -> None:
        super().__init__(around)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()
        around.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if isinstance(event, QFocusEvent):
            self._follow(event)
        elif kind == QEvent.Type.KeyPress:
            self._show(shown=True)
        elif kind == QEvent.Type.MouseButtonPress:
            self._show(shown=False)
        elif kind == QEvent.Type.Resize:
            self.setGeometry(self._around.rect())
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw it unless another window has the keys for now."""
        if not self._around.hasFocus():
            return
        painter = QPainter(self)
        painter.setPen(QPen(QColor(tokens_of(self.palette()).accent), RING_PX))
        painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        painter.end()

    @property
    def _around(self) -> QWidget:
        around = self.parentWidget()
        assert around is not None
        return around

    def _follow(self, event: QFocusEvent) -> None:
        if event.reason() in _KEPT:
            self.update()
        else:
            self._show(shown=event.gotFocus() and event.reason() in BY_KEYS)

    def _show(self, *, shown: bool) -> None:
        if shown:
            self.setGeometry(self._around.rect())
            self.raise_()
        self.setVisible(shown)


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
            and event.reason() not in _KEPT
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
    for inset in range(RING_PX):
        painter.drawRect(row.adjusted(inset, inset, -inset - 1, -inset - 1))
