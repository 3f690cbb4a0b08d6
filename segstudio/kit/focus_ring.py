"""The ring around what has the keys, for widgets that draw themselves."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QColor, QFocusEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

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
